"""Order: a request that ends lets nobody go before its end is written, and a long line gets its answers bit
by bit."""

import asyncio

import pytest

from modelalias.core.errors import Refused
from modelalias.ports import Run, RunStatus
from modelalias.reconcile.planned_reads import ALIASES_SECONDS
from tests.support.harness import MODEL, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated


@in_virtual_time
async def test_a_refused_request_is_not_overtaken_and_judged_again() -> None:
    async with Cluster() as it:
        await it.model(0.80, 0.74, 0.76, aliases={"champion": "1"})
        it.add_alias(**gated({"champion": {"maxRegression": 0.05}}))
        it.ask("a", "2")
        it.ask("b", "3")
        await it.settle()

        assert it.end("a") == ("Rejected", "GatesFailed")
        assert it.end("b") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "3"}


@in_virtual_time
async def test_a_foreign_move_behind_a_refused_request_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Cluster() as it:
        await it.model(0.80, 0.10, 0.90, 0.95, aliases={"champion": "1"})
        it.add_alias(**gated({"champion": {"minImprovement": 0}}))
        write = it.objects.write_alias_status

        async def interfere(alias, status):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            if status.plan is not None and alias.status.plan is None:
                await asyncio.sleep(ALIASES_SECONDS + 0.1)  # what was read less long ago is believed
                await it.registry.set_alias(MODEL, "champion", "4")
            return await write(alias, status)

        monkeypatch.setattr(it.objects, "write_alias_status", interfere)
        it.ask("refused", "2")
        it.ask("go", "3")
        await it.settle()

        assert it.phase("refused") == "Rejected"
        assert it.phase("go") in {"RolledBack", "Failed"}
        assert await it.aliases() == {"champion": "4"}


@in_virtual_time
@pytest.mark.parametrize("waiting", [False, True], ids=["refused", "waiting"])
async def test_many_requests_of_one_alias_are_all_answered(
    monkeypatch: pytest.MonkeyPatch, *, waiting: bool
) -> None:
    async with Cluster() as it:
        await it.model(0.8, *[0.7] * 210, aliases={"champion": "1"})
        runs = it.registry.runs

        async def running(run_ids: tuple[str, ...]) -> dict[str, Run]:
            found = await runs(run_ids)
            return {key: run.model_copy(update={"status": RunStatus.RUNNING}) for key, run in found.items()}

        if waiting:
            monkeypatch.setattr(it.registry, "runs", running)
        it.add_alias(**gated({"threshold": 0.99}))
        for number in range(2, 212):
            it.ask(f"r{number:03}", str(number))
        await it.settle(0.2)  # sooner than a pass that failed is tried again

        wanted = "Pending" if waiting else "Rejected"
        assert {it.phase(f"r{number:03}") for number in range(2, 212)} == {wanted}


@in_virtual_time
async def test_a_registry_that_takes_no_tags_keeps_no_refusal_from_its_end() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.7, aliases={"champion": "1"})
        it.registry.fail_next(Refused("may not set tags"), call="tag_version", times=1000)
        it.add_alias(**gated({"threshold": 0.9}))
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")


@in_virtual_time
@pytest.mark.parametrize("bomb", ["[" * 50_000, "{" + '"a":{' * 3_000 + "}", "x" * 90_000])
async def test_a_record_that_is_no_record_does_no_harm(bomb: str) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.7, 0.95, aliases={"champion": "1"})
        await it.registry.tag_version(MODEL, "2", {"modelalias.champion": bomb})
        it.add_alias(**gated({"threshold": 0.9}))
        it.ask("bad", "2")
        it.ask("good", "3")
        await it.settle()

        assert it.phase("bad") == "Rejected"
        assert it.phase("good") == "Succeeded"


@in_virtual_time
async def test_an_end_tells_nothing_of_an_earlier_judgement() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "smoke": "2"})
        policy = gated({"threshold": 0.5})["policy"]
        it.add_alias(
            policy={**policy, "eligibility": {"requireAlias": "smoke"}, "approval": {"required": "Always"}}
        )
        it.ask("go", "2", requestedBy="ana")
        await it.settle()
        assert it.request("go").status.gates_passed == "1/1"
        await it.registry.delete_alias(MODEL, "smoke")
        it.edit_alias(historyLimit=10)
        await it.settle()

        assert it.end("go") == ("Rejected", "NotEligible")
        status = it.request("go").status
        assert (status.gates, status.gates_passed) == ((), None)
        assert '"gates":[]' in (status.result or "")
        conditions = {item.type: (item.status, item.reason) for item in status.conditions}
        assert conditions["GatesPassed"] == ("Unknown", "NotEligible")


@in_virtual_time
async def test_a_dry_run_of_a_run_says_what_is_known_only_later() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        run = await it.registry.create_run([("val_auc", 0.9, 0)])
        it.add_alias(policy={"eligibility": {"requireSignature": True}})
        it.ask("dry", source={"runId": run}, dryRun=True)
        await it.settle()

        assert it.end("dry") == ("Rejected", "Inconclusive")
        assert "requireSignature: known once the run is registered as a version" in it.says("dry")
