"""Evaluation: Jobs measure both sides on the same data before anything moves, and nothing of them is left
behind."""

from collections import Counter
from collections.abc import Mapping

import pytest

from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.ports import Dataset, EvaluationRun, Job, JobRef, JobState, NewJob, RunStatus
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time

HOLDOUT = Dataset(name="holdout", digest="9f3c", context="validation")
OTHER = Dataset(name="holdout", digest="0000", context="validation")
GATE = {
    "name": "holdout",
    "metric": "holdout_auc",
    "direction": "HigherIsBetter",
    "champion": {"maxRegression": 0},
    "metricFrom": "Evaluation",
}
OWN = {
    "name": "own",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.002},
}
CALLS = {
    "aliases": 4,
    "version": 6,
    "runs": 5,
    "evaluation_run": 2,
    "end_run": 2,
    "tag_version": 2,
    "set_alias": 1,
}
"""What a promotion with an evaluation of both sides asks of the registry; the champion's version goes with the
candidate's."""
EVALUATION = {"cronJob": "churn-holdout", "timeoutSeconds": 600}


async def _begun(it: Cluster, *gates: Mapping[str, object], **policy: object) -> None:
    """Let a request for version 2 be evaluated against version 1."""
    await it.model(0.80, 0.86, 0.9, aliases={"champion": "1"})
    it.jobs.add_cron_job(NAMESPACE, "churn-holdout")
    it.add_alias(policy={"gates": list(gates or (GATE,)), "evaluation": EVALUATION, **policy})
    it.ask("go", "2", requestedBy="ana")
    await it.settle()


async def _edited(it: Cluster, cron_job: str) -> None:
    """Let the owner name another template."""
    it.jobs.add_cron_job(NAMESPACE, cron_job)
    evaluation = {**EVALUATION, "cronJob": cron_job}
    it.edit_alias(policy={"gates": [GATE], "evaluation": evaluation})
    await it.settle(60)


def _job(it: Cluster, side: str) -> NewJob:
    return next(job for job in reversed(it.jobs.started) if dict(job.environment)["MODELALIAS_SIDE"] == side)


async def _measured(it: Cluster, side: str, value: float | None, dataset: Dataset | None = HOLDOUT) -> None:
    """Let the Job of a side log what it measured, and end."""
    job = _job(it, side)
    if value is not None:
        await it.registry.log_metric(job.run_id, "holdout_auc", value)
    if dataset is not None:
        await it.registry.log_dataset(job.run_id, dataset)
    it.jobs.finish(job.ref)


@in_virtual_time
async def test_both_sides_are_measured_before_the_alias_moves() -> None:
    async with Cluster() as it:
        await _begun(it)

        assert it.phase("go") == "Evaluating"
        assert it.says("go").startswith(
            "measuring candidate version 2 and champion version 1: Job go-candidate-"
        )
        assert await it.aliases() == {"champion": "1"}
        for side, version in (("Candidate", "2"), ("Champion", "1")):
            job = _job(it, side)
            told = dict(job.environment)
            assert (told["MODEL_URI"], told["MLFLOW_RUN_ID"]) == (f"models:/churn/{version}", job.run_id)
            assert (job.owner.kind, job.owner.name, job.alias, job.timeout_seconds) == (
                "PromotionRequest",
                "go",
                "churn-champion",
                600,
            )
            run = await it.registry.read_run(job.run_id)
            assert run.status == RunStatus.RUNNING
            assert run.experiment == "modelalias/churn"
            assert run.tags["modelalias.side"] == side
            assert run.tags["modelalias.version"] == version
            assert run.tags["modelalias.request"] == "ml/go"

        await _measured(it, "Candidate", 0.87)
        await it.settle()
        assert it.phase("go") == "Evaluating"
        await _measured(it, "Champion", 0.85)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "2"}
        status = it.request("go").status
        assert [(item.side, item.version, item.state) for item in status.evaluation] == [
            ("Candidate", "2", "Succeeded"),
            ("Champion", "1", "Succeeded"),
        ]
        (found,) = status.gates
        assert (found.candidate, found.champion, found.dataset) == ("0.87", "0.85", "holdout@9f3c")
        assert found.rule == ">= 0.85 (champion 0.85 - 0)"
        assert len(it.jobs.started) == 2
        run = await it.registry.read_run(_job(it, "Candidate").run_id)
        assert run.status == RunStatus.FINISHED
        await it.assert_settled()


@in_virtual_time
async def test_the_holdout_refuses_what_the_runs_own_metrics_would_promote() -> None:
    async with Cluster() as it:
        await _begun(it, OWN, GATE)
        await _measured(it, "Candidate", 0.81)
        await _measured(it, "Champion", 0.85)
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert [(item.name, item.result) for item in it.request("go").status.gates] == [
            ("own", "Passed"),
            ("holdout", "Failed"),
        ]
        assert "holdout_auc 0.81 is not >= 0.85" in it.says("go")
        assert await it.aliases() == {"champion": "1"}
        await it.assert_settled()


@in_virtual_time
@pytest.mark.parametrize(
    ("candidate", "champion", "why"),
    [
        pytest.param(HOLDOUT, OTHER, "not measured on the same data", id="different data"),
        pytest.param(
            HOLDOUT, None, "the dataset of the champion is not known", id="the champion's data unknown"
        ),
        pytest.param(
            None, HOLDOUT, "the dataset of the candidate is not known", id="the candidate's data unknown"
        ),
    ],
)
async def test_numbers_of_different_data_are_inconclusive(
    candidate: Dataset | None, champion: Dataset | None, why: str
) -> None:
    async with Cluster() as it:
        await _begun(it)
        await _measured(it, "Candidate", 0.9, candidate)
        await _measured(it, "Champion", 0.8, champion)
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert why in it.says("go")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_a_failed_job_is_inconclusive_with_its_last_lines() -> None:
    async with Cluster() as it:
        await _begun(it)
        await _measured(it, "Champion", 0.85)
        it.jobs.finish(
            _job(it, "Candidate").ref,
            succeeded=False,
            message="BackoffLimitExceeded: twice",
            lines="no such file\n",
        )
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert "failed: BackoffLimitExceeded: twice" in it.says("go")
        (side,) = [item for item in it.request("go").status.evaluation if item.side == "Candidate"]
        assert (side.state, side.last_lines) == ("Failed", "no such file")
        told = [event.message for event in it.objects.events] + [it.says("go"), str(await it.tags("2"))]
        assert not [text for text in told if "no such file" in text]
        assert (await it.registry.read_run(side.run_id or "")).status == RunStatus.FAILED


@in_virtual_time
async def test_a_metric_that_the_job_did_not_log_counts_as_missing() -> None:
    async with Cluster() as it:
        await _begun(it)
        await _measured(it, "Champion", 0.85)
        await _measured(it, "Candidate", None)
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert "did not log holdout_auc" in it.says("go")


@in_virtual_time
async def test_without_a_champion_only_the_candidate_is_measured() -> None:
    async with Cluster() as it:
        await it.model(0.8)
        it.jobs.add_cron_job(NAMESPACE, "churn-holdout")
        it.add_alias(policy={"gates": [GATE], "evaluation": EVALUATION})
        it.ask("go", "1")
        await it.settle()
        assert [dict(job.environment)["MODELALIAS_SIDE"] for job in it.jobs.started] == ["Candidate"]
        await _measured(it, "Candidate", 0.8)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_an_absolute_bar_needs_no_champion_measured() -> None:
    async with Cluster() as it:
        bar = {
            "name": "rmspe",
            "metric": "holdout_auc",
            "direction": "LowerIsBetter",
            "threshold": 0.1,
            "metricFrom": "Evaluation",
        }
        await _begun(it, bar)
        assert [dict(job.environment)["MODELALIAS_SIDE"] for job in it.jobs.started] == ["Candidate"]
        await _measured(it, "Candidate", 0.09)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_no_job_is_started_for_what_is_refused_already() -> None:
    async with Cluster() as it:
        await _begun(it, {**OWN, "champion": {"minImprovement": 0.5}}, GATE)

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert it.jobs.started == []
        assert [(item.name, item.result) for item in it.request("go").status.gates] == [
            ("own", "Failed"),
            ("holdout", "Skipped"),
        ]


@in_virtual_time
async def test_an_abort_stops_the_jobs_and_their_runs() -> None:
    async with Cluster() as it:
        await _begun(it)
        runs = [job.run_id for job in it.jobs.started]
        it.edit_request("go", abort=True)
        await it.settle()

        assert it.end("go") == ("Aborted", "Aborted")
        assert it.jobs.jobs == {}
        assert [item.state for item in it.request("go").status.evaluation] == ["Stopped", "Stopped"]
        assert [(await it.registry.read_run(run)).status for run in runs] == [
            RunStatus.KILLED,
            RunStatus.KILLED,
        ]
        await it.assert_settled()


@in_virtual_time
async def test_an_alias_that_somebody_moves_changes_nothing_about_what_is_measured() -> None:
    async with Cluster() as it:
        await _begun(it)
        await _measured(it, "Candidate", 0.9)
        await it.registry.set_alias("churn", "champion", "3")
        await it.settle(60)
        await _measured(it, "Champion", 0.8)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert len(it.jobs.started) == 2
        assert dict(_job(it, "Champion").environment)["MODEL_URI"] == "models:/churn/1"


@in_virtual_time
async def test_a_champion_that_was_made_anew_is_not_measured() -> None:
    async with Cluster() as it:
        await it.model(0.80, 0.86, aliases={"champion": "1"})
        it.jobs.add_cron_job(NAMESPACE, "churn-holdout")
        it.add_alias(policy={"gates": [GATE], "evaluation": EVALUATION})
        await it.settle()
        await it.registry.rename_model("churn", "hidden")
        await it.registry.create_model("churn")
        for auc in (0.1, 0.86):
            run_id = await it.registry.create_run([("val_auc", auc, 0)])
            await it.registry.create_version("churn", run_id)

        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert "champion version 1 is gone, or was made anew" in it.says("go")
        assert it.jobs.started == []


@in_virtual_time
async def test_another_template_is_another_evaluation_of_both() -> None:
    async with Cluster() as it:
        await _begun(it)
        first = {job.ref for job in it.jobs.started}
        await _measured(it, "Candidate", 0.9)
        await _edited(it, "another-holdout")

        assert it.phase("go") == "Evaluating"
        assert len(it.jobs.started) == 4
        assert not {job.ref for job in it.jobs.started[2:]} & first
        champion = next(
            job for job in it.jobs.started[:2] if dict(job.environment)["MODELALIAS_SIDE"] == "Champion"
        )
        assert it.jobs.stopped == [champion.ref]
        await _measured(it, "Candidate", 0.95)
        await _measured(it, "Champion", 0.93)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_requests_behind_one_that_is_measured_wait_for_it() -> None:
    async with Cluster() as it:
        await _begun(it)
        it.ask("later", "3")
        await it.settle()

        assert it.phase("later") == "Queued"
        assert it.says("later") == "number 1 in the queue, behind PromotionRequest go"
        assert it.alias().status.queue == ("later",)
        await _measured(it, "Candidate", 0.7)
        await _measured(it, "Champion", 0.8)
        await it.settle()

        assert it.phase("go") == "Rejected"
        assert it.phase("later") == "Evaluating"
        assert it.alias().status.queue == ()


@in_virtual_time
async def test_a_dry_run_starts_no_job_and_says_so() -> None:
    async with Cluster() as it:
        await it.model(0.80, 0.86, aliases={"champion": "1"})
        it.jobs.add_cron_job(NAMESPACE, "churn-holdout")
        it.add_alias(policy={"gates": [OWN, GATE], "evaluation": EVALUATION})
        it.ask("dry", "2", dryRun=True)
        await it.settle()

        assert it.end("dry") == ("Succeeded", "DryRun")
        assert it.jobs.calls == []
        assert it.registry_writes() == []
        assert "not judged, because a dry run starts no evaluation: holdout" in it.says("dry")


@in_virtual_time
async def test_a_template_that_is_not_there_yet_is_waited_for() -> None:
    async with Cluster() as it:
        await it.model(0.80, 0.86, aliases={"champion": "1"})
        it.add_alias(policy={"gates": [GATE], "evaluation": EVALUATION})
        it.ask("go", "2")
        await it.settle()

        assert it.phase("go") == "Pending"
        assert "churn-holdout" in it.says("go")
        it.jobs.add_cron_job(NAMESPACE, "churn-holdout")
        await it.settle(30)

        assert it.phase("go") == "Evaluating"


@in_virtual_time
@pytest.mark.parametrize(
    "error", [Refused("may not create jobs.batch in namespace ml"), InvalidRequest("quota is full")]
)
async def test_a_job_that_is_refused_is_waited_for_with_the_reason(error: Exception) -> None:
    async with Cluster() as it:
        it.jobs.fail_next(error, call="start")
        await _begun(it)

        assert it.phase("go") == "Pending"
        assert str(error) in it.says("go")
        await it.settle(30)

        assert it.phase("go") == "Evaluating"


@in_virtual_time
async def test_what_keeps_a_job_from_running_is_told() -> None:
    async with Cluster() as it:
        it.jobs.queued = True
        await _begun(it)
        ref: JobRef = _job(it, "Candidate").ref

        assert it.jobs.jobs[ref].message in it.says("go")
        assert it.jobs.jobs[ref].message
        assert it.jobs.jobs[ref].state is JobState.RUNNING


@in_virtual_time
@pytest.mark.parametrize(
    ("status", "end"), [(RunStatus.FINISHED, "Succeeded"), (RunStatus.KILLED, "Rejected")]
)
async def test_a_job_that_was_cleaned_away_while_nobody_looked_is_judged_by_its_run(
    status: RunStatus, end: str
) -> None:
    async with Cluster() as it:
        await _begun(it)
        await it.stop()
        await _measured(it, "Candidate", 0.9)
        await _measured(it, "Champion", 0.8)
        for job in it.jobs.started[:]:
            key = (await it.registry.read_run(job.run_id)).tags["modelalias.evaluation"]
            await it.registry.end_run(job.run_id, key, status)
            it.jobs.delete(job.ref)
        await it.settle()

        assert it.phase("go") == end
        assert len(it.jobs.started) == 2


@in_virtual_time
async def test_an_edit_of_the_policy_that_drops_the_evaluation_leaves_no_job() -> None:
    async with Cluster() as it:
        await _begun(it, OWN, GATE)
        it.edit_alias(policy={"gates": [OWN]})
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.jobs.jobs == {}
        await it.assert_settled()


@in_virtual_time
async def test_a_job_that_cannot_be_started_is_told_once_however_often_it_is_tried() -> None:
    async with Cluster() as it:
        await it.model(0.80, 0.86, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={"gates": [GATE], "evaluation": EVALUATION})
        it.ask("go", "2")
        it.ask("later", "3")
        await it.settle()
        before = it.counts()
        tries = it.jobs.calls.count("check")
        await it.settle(120)

        assert it.jobs.calls.count("check") > tries
        assert it.registry.called("evaluation_run") == ()
        writes, _, rolls, events = it.counts()
        assert (writes, rolls, events) == (before[0], before[2], before[3])
        assert it.phase("go") == "Pending"


@in_virtual_time
async def test_a_pins_job_that_cannot_be_started_is_told_once() -> None:
    async with Cluster() as it:
        await it.model(0.80, 0.86, aliases={"champion": "1"})
        it.add_alias(policy={"gates": [GATE], "evaluation": EVALUATION, "pins": "Gated"}, version="2")
        await it.settle()
        before = it.counts()
        await it.settle(120)

        assert it.counts()[0] == before[0]
        assert "churn-holdout" in it.condition("Ready").message


@in_virtual_time
async def test_the_runs_of_a_deleted_request_are_ended() -> None:
    async with Cluster() as it:
        await _begun(it)
        runs = [job.run_id for job in it.jobs.started]
        it.registry.fail_next(Unavailable("the registry did not answer within 10 s"), call="end_run")
        it.objects.remove_request(NAMESPACE, "go")
        await it.settle(30)

        assert [(await it.registry.read_run(run)).status for run in runs] == [
            RunStatus.KILLED,
            RunStatus.KILLED,
        ]


@in_virtual_time
async def test_a_template_that_comes_back_does_not_bring_back_what_was_measured_before() -> None:
    async with Cluster() as it:
        await _begun(it)
        first = {job.run_id for job in it.jobs.started}
        await it.registry.log_metric(_job(it, "Candidate").run_id, "holdout_auc", 0.99)
        await _edited(it, "another-holdout")
        await _edited(it, "churn-holdout")

        assert it.phase("go") == "Evaluating"
        assert {item.attempt for item in it.request("go").status.evaluation} == {3}
        assert not {job.run_id for job in it.jobs.started[-2:]} & first
        await _measured(it, "Candidate", None)
        await _measured(it, "Champion", 0.8)
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")


@in_virtual_time
@pytest.mark.parametrize("forged", [{"run_id": "f" * 32}, {"owner": "somebody"}])
async def test_a_job_that_somebody_put_in_its_place_is_not_believed(forged: dict[str, str]) -> None:
    async with Cluster() as it:
        await _begun(it)
        await _measured(it, "Champion", 0.8)
        ref = _job(it, "Candidate").ref
        it.jobs.set(ref, state=JobState.SUCCEEDED, **forged)
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert "is not the one that was started" in it.says("go")


@in_virtual_time
async def test_a_job_that_was_deleted_by_hand_leaves_no_run_running() -> None:
    async with Cluster() as it:
        await _begun(it)
        new = _job(it, "Candidate")
        it.jobs.delete(new.ref)
        await _measured(it, "Champion", 0.8)
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert (await it.registry.read_run(new.run_id)).status == RunStatus.FAILED


@in_virtual_time
@pytest.mark.parametrize("end", ["abort", "expiry"])
async def test_a_request_ends_also_when_its_alias_is_gone(end: str) -> None:
    async with Cluster() as it:
        await _begun(it)
        it.objects.delete_alias(NAMESPACE, "churn-champion")
        await it.settle()
        assert it.phase("go") == "Pending"
        if end == "abort":
            it.edit_request("go", abort=True)
        await it.settle(10 if end == "abort" else 8 * 24 * 3600)

        assert it.phase("go") == ("Aborted" if end == "abort" else "Expired")
        assert it.jobs.jobs == {}


@in_virtual_time
async def test_a_job_that_cannot_be_stopped_is_told() -> None:
    async with Cluster() as it:
        await _begun(it)
        it.jobs.fail_next(Unavailable("a webhook is down"), call="stop", times=8)
        it.edit_request("go", abort=True)
        await it.settle()

        assert it.says("go") == "aborted before anything was done; its Jobs are being stopped first"
        await it.settle(300)

        assert it.end("go") == ("Aborted", "Aborted")
        assert '"state":"Stopped"' in (it.request("go").status.result or "")


@in_virtual_time
@pytest.mark.parametrize("owner", ["the request", "somebody"])
async def test_a_job_that_was_there_before_is_not_believed_and_its_run_is_left_alone(owner: str) -> None:
    """Its name can be computed beforehand, and whoever may create Jobs may write any annotation."""
    async with Cluster() as it:
        await it.model(0.80, 0.86, aliases={"champion": "1"})
        stranger = await it.registry.evaluation_run(
            EvaluationRun(key="9f3c", experiment="another", name="another", tags=())
        )
        await it.registry.log_metric(stranger, "holdout_auc", 0.99)
        await it.registry.log_dataset(stranger, HOLDOUT)
        it.add_alias(policy={"gates": [GATE], "evaluation": EVALUATION})
        request = it.ask("go", "2")
        owned = request.metadata.uid if owner == "the request" else owner
        ref = await _name_of_the_first_job(it)
        it.jobs.jobs[ref] = Job(ref=ref, uid="j", state=JobState.SUCCEEDED, owner=owned, run_id=stranger)
        it.jobs.add_cron_job(NAMESPACE, "churn-holdout")
        await it.settle(60)
        await _measured(it, "Champion", 0.80)
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert "is not the one that was started" in it.says("go")
        assert (await it.registry.read_run(stranger)).status == RunStatus.RUNNING
        assert ref in it.jobs.jobs


async def _name_of_the_first_job(it: Cluster) -> JobRef:
    """Let the status name the Job of the candidate, which cannot be started yet."""
    await it.settle()
    (side,) = [item for item in it.request("go").status.evaluation if item.side == "Candidate"]
    return JobRef(namespace=NAMESPACE, name=side.job)


@in_virtual_time
async def test_the_run_stands_in_the_status_before_its_job_is_started() -> None:
    async with Cluster() as it:
        seen: list[tuple[str | None, ...]] = []
        it.jobs.listeners.append(
            lambda change, _job, _alias: (
                seen.append(tuple(item.run_id for item in it.request("go").status.evaluation))
                if change == "ADDED"
                else None
            )
        )
        await _begun(it)

        runs = tuple(job.run_id for job in it.jobs.started)
        assert seen == [runs, runs]


@in_virtual_time
async def test_a_run_that_lost_the_tag_of_its_evaluation_is_neither_read_nor_ended() -> None:
    async with Cluster() as it:
        await _begun(it)
        run_id = _job(it, "Candidate").run_id
        it.registry.tag_run(run_id, "modelalias.evaluation", "0" * 32)
        await _measured(it, "Candidate", 0.99)
        await _measured(it, "Champion", 0.80)
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert f"run {run_id} of the candidate's evaluation does not carry the tag" in it.says("go")
        assert (await it.registry.read_run(run_id)).status == RunStatus.RUNNING


@in_virtual_time
async def test_an_evaluation_asks_few_things_of_the_registry() -> None:
    async with Cluster() as it:
        await _begun(it)
        await _measured(it, "Candidate", 0.87)
        await _measured(it, "Champion", 0.85)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        calls = Counter(call.name for call in it.registry.calls if call.name != "snapshot")
        assert calls == CALLS
