"""Plans that the signed records know more of than the status: the cluster's state was restored from before their end.

To carry such a plan out would move an alias that others have moved since.
"""

from typing import Final, NamedTuple

from modelalias.api.alias import Bearing, ModelAlias, Outcome, Plan
from modelalias.core.errors import NotFound
from modelalias.core.ledger import history
from modelalias.core.ledger.signed_record import record_of
from modelalias.core.protocol.facts import Facts, Failed
from modelalias.ports import Notary


class EndedSince(NamedTuple):
    """How a plan ended, as a signed record says, and the sentence that tells of it."""

    outcome: Outcome
    message: str


_OUTCOMES: Final = {str(item): item for item in Outcome}


def ended_since(alias: ModelAlias, plan: Plan, facts: Facts, notary: Notary) -> EndedSince | None:
    """Return how a plan ended of which the status says that it is under way.

    None as well where nothing can be read, and where the records say what the plan's own last steps leave
    behind: those may be taken again.
    """
    move = history.moved(plan, alias.spec.alias)
    if move.to is None or move.from_ == move.to:
        return None
    try:
        record = record_of(notary, alias, facts.version(alias.spec.model, move.to))
        promotion = record.promotion_of(plan, alias.spec.alias)
        if promotion is None:
            return None
    except (NotFound, Failed):
        return None
    outcome = _OUTCOMES.get(str(promotion.get("outcome")), Outcome.FAILED)
    undone = plan.bearing is Bearing.FORWARD and "rolledBack" in promotion
    if promotion is record.parts and "archived" not in promotion and not undone:
        return None
    message = (
        f"the signed record of version {move.to} says that this ended {outcome} and was followed by other "
        "changes: the cluster's state is older than that, and nothing is done again"
    )
    return EndedSince(outcome=outcome, message=message)
