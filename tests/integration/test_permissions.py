"""What the operator's roles allow, and that what needs a missing permission waits and says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from modelalias.adapters.kubernetes_objects import KubernetesObjects
from modelalias.adapters.pods import KubernetesPods
from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.api.request import PromotionRequestSpec
from modelalias.api.workload import Verify, WorkloadKind
from modelalias.core.errors import Refused
from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_account import Grant, copied, signed_in
from tests.support.operator_process import OperatorProcess, config_for, running
from tests.support.pod_worlds import READY, RealWorld
from tests.support.raw_api import connection_as, raw_api
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage
from tests.support.team import OPERATOR

ALIAS = "churn-champion"
MEASURED = {
    "evaluation": {"cronJob": "holdout"},
    "gates": [
        {
            "name": "holdout",
            "metric": "auc",
            "direction": "HigherIsBetter",
            "threshold": 0.5,
            "metricFrom": "Evaluation",
        }
    ],
}
CREATE_REQUESTS: Grant = ("modelalias.dev", "promotionrequests", "", "create")
PATCH_DEPLOYMENTS: Grant = ("apps", "deployments", "", "patch")


def test_a_promotion_waits_for_the_permission_to_patch_and_names_it(
    stage: Stage, seeded: Seeding, kubeconfig: str, namespace: str, mlflow_server: Server, tmp_path: Path
) -> None:
    seeded.version(val_auc=0.8)
    stage.deployment("churn-api", IMAGE, replicas=0)
    stage.apply(
        "ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "serving": [{"name": "churn-api"}]}
    )
    with copied(kubeconfig, namespace, tmp_path) as account:
        config = config_for(namespace, mlflow_server.uri)
        operator = OperatorProcess(account.may_not(PATCH_DEPLOYMENTS), config, tmp_path)

        with running(operator):
            stage.request("churn-v1", ALIAS, source={"version": "1"})
            told = stage.until("modelalias", ALIAS, lambda it: bool(_forbidden(it)), "the refusal is told")
            meanwhile = stage.status("promotionrequest", "churn-v1")
            account.may_not()
            ended = stage.complete("churn-v1")
        after = stage.get("modelalias", ALIAS)

    assert f"may not patch deployments.apps in namespace {namespace}: grant it" in _forbidden(told)[0]
    assert meanwhile["phase"] in {"Promoting", "RollingOut"}, "a missing permission is no failed rollout"
    assert operator.refused(), "the log names it too"
    assert ended["phase"] == "Succeeded"
    assert not _forbidden(after)
    assert seeded.aliases() == {"champion": "1"}


@pytest.fixture
def elsewhere(kube_api: KubeApi, stage: Stage) -> Iterator[Stage]:
    """Another namespace, which has not invited the operator."""
    name = f"{stage.namespace}-elsewhere"
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": name}}).ok
    yield Stage(stage.kubeconfig, name, stage.user)
    kube_api.send("DELETE", f"/api/v1/namespaces/{name}")


def test_in_the_namespaces_that_invite_it_the_operator_works_and_elsewhere_it_says_what_is_missing(
    stage: Stage,
    elsewhere: Stage,
    seeded: Seeding,
    kubeconfig: str,
    mlflow_server: Server,
    tmp_path: Path,
) -> None:
    seeded.version(val_auc=0.8)
    for place, alias in {stage: "champion", elsewhere: "other"}.items():
        place.deployment("churn-api", IMAGE, replicas=0)
        spec = {"model": seeded.model, "alias": alias, "serving": [{"name": "churn-api"}]}
        place.apply("ModelAlias", ALIAS, spec)
        place.apply(
            "ModelAlias", "measured", {"model": seeded.model, "alias": f"m-{alias}", "policy": MEASURED}
        )
    names = [stage.namespace, elsewhere.namespace]
    config = {**config_for(stage.namespace, mlflow_server.uri), "namespaces": names}
    with copied(kubeconfig, stage.namespace, tmp_path) as account:
        operator = OperatorProcess(account.invited(elsewhere=elsewhere.namespace), config, tmp_path)

        with running(operator):
            for place in (stage, elsewhere):
                place.request("churn-v1", ALIAS, source={"version": "1"})
                place.request("measured-v1", "measured", source={"version": "1"})
            ended = stage.complete("churn-v1")
            told = elsewhere.until(
                "modelalias", ALIAS, lambda it: bool(_forbidden(it)), "the refusal is told"
            )
            unmeasured = elsewhere.until(
                "promotionrequest", "measured-v1", lambda it: "may not" in _says(it), "the refusal is told"
            )
            measured = stage.until(
                "promotionrequest",
                "measured-v1",
                lambda it: "there is no CronJob" in _says(it),
                "it was looked for",
            )

    assert ended["phase"] == "Succeeded"
    assert _forbidden(told)[0].startswith(
        f"may not patch deployments.apps in namespace {elsewhere.namespace}: grant it"
    )
    assert f"may not get cronjobs.batch in namespace {elsewhere.namespace}" in _says(unmeasured)
    assert "may not" not in _says(measured)
    assert seeded.aliases()["champion"] == "1"


@pytest.mark.usefixtures("kube_api")  # the kinds must be served
async def test_what_is_asked_for_only_after_a_conflict_or_an_end_is_allowed(
    kubeconfig: str, namespace: str, tmp_path: Path
) -> None:
    async with connection_as(signed_in(kubeconfig, namespace, tmp_path)) as connection:
        objects = KubernetesObjects(connection, identity="test")

        read = (await objects.alias(namespace, "none"), await objects.request(namespace, "none"))
        await objects.delete_request(namespace, "none", "no-uid", 1)

    assert read == (None, None)


@pytest.mark.usefixtures("kube_api")
async def test_the_operator_files_in_its_own_name(kubeconfig: str, namespace: str, tmp_path: Path) -> None:
    async with connection_as(signed_in(kubeconfig, namespace, tmp_path)) as connection:
        objects = KubernetesObjects(connection, identity="test")

        account = await objects.account()
        filed = await objects.create_request(namespace, "churn-auto-4", _by(account))

    assert account == OPERATOR.name
    assert filed.spec.requested_by == OPERATOR.name


@pytest.mark.usefixtures("kube_api")
async def test_without_the_role_for_requests_it_knows_its_name_and_files_nothing(
    kubeconfig: str, namespace: str, tmp_path: Path
) -> None:
    with copied(kubeconfig, namespace, tmp_path) as copy:
        async with connection_as(copy.may_not(CREATE_REQUESTS)) as connection:
            objects = KubernetesObjects(connection, identity="test")

            account = await objects.account()
            with pytest.raises(
                Refused, match=r"^may not create promotionrequests\.modelalias\.dev in namespace"
            ):
                await objects.create_request(namespace, "churn-auto-4", _by(account))

    assert account == f"system:serviceaccount:{namespace}:modelalias-operator"


def _by(account: str) -> PromotionRequestSpec:
    given = {"aliasRef": {"name": ALIAS}, "source": {"version": "4"}, "requestedBy": account}
    return PromotionRequestSpec.model_validate(given)


@pytest.mark.usefixtures("kube_api")
async def test_pods_are_seen_with_what_is_shipped_and_deleted_only_with_the_component(
    kubeconfig: str, namespace: str, tmp_path: Path
) -> None:
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as all_may:
        mine = RealWorld(api, KubernetesWorkloads(all_may), KubernetesPods(all_may), namespace)
        workload = await mine.workload(WorkloadKind.DEPLOYMENT, 1)
        (pod,) = await mine.every(workload)
        await mine.write(pod, READY)
        async with connection_as(signed_in(kubeconfig, namespace, tmp_path)) as connection:
            pods = KubernetesPods(connection)

            seen = [found.ref for found in await pods.of(workload)]
            lines = await pods.last_lines(pod, "api")
            answers = await pods.ask(workload, Verify(port=8080))
            with pytest.raises(
                Refused, match=r"may not delete pods .* as the component delete-stuck-pods does"
            ):
                await pods.delete(pod)

    assert (seen, lines, [answer.pod for answer in answers]) == ([pod], "", [pod])


def _says(request: Object) -> str:
    return str(request.get("status", {}).get("explanation", ""))


def _forbidden(alias: Object) -> list[str]:
    conditions = alias.get("status", {}).get("conditions", ())
    return [item["message"] for item in conditions if item["reason"] == "Forbidden"]
