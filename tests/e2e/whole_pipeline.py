"""The whole pipeline without a hand: train, register, gate, promote, roll, watch, roll back.

Version 1 is trained on the ordinary population. Version 2 is trained while a promotion runs, on customers who are
easier to predict: it is better by its own metrics, which is all that the gates look at, and in production, where
the customers are the ordinary ones, it is sure of far too many of them.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Final

import yaml

from hack.demo.overlay import NAMESPACE, OVERLAY
from hack.demo.story import EXAMPLES, STABLE_SECONDS, Story
from hack.release.version import declared
from tests.e2e.place import has
from tests.support.asker import Line, asker, heard, last_of
from tests.support.installation import ROOT
from tests.support.stage import Object, Stage
from training.pipelines.churn import FEATURES, PIPELINE

NAME: Final = "churn-by-itself"
"""The name of the model, of its ModelAlias and of its Deployment."""
PATIENCE: Final = 240.0
PODS: Final = 2
ROWS: Final = 100
_POLL: Final = 0.5
_LABELS: Final = 'model="$model", version="$version"'
SURE: Final = {
    "name": "sure-of-staying",
    "prometheus": {
        "query": f'sum(rate(model_predictions_bucket{{{_LABELS}, le="0.1"}}[15s]))'
        f" / sum(rate(model_predictions_count{{{_LABELS}}}[15s]))"
    },
    "direction": "LowerIsBetter",
    "threshold": 0.3,
    "interval": "5s",
    "grace": "5s",
    "failureLimit": 3,
}
"""The share of customers who are predicted to leave with a probability of at most a tenth: 0.12 of version 1's, 0.49
of version 2's."""


@dataclass(frozen=True)
class Told:
    """What came of it."""

    times: Mapping[str, float]
    """Seconds from the beginning to each step."""
    requests: Mapping[str, Object]
    """All requests by name."""
    alias: Object
    """The status of the ModelAlias in the end."""
    registry: Mapping[str, str]
    """The aliases in the registry in the end."""
    heard: Mapping[str, int]
    """Answers from the first of version 1 on, by version and what became of them."""
    afterwards: Mapping[str, int]
    """The same from when all pods were back."""


class _Pipeline:
    """The story as it goes on."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.stage = Stage(str(story.kubeconfig), NAMESPACE, story.user)

    def trained(self, version: str, quality: str, population: str) -> None:
        """Train a version."""
        made = self.story.train(quality, NAME, population)
        assert made.version == version, made
        self.story.say(f"version {version} is trained and named challenger: val_auc {made.auc:.3f}")

    def is_current(self, version: str) -> Object:
        """Wait until a version is current and all pods are of its rollout; return the status of the ModelAlias."""
        found = self.stage.until(
            "modelalias",
            NAME,
            lambda it: (
                it.get("status", {}).get("current", {}).get("version") == version
                and "plan" not in it["status"]
            ),
            f"version {version} is champion, and its rollout is over",
            PATIENCE,
        )
        self._only_whole_pods()
        self.story.say(f"version {version} is champion, and all pods run it")
        status: Object = found["status"]
        return status

    def _only_whole_pods(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            found = json.loads(
                self.stage.kubectl("get", "pods", "-l", f"app.kubernetes.io/name={NAME}", "-o", "json")
            )["items"]
            ready = [item for item in found if has(item, "Ready", "True")]
            if len(ready) == len(found) == PODS:
                return
            assert time.monotonic() < deadline, f"the pods did not settle: {[it['status'] for it in found]}"
            time.sleep(_POLL)  # poll


def play(story: Story) -> Told:
    """Play the story; nobody does anything but train."""
    it, began = _Pipeline(story), time.time()
    _apply(it)
    it.trained("1", "good", "ordinary")
    it.stage.kubectl("scale", f"deployment/{NAME}", f"--replicas={PODS}")
    it.is_current("1")
    with _somebody_asks(it) as lines:
        it.trained("2", "better", "promotion")
        it.is_current("2")
        status = it.is_current("1")
        back = time.time()
        _heard_since(lines, back)
        told = lines()
    names = (f"{NAME}-auto-1", f"{NAME}-auto-2", str(status["current"]["request"]))
    requests = {name: it.stage.get("promotionrequest", name) for name in names}
    moments = {
        **_moments(requests),
        "the last answer of version 2": last_of(told, "2"),
        "all pods are back": back,
    }
    return Told(
        {name: round(at - began, 1) for name, at in sorted(moments.items(), key=itemgetter(1))},
        requests,
        status,
        story.aliases(NAME),
        heard(told),
        heard(told, back),
    )


def _moments(requests: Mapping[str, Object]) -> Mapping[str, float]:
    """Return when each step was done, as the objects tell it in whole seconds."""
    *promotions, rollback = requests.values()
    steps: dict[str, str] = {}
    for number, request in enumerate(promotions, 1):
        status = request["status"]
        steps |= {
            f"version {number} is registered": status["resolved"]["registeredAt"],
            f"version {number} has a request": request["metadata"]["creationTimestamp"],
            f"version {number} passes the gates": status["gates"][-1]["evaluatedAt"],
            f"version {number} is promoted and rolled": status["completedAt"],
        }
    since = rollback["spec"]["reason"].rpartition(" since ")[2].removesuffix(" UTC")
    steps |= {
        "the first bad reading": f"{since}Z",
        "the breach files a rollback": rollback["metadata"]["creationTimestamp"],
        "version 1 is back and rolled": rollback["status"]["completedAt"],
    }
    return {name: datetime.fromisoformat(text).timestamp() for name, text in steps.items()}


def _apply(it: _Pipeline) -> None:
    """Apply the example's workload and ModelAlias under other names, with what happens by itself."""
    workload = (OVERLAY / "churn-api.yaml").read_text(encoding="utf-8")
    for shipped, wanted in (
        ("churn-api", NAME),
        ("replicas: 2", "replicas: 0"),  # until there is a version they would only be started again and again
        ("models:/churn@", f"models:/{NAME}@"),
        (f"registry.invalid/modelalias/serving:{declared(ROOT)}", "localhost/modelalias/serving:dev"),
    ):
        assert shipped in workload
        workload = workload.replace(shipped, wanted)
    it.stage.kubectl("apply", "-f", "-", stdin=workload)
    alias = yaml.safe_load((EXAMPLES / "churn-champion.yaml").read_text(encoding="utf-8"))
    spec = {
        **alias["spec"],
        "model": NAME,
        "serving": [{"name": NAME}],
        "rollout": {"stableSeconds": STABLE_SECONDS},
        "policy": {**alias["spec"]["policy"], "autoPromote": {"fromAlias": "challenger"}},
        "monitors": [SURE],
    }
    it.stage.apply("ModelAlias", NAME, spec)


@contextmanager
def _somebody_asks(it: _Pipeline) -> Iterator[Callable[[], Sequence[Line]]]:
    """Let somebody ask all the time for predictions of the same ordinary customers."""
    rows = PIPELINE.frame(PIPELINE.generate(ROWS, PIPELINE.holdout_seed))[list(FEATURES)]
    body = json.dumps({"dataframe_split": {"columns": [*FEATURES], "data": rows.to_numpy().tolist()}})
    with asker(it.stage.kubectl, {"SERVICE": f"{NAME}:8080", "PAUSE": "0.2"}, body=body) as lines:
        yield lines


def _heard_since(lines: Callable[[], Sequence[Line]], since: float) -> None:
    """Wait until some answers were heard that were asked for since then."""
    deadline = time.monotonic() + PATIENCE
    while sum(heard(lines(), since).values()) < 20:
        assert time.monotonic() < deadline, f"nobody answers since {since}"
        time.sleep(_POLL)  # poll
