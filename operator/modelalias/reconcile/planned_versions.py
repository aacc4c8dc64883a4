"""The versions that plans under way move to, as they were read last.

They are kept until the plan has ended: while its pods roll nothing else is asked about its version, so that the
record costs one write and no read (docs/decisions/0053).
"""

from collections.abc import Mapping
from typing import Any

from modelalias.core.ledger import history
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.questions import Question, VersionOf
from modelalias.ports import ModelVersion
from modelalias.reconcile.queue import Key


class PlannedVersions:
    """What was read of them, for each alias with a plan."""

    def __init__(self) -> None:
        """Know none yet."""
        self._known: dict[Key, tuple[VersionOf, ModelVersion]] = {}

    def take(self, key: Key) -> Mapping[Question[Any], object]:
        """Return what the next pass over an alias begins with; it is kept again while there is a plan."""
        known = self._known.pop(key, None)
        return {} if known is None else {known[0]: known[1]}

    def keep(self, key: Key, context: Context) -> None:
        """Keep what a pass knows of the version of its plan; without a plan, nothing."""
        self._known.pop(key, None)
        alias = context.alias
        plan = None if alias is None else alias.status.plan
        number = None if alias is None or plan is None else history.moved(plan, alias.spec.alias).to
        if alias is None or plan is None or number is None or plan.tags:
            return  # tags that a request sets overwrite nothing that came meanwhile: they cost a read of their own
        question = VersionOf(model=alias.spec.model, version=number)
        version = context.facts.known(question)
        if isinstance(version, ModelVersion):
            self._known[key] = (question, version)
