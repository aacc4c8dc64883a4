"""What a record proves, from its text and the public keys alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelalias.cli.output import aligned, lines
from modelalias.cli.record_reference import Found
from modelalias.core.ledger import promotions
from modelalias.core.ledger.signed_record import Sealed, unseal
from modelalias.core.ledger.version_record import Proof
from modelalias.ports import Verifier


class Validity(StrEnum):
    """Whether a record is valid, as a script needs it."""

    VALID = "Valid"
    NOT_VALID = "NotValid"
    UNKNOWN = "Unknown"


_MESSAGES: Final = {
    Proof.ABSENT: (Validity.UNKNOWN, "there is no record"),
    Proof.UNSIGNED: (Validity.NOT_VALID, "the record is not signed, or is no record at all"),
    Proof.WRONG: (
        Validity.NOT_VALID,
        "the signature is wrong: the record was changed, or made for another version, alias or model",
    ),
    Proof.UNKNOWN_KEY: (
        Validity.UNKNOWN,
        "the record is signed with a key that is not among the public keys",
    ),
}


@dataclass(frozen=True)
class Verification:
    """What a record was found to be, and what it says."""

    found: Found
    sealed: Sealed
    validity: Validity
    message: str

    @property
    def result(self) -> Mapping[str, object]:
        """The same as JSON; what is not proved stands in it too, under `record`, and says nothing."""
        place, seal = self.found.place, self.sealed.seal
        return {
            "result": self.validity,
            "proof": self.sealed.proof,
            "message": self.message,
            "model": place.model,
            "alias": place.alias or None,
            "version": place.version,
            "registry": seal.registry if seal else None,
            "cluster": seal.cluster if seal else None,
            "key": seal.key if seal else None,
            "record": self.sealed.parts or None,
        }

    @property
    def text(self) -> str:
        """The same for people; of a record that is not valid, only why."""
        place, seal = self.found.place, self.sealed.seal
        name = f"models:/{place.model}/{place.version}"
        head = f"{name}{f' as {place.alias}' if place.alias else ''}: {_WORDS[self.validity]}: {self.message}"
        if self.sealed.proof is not Proof.SIGNED or seal is None:
            return lines([head])
        by = f"signed with key {seal.key} of cluster {seal.cluster}, for registry {seal.registry}"
        return lines([head, by, *story(self.sealed.parts)])


_WORDS: Final = {
    Validity.VALID: "valid",
    Validity.NOT_VALID: "not valid",
    Validity.UNKNOWN: "cannot tell",
}


def verify(verifier: Verifier, found: Found, registry: str | None) -> Verification:
    """Judge a record; with a registry's name, only one that was signed for it is valid."""
    sealed = unseal(verifier, found.place, found.text)
    if sealed.proof in _MESSAGES:
        return Verification(found, sealed, *_MESSAGES[sealed.proof])
    seal = sealed.seal
    wrong = None
    if registry is not None and seal is not None and seal.registry != registry:
        wrong = f"the record was signed for registry {seal.registry}"
    wrong = wrong or _other_run(found, sealed.parts) or (_not_standing(found, sealed.parts))
    if wrong is not None:
        return Verification(found, sealed, Validity.NOT_VALID, wrong)
    return Verification(found, sealed, Validity.VALID, _summary(sealed.parts))


def _other_run(found: Found, parts: Mapping[str, object]) -> str | None:
    run = parts.get("run")
    if run is None or run == found.run:
        return None
    return f"the record is about run {run}, and the registry says that the version comes from {found.run}"


def _not_standing(found: Found, parts: Mapping[str, object]) -> str | None:
    """Return why the alias does not name the version by what its record says."""
    name = f"{found.place.alias} names version {found.place.version}"
    if not found.by_alias:
        return None
    if "operation" not in parts:
        return f"{name}, and its signed record tells of no promotion"
    if "rolledBack" in parts:
        return f"{name}, and its signed record says that its promotion was undone"
    archived = parts.get("archived")
    if isinstance(archived, dict):
        return f"{name}, and its signed record says that version {archived.get('replacedBy')} replaced it"
    return None


def _summary(parts: Mapping[str, object]) -> str:
    return f"{parts['operation']}, {parts.get('outcome')}" if "operation" in parts else "no promotion"


def story(parts: Mapping[str, object]) -> Iterator[str]:
    """Return who promoted what over what, by which approvals, on which numbers and data."""
    for part in promotions.all_of(parts):
        if "operation" not in part:
            continue
        yield f"{part.get('at')}   {_summary(part)}: over {_over(part)}{_people(part)}"
        for name in ("request", "reason", "evidence", "run"):
            if name in part:
                yield f"  {name}: {part[name]}"
        yield from _gates(part.get("verdict"))
    archived = parts.get("archived")
    if isinstance(archived, dict):
        yield f"{archived.get('at')}   replaced by version {archived.get('replacedBy')}{_people(archived)}"


def _over(part: Mapping[str, object]) -> str:
    return f"version {part['from']}" if "from" in part else "no version"


def _people(part: Mapping[str, object]) -> str:
    approvers = part.get("approvers")
    approved = f", approved by {', '.join(map(str, approvers))}" if isinstance(approvers, list) else ""
    return f", by {part['by']}{approved}" if "by" in part else approved


def _gates(verdict: object) -> Iterator[str]:
    gates = verdict.get("gates") if isinstance(verdict, dict) else None
    if not isinstance(gates, list):
        return
    names = ("name", "result", "candidate", "champion", "rule", "dataset")
    rows = [tuple(str(gate.get(name, "")) for name in names) for gate in gates if isinstance(gate, dict)]
    if rows:
        heads = tuple(name.upper() for name in names)
        yield from (f"  {line}" for line in aligned([heads, *rows]))
