"""What `modelalias ab` counts: two queries, asked for each of the two versions."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from modelalias.core.errors import InvalidRequest
from modelalias.core.monitoring.promql import names_version, render

WINDOW: Final = "$window"
_WINDOW: Final = re.compile(r"\$(?:window\b|\{window\})")
_COUNTER: Final = "sum(increase(model_requests_total{{{labels}}}[$window]))"
_OURS: Final = 'model="$model", version="$version"'


class Metric(NamedTuple):
    """A proportion: a query for how often the event happened, and one for how often it could have."""

    name: str
    events: str
    trials: str


def _outcome(name: str) -> Metric:
    events = _COUNTER.format(labels=f'{_OURS}, outcome="{name}"')
    return Metric(name, events, _COUNTER.format(labels=_OURS))


BUILT_IN: Final[Mapping[str, Metric]] = {name: _outcome(name) for name in ("failed", "refused")}
"""What the example serving app counts: docs/monitors.md."""


class Question(NamedTuple):
    """A metric as it is asked for one version."""

    events: str
    trials: str


def question(metric: Metric, version: str, model: str, namespace: str, window: timedelta) -> Question:
    """Return the two queries with their variables replaced; raise `InvalidRequest` as monitors do."""
    return Question(
        *(_rendered(query, version, model, namespace, window) for query in (metric.events, metric.trials))
    )


def _rendered(query: str, version: str, model: str, namespace: str, window: timedelta) -> str:
    # digits and a letter, which no place in a query reads as anything else
    windowed = _WINDOW.sub(f"{window // timedelta(seconds=1)}s", query)
    if not names_version(windowed):
        raise InvalidRequest(
            f'the query does not ask for one version: write version="$version" in it: {query}'
        )
    return render(windowed, version=version, model=model, namespace=namespace)
