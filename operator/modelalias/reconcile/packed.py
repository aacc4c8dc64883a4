"""Objects as they are remembered: packed JSON, which is read when somebody looks at it."""

import json
import zlib
from functools import lru_cache
from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest

_ALIKE: Final[dict[str, list[bytes]]] = {}
"""Objects of each kind, each at least twice as long as the one before. Others say much of the same in the same order, so
that beside the last of these a tenth is left of them."""
_WINDOW: Final = 32 * 1024
"""Bytes of it that zlib looks at."""


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
    text = json.dumps(fields, separators=(",", ":")).encode()
    alike = _ALIKE.setdefault(value.kind, [])
    if not alike or 2 * len(alike[-1]) <= min(len(text), _WINDOW):
        alike.append(text[-_WINDOW:])
    packer = zlib.compressobj(zdict=alike[-1])
    return bytes((len(alike) - 1,)) + packer.compress(text) + packer.flush()


@lru_cache(maxsize=1024)
def unpacked_request(packed: bytes) -> PromotionRequest:
    """Read a request once, however many steps a pass over its alias takes."""
    return PromotionRequest.model_validate_json(_text("PromotionRequest", packed))


@lru_cache(maxsize=128)
def unpacked_alias(packed: bytes) -> ModelAlias:
    """Read an alias once, however many steps a pass over it takes."""
    return ModelAlias.model_validate_json(_text("ModelAlias", packed))


def _text(kind: str, packed: bytes) -> bytes:
    return zlib.decompressobj(zdict=_ALIKE[kind][packed[0]]).decompress(packed[1:])
