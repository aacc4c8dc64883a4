"""What becomes of a version that is bad in production, while nobody looks; what was seen is returned.

Version 2 follows version 1 and is good at first.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final

from mlflow import MlflowClient

from tests.e2e.place import ALIAS, APP, PATIENCE, SEEN, UNHURRIED, Place, container
from tests.e2e.playing import Seen
from tests.support.asker import Line, asker, heard, last_of
from tests.support.prometheus_server import PrometheusServer
from tests.support.stage import Object

FAILING: Final = "/state/failing"
PODS: Final = 2
QUIET: Final = 16.0
"""Seconds for which a dead Prometheus is looked at: more than a breach takes."""
LEAVES_AFTER: Final = 5
"""Seconds for which a pod answers on after it was told to end, as the serving app does."""
_LABELS: Final = 'namespace="$namespace", model="$model", version="$version"'
ERRORS: Final[Object] = {
    "name": "errors",
    "prometheus": {
        "query": f'sum(rate(model_requests_total{{{_LABELS}, outcome="failed"}}[10s]))'
        f" / sum(rate(model_requests_total{{{_LABELS}}}[10s]))"
    },
    "direction": "LowerIsBetter",
    "threshold": 0.05,
    "interval": "5s",
    "grace": "5s",
    "failureLimit": 3,
}


def errors(place: Place, prometheus: PrometheusServer) -> Seen:
    """A quarter of the requests begins to fail."""
    with _somebody_asks(place) as lines:
        _promoted(place, ERRORS)
        _fail(place)
        gone_back = _gone_back(place)
        back = place.only_runs("1", PODS)
        _heard_since(lines, back)
        samples = prometheus.samples(
            f'model_requests_total{{namespace="{place.namespace}", version="2", outcome="failed"}}'
        )
        first_bad = next(at for at, value in samples if value > 0)
        return {**gone_back, **_times(first_bad, gone_back, back), **_answers(lines(), first_bad, back)}


def drift(place: Place) -> Seen:
    """A job that measures drift logs worse and worse numbers into an MLflow experiment."""
    job = _DriftJob(place)
    _workload(place)
    _promoted(place, job.monitor, beginning=lambda: job.measures("2", 0.05))
    first_bad = time.time()
    for count in (1, 2, 3):
        job.measures("2", 0.4 + count / 10)
        _monitor(place, partial(_counts, count), "it counts")
    gone_back = _gone_back(place)
    return {**gone_back, **_times(first_bad, gone_back, place.only_runs("1", PODS))}


def dead(place: Place, prometheus: Callable[[], AbstractContextManager[Any]]) -> Seen:
    """A version begins to fail while Prometheus is dead; later that is back, with what it has seen."""
    asked = {**ERRORS["prometheus"], "server": "dying"}
    monitor = {**ERRORS, "prometheus": asked, "failureLimit": 2}
    with _somebody_asks(place) as lines:
        with prometheus():
            _promoted(place, monitor)
        began = time.time()
        _fail(place)
        blind = _monitor(place, lambda it: it.get("state") == "NoData", "it has no data")
        quiet = _quiet(place)
        meanwhile = heard(lines(), began)
        with prometheus():
            revived = time.time()
            gone_back = _gone_back(place)
            back = place.only_runs("1", PODS)
        return {
            **gone_back,
            "blind": blind,
            "quiet": quiet,
            "meanwhile": meanwhile,
            "seconds from its return to all pods back": round(back - revived, 1),
        }


# What happens


@contextmanager
def _somebody_asks(place: Place) -> Iterator[Callable[[], Sequence[Line]]]:
    """Let somebody ask for predictions all the time, from version 1 on."""
    _workload(place)
    place.service()
    with asker(place.kubectl, {"SERVICE": f"{APP}:8080", "PAUSE": "0.05"}, body="{}") as lines:
        yield lines


def _workload(place: Place) -> None:
    leaves = {"lifecycle": {"preStop": {"sleep": {"seconds": LEAVES_AFTER}}}}
    pod = {"terminationGracePeriodSeconds": 3 * LEAVES_AFTER}
    place.workload(replicas=PODS, containers=[{**container(), **leaves}], pod=pod)


def _promoted(place: Place, monitor: Object, beginning: Callable[[], None] = lambda: None) -> None:
    """Promote both versions, and wait until the monitor of version 2 passes."""
    place.pinned()
    place.patch("modelalias", ALIAS, {"monitors": [monitor]})
    place.succeeds("1")
    place.succeeds("2")
    place.only_runs("2", PODS)
    _monitor(place, _counts_soon, "grace is over")
    beginning()
    _monitor(place, lambda it: it.get("state") == "Passing", "it passes")


def _fail(place: Place) -> None:
    for pod in place.pods():
        place.touch(pod, FAILING)


class _DriftJob:
    """What a job does that measures drift."""

    def __init__(self, place: Place) -> None:
        self._client: MlflowClient = place.models[0].client
        self._model = place.models[0].model
        name = f"drift-{place.namespace}"
        self._experiment = self._client.create_experiment(name)
        self.monitor: Object = {
            "name": "drift",
            "experiment": {"name": name, "metric": "psi"},
            "direction": "LowerIsBetter",
            "threshold": 0.2,
            "interval": "5s",
            "grace": "5s",
            "failureLimit": 3,
        }

    def measures(self, version: str, psi: float) -> None:
        """Log a run that names the version."""
        tags = {"modelalias.model": self._model, "modelalias.version": version}
        run = self._client.create_run(self._experiment, tags=tags).info.run_id
        self._client.log_metric(run, "psi", psi)
        self._client.set_terminated(run)


# What is seen


def _counts(failures: int, monitor: Object) -> bool:
    """Return whether so many readings have counted, or the version is gone already."""
    return bool(monitor.get("version") == "1" or monitor.get("failures", 0) >= failures)


def _counts_soon(monitor: Object) -> bool:
    """Return whether version 2 was read after the grace time, or before it: then there was nothing."""
    return monitor.get("version") == "2" and monitor.get("state", "Waiting") not in {"Waiting", "Grace"}


def _monitor(place: Place, holds: Callable[[Object], bool], what: str) -> Object:
    """Wait until the one monitor is as wanted, and return how it stands."""
    found = place.until(
        "modelalias",
        ALIAS,
        lambda it: any(holds(item) for item in it.get("status", {}).get("monitors", ())),
        what,
        PATIENCE,
    )
    (monitor,) = found["status"]["monitors"]
    told: Object = monitor
    return told


def _gone_back(place: Place) -> Seen:
    """Wait until the alias is back at version 1 and nothing is under way; return the request that led there."""
    place.until(
        "modelalias",
        ALIAS,
        lambda it: it["status"]["current"]["version"] == "1" and "plan" not in it["status"],
        "it is back at version 1",
        PATIENCE,
    )
    (request,) = _own(place)
    place.ends(request)
    return {
        "request": place.get("promotionrequest", request),
        "alias": place.tells("Held", "True"),
        "registry": place.models[0].aliases()["champion"],
    }


def _own(place: Place) -> Sequence[str]:
    """Return the names of the requests that follow from a breach."""
    names = (item["metadata"]["name"] for item in place.all("promotionrequest"))
    return [name for name in names if name.startswith(f"{ALIAS}-breach-")]


def _quiet(place: Place) -> frozenset[tuple[str, int]]:
    """Return which versions were current for a while, each with how many requests followed from a breach."""
    seen, end = set(), time.monotonic() + QUIET
    while time.monotonic() < end:
        status = place.status("modelalias", ALIAS)
        seen.add((str(status["current"]["version"]), len(_own(place))))
        time.sleep(SEEN)  # poll
    return frozenset(seen)


def _heard_since(lines: Callable[[], Sequence[Line]], since: float) -> None:
    """Wait until some answers were heard that were asked for since then."""
    deadline = time.monotonic() + UNHURRIED
    while sum(heard(lines(), since).values()) < 50:
        assert time.monotonic() < deadline, f"nobody answers since {since}"
        time.sleep(SEEN)  # poll


def _times(first_bad: float, gone_back: Seen, back: float) -> Mapping[str, float]:
    """Return seconds from the first bad sample; the API server's and the status's times are whole seconds."""
    request, (*_, entry) = gone_back["request"], gone_back["alias"]["history"]
    filed = _moment(request["metadata"]["creationTimestamp"])
    done = _moment(entry["at"])
    return {
        "seconds to the request": round(filed - first_bad),
        "seconds to its end": round(done - first_bad),
        "seconds to all pods back": round(back - first_bad, 1),
    }


def _answers(lines: Sequence[Line], first_bad: float, back: float) -> Seen:
    return {
        "heard": heard(lines, first_bad),
        "heard afterwards": heard(lines, back),
        "seconds to the last answer of version 2": round(last_of(lines, "2") - first_bad, 1),
    }


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
