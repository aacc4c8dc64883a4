"""Each ModelAlias is answered by what its own `verify` asks, also where two name one workload."""

from collections.abc import Sequence

from modelalias.api.workload import Verify
from modelalias.ports import PodAnswer, Workload
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time


@in_virtual_time
async def test_an_edited_question_is_asked() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        ref = it.workloads.add("api")
        it.pods.answers[ref] = "2"
        asked: list[int] = []
        ask = it.pods.ask

        async def noted(workload: Workload, verify: Verify) -> Sequence[PodAnswer]:
            asked.append(verify.port)
            return await ask(workload, verify)

        it.pods.ask = noted  # type: ignore[method-assign]
        it.add_alias(serving=[{"name": "api", "verify": {"port": 8080}}])
        await it.settle(70)
        it.edit_alias(serving=[{"name": "api", "verify": {"port": 9090}}])
        await it.settle(70)

        assert 9090 in asked, "Verified rests on the answers at another port"


@in_virtual_time
async def test_one_pod_of_five_that_proves_the_version_makes_no_workload_ready() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        ref = it.workloads.add("api", desired=5)
        it.workloads.set(ref, available=1)
        it.pods.answers[ref] = "2"
        it.add_alias(serving=[{"name": "api", "verify": {"port": 8080}}])
        await it.settle(120)

        assert it.says_nothing_of("Ready") or not it.is_true("Ready"), it.alias().status.serving
