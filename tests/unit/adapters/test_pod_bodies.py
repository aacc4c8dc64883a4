"""What is read from the body of a pod."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from modelalias.adapters.pod_bodies import NoAddress, address_of, newest_first, parse_pod
from modelalias.ports import Pod, PodRef

MADE: Final = "2026-11-28T06:00:00Z"
BEGUN: Final = "2026-11-28T06:00:07Z"
READY: Final = "2026-11-28T06:00:30Z"

Body = dict[str, Any]


def running(since: str, restarts: int = 0) -> Body:
    return {"restartCount": restarts, "ready": True, "state": {"running": {"startedAt": since}}}


def pod(**status: Any) -> Body:
    """Return a ready pod of a Deployment."""
    return {
        "metadata": {
            "name": "churn-api-1",
            "namespace": "ml",
            "uid": "u-1",
            "creationTimestamp": MADE,
            "labels": {"app": "churn-api", "pod-template-hash": "7d4f5c9b6d"},
            "annotations": {"modelalias.dev/churn-champion": "4.7", "team": "risk"},
        },
        "spec": {
            "nodeName": "node-1",
            "initContainers": [{"name": "fetch", "env": [{"name": "MODEL_URI", "value": "models:/churn/4"}]}],
            "containers": [
                {
                    "name": "api",
                    "env": [
                        {"name": "MODEL_URI", "value": "models:/churn/3"},
                        {"name": "EMPTY"},
                        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                        {"name": "MODEL_URI", "value": "models:/churn/4"},
                    ],
                },
                {"name": "side"},
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.244.0.7",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": READY}],
            "initContainerStatuses": [
                {"name": "fetch", "restartCount": 2, "state": {"terminated": {"exitCode": 0}}}
            ],
            "containerStatuses": [
                {"name": "api", **running(BEGUN, 1)},
                {"name": "side", **running(MADE)},
            ],
            **status,
        },
    }


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_ready_pod_is_read_whole() -> None:
    assert parse_pod(pod()) == Pod(
        ref=PodRef(namespace="ml", name="churn-api-1", uid="u-1"),
        node="node-1",
        created=moment(MADE),
        started=moment(MADE),
        last_started=moment(BEGUN),
        ready=True,
        ready_since=moment(READY),
        restarts=3,
        revision="7d4f5c9b6d",
        marks={"churn-champion": "4.7"},
        containers={
            "fetch": {"MODEL_URI": "models:/churn/4"},
            "api": {"MODEL_URI": "models:/churn/4", "EMPTY": ""},
            "side": {},
        },
    )


def test_a_pod_that_was_only_made_is_read_as_far_as_it_is() -> None:
    body = pod()
    bare = {
        "metadata": {key: body["metadata"][key] for key in ("name", "namespace", "uid", "creationTimestamp")},
        "spec": {"containers": [{"name": "api"}]},
    }

    read = parse_pod(bare)

    assert (read.node, read.started, read.ready, read.ready_since, read.restarts) == (
        "",
        None,
        False,
        None,
        0,
    )
    assert (read.revision, read.marks, read.containers) == ("", {}, {"api": {}})
    assert read.trouble == "its containers have not been started yet"


def test_a_pod_that_ends_or_crashes_says_so() -> None:
    ending = pod()
    ending["metadata"]["deletionTimestamp"] = READY
    crashed = pod(
        conditions=[{"type": "Ready", "status": "False", "lastTransitionTime": MADE}],
        containerStatuses=[
            {"name": "api", "restartCount": 4, "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}
        ],
    )

    assert parse_pod(ending).ending
    read = parse_pod(crashed)
    assert (read.ready, read.crashed, read.trouble) == (False, "api", "container api crashed (exit code 3)")


@pytest.mark.parametrize(
    "label", ["pod-template-hash", "controller-revision-hash", "rollouts-pod-template-hash"]
)
def test_each_kind_has_its_label_of_revisions(label: str) -> None:
    body = pod()
    body["metadata"]["labels"] = {"app": "x", label: "abc"}

    assert parse_pod(body).revision == "abc"


def test_the_newest_comes_first_and_those_of_one_second_by_name() -> None:
    bodies = [
        {"metadata": {"name": name, "creationTimestamp": made}}
        for name, made in (("b", MADE), ("old", "2025-11-28T06:00:00Z"), ("a", MADE), ("new", READY))
    ]

    assert [body["metadata"]["name"] for body in sorted(bodies, key=newest_first)] == ["new", "a", "b", "old"]


@pytest.mark.parametrize(
    ("status", "address"),
    [
        ({"podIP": "10.244.0.7"}, "10.244.0.7"),
        ({"podIP": "10.244.0.7", "podIPs": [{"ip": "10.244.0.7"}, {"ip": "fd00::7"}]}, "10.244.0.7"),
        ({"podIP": None, "podIPs": [{"ip": "fd00::7"}]}, "fd00::7"),
        ({"podIP": "FD00:0::7"}, "fd00::7"),
        ({"podIP": "100.64.0.9"}, "100.64.0.9"),
    ],
    ids=["IPv4", "both", "IPv6 only", "IPv6 as it is written", "shared address space"],
)
def test_a_pod_is_asked_at_its_own_address(status: Body, address: str) -> None:
    assert address_of(pod(**status)) == address


NOT_ITS_OWN = "its address is none of a pod"


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1%eth0",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",  # noqa: S104 - nothing listens here
        "::",
        "localhost",
        "10.244.0.7:80",
        "10.244.0.7/evil",
        "0177.0.0.1",
    ],
)
def test_what_is_no_address_of_a_pod_is_not_asked(text: str) -> None:
    with pytest.raises(NoAddress, match=f"^{NOT_ITS_OWN}$"):
        address_of(pod(podIP=text))


def test_a_pod_on_the_network_of_its_node_is_not_asked() -> None:
    body = pod(podIP="192.168.1.5")
    body["spec"]["hostNetwork"] = True

    with pytest.raises(NoAddress, match=r"^it runs on the network of its node \(hostNetwork\)"):
        address_of(body)


@pytest.mark.parametrize("status", [{"podIP": ""}, {"podIP": None, "podIPs": []}])
def test_a_pod_without_an_address_says_so(status: Body) -> None:
    with pytest.raises(NoAddress, match=r"^it has no address yet$"):
        address_of(pod(**status))
