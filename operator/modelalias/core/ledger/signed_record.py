"""The record of a version as it stands in its tag: believed only with a valid signature over it in this place."""

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import ValidationError

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import Value
from modelalias.core.ledger import record_text
from modelalias.core.ledger.accepted import is_known
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.statement import Place, Signer, signed_bytes, statement
from modelalias.core.ledger.version_record import Proof, VersionRecord
from modelalias.ports import ModelVersion, Notary, Verifier

SIGNED: Final = "signed"
"""The part of the tag that holds the signature, and what is signed beside the record and its place."""


class Seal(Value):
    """What stands under `signed`."""

    registry: str
    cluster: str
    key: str
    signature: str


class Sealed(NamedTuple):
    """A record as it was found: its parts, who seems to have signed it, and whether that is so."""

    parts: Mapping[str, object]
    seal: Seal | None
    proof: Proof


def record_of(notary: Notary, alias: ModelAlias, version: ModelVersion) -> VersionRecord:
    """Return the record of a version under an alias; without anything in it where it is not proved."""
    return read(notary, place_of(alias, version), version.tags.get(tag_key(alias.spec.alias)))


def was_accepted(notary: Notary, alias: ModelAlias, version: ModelVersion) -> bool:
    """Return whether this ModelAlias, or one with its key before it, accepted a version.

    By its status, else by the version's signed record.
    """
    return is_known(alias.status, version) or record_of(notary, alias, version).was_held


def place_of(alias: ModelAlias, version: ModelVersion) -> Place:
    """Return the place of a version's record."""
    spec = alias.spec
    return Place(
        registry=spec.registry,
        model=spec.model,
        alias=spec.alias,
        version=version.version,
        registered_at=version.registered_at,
    )


def read(notary: Notary, place: Place, text: str | None) -> VersionRecord:
    """Read the text of a tag; what is not proved is nothing, and nothing is raised for it."""
    sealed = unseal(notary, place, text)
    proof, seal = sealed.proof, sealed.seal
    if proof is not Proof.SIGNED or seal is None or seal.registry != place.registry:
        proof = Proof.WRONG if proof is Proof.SIGNED else proof
        return VersionRecord(proof=proof, here=notary.cluster)
    if seal.cluster != notary.cluster:
        proof = Proof.SIGNED_ELSEWHERE
    return VersionRecord(parts=sealed.parts, proof=proof, here=notary.cluster)


def unseal(verifier: Verifier, place: Place, text: str | None) -> Sealed:
    """Take the text of a tag apart and check its signature, for the registry's name that stands in it."""
    if text is None:
        return Sealed({}, None, Proof.ABSENT)
    parts = record_text.parse_parts(text)
    seal = None if parts is None else _seal(parts.get(SIGNED))
    if parts is None or seal is None:
        return Sealed(parts or {}, None, Proof.UNSIGNED)
    parts = {name: value for name, value in parts.items() if name != SIGNED}
    try:
        signature = b64decode(seal.signature, validate=True)
        message = message_of(place.changed(registry=seal.registry), seal, parts)
    except (
        ValueError,
        RecursionError,
        binascii.Error,
    ):  # no signature of ours, or nothing that we could sign
        return Sealed(parts, seal, Proof.WRONG)
    valid = verifier.verify(seal.key, message, signature)
    proof = Proof.UNKNOWN_KEY if valid is None else Proof.SIGNED if valid else Proof.WRONG
    return Sealed(parts, seal, proof)


def message_of(place: Place, seal: Seal, parts: Mapping[str, object]) -> bytes:
    """Return the bytes that a seal's signature is over."""
    return signed_bytes(statement(place, Signer(cluster=seal.cluster, key=seal.key), parts))


def write(notary: Notary, place: Place, record: VersionRecord) -> str:
    """Sign a record and write it on one line, with as much of it as there is room for."""
    empty = Seal(registry=place.registry, cluster=notary.cluster, key=notary.key, signature="=" * 88)
    taken = len(record_text.line({SIGNED: empty.model_dump()}))
    parts = json.loads(record_text.fit(record, taken))
    signature = b64encode(notary.sign(message_of(place, empty, parts))).decode()
    return record_text.line({**parts, SIGNED: empty.changed(signature=signature).model_dump()})


def _seal(part: object) -> Seal | None:
    try:
        return Seal.model_validate(part, strict=True)
    except ValidationError:
        return None
