"""What happens to pods in production, each played in a namespace of its own; what was seen is returned.

They are played side by side (`test_what_pods_run.py`), because each of them mostly waits.
"""

import json
import time
from collections.abc import Sequence
from typing import Any, Final

from tests.e2e.place import ALIAS, APP, PATIENCE, SEEN, Place, container, has, uri_in
from tests.e2e.playing import Seen
from tests.support.stage import Object

NO_NODE: Final = "didn't match pod's node affinity/selector"
"""The scheduler's words, in small letters."""


def rollout_undone(place: Place) -> Seen:
    """After a success somebody runs `kubectl rollout undo`."""
    place.workload()
    place.pinned()
    place.succeeds("1")
    place.succeeds("2")

    place.kubectl("rollout", "undo", f"deployment/{APP}")
    undone = place.get("deployment", APP)["metadata"]["generation"]

    return {**_left_alone(place, undone), "later": place.serves("1")}


def variable_replaced(place: Place) -> Seen:
    """After a success somebody replaces the Deployment by its new manifest, which has no such variable."""
    manifest = place.workload()
    place.pinned()
    place.succeeds("1")

    # who only takes fields away is nowhere in managedFields
    body = {**manifest, "spec": {**manifest["spec"], "revisionHistoryLimit": 5}}
    place.kubectl("replace", "-f", "-", stdin=json.dumps(body))
    replaced = place.get("deployment", APP)["metadata"]["generation"]

    return _left_alone(place, replaced)


def _events_with(place: Place, alias: Object) -> Sequence[str]:
    """Return the events of the alias, once one tells why RolledOut is not True."""
    (rolled_out,) = (item for item in alias["conditions"] if item["type"] == "RolledOut")
    return place.announces(ALIAS, f"{rolled_out['reason']}: ")


def _left_alone(place: Place, generation: int) -> Seen:
    """Wait until it is told, and look whether the Deployment is as they left it."""
    alias = place.tells("RolledOut", "False")
    return {
        "alias": alias,
        "written by others": generation,
        "now": place.get("deployment", APP)["metadata"]["generation"],
        "uri": place.asks_for(),
        "events": _events_with(place, alias),
    }


def crashes_later(place: Place) -> Seen:
    """Days after a success all pods crash, and crash again."""
    place.workload(replicas=2)
    place.pinned()
    place.succeeds("1")
    before = place.tells("RolledOut", "True")

    for pod in place.pods():
        place.touch(pod, "/state/broken")

    alias = place.tells("RolledOut", "False")
    return {
        "before": before,
        "alias": alias,
        "events": _events_with(place, alias),
        "later": place.has_no_ready_pod(),
    }


def ready_for_a_moment(place: Place) -> Seen:
    """A version becomes ready, and crashes some seconds later, again and again."""
    place.workload(versions={"2": "flickers"})
    place.pinned(stableSeconds=10)
    place.succeeds("1")
    place.hurry(45)

    ended = place.promote("2")

    return {"ended": ended, "uri": place.asks_for(), "alias": place.tells("RolledOut", "True")}


def stuck_with_permission(place: Place) -> Seen:
    """A StatefulSet gets a version that never becomes ready; the operator may delete its pods."""
    ended = _stuck(place, deleteStuckPods=True)
    return {"ended": place.ends(ended), **_of_the_stateful_set(place)}


def stuck_without_permission(place: Place) -> Seen:
    """The same without: a person reads which pod to delete, and deletes it."""
    request = _stuck(place)
    named = _until_somebody_names(place, request, f"{APP}-1")
    place.kubectl("delete", "pod", f"{APP}-1", "--wait=false")
    return {"named": named, "ended": place.ends(request), **_of_the_stateful_set(place)}


def _stuck(place: Place, **rollout: Any) -> str:
    place.workload("StatefulSet", replicas=2, versions={"2": "never-ready"})
    place.pinned(kind="StatefulSet", **rollout)
    place.succeeds("1")
    place.only_runs("1", 2)  # a pod that was not available before need not be so again
    place.hurry(45)
    place.request("stuck", ALIAS, source={"version": "2"})
    return "stuck"


def _until_somebody_names(place: Place, request: str, pod: str) -> Sequence[str]:
    """Wait until a message of the alias or the request names the pod, and return these messages."""
    deadline = time.monotonic() + PATIENCE
    while True:
        texts = [
            *_messages(place.status("modelalias", ALIAS)),
            *_messages(place.status("promotionrequest", request)),
        ]
        if named := [text for text in texts if pod in text]:
            return named
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: a message names {pod}\n" + "\n".join(
            texts
        )
        time.sleep(SEEN)  # poll


def _messages(status: Object) -> Sequence[str]:
    parts = [*status.get("conditions", ()), *status.get("serving", ())]
    return [str(status.get("explanation", "")), *(str(item.get("message", "")) for item in parts)]


def _of_the_stateful_set(place: Place) -> Seen:
    """Wait until all its pods are ready, and return what they were given."""
    place.until(
        "statefulset",
        APP,
        lambda it: (
            it["status"].get("readyReplicas") == 2
            and it["status"].get("currentRevision") == it["status"].get("updateRevision")
        ),
        "both pods are ready and of one revision",
        PATIENCE,
    )
    return {
        "uris": {uri_in(pod["spec"]) for pod in place.pods().values()},
        "alias": place.tells("RolledOut", "True"),
    }


def two_aliases(place: Place) -> Seen:
    """Two ModelAliases serve from one Deployment, and both are promoted in the same minute."""
    good, bad = place.models
    place.workload(containers=[container("api", 8080), container("other", 8081, versions={"2": "crashes"})])
    place.pinned("good", model=good)
    place.pinned("bad", model=bad, container="other")
    place.succeeds("1", "good")
    place.succeeds("1", "bad")
    place.hurry(45, "bad")

    for alias in ("bad", "good"):
        place.request(f"{alias}-v2", alias, source={"version": "2"})
    both = _plans_until_both_ended(place)

    return {
        "good": place.status("promotionrequest", "good-v2"),
        "bad": place.status("promotionrequest", "bad-v2"),
        "plans at once": both,
        "good uri": place.asks_for(container="api"),
        "bad uri": place.asks_for(container="other"),
        "aliases": [place.tells("RolledOut", "True", alias) for alias in ("good", "bad")],
    }


def _plans_until_both_ended(place: Place) -> int:
    """Return how often both aliases were seen to have a plan in the same moment.

    What is read first is read again last, so that a plan that ended in between is not counted.
    """
    seen, deadline = 0, time.monotonic() + PATIENCE
    while not all(
        has(place.get("promotionrequest", f"{alias}-v2"), "Complete", "True") for alias in ("good", "bad")
    ):
        plans = [place.status("modelalias", alias).get("plan") for alias in ("good", "bad", "good")]
        seen += None not in plans
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: both requests end"
        time.sleep(SEEN)  # poll
    return seen


def image_missing(place: Place) -> Seen:
    """The template names an image that nobody can pull."""
    place.workload()
    place.pinned()
    place.succeeds("1")
    place.hurry(45)
    place.kubectl("set", "image", f"deployment/{APP}", "api=registry.invalid/no-such-image:1")

    place.request("v2", ALIAS, source={"version": "2"})

    return {"explanation": place.says("v2", ("pull", "registry.invalid/no-such-image:1"))}


def no_room(place: Place) -> Seen:
    """The new pod needs a node that is labelled, and no node is so any more."""
    label = f"{place.namespace}/may-run"
    place.kubectl("label", "nodes", "--all", f"{label}=yes")
    try:
        place.workload(pod={"nodeSelector": {label: "yes"}})
        place.pinned()
        place.succeeds("1")
    finally:
        place.kubectl("label", "nodes", "--all", f"{label}-")
    place.hurry(45)

    place.request("v2", ALIAS, source={"version": "2"})

    return {
        "explanation": place.says("v2", (NO_NODE,)),
        "ended": place.ends("v2"),
        "uri": place.asks_for(),
    }


def crashes_at_once(place: Place) -> Seen:
    """The new version cannot be loaded, and the program says why before it ends."""
    place.workload(versions={"2": "crashes"})
    place.pinned()
    place.succeeds("1")
    place.hurry(45)

    place.request("v2", ALIAS, source={"version": "2"})

    return {
        "explanation": place.says("v2", ("valueerror: the tokenizer of this version is missing",)),
        "ended": place.ends("v2"),
        "uri": place.asks_for(),
    }


def paused_in_mid_roll(place: Place) -> Seen:
    """Somebody pauses the Deployment while its pods are replaced, for longer than the deadline."""
    deadline_seconds = 45
    place.workload(versions={"2": "waits"})
    place.pinned()
    place.succeeds("1")
    place.hurry(deadline_seconds)

    place.request("v2", ALIAS, source={"version": "2"})
    two = f"models:/{place.models[0].model}/2"
    place.until(
        "deployment",
        APP,
        lambda it: uri_in(it["spec"]["template"]["spec"]) == two and it["status"]["replicas"] > 1,
        "it has a new pod",
    )
    place.kubectl("rollout", "pause", f"deployment/{APP}")
    place.reaches("v2", "RollingOut")  # what was written into the Deployment is told a moment later
    phases = _phases_for(place, "v2", 1.5 * deadline_seconds)
    paused = place.status("promotionrequest", "v2")
    for pod in place.pods():
        place.touch(pod, "/state/go")
    place.kubectl("rollout", "resume", f"deployment/{APP}")

    return {"phases": phases, "paused": paused, "ended": place.ends("v2"), "uri": place.asks_for()}


def _phases_for(place: Place, request: str, seconds: float) -> frozenset[str]:
    """Return the phases in which a request is seen in so many seconds; it has to outlast its deadline."""
    seen, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        seen.add(str(place.status("promotionrequest", request).get("phase")))
        time.sleep(SEEN)  # poll
    return frozenset(seen)
