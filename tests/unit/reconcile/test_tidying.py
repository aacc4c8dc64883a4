"""Requests that have ended are deleted when their time is over or their alias keeps no more, unless Git keeps
them."""

import pytest

from modelalias.api.metadata import Metadata
from modelalias.core.errors import Refused
from modelalias.reconcile import gitops, tidying
from modelalias.reconcile.known_requests import EndedRequest
from tests.support.harness import NAMESPACE, START, Cluster
from tests.support.virtual_loop import in_virtual_time


def _there(it: Cluster) -> list[str]:
    return sorted(name for _, name in it.objects.requests)


@in_virtual_time
async def test_a_request_goes_when_its_time_is_over_and_not_before() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2", ttlSecondsAfterFinished=100)
        it.ask("stays", "1")
        await it.settle(50)
        assert _there(it) == ["go", "stays"]

        await it.settle(60)

        assert _there(it) == ["stays"]
        assert await it.aliases() == {"champion": "1"}
        await it.assert_settled()


@in_virtual_time
async def test_zero_seconds_are_at_once_and_the_end_is_remembered() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2", ttlSecondsAfterFinished=0)
        await it.settle()
        assert _there(it) == []

        it.ask("go", "2", ttlSecondsAfterFinished=0)
        await it.settle()

        assert _there(it) == []
        assert [item.outcome for item in it.alias().status.history] == ["Succeeded", "Succeeded"]


@in_virtual_time
async def test_a_request_that_waits_is_not_deleted() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(suspend=True, requestHistoryLimit=0)
        it.ask("go", "2", ttlSecondsAfterFinished=0)

        await it.settle(1_000)

        assert _there(it) == ["go"]


@in_virtual_time
async def test_the_oldest_go_when_there_are_more_than_are_kept() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(requestHistoryLimit=2)
        for number in range(4):
            it.ask(f"go-{number}", "2")
            await it.settle()

        assert _there(it) == ["go-2", "go-3"]
        it.edit_alias(requestHistoryLimit=1)
        await it.settle()
        assert _there(it) == ["go-3"]


def test_of_those_that_ended_in_the_same_second_the_last_one_is_kept() -> None:
    ended = [
        EndedRequest(name, "uid", version, START, None, tracked=False)
        for name, version in (("later", 9), ("sooner", 5))
    ]

    gone = tidying.due(ended, 1, START)

    assert [item.name for item in gone] == ["sooner"]


@in_virtual_time
async def test_it_is_found_after_a_restart_and_when_its_alias_is_gone() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2", ttlSecondsAfterFinished=600)
        await it.settle()
        it.objects.delete_alias(NAMESPACE, "churn-champion")
        await it.stop()

        await it.settle(700)

        assert _there(it) == []


@in_virtual_time
async def test_what_a_tool_keeps_in_git_is_left_alone_until_it_lets_go() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(requestHistoryLimit=0)
        it.ask("go", "2", ttlSecondsAfterFinished=10)
        it.objects.label_request(NAMESPACE, "go", **{"kustomize.toolkit.fluxcd.io/name": "models"})

        await it.settle(1_000)

        assert _there(it) == ["go"]


@in_virtual_time
async def test_a_missing_permission_is_no_reason_to_stop_and_is_tried_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        it.objects.fail_next(Refused("delete promotionrequests"), call="delete_request", times=2)
        it.ask("go", "2", ttlSecondsAfterFinished=0)
        it.ask("next", "3")

        await it.settle(10)
        assert it.end("next") == ("Succeeded", "Succeeded")
        assert _there(it) == ["go", "next"]
        await it.settle(150)

        assert _there(it) == ["next"]


@pytest.mark.parametrize(
    ("labels", "annotations", "tool"),
    [
        ({}, {"argocd.argoproj.io/tracking-id": "app:modelalias.dev/PromotionRequest:ml/go"}, "Argo CD"),
        ({"app.kubernetes.io/instance": "models"}, {}, "Argo CD"),
        ({"kustomize.toolkit.fluxcd.io/name": "models"}, {}, "Flux"),
        ({"helm.toolkit.fluxcd.io/name": "models"}, {}, "Flux"),
        ({"app.kubernetes.io/managed-by": "Helm"}, {"meta.helm.sh/release-name": "models"}, "Helm"),
        ({}, {"configmanagement.gke.io/managed": "enabled"}, "Config Sync"),
        ({"kapp.k14s.io/app": "1"}, {}, "kapp"),
        ({"applyset.kubernetes.io/part-of": "applyset-1"}, {}, "kubectl apply --prune"),
        (
            {"app.kubernetes.io/name": "models"},
            {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            None,
        ),
        ({}, {}, None),
    ],
)
def test_tools_are_known_by_their_marks(
    labels: dict[str, str], annotations: dict[str, str], tool: str | None
) -> None:
    assert gitops.tracker(Metadata(name="go", labels=labels, annotations=annotations)) == tool
