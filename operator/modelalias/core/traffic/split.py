"""What the weights of the two Services should be now."""

from datetime import datetime
from typing import Final, NamedTuple

from modelalias.api.alias import ModelAlias, Traffic, TrafficStatus
from modelalias.api.conditions import Reason
from modelalias.api.fields import duration
from modelalias.core.traffic.fitness import why_not_further

Weights = tuple[tuple[str, int], ...]
"""Service and weight, in the order of the spec."""

_ALL: Final = 100


class Share(NamedTuple):
    """What the challenger gets."""

    weights: Weights
    version: str
    step: int | None = None
    """From 1 on; None without steps."""
    until: datetime | None = None
    """When the next step may come."""
    note: str = ""
    """Why the next step waits."""


def own_alone(traffic: Traffic) -> Weights:
    """Return the weights with which everything goes to this alias's Service."""
    total = _ALL if traffic.steps else sum(item.weight or 0 for item in traffic.backends)
    return tuple((item.service, total if item.alias is None else 0) for item in traffic.backends)


def share(traffic: Traffic, before: TrafficStatus, challenger: ModelAlias, now: datetime) -> Share:
    """Return what a challenger that may get requests gets now.

    A version that is new begins with the first step, and a step counts from when its weights were carried.
    """
    version = "" if challenger.status.current is None else challenger.status.current.version
    if not traffic.steps:
        return Share(tuple((item.service, item.weight or 0) for item in traffic.backends), version)
    last = len(traffic.steps)
    same = before.version == version
    step = _carried_step(traffic, before) if same else 1
    if step == last:
        return Share(_by_percent(traffic, step), version, step)
    following = _by_percent(traffic, step + 1)
    if same and following == tuple((item.service, item.weight) for item in before.weights):
        return Share(following, version, step + 1)  # that was decided, and is not carried yet
    if not same or before.since is None or before.reason != Reason.SPLIT:
        return Share(_by_percent(traffic, step), version, step)
    until = before.since + duration(traffic.step_duration)
    note = why_not_further(challenger, before.since) if now >= until else ""
    if now < until or note:
        return Share(_by_percent(traffic, step), version, step, until, note)
    return Share(following, version, step + 1)


def kept(traffic: Traffic, before: TrafficStatus, version: str) -> Share:
    """Return the share that a version has, or the smaller one that the spec gives it by now."""
    if traffic.steps:
        step = _carried_step(traffic, before)
        return Share(_by_percent(traffic, step), version, step)
    had = tuple((item.service, item.weight) for item in before.weights)
    wanted = tuple((item.service, item.weight or 0) for item in traffic.backends)
    return Share(min(wanted, had, key=lambda weights: _fraction(traffic, weights)), version)


def _fraction(traffic: Traffic, weights: Weights) -> float:
    return dict(weights)[traffic.challenger.service] / sum(weight for _, weight in weights)


def _carried_step(traffic: Traffic, before: TrafficStatus) -> int:
    """Return at which step the challenger is; where the steps were edited, the last one that gives no more."""
    percent = next((item.weight for item in before.weights if item.service == traffic.challenger.service), 0)
    step = min(before.step or 1, len(traffic.steps))
    while step > 1 and traffic.steps[step - 1] > percent:
        step -= 1
    return step


def _by_percent(traffic: Traffic, step: int) -> Weights:
    percent = traffic.steps[step - 1]
    return tuple(
        (item.service, _ALL - percent if item.alias is None else percent) for item in traffic.backends
    )
