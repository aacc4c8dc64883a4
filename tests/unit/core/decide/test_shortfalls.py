"""What a rollout accepts as missing never covers pods of the former version, nor a workload without pods."""

from modelalias.ports import Pod, PodRef
from tests.support.harness import NAME, START, Cluster
from tests.support.virtual_loop import in_virtual_time


async def promoted_with_one_missing(it: Cluster, desired: int, available: int) -> None:
    await it.model(0.7, 0.8, aliases={"champion": "1"})
    ref = it.workloads.add("api", desired=desired, marks={NAME: "1.1"})
    it.workloads.set(ref, available=available)
    it.add_alias(serving=[{"name": "api"}], rollout={"stableSeconds": 10, "deadlineSeconds": 600})
    it.ask("go", "2")
    await it.settle()


def pod(number: int, mark: str, *, ready: bool = True) -> Pod:
    ref = PodRef(namespace="ml", name=f"api-{number}", uid=f"u-{number}")
    return Pod(ref=ref, created=START, started=START, ready=ready, marks={NAME: mark})


@in_virtual_time
async def test_a_ready_pod_of_the_former_version_is_no_shortfall() -> None:
    async with Cluster() as it:
        await promoted_with_one_missing(it, desired=3, available=2)
        ref, mark = it.ref("api"), it.mark("api") or ""
        it.pods.exact[ref] = [pod(3, mark, ready=False), pod(2, mark), pod(1, mark), pod(0, "1.1")]
        it.workloads.observe(ref, updated=3, available=3, total=4)

        await it.settle(60)

        assert it.phase("go") == "RollingOut", "one ready pod still serves version 1"
        assert it.condition("RolledOut").status != "True", it.alias().status.serving


@in_virtual_time
async def test_a_shortfall_that_was_accepted_does_not_cover_the_last_pod_after_scaling_down() -> None:
    async with Cluster() as it:
        await promoted_with_one_missing(it, desired=10, available=5)
        ref = it.ref("api")
        it.workloads.observe(ref, updated=5, available=5, total=10)
        await it.settle(60)
        it.workloads.edit(ref, desired=4)
        it.workloads.observe(ref, updated=4, available=0, total=4)
        await it.settle(120)

        assert it.says_nothing_of("Ready") or not it.is_true("Ready"), it.alias().status.serving


@in_virtual_time
async def test_a_rollout_that_is_scaled_down_meanwhile_needs_one_pod_that_loaded_the_version() -> None:
    async with Cluster() as it:
        await promoted_with_one_missing(it, desired=10, available=2)
        ref = it.ref("api")
        it.workloads.edit(ref, desired=4)
        it.workloads.observe(ref, updated=4, available=0, total=4)
        await it.settle(60)

        assert it.phase("go") == "RollingOut", it.says("go")
