"""Pins: whether the version that the owner names in `spec.version` is taken at once, or judged first."""

from dataclasses import replace

from modelalias.api.alias import ModelAlias, Outcome, Pins
from modelalias.api.request import Phase
from modelalias.core.judging import verdict
from modelalias.core.judging.verdict import Conclusion
from modelalias.core.plan.build import plan
from modelalias.core.protocol.answers import (
    Answer,
    Ended,
    Goes,
    Stop,
    Verdict,
    found,
    no_answer,
)
from modelalias.core.protocol.context import World
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import cases
from modelalias.core.requests.source import Candidate, ready


def consider(world: World, alias: ModelAlias, version: str) -> Answer:
    """Judge the owner's pin: a trusted one only has to name a version that is there."""
    try:
        return _consider(world, alias, version)
    except Stop as stop:
        return stop.answer
    except Failed as failed:
        return no_answer(failed, world.now)


def is_gated(alias: ModelAlias, version: str) -> bool:
    """Say whether a pin has to be judged: the owner wants that, and the alias never was at that version."""
    status = alias.status
    known = {item.to for item in status.history if item.outcome is Outcome.SUCCEEDED}
    known |= {status.current.version} if status.current else set()
    return alias.spec.policy.pins is Pins.GATED and version not in known


def _consider(world: World, alias: ModelAlias, version: str) -> Answer:
    facts, meta, before = world.facts, alias.metadata, alias.status.pin
    number = ready(found(lambda: facts.version(alias.spec.model, version)), world.now)
    held = found(lambda: facts.aliases(alias.spec.model))
    champion = held.get(alias.spec.alias)
    if not is_gated(alias, version):
        return Goes(plan(world, alias, number, champion, None, Verdict()), Verdict())
    candidate = Candidate(version=number, run_id=number.run_id, told="spec.version")
    owner = cases.owner("ModelAlias", meta.namespace, meta.name, meta.uid)
    if champion == version:  # moved there by hand: it is compared with what was there before
        held = {**held, alias.spec.alias: alias.status.current.version} if alias.status.current else held
    case = replace(
        cases.of_alias(alias, candidate, held, alias.spec.policy.gates, owner),
        soaking_since=cases.soaking_since(world, alias, number),
        evaluated=before.evaluation if before else (),
    )
    judged = verdict.judge(case, facts, world.now)
    so_far = cases.so_far(candidate, held.get(alias.spec.alias), judged)
    waiting = cases.open_answer(judged, so_far, world.now)
    if waiting is not None:
        return waiting
    if judged.conclusion is Conclusion.PASSED:
        return Goes(plan(world, alias, number, champion, None, so_far), so_far)
    reason, told = cases.why_not(judged)
    return Ended(Phase.REJECTED, reason, f"the pin of {candidate.name} is refused: {told}", so_far)
