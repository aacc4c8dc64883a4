"""What somebody who asks the demonstration's Service without a pause sees of its moves, on real pods."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from hack.demo.overlay import NAMESPACE
from hack.demo.story import ALIAS, Story
from tests.support.asker import POD, asker
from tests.support.kube_api import KubeApi

FAILS_AFTER: Final = 60
"""The deadline in seconds of the rollout that must fail; on the way back two pods have to load in the same time."""
PATIENCE: Final = 240.0
_MLFLOW: Final = f"/api/v1/namespaces/{NAMESPACE}/services/mlflow:5000/proxy/api/2.0/mlflow"
_ASKED: Final = {
    "SERVICE": "churn-api:8080",
    "REGISTRY": "mlflow:5000",
    "ALIAS_QUERY": "/api/2.0/mlflow/registered-models/alias?name=churn&alias=champion",
}
_POLL: Final = 0.5


@dataclass(frozen=True)
class Move:
    """What was asked for, and when; what it led to."""

    name: str
    former: str
    """The version before."""
    to: str
    """The version that was asked for."""
    phase: str
    """How the request ended."""
    began: float
    ended: float
    """When no pod was left that was on its way out."""


@dataclass(frozen=True)
class Seen:
    """What was seen of one move."""

    name: str
    phase: str
    answers: int
    failed: int
    failures: tuple[str, ...]
    """The first of the failed answers, in words."""
    versions: tuple[str, ...]
    """That answers named, in the order in which they were first heard."""
    moved_after: float | None
    """Seconds from the request to the move of the alias; None when it was not seen to move."""
    last_old_after: float | None
    """Seconds from the move of the alias to the last answer of the former version; None without a move."""

    def as_json(self) -> Mapping[str, Any]:
        """Return it for a report."""
        return asdict(self)


def play(story: Story, say: Callable[[str], None]) -> Sequence[Seen]:
    """Promote, fail to promote and roll back while somebody asks, from version 1 as champion on.

    The pods' readiness probe and `maxUnavailable: 0` are those of the demonstration's Deployment.
    """
    broken = _version_without_a_model(story)
    promote = {"source": {"version": "2"}}
    fail = {"source": {"version": broken}}
    back = {"operation": "Rollback", "source": {"version": "1"}}
    moves = []
    with asker(story.kubectl, _ASKED) as told:
        for name, former, to, spec in (
            ("promotion", "1", "2", promote),
            ("failed promotion", "2", broken, fail),
            ("rollback", "2", "1", back),
        ):
            say(f"asking: {name}, version {former} to {to}")
            story.apply_alias(deadlineSeconds=FAILS_AFTER if to == broken else 600)
            moves.append(_moved(story, name, former, to, spec))
        lines = told()
    return [summed(move, lines) for move in moves]


def _moved(story: Story, name: str, former: str, to: str, spec: Mapping[str, Any]) -> Move:
    """Ask for the move, wait until it has ended and the pods that it replaced are gone."""
    _heard_from(story, former)
    request = f"asking-{name.replace(' ', '-')}"
    body = {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "PromotionRequest",
        "metadata": {"name": request},
        "spec": {
            "aliasRef": {"name": ALIAS},
            "requestedBy": story.user,
            "reason": "somebody asks meanwhile",
            **spec,
        },
    }
    began = time.time()
    story.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    story.kubectl(
        "wait", "--for=condition=Complete", f"promotionrequest/{request}", f"--timeout={PATIENCE:g}s"
    )
    phase = str(story.status("promotionrequest", request)["phase"])
    _only_whole_pods(story)
    return Move(name, former, to, phase, began, time.time())


def _only_whole_pods(story: Story) -> None:
    """Wait until two pods are left, both ready."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = json.loads(
            story.kubectl("get", "pods", "-l", "app.kubernetes.io/name=churn-api", "-o", "json")
        )["items"]
        ready = [
            item
            for item in found
            if "deletionTimestamp" not in item["metadata"]
            and any(
                (each["type"], each["status"]) == ("Ready", "True")
                for each in item["status"].get("conditions", ())
            )
        ]
        if len(ready) == len(found) == 2:
            return
        assert time.monotonic() < deadline, f"the pods did not settle: {[item['status'] for item in found]}"
        time.sleep(_POLL)  # poll


def _heard_from(story: Story, version: str) -> None:
    """Wait until both askers have heard of this version last."""
    deadline = time.monotonic() + PATIENCE
    while True:
        text = story.kubectl("logs", POD, "--tail=200")
        last = {line["how"]: line.get("version") for line in map(json.loads, text.splitlines())}
        if (last.get("new"), last.get("kept")) == (version, version):
            return
        assert time.monotonic() < deadline, f"the askers do not hear of version {version}: {last}"
        time.sleep(_POLL)  # poll


def summed(move: Move, lines: Sequence[Mapping[str, Any]]) -> Seen:
    """Sum up what was told between the beginning and the end of a move."""
    told = [line for line in lines if move.began <= line["at"] < move.ended]
    answers = [line for line in told if line["how"] != "alias"]
    failed = [line for line in answers if "failed" in line]
    moved = next((line["at"] for line in told if (line["how"], line["version"]) == ("alias", move.to)), None)
    old = [line["at"] for line in answers if line.get("version") == move.former]
    goes = moved is not None and move.phase == "Succeeded"
    return Seen(
        name=move.name,
        phase=move.phase,
        answers=len(answers) - len(failed),
        failed=len(failed),
        failures=tuple(f"{line['how']}: {line['failed']}" for line in failed[:10]),
        versions=tuple(dict.fromkeys(line["version"] for line in answers if "version" in line)),
        moved_after=None if moved is None else round(moved - move.began, 2),
        last_old_after=round(max(old) - moved, 2) if goes and old and moved is not None else None,
    )


def _version_without_a_model(story: Story) -> str:
    """Register a version that passes the gates, and whose model nobody finds; return its number."""
    api = KubeApi(str(story.kubeconfig))

    def post(path: str, **body: Any) -> Mapping[str, Any]:
        answer = api.send("POST", f"{_MLFLOW}/{path}", body)
        assert answer.ok, f"{path}: {answer}"
        return answer.body

    now = int(time.time() * 1000)
    run = post("runs/create", experiment_id="0", start_time=now)["run"]["info"]["run_id"]
    post("runs/log-metric", run_id=run, key="val_auc", value=0.99, timestamp=now, step=0)
    post("runs/update", run_id=run, status="FINISHED", end_time=now)
    made = post("model-versions/create", name="churn", source=f"runs:/{run}/model", run_id=run)
    return str(made["model_version"]["version"])
