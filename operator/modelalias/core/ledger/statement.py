"""What is signed of a record: an in-toto Statement, built from the record and its place by a fixed function.

It is signed as DSSE wants it, so that the signature in the tag is one of an envelope too. docs/attestation.md
describes both for those who read them without this program.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from modelalias.api.fields import Timestamp, Value

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
PREDICATE_TYPE: Final = "https://modelalias.dev/attestation/record/v1"
_STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"


class Place(Value):
    """Where a record stands; a copy of it anywhere else has no valid signature."""

    registry: str
    """The name that the operator's configuration gives the registry."""
    model: str
    alias: str
    version: str
    registered_at: Timestamp | None = None
    """When MLflow registered the version: one that was made anew under its number is another place."""


class Signer(Value):
    """Who signed a record."""

    cluster: str
    key: str


def canonical(value: object) -> bytes:
    """Write JSON with sorted names, without spaces, in UTF-8."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def statement(place: Place, signer: Signer, parts: Mapping[str, object]) -> bytes:
    """Return the statement in its canonical form.

    MLflow names no digest of a version, so the subject's is the one of the predicate. Raises `ValueError`
    and `RecursionError` for what is not to be written as JSON.
    """
    where = place.model_dump(mode="json", by_alias=True, exclude_none=True)
    predicate = {**where, **signer.model_dump(), "record": parts}
    digest = hashlib.sha256(canonical(predicate)).hexdigest()
    return canonical(
        {
            "_type": _STATEMENT_TYPE,
            "subject": [{"name": f"models:/{place.model}/{place.version}", "digest": {"sha256": digest}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )


def signed_bytes(payload: bytes) -> bytes:
    """Return what is signed of a payload: its pre-authentication encoding in DSSE."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
