"""A rule of the core, asked by a command: what it has to know is read from a registry, and from nothing else."""

from collections.abc import Callable
from typing import TypeVar

from modelalias.core.errors import InvalidRequest
from modelalias.core.protocol.facts import Facts, Needed
from modelalias.core.protocol.questions import AnyQuestion, RegistryQuestion
from modelalias.ports import Registry
from modelalias.reconcile import reading

T = TypeVar("T")


async def answered(registry: Registry, rule: Callable[[Facts], T]) -> T:
    """Return what the rule returns once it knows all that it asks.

    Raise `Unavailable` when the registry does not answer and `Refused` when it says no.
    """
    facts = Facts()
    while True:
        try:
            return rule(facts)
        except Needed as needed:
            question = needed.question
        facts.learn(question, await _answer(registry, question))


async def _answer(registry: Registry, question: AnyQuestion) -> object:
    if not isinstance(question, RegistryQuestion):
        raise AssertionError(f"only the registry can be asked here: {question!r}")  # noqa: TRY004 - a bug
    try:
        return await reading.from_registry(registry, question)
    except InvalidRequest as error:
        return error
