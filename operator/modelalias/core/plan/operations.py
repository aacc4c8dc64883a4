"""Operations: what each of them means, in one table.

Who reads a rule here asks the table and never compares with an operation of its own; a new operation is a new
row.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from modelalias.api.alias import Concurrency, ModelAlias, Operation
from modelalias.api.request import PromotionRequest, RequestOperation


class HoldChange(StrEnum):
    """What a success does to the hold on automatic steps."""

    CLEARS = "Clears"
    """a move that a person wanted ends it."""
    SETS = "Sets"
    """what was gone back from is left alone until a person decides."""
    KEEPS = "Keeps"
    """what the operator does by itself changes nothing of what people decided."""


class Actor(StrEnum):
    """Who answers for a move."""

    REQUESTER = "Requester"
    OWNER = "Owner"
    OPERATOR = "Operator"


@dataclass(frozen=True)
class OperationRules:
    """What holds for every move of one operation."""

    is_judged: bool
    """Whether eligibility, gates and people decide first; of a pin, where the owner wants that (pins: Gated)."""
    has_priority: bool
    """Whether it comes before promotions, has a plan under way undone, and is itself never undone for
    another."""
    is_undone_on_failure: bool
    """Whether a failed rollout is undone, where `rollout.onFailure` says so."""
    after_success: HoldChange
    stalls_when_undone: bool
    """Whether the alias stays Stalled after its failure was undone, until the spec changes."""
    takes_previous_alias: bool
    """Whether previousAlias moves to the version that is replaced."""
    actor: Actor


_GOES_BACK: Final = OperationRules(
    is_judged=False,
    has_priority=True,
    is_undone_on_failure=False,
    after_success=HoldChange.SETS,
    stalls_when_undone=False,
    takes_previous_alias=True,
    actor=Actor.REQUESTER,
)
"""A rollback and a swap differ only in where they go."""

RULES: Final = MappingProxyType(
    {
        Operation.PROMOTE: OperationRules(
            is_judged=True,
            has_priority=False,
            is_undone_on_failure=True,
            after_success=HoldChange.CLEARS,
            stalls_when_undone=False,
            takes_previous_alias=True,
            actor=Actor.REQUESTER,
        ),
        Operation.PIN: OperationRules(
            is_judged=True,
            has_priority=False,
            is_undone_on_failure=True,
            after_success=HoldChange.CLEARS,
            stalls_when_undone=True,
            takes_previous_alias=True,
            actor=Actor.OWNER,
        ),
        Operation.ROLLBACK: _GOES_BACK,
        Operation.SWAP: _GOES_BACK,
        Operation.ADOPT: OperationRules(
            is_judged=False,
            has_priority=False,
            is_undone_on_failure=True,
            after_success=HoldChange.KEEPS,
            stalls_when_undone=False,
            takes_previous_alias=True,
            actor=Actor.OPERATOR,
        ),
        Operation.RESTORE: OperationRules(
            is_judged=False,
            has_priority=False,
            is_undone_on_failure=False,
            after_success=HoldChange.KEEPS,
            stalls_when_undone=False,
            takes_previous_alias=False,
            actor=Actor.OPERATOR,
        ),
    }
)
"""Every operation, also those that no request can ask for."""


_ASKED: Final = MappingProxyType({item: RULES[Operation(item)] for item in RequestOperation})


def rules_of(request: PromotionRequest) -> OperationRules:
    """Return the rules of the operation that a request asks for."""
    return _ASKED[request.spec.operation]


def has_priority(request: PromotionRequest) -> bool:
    """Return whether a request comes before all promotions: a rollback or a swap; a dry run waits for nobody."""
    return rules_of(request).has_priority and not request.spec.dry_run


def supersedes(alias: ModelAlias) -> bool:
    """Return whether a promotion that can go replaces the older ones."""
    return alias.spec.policy.concurrency is Concurrency.SUPERSEDE
