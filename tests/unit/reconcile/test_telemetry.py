"""What a scrape shows of what the operator did: through the whole engine, and each thing once."""

import asyncio
from typing import Any, Final

import pytest

from modelalias.adapters.prometheus_telemetry import PrometheusTelemetry
from modelalias.core.errors import Refused, Unavailable
from modelalias.core.protocol.effects import FileRequest
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Telemetry
from modelalias.reconcile import loop_lag
from modelalias.reconcile.queue import Key
from tests.support.harness import NAMESPACE, Cluster
from tests.support.scraped import Page
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated, request_spec

NAME: Final = {"alias_namespace": "ml", "alias_name": "churn-champion"}
SUCCEEDED: Final = ("Promote", "Succeeded", "Succeeded")
Counts = dict[tuple[str, ...], float]


class Scraped(Cluster):
    """A cluster whose operator is scraped."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = PrometheusTelemetry(wall=lambda: self.wall().timestamp())
        self.telemetry: Telemetry = self.counted

    def page(self) -> Page:
        return Page.of(self.counted)

    def ends(self) -> Counts:
        return self.counted_of("modelalias_requests_total", "operation", "outcome", "reason")

    def moves(self) -> Any:
        return self.counted_of("modelalias_moves_total", "operation", "outcome")

    def counted_of(self, name: str, *names: str) -> Counts:
        """Return the samples that are not 0, by these labels."""
        found = self.page().series(name)
        return {tuple(dict(each)[name] for name in names): count for each, count in found.items() if count}

    async def restart(self) -> None:
        """Start another process, which has counted nothing."""
        await self.stop()
        self.counted = self.telemetry = PrometheusTelemetry()
        self.start()
        await self.settle()


@in_virtual_time
async def test_a_promotion() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], **gated({"threshold": 0.5}))
        it.ask("go", "2")
        await it.settle()
        meanwhile = it.page()
        await asyncio.sleep(20)
        await it.finish_rollout()
        page = it.page()

        assert meanwhile.value("modelalias_requests", alias_namespace="ml", phase="RollingOut") == 1
        assert meanwhile.value("modelalias_alias_phase", **NAME, phase="RollingOut") == 1
        assert it.ends() == {SUCCEEDED: 1}
        assert it.moves() == {("Adopt", "Succeeded"): 1, ("Promote", "Succeeded"): 1}
        assert it.counted_of("modelalias_gates_total", "result", "enforcement") == {("Passed", "Block"): 1}
        rolling = page.value("modelalias_request_phase_duration_seconds_sum", phase="RollingOut")
        assert rolling is not None
        assert 20 <= rolling <= 25
        took = {"operation": "Promote", "outcome": "Succeeded"}
        assert page.value("modelalias_request_duration_seconds_count", **took) == 1
        what = {"registry": "default", "model": "churn", "alias": "champion"}
        assert page.value("modelalias_alias_info", **NAME, **what, version="2") == 1
        assert page.value("modelalias_requests", alias_namespace="ml", phase="RollingOut") == 0


@in_virtual_time
async def test_what_ended_before_a_restart_counts_no_more() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5}))
        it.ask("go", "2")
        await it.settle()
        await it.restart()
        await it.settle(1_500)

        assert it.ends() == it.moves() == {}
        assert it.counted_of("modelalias_gates_total", "result", "enforcement") == {}
        assert not any(it.page().series("modelalias_request_phase_duration_seconds_count").values())
        assert it.page().value("modelalias_alias_phase", **NAME, phase="Ready") == 1


@in_virtual_time
async def test_what_a_restart_interrupts_is_timed_from_its_beginning() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle(100)
        await it.restart()
        await it.finish_rollout()

        rolling = it.page().value("modelalias_request_phase_duration_seconds_sum", phase="RollingOut")
        assert rolling is not None
        assert rolling >= 100
        assert it.ends() == {SUCCEEDED: 1}


@in_virtual_time
async def test_the_same_request_applied_again_counts_nothing() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5}))
        it.ask("go", "2")
        await it.settle()
        before = it.ends(), it.moves(), it.page().series("modelalias_request_duration_seconds_count")
        it.objects.remove_request(NAMESPACE, "go")
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Succeeded", "AlreadyProcessed")
        assert (it.ends(), it.moves()) == before[:2]
        assert it.page().series("modelalias_request_duration_seconds_count") == before[2]


@in_virtual_time
async def test_a_verdict_counts_once_however_often_it_is_written() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.add_alias(
            **gated({"threshold": 0.95}, {"name": "advice", "threshold": 0.99, "enforcement": "Advise"})
        )
        it.ask("go", "2")
        await it.settle()

        assert it.ends() == {("Promote", "Rejected", "GatesFailed"): 1}
        gates = it.counted_of("modelalias_gates_total", "result", "enforcement")
        assert gates == {("Failed", "Block"): 1, ("Failed", "Advise"): 1}


@in_virtual_time
async def test_a_rollout_that_fails_counts_as_rolled_back() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60})
        it.ask("go", "2")
        await it.settle(70)
        await it.finish_rollout()

        assert it.ends() == {("Promote", "RolledBack", "RolledBack"): 1}
        assert it.moves()["Promote", "RolledBack"] == 1
        back = it.page().value("modelalias_request_phase_duration_seconds_count", phase="RollingBack")
        assert back == 1


@in_virtual_time
@pytest.mark.parametrize(
    ("decision", "end"),
    [("Approve", SUCCEEDED), ("Reject", ("Promote", "Rejected", "Declined"))],
)
async def test_a_decision_counts_once(decision: str, end: tuple[str, str, str]) -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        policy = {"approval": {"required": "Always", "users": ["ann"]}}
        it.add_alias(policy={**gated({"threshold": 0.5})["policy"], **policy})
        it.ask("go", "2", requestedBy="bob")
        await it.settle()
        waiting = it.page()
        evidence = it.resolved("go").evidence
        it.edit_request("go", approvals=[{"user": "ann", "evidence": evidence, "decision": decision}])
        await it.settle()

        assert waiting.value("modelalias_requests", alias_namespace="ml", phase="AwaitingApproval") == 1
        assert it.counted_of("modelalias_approvals_total", "decision") == {(decision,): 1}
        assert it.ends() == {end: 1}
        waited = it.page().value("modelalias_request_phase_duration_seconds_count", phase="AwaitingApproval")
        assert waited == 1


@in_virtual_time
async def test_a_registry_that_goes_and_comes() -> None:
    async with Scraped() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        good = it.page()
        it.registry.fail_next(Unavailable("away"), times=1_000)
        await it.settle(60)
        away = it.page()
        it.registry.heal()
        await it.settle(60)
        back = it.page()

        seen = "modelalias_registry_snapshot_timestamp_seconds"
        pages = (good, away, back)
        assert [page.value("modelalias_registry_up", registry="default") for page in pages] == [1, 0, 1]
        assert good.value("modelalias_registry_snapshot_models", registry="default") == 1
        times = [page.value(seen, registry="default") or 0 for page in pages]
        assert times[0] <= times[1] < times[2]
        assert times[2] == pytest.approx(it.wall().timestamp(), abs=60)


@in_virtual_time
async def test_whether_identities_are_proved() -> None:
    async with Scraped() as it:
        await it.settle()
        proved = it.page().value("modelalias_identity_proved")
        it.admission.why = "the policy is missing"
        await it.settle(70)

        assert (proved, it.page().value("modelalias_identity_proved")) == (1, 0)


@in_virtual_time
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unavailable("away"), "unavailable"),
        (Refused("no"), "refused"),
        (RuntimeError("a bug"), "unexpected"),
    ],
)
async def test_a_look_that_ends_early_counts_by_its_kind(error: Exception, kind: str) -> None:
    async with Scraped() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.objects.fail_next(error, call="write_alias_status")
        it.add_alias()
        await it.settle()
        it.take_errors()

        assert it.counted_of("modelalias_reconcile_errors_total", "kind") == {(kind,): 1}
        looks = it.page().value("modelalias_reconcile_duration_seconds_count")
        assert looks is not None
        assert looks >= 2
        assert it.page().value("modelalias_queue_wait_seconds_count") == looks
        assert it.page().value("modelalias_queue_depth") == 0


@in_virtual_time
async def test_what_is_deleted_is_shown_no_more() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        policy = {"approval": {"required": "Always", "users": ["ann"]}}
        it.add_alias(policy={**gated({"threshold": 0.5})["policy"], **policy})
        it.ask("go", "2", requestedBy="bob")
        await it.settle()
        before = it.page().series("modelalias_request_oldest_timestamp_seconds")
        it.objects.remove_request(NAMESPACE, "go")
        it.objects.delete_alias(NAMESPACE, NAME["alias_name"])
        await it.settle()

        assert len(before) == 1
        assert it.page().series("modelalias_request_oldest_timestamp_seconds") == {}
        assert set(it.page().series("modelalias_requests").values()) == {0}
        assert it.page().series("modelalias_alias_info") == {}


@in_virtual_time
async def test_what_the_operator_files_by_itself() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        effect = FileRequest(namespace=NAMESPACE, name="by-itself", spec=request_spec("2"))
        assert it.engine is not None
        reconciler = it.engine._reconciler  # noqa: SLF001 - no rule asks for it yet that stands alone

        await reconciler._carry_out(Key(NAMESPACE, NAME["alias_name"]), effect, Facts())  # noqa: SLF001 - as above

        assert it.counted_of("modelalias_automatic_requests_total", "operation") == {("Promote",): 1}


@in_virtual_time
async def test_no_label_is_a_run_a_request_a_person_or_a_sentence() -> None:
    async with Scraped() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5}))
        it.ask("request-name", "2", requestedBy="person-name", reason="a reason in words")
        it.ask("other-name", "1", requestedBy="person-name", reason="a reason in words")
        await it.settle()

        runs = {str(version.run_id) for version in it.registry.versions("churn").values()}
        secret = {"request-name", "other-name", "person-name", "a reason in words", "http", *runs}
        values = it.page().label_values()
        assert "churn" in values
        assert [(word, value) for value in values for word in secret if word in value] == []
        assert [value for value in values if " " in value] == []


async def test_the_lateness_of_timers_is_told() -> None:
    telemetry, now, late = PrometheusTelemetry(), 100.0, iter([0.0, 0.4, -0.001])

    async def sleep(seconds: float) -> None:
        nonlocal now
        delay = next(late, None)
        if delay is None:
            raise asyncio.CancelledError
        now += seconds + delay

    with pytest.raises(asyncio.CancelledError):
        await loop_lag.measure(telemetry, lambda: now, sleep)

    page = Page.of(telemetry)
    assert page.value("modelalias_event_loop_lag_seconds_count") == 3
    assert page.value("modelalias_event_loop_lag_seconds_sum") == pytest.approx(0.4)
