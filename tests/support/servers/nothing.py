"""A model for MLServer that loads nothing: what is asked of the server is which version it has."""

import os

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse


class Nothing(MLModel):  # type: ignore[misc]  # its package is not there when types are checked
    async def load(self) -> bool:
        """Be ready when the settings have the model's URI from its variable, where they have parameters at all."""
        parameters = self._settings.parameters
        return parameters is None or parameters.uri == os.environ["MLSERVER_MODEL_URI"]

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        del payload
        return InferenceResponse(model_name=self.name, outputs=[])
