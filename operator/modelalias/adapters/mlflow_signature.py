"""The MLmodel file of a version, read through the tracking server alone.

The server reads it from its own storage with its own credentials: the operator has none for it and follows no
address that a version names. What a server cannot read for us, such as a bucket that it does not know, is
unreadable.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from mlflow.entities.model_registry import ModelVersion as MlflowVersion

from modelalias.adapters.mlflow_calls import Calls
from modelalias.adapters.mlflow_errors import Broken, Clash, MissingResource, Oversized
from modelalias.adapters.mlflow_model_file import names_signature
from modelalias.adapters.mlflow_sources import MODEL_FILE, RUN_ID, SourceFinder
from modelalias.adapters.mlflow_versions import MODEL_ID
from modelalias.adapters.mlflow_wire import Wire
from modelalias.adapters.yaml_of_others import NonsenseError
from modelalias.core.errors import InvalidRequest, Unreadable

LARGEST_FILE: Final = 1024 * 1024
"""Bytes; MLflow's own are a few thousand."""

OF_VERSION: Final = "/model-versions/get-artifact"
OF_RUN: Final = "/get-artifact"
OF_LOGGED_MODEL: Final = "/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files"

RUN_SOURCE: Final = re.compile(rf"runs:/({RUN_ID.pattern})/(.+)", re.DOTALL)

NO_FILE: Final = (MissingResource, Clash, Broken, InvalidRequest)
"""What the server says when it cannot hand out a file; it says the same when the version is not there."""

ReadVersion = Callable[[str, str], Awaitable[MlflowVersion]]


class Server(NamedTuple):
    """A server, and the threads in which it is called."""

    wire: Wire
    calls: Calls


class SignatureReader:
    """Says whether a version has a signature."""

    def __init__(
        self, registry: Server, tracking: Server, sources: SourceFinder, version: ReadVersion
    ) -> None:
        """Take `version`, which reads one and raises the port's failures."""
        self._registry = registry
        self._tracking = tracking
        self._sources = sources
        self._version = version

    async def read(self, model: str, version: str) -> bool:
        """Return whether the version's MLmodel file names a signature.

        Raise `Unreadable`, and what reading a version raises.
        """
        file = f"the MLmodel file of version {version} of model {model}"
        try:
            return await self._signed(
                self._registry, OF_VERSION, {"name": model, "version": version, "path": MODEL_FILE}
            )
        except NO_FILE as error:
            signed = await self._of_run(await self._version(model, version), file)
            if signed is None:
                raise Unreadable(f"the registry cannot hand out {file}") from error
            return signed
        except (NonsenseError, Oversized) as error:
            raise _unreadable(file, error) from error

    async def _of_run(self, version: MlflowVersion, file: str) -> bool | None:
        """Look where a source `runs:/...` leads: MLflow does not when it is asked for a file of the version.

        `mlflow.register_model` resolves such an address; `MlflowClient.create_model_version` keeps it as it
        is.
        """
        named = RUN_SOURCE.fullmatch(version.source or "")
        if named is None:
            return None
        run_id, path = named.groups()
        try:
            source = await self._sources.find(run_id, path)
            if source.model_id is None:
                return await self._signed(
                    self._tracking, OF_RUN, {"run_id": run_id, "path": f"{path}/{MODEL_FILE}"}
                )
            if not MODEL_ID.fullmatch(source.model_id):
                return None
            return await self._signed(
                self._tracking, OF_LOGGED_MODEL.format(source.model_id), {"artifact_file_path": MODEL_FILE}
            )
        except NO_FILE:
            return None
        except (NonsenseError, Oversized) as error:
            raise _unreadable(file, error) from error

    async def _signed(self, server: Server, endpoint: str, query: Mapping[str, str]) -> bool:
        asked = json.dumps(query)
        return await server.calls.run(
            lambda: names_signature(server.wire.send(endpoint, "GET", asked, most=LARGEST_FILE))
        )


def _unreadable(file: str, error: NonsenseError | Oversized) -> Unreadable:
    return Unreadable(f"{file} {error if isinstance(error, NonsenseError) else 'is larger than 1 MiB'}")
