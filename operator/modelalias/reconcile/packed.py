"""Objects as they are remembered: compact JSON, which is parsed when somebody looks at it."""

import json
from functools import lru_cache

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest


def pack(value: ModelAlias | PromotionRequest) -> bytes:
    """Write an object as compactly as it can be read again: of its annotations only those that say something to us."""
    fields = value.model_dump(
        mode="json",
        by_alias=True,
        exclude_unset=True,
        exclude_none=True,
        exclude={"metadata": {"labels", "annotations"}},
    )
    if annotations := value.metadata.known_annotations:
        fields["metadata"]["annotations"] = annotations
    return json.dumps(fields, separators=(",", ":")).encode()


@lru_cache(maxsize=1024)
def unpacked_request(text: bytes) -> PromotionRequest:
    """Read a request once, however many steps a pass over its alias takes."""
    return PromotionRequest.model_validate_json(text)


@lru_cache(maxsize=128)
def unpacked_alias(text: bytes) -> ModelAlias:
    """Read an alias once, however many steps a pass over it takes."""
    return ModelAlias.model_validate_json(text)
