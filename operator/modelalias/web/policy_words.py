"""The rules that hold for an alias in words, each with where it stands. Pure.

The values are those of the ModelAlias with its policies, where the person may read them; of a rule whose value may not
be read its name and its source are shown, as the status has them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from modelalias.api.alias import (
    ApprovalRequired,
    AutoPromote,
    Concurrency,
    Direction,
    Enforcement,
    Gate,
    MetricSource,
    ModelAlias,
    Monitor,
    OnFailure,
    Pins,
    Policy,
    PolicyRule,
    Rollout,
    Window,
    WindowKind,
)
from modelalias.api.gates import DatasetRule, Mode, OnMissing, OnNoChampion, Versus
from modelalias.api.monitors import OnBreach, Regression
from modelalias.api.policy import Approval, Eligibility
from modelalias.api.tag_schema import TagRule, TagSchema
from modelalias.core.judging import gates
from modelalias.core.policies.effective import OWN
from modelalias.web.view import View

MOST_RULES: Final = 100
DEFAULT: Final = "default"


class Said(NamedTuple):
    """A rule, and the path under which the status tells of it."""

    group: str
    path: str
    text: str
    is_default: bool = False


class RuleLine(View):
    """One rule."""

    group: str
    text: str
    sources: tuple[str, ...]
    path: str
    value_unread: bool = False
    """Whether only the name of the rule is known."""


class Rules(View):
    """All rules."""

    lines: tuple[RuleLine, ...]
    left_out: int = 0
    policies: tuple[str, ...] = ()
    """The policies that hold, in the order in which they are merged."""
    note: str = ""


def of(own: ModelAlias, merged: ModelAlias | None, note: str = "") -> Rules:
    """Return the rules; `merged` has the policies' rules too, and is None where they could not be read."""
    status = own.status.policy
    told = () if status is None else status.rules
    known = own if merged is None else merged
    lines = [_line(said, told) for said in _all(known)]
    if merged is None:
        # what a policy says is not told by a default of the ModelAlias
        lines = [item for item in lines if item.sources != (DEFAULT,)]
        shown = {item.path for item in lines}
        lines += [_unread(rule) for rule in told if rule.rule not in shown and rule.from_ != OWN]
    return Rules(
        lines=tuple(lines[:MOST_RULES]),
        left_out=max(0, len(lines) - MOST_RULES),
        policies=() if status is None else status.sources,
        note=note,
    )


def _line(said: Said, told: Iterable[PolicyRule]) -> RuleLine:
    sources = dict.fromkeys(rule.from_ for rule in told if rule.rule == said.path)
    where = (DEFAULT,) if said.is_default else tuple(sources) or (OWN,)
    return RuleLine(group=said.group, text=said.text, sources=where, path=said.path)


def _unread(rule: PolicyRule) -> RuleLine:
    return RuleLine(
        group="Elsewhere",
        text=f"{rule.rule}: its value stands there",
        sources=(rule.from_,),
        path=rule.rule,
        value_unread=True,
    )


def _all(alias: ModelAlias) -> Iterator[Said]:
    policy = alias.spec.policy
    if policy.eligibility is not None:
        yield from _eligibility(policy.eligibility)
    for gate in policy.gates:
        yield Said("Gates", f"policy.gates[{gate.name}]", _gate(gate))
    yield from _evaluation(policy)
    yield from _approval(policy.approval)
    yield from _promotion(policy)
    for window in policy.windows:
        yield Said("When", "policy.windows", _window(window))
    yield from _rollout(alias.spec.rollout)
    for monitor in alias.spec.monitors:
        yield Said("Afterwards", f"monitors[{monitor.name}]", _monitor(monitor))


def _eligibility(rules: Eligibility) -> Iterator[Said]:
    path = "policy.eligibility"
    for key, value in rules.require_tags.items():
        what = "must be there" if value == "*" else f"must be {value}"
        yield Said("Eligible", f"{path}.requireTags[{key}]", f"tag {key} {what}")
    if rules.tag_schema is not None:
        yield from _tag_schema(rules.tag_schema, f"{path}.tagSchema")
    if rules.require_alias is not None:
        text = f"alias {rules.require_alias} must name the version when it is judged"
        yield Said("Eligible", f"{path}.requireAlias", text)
    if rules.soak is not None:
        text = (
            f"alias {rules.soak.alias} must have named the version for {rules.soak.for_}, and still name it"
        )
        yield Said("Eligible", f"{path}.soak", text)
    if rules.require_signature:
        yield Said("Eligible", f"{path}.requireSignature", "the model must have a signature")


def _tag_schema(schema: TagSchema, path: str) -> Iterator[Said]:
    for key in schema.required:
        yield Said("Eligible", f"{path}.required[{key}]", f"tag {key} must be there")
    for key, rules in schema.properties.items():
        parts = [text for rule in (rules.alone, *rules.all_of) for text in _tag_rule(rule)]
        if parts:
            text = f"tag {key}, if it is there: {'; '.join(parts)}"
            yield Said("Eligible", f"{path}.properties[{key}]", text)


def _tag_rule(rule: TagRule) -> Iterator[str]:
    if rule.const is not None:
        yield f"must be {rule.const}"
    if rule.enum is not None:
        yield f"one of {', '.join(rule.enum)}"
    if rule.format is not None:
        yield f"has the format {rule.format}"
    if rule.pattern is not None:
        yield f"matches {rule.pattern}"
    if rule.min_length is not None:
        yield f"at least {rule.min_length} characters"
    if rule.max_length is not None:
        yield f"at most {rule.max_length} characters"


def _gate(gate: Gate) -> str:
    text = f"{gate.name}: {gate.metric} {_threshold(gate) if gate.champion is None else _versus(gate, gate.champion)}"
    notes = [
        _MEASURED.get(gate.metric_from, ""),
        "on the same data as the champion" if gate.dataset is DatasetRule.SAME else "",
        _NO_CHAMPION.get(gate.on_no_champion, "") if gate.champion is not None else "",
        "inconclusive where the metric is missing" if gate.on_missing is OnMissing.INCONCLUSIVE else "",
        "advises only, and stops nothing" if gate.enforcement is Enforcement.ADVISE else "",
    ]
    return "; ".join([text, *(note for note in notes if note)])


def _threshold(rule: Gate | Monitor) -> str:
    most = "at least" if rule.direction is Direction.HIGHER else "at most"
    return f"{most} {gates.text(rule.threshold)}"


def _versus(gate: Gate, versus: Versus) -> str:
    unit = " of its value" if versus.mode is Mode.RELATIVE else ""
    side = "higher" if gate.direction is Direction.HIGHER else "lower"
    if versus.min_improvement is not None:
        if not versus.min_improvement:
            return f"as good as the champion's or {side}"
        return f"{side} than the champion's by at least {gates.text(versus.min_improvement)}{unit}"
    other = "below" if gate.direction is Direction.HIGHER else "above"
    return f"at most {gates.text(versus.max_regression)}{unit} {other} the champion's"


def _evaluation(policy: Policy) -> Iterator[Said]:
    if policy.evaluation is not None:
        item = policy.evaluation
        text = f"Jobs of CronJob {item.cron_job} measure candidate and champion, for {item.timeout_seconds} s at most"
        yield Said("Gates", "policy.evaluation", text)
    text = f"a run that has not finished is waited for, {policy.wait_for_run} at most"
    yield Said("Gates", "policy.waitForRun", text, "wait_for_run" not in policy.model_fields_set)


def _approval(rules: Approval) -> Iterator[Said]:
    path, given = "policy.approval", rules.model_fields_set
    if rules.required is ApprovalRequired.NEVER:
        yield Said("Approval", f"{path}.required", "nobody has to approve", "required" not in given)
        return
    when = " where a gate is inconclusive" if rules.required is ApprovalRequired.ON_INCONCLUSIVE else ""
    yield Said("Approval", f"{path}.required", f"people have to approve{when}")
    people = "1 person" if rules.minimum == 1 else f"{rules.minimum} different people"
    yield Said("Approval", f"{path}.minimum", f"{people} at least", "minimum" not in given)
    if rules.users:
        yield Said("Approval", f"{path}.users", f"users who may: {', '.join(rules.users)}")
    if rules.groups:
        yield Said("Approval", f"{path}.groups", f"groups whose members may: {', '.join(rules.groups)}")
    if not rules.users and not rules.groups:
        yield Said("Approval", f"{path}.users", "whoever has the verb approve may", is_default=True)
    own = "may" if rules.allow_self else "may not"
    yield Said(
        "Approval", f"{path}.allowSelf", f"people {own} approve their own requests", "allow_self" not in given
    )
    text = f"a request that is not approved within {rules.wait_for} expires"
    yield Said("Approval", f"{path}.waitFor", text, "wait_for" not in given)
    for sentence in rules.checklist:
        yield Said("Approval", f"{path}.checklist", f"to confirm: {sentence}")


def _promotion(policy: Policy) -> Iterator[Said]:
    given = policy.model_fields_set
    text = (
        "a pin has to pass eligibility and gates"
        if policy.pins is Pins.GATED
        else "a pin is not judged: whoever may edit the ModelAlias decides"
    )
    yield Said("Requests", "policy.pins", text, "pins" not in given)
    text = (
        "a newer request replaces older ones that have not begun"
        if policy.concurrency is Concurrency.SUPERSEDE
        else "requests wait for their turn"
    )
    yield Said("Requests", "policy.concurrency", text, "concurrency" not in given)
    if policy.request_tags:
        yield Said(
            "Requests", "policy.requestTags", f"requests may set tags {', '.join(policy.request_tags)}"
        )
    if policy.auto_promote is not None:
        yield Said("Requests", "policy.autoPromote", _automatic(policy.auto_promote))
    if policy.retention is not None:
        item = policy.retention
        text = f"all but the last {item.keep} versions that the alias had are tagged {item.tag}"
        yield Said("Afterwards", "policy.retention", text)


def _automatic(rules: AutoPromote) -> str:
    if rules.from_alias is not None:
        gone = ", which is removed afterwards" if rules.delete_source_alias else ""
        return f"the operator asks for each version that alias {rules.from_alias} names{gone}"
    found = rules.from_versions
    tags = {} if found is None else found.tags
    which = "the newest version" if found is not None and found.newest else "each newer version"
    wanted = ", ".join(key if value == "*" else f"{key}={value}" for key, value in tags.items())
    return f"the operator asks for {which} with tags {wanted}"


def _window(window: Window) -> str:
    does = "nothing begins during" if window.kind is WindowKind.DENY else "something begins only during"
    name = f"{window.name}: " if window.name else ""
    exempt = f", except {', '.join(window.except_)}" if window.except_ else ""
    return f"{name}{does} {window.cron} ({window.time_zone}) for {window.duration}{exempt}"


def _rollout(rules: Rollout) -> Iterator[Said]:
    given = rules.model_fields_set
    then = (
        "alias and workloads go back"
        if rules.on_failure is OnFailure.ROLLBACK
        else "everything stays as it is until a person decides"
    )
    yield Said(
        "Rollout",
        "rollout.deadlineSeconds",
        f"fails if it takes longer than {rules.deadline_seconds} s",
        "deadline_seconds" not in given,
    )
    yield Said("Rollout", "rollout.onFailure", f"if it fails, {then}", "on_failure" not in given)
    text = f"pods have to stay available for {rules.stable_seconds} s"
    yield Said("Rollout", "rollout.stableSeconds", text, "stable_seconds" not in given)
    if rules.require_whole:
        yield Said("Rollout", "rollout.requireWhole", "begins only when all replicas are available")
    if rules.delete_stuck_pods:
        text = "pods of a StatefulSet that keep it from going back are deleted"
        yield Said("Rollout", "rollout.deleteStuckPods", text)


def _monitor(monitor: Monitor) -> str:
    parts: Sequence[str] = [
        *([_threshold(monitor)] if monitor.threshold is not None else []),
        *([_beside(monitor, monitor.champion)] if monitor.champion is not None else []),
    ]
    then = "a rollback is filed" if monitor.on_breach is OnBreach.ROLLBACK else "people are told"
    return (
        f"{monitor.name} {' and '.join(parts)}, read every {monitor.interval}, counted from {monitor.grace} after a move; "
        f"{monitor.failure_limit} in a row beyond it are a breach: {then}"
    )


def _beside(monitor: Monitor, versus: Regression) -> str:
    other = "below" if monitor.direction is Direction.HIGHER else "above"
    unit = " of it" if versus.mode is Mode.RELATIVE else ""
    return f"at most {gates.text(versus.max_regression)}{unit} {other} the version before"


_MEASURED: Final = {
    MetricSource.LOGGED_MODEL: "of the logged model",
    MetricSource.EVALUATION: "as evaluation Jobs measure it",
}
_NO_CHAMPION: Final = {
    OnNoChampion.FAIL: "fails without a champion",
    OnNoChampion.INCONCLUSIVE: "inconclusive without a champion",
}
