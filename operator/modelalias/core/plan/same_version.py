"""Whether a version is still the one that was judged, right before an alias or a workload gets its number.

Somebody may have deleted or renamed the model and made another one of its name, with the same numbers.
"""

from collections.abc import Iterator

from modelalias.api.alias import Bearing, ModelAlias, Plan
from modelalias.api.conditions import Reason
from modelalias.core.errors import NotFound
from modelalias.core.ledger import history
from modelalias.core.ledger.accepted import is_same, is_version
from modelalias.core.plan.step import CannotGoOn
from modelalias.core.protocol.facts import Facts


def refuse_another(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[CannotGoOn]:
    """Stop where the version to go to is gone, or where it or the one to come back to was made anew."""
    move, forward = history.moved(plan, alias.spec.alias), plan.bearing is Bearing.FORWARD
    number = move.to if forward else move.from_
    if number is None:
        return
    try:
        version = facts.version(alias.spec.model, number)
    except NotFound as error:
        if forward:
            yield CannotGoOn(failure=Reason.VERSION_GONE, message=str(error))
        return
    current = alias.status.current
    same = (
        is_version(version, plan.run_id, plan.registered_at)
        if forward
        else current is None or is_same(version, current)
    )
    if not same:
        message = f"version {number} was deleted and made anew: nobody judged what has its number now"
        yield CannotGoOn(failure=Reason.VERSION_GONE, message=message)
