"""What is asked together with a question, because the rules ask it next whenever the answer is no refusal.

A rule asks one thing after another (docs/decisions/0052). Where the next question is known beforehand and costs as
good as nothing beside the first, it goes out with it (docs/decisions/0088).
"""

from collections.abc import Iterator

from modelalias.api.alias import ModelAlias
from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import AliasesOf, AnyQuestion, VersionOf


def asked_next(question: AnyQuestion, alias: ModelAlias | None, facts: Facts) -> Iterator[AnyQuestion]:
    """Return what follows: after a candidate, which version the aliases name and what it replaces."""
    if not isinstance(question, VersionOf) or alias is None or alias.status.plan is not None:
        return
    current = alias.status.current
    if current is None or question.model != alias.spec.model or question.version == current.version:
        return
    following = (AliasesOf(model=question.model), VersionOf(model=question.model, version=current.version))
    yield from (item for item in following if facts.known(item) is None)
