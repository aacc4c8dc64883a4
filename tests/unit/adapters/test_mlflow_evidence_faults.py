"""What an ill registry makes of the calls that judge a version: measurements, signature, evaluation runs."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from modelalias.adapters.mlflow_logged_models import MOST_MEASUREMENTS, MOST_PAGES
from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.core.errors import (
    InvalidRequest,
    LoggedModelNotFound,
    OperatorError,
    Refused,
    Unavailable,
    Unreadable,
    VersionNotFound,
)
from modelalias.ports import Dataset, EvaluationRun, Measurement, RunStatus
from modelalias.settings import RegistrySettings
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

ENOUGH = 30.0
"""Deadline of a call: where nobody is slow but the machine, it is no matter."""
RUN = "0123456789abcdef0123456789abcdef"
MODEL_ID = "m-0123456789abcdef0123456789abcdef"
KEY = "9f3c"
WANTED = EvaluationRun(key=KEY, experiment="evals", name="eval", tags=(("alias", "champion"),))
CLASH = Answer({"error_code": "BAD_REQUEST", "message": "(sqlite3.IntegrityError) [SQL: INSERT]"}, 400)
ABSENT = Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}, 404)
TAKEN = Answer({"error_code": "RESOURCE_ALREADY_EXISTS", "message": "no"}, 400)
NO_PAGE = Answer(b"<html>Not Found</html>", 404)
DOWN = Answer(b"<html>http://10.0.0.1/</html>", 503)
SIGNED = Answer(b"signature: {inputs: '[{}]'}")


class Registry:
    """MLflow by hand: what is answered to each path's end, the last answer again and again."""

    def __init__(self, **answers: Answer | list[Answer]) -> None:
        self.answers = {
            name: answer if isinstance(answer, list) else [answer] for name, answer in answers.items()
        }

    def __call__(self, seen: Seen) -> Answer:
        waiting = self.answers[_name(seen)]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def _name(seen: Seen) -> str:
    if seen.path == "/model-versions/get-artifact":
        return "file"
    if "/logged-models/" in seen.path:
        return "logged_model"
    return "_".join(seen.path.split("/")[-2:]).replace("-", "_")


@asynccontextmanager
async def opened(
    respond: Callable[[Seen], Answer], seconds: float = ENOUGH
) -> AsyncIterator[tuple[MlflowRegistry, HttpStub]]:
    with http_stub(respond) as stub:
        registry = MlflowRegistry(RegistrySettings(uri=stub.uri, timeout_seconds=seconds))
        try:
            yield registry, stub
        finally:
            await registry.close()


def names(stub: HttpStub) -> list[str]:
    return [_name(seen) for seen in stub.seen]


def run(status: object = "RUNNING", stage: str = "active", **tags: str) -> Mapping[str, Any]:
    info = {"run_id": RUN, "experiment_id": "1", "status": status, "lifecycle_stage": stage}
    return {
        "info": info,
        "data": {"tags": [{"key": key.replace("_", "."), "value": value} for key, value in tags.items()]},
    }


def version(source: str) -> Answer:
    return Answer({"model_version": {"name": "churn", "version": "3", "status": "READY", "source": source}})


def logged_model(*metrics: Mapping[str, Any], model_id: str = MODEL_ID, source_run_id: str = RUN) -> Answer:
    info = {"model_id": model_id, "source_run_id": source_run_id, "status": "LOGGED_MODEL_READY"}
    return Answer({"model": {"info": info, "data": {"metrics": metrics}}})


def point(
    value: object = 0.5, step: int = 1, timestamp: int = 10, key: str = "auc", **more: Any
) -> Mapping[str, Any]:
    return {"key": key, "value": value, "step": step, "timestamp": timestamp, **more}


OWN = run(modelalias_evaluation=KEY)
ACTIVE = Answer({"run": run("FINISHED")})
HELD = Answer({"metrics": [point()]})


class TestModelId:
    @pytest.mark.parametrize(
        ("source", "found"),
        [
            (f"models:/{MODEL_ID}", MODEL_ID),
            ("models:/churn/3", None),
            ("models:/m-01@champion", None),
            ("models:/m-../../x", None),
            ("models:/m-01\n", None),
            ("runs:/m-01/model", None),
            ("m-01", None),
            ("", None),
        ],
    )
    async def test_it_stands_in_the_source(self, source: str, found: str | None) -> None:
        async with opened(Registry(model_versions_get=version(source))) as (registry, _):
            assert (await registry.version("churn", "3")).model_id == found


class TestRunStatus:
    @pytest.mark.parametrize("status", ["PAUSED", 99, 0, None])
    @pytest.mark.parametrize("known", [False, True], ids=["read", "searched"])
    async def test_one_that_mlflow_does_not_have_is_an_outage(self, status: object, known: bool) -> None:
        answers = Registry(runs_get=ACTIVE, runs_search=Answer({"runs": [run(status)]}))
        async with opened(answers) as (registry, _):
            if known:
                await registry.runs([RUN])
            else:
                answers.answers["runs_get"] = [Answer({"run": run(status)})]

            with pytest.raises(Unavailable, match="does not match the question"):
                await registry.runs([RUN, *(f"{RUN[:-1]}{n}" for n in range(9))] if known else [RUN])


class TestMeasurements:
    async def test_calls_are_the_model_its_runs_and_a_history_for_each_key(self) -> None:
        model = logged_model(
            point(),
            point(dataset_name="slice", dataset_digest="77"),
            point(0.1, 0),
            point(key="loss"),
            point(key="other"),
        )
        answers = Registry(logged_model=model, runs_get=ACTIVE, metrics_get_history=HELD)

        async with opened(answers) as (registry, stub):
            found = (await registry.measured(MODEL_ID, ["auc", "loss"])).measurements

        assert [item.dataset for item in found] == [None, Dataset(name="slice", digest="77"), None]
        assert names(stub) == ["logged_model", "runs_get", "metrics_get_history", "metrics_get_history"]

    async def test_nothing_logged_is_one_call(self) -> None:
        async with opened(Registry(logged_model=logged_model())) as (registry, stub):
            assert (await registry.measured(MODEL_ID, ["auc"])).measurements == ()

        assert names(stub) == ["logged_model"]

    async def test_a_later_page_of_the_history_is_read(self) -> None:
        pages = [Answer({"metrics": [point(timestamp=9)], "next_page_token": "2"}), HELD]
        answers = Registry(logged_model=logged_model(point()), runs_get=ACTIVE, metrics_get_history=pages)

        async with opened(answers) as (registry, stub):
            found = (await registry.measured(MODEL_ID, ["auc"])).measurements

        assert found == (Measurement(key="auc", value=Decimal("0.5"), dataset=None),)
        asked = [seen.values for seen in stub.seen if _name(seen) == "metrics_get_history"]
        assert [(item["max_results"], item.get("page_token")) for item in asked] == [
            ("10000", None),
            ("10000", "2"),
        ]

    async def test_pages_of_a_history_without_end_are_bounded(self) -> None:
        page = Answer({"metrics": [point(timestamp=9)], "next_page_token": "again"})
        answers = Registry(logged_model=logged_model(point()), runs_get=ACTIVE, metrics_get_history=page)

        async with opened(answers) as (registry, stub):
            assert (await registry.measured(MODEL_ID, ["auc"])).measurements == ()

        assert names(stub).count("metrics_get_history") == MOST_PAGES

    async def test_nan_on_any_page_counts(self) -> None:
        pages = [Answer({"metrics": [point()], "next_page_token": "2"}), Answer({"metrics": [point("NaN")]})]
        answers = Registry(logged_model=logged_model(point()), runs_get=ACTIVE, metrics_get_history=pages)

        async with opened(answers) as (registry, _):
            (found,) = (await registry.measured(MODEL_ID, ["auc"])).measurements

        assert found.value.is_nan()

    @pytest.mark.parametrize("history", [ABSENT, Answer({}), Answer({"metrics": [point(0.5, 2)]})])
    async def test_a_history_without_the_point_leaves_it_out(self, history: Answer) -> None:
        answers = Registry(logged_model=logged_model(point()), runs_get=ACTIVE, metrics_get_history=history)

        async with opened(answers) as (registry, _):
            assert (await registry.measured(MODEL_ID, ["auc"])).measurements == ()

    @pytest.mark.parametrize("run_id", ["", "../x", "a b"])
    async def test_a_metric_that_no_run_logged_is_left_out(self, run_id: str) -> None:
        model = logged_model(point(run_id=run_id), source_run_id=run_id)

        async with opened(Registry(logged_model=model)) as (registry, stub):
            assert (await registry.measured(MODEL_ID, ["auc"])).measurements == ()

        assert names(stub) == ["logged_model"]

    async def test_too_many_are_refused_before_they_are_read(self) -> None:
        model = logged_model(
            *(point(dataset_name=f"slice-{n}", dataset_digest="77") for n in range(MOST_MEASUREMENTS + 1))
        )

        async with opened(Registry(logged_model=model)) as (registry, stub):
            with pytest.raises(InvalidRequest, match="more than 200"):
                await registry.measured(MODEL_ID, ["auc"])

        assert len(stub.seen) == 1

    @pytest.mark.parametrize("call", ["logged_model", "runs_get", "metrics_get_history"])
    @pytest.mark.parametrize(("answer", "kind"), [(DOWN, Unavailable), (Answer(b"no", 403), Refused)])
    async def test_any_call_that_fails_fails_the_whole(
        self, call: str, answer: Answer, kind: type[OperatorError]
    ) -> None:
        answers = Registry(logged_model=logged_model(point()), runs_get=ACTIVE, metrics_get_history=HELD)
        answers.answers[call] = [answer]

        async with opened(answers) as (registry, _):
            with pytest.raises(kind):
                await registry.measured(MODEL_ID, ["auc"])

    @pytest.mark.parametrize(
        "answer",
        [
            logged_model(model_id="m-77"),
            logged_model(point(dataset_name="holdout")),
            Answer({}),
            Answer({"model": 5}),
            Answer(b"<html>"),
        ],
        ids=["another model", "a dataset without digest", "nothing", "a number", "a page"],
    )
    async def test_another_answer_is_an_outage(self, answer: Answer) -> None:
        async with opened(Registry(logged_model=answer)) as (registry, _):
            with pytest.raises(Unavailable):
                await registry.measured(MODEL_ID, ["auc"])


class TestBeforeLoggedModels:
    """A server without logged models answers 404, and so does a proxy whose server is away."""

    @pytest.mark.parametrize("release", ["2.22.5", "2.3.0rc1", "1.30"])
    async def test_an_old_release_has_none(self, release: str) -> None:
        server = Registry(logged_model=NO_PAGE, runs_get=ACTIVE, _version=Answer(release.encode()))
        async with opened(server) as (registry, _):
            with pytest.raises(InvalidRequest, match="logged no model"):
                await registry.version_of_run("churn", RUN, None)
            with pytest.raises(LoggedModelNotFound):
                await registry.measured(MODEL_ID, ["auc"])

    @pytest.mark.parametrize(
        "answer", [Answer(b"3.17.2"), Answer(b"20.1.0"), Answer(b"<html>"), NO_PAGE, DOWN]
    )
    async def test_any_other_404_is_an_outage(self, answer: Answer) -> None:
        server = Registry(logged_model=NO_PAGE, runs_get=ACTIVE, _version=answer)
        async with opened(server) as (registry, _):
            with pytest.raises(Unavailable):
                await registry.version_of_run("churn", RUN, None)
            with pytest.raises(Unavailable):
                await registry.measured(MODEL_ID, ["auc"])


class TestSignature:
    async def test_a_file_that_the_server_hands_out_is_one_call(self) -> None:
        async with opened(Registry(file=SIGNED)) as (registry, stub):
            assert await registry.has_signature("churn", "3") is True

        (seen,) = stub.seen
        assert dict(seen.values) == {"name": "churn", "version": "3", "path": "MLmodel"}

    @pytest.mark.parametrize("status", [400, 404, 405, 410, 500])
    async def test_a_file_that_the_server_cannot_hand_out_is_unreadable(self, status: int) -> None:
        answers = Registry(
            file=Answer(b"<html>s3://bucket/x", status), model_versions_get=version("s3://bucket/x")
        )

        async with opened(answers) as (registry, _):
            found = await _unreadable(registry)

        assert found == "the registry cannot hand out the MLmodel file of version 3 of model churn"

    @pytest.mark.parametrize("text", [b"flavors: {", b"[" * 500_000, b"x" * (1024 * 1024 + 1)])
    async def test_a_file_without_sense_is_unreadable_without_another_call(self, text: bytes) -> None:
        async with opened(Registry(file=Answer(text))) as (registry, stub):
            found = await _unreadable(registry)

        assert found.startswith("the MLmodel file of version 3 of model churn is ")
        assert len(stub.seen) == 1

    @pytest.mark.parametrize(
        "answer", [Answer(b"", status) for status in (302, 408, 429, 502, 503, 504)], ids=str
    )
    async def test_an_outage_is_no_unreadable_file(self, answer: Answer) -> None:
        async with opened(Registry(file=answer)) as (registry, stub):
            with pytest.raises(Unavailable):
                await registry.has_signature("churn", "3")

        assert len(stub.seen) == 1

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refusal_is_no_unreadable_file(self, status: int) -> None:
        async with opened(Registry(file=Answer(b"no", status))) as (registry, _):
            with pytest.raises(Refused):
                await registry.has_signature("churn", "3")

    @pytest.mark.parametrize(
        ("answer", "kind"), [(DOWN, Unavailable), (Answer(b"no", 403), Refused), (ABSENT, VersionNotFound)]
    )
    async def test_what_ails_the_version_is_told_first(
        self, answer: Answer, kind: type[OperatorError]
    ) -> None:
        model = Answer({"registered_model": {"name": "churn"}})
        answers = Registry(file=Answer(b"", 500), model_versions_get=answer, registered_models_get=model)

        async with opened(answers) as (registry, _):
            with pytest.raises(kind):
                await registry.has_signature("churn", "3")

    async def test_a_file_that_trickles_ends_at_the_deadline(self) -> None:
        async with opened(Registry(file=Answer(SIGNED.body, gap=0.1)), seconds=0.6) as (registry, _):
            with pytest.raises(Unavailable, match="within"):
                await registry.has_signature("churn", "3")

    async def test_no_address_that_a_version_names_is_followed(self) -> None:
        with http_stub(lambda _: SIGNED) as elsewhere:
            answers = Registry(file=Answer(b"", 500), model_versions_get=version(f"{elsewhere.uri}/model"))
            async with opened(answers) as (registry, _):
                await _unreadable(registry)

        assert elsewhere.seen == []

    async def test_what_a_run_names_may_fail_too(self) -> None:
        answers = Registry(
            file=Answer(b"", 500), model_versions_get=version(f"runs:/{RUN}/model"), runs_get=DOWN
        )

        async with opened(answers) as (registry, _):
            with pytest.raises(Unavailable):
                await registry.has_signature("churn", "3")


class TestEvaluationRun:
    EXPERIMENT = Answer({"experiment": {"experiment_id": "1", "name": "evals", "lifecycle_stage": "active"}})
    MADE = Answer({"run": run(modelalias_evaluation="9f3c")})
    FOUND = Answer({"runs": [run(modelalias_evaluation="9f3c")]})
    NONE = Answer({})

    async def test_one_that_is_there_is_two_calls(self) -> None:
        answers = Registry(experiments_get_by_name=self.EXPERIMENT, runs_search=self.FOUND)

        async with opened(answers) as (registry, stub):
            assert await registry.evaluation_run(WANTED) == RUN

        assert names(stub) == ["experiments_get_by_name", "runs_search"]

    async def test_one_that_is_not_there_is_three_and_four_with_its_experiment(self) -> None:
        answers = Registry(
            experiments_get_by_name=ABSENT,
            experiments_create=Answer({"experiment_id": "1"}),
            runs_search=self.NONE,
            runs_create=self.MADE,
        )

        async with opened(answers) as (registry, stub):
            assert await registry.evaluation_run(WANTED) == RUN

        assert names(stub) == ["experiments_get_by_name", "experiments_create", "runs_search", "runs_create"]
        made = stub.seen[-1].values
        assert (made["experiment_id"], made["run_name"]) == ("1", "eval")
        assert made["start_time"] > 1_700_000_000_000
        assert {tag["key"]: tag["value"] for tag in made["tags"]} == {
            "alias": "champion",
            "modelalias.evaluation": "9f3c",
        }

    async def test_a_lost_answer_leaves_one_run(self) -> None:
        """The run is made and the answer never comes; the next call finds it."""
        made: list[bool] = []

        def respond(seen: Seen) -> Answer:
            if _name(seen) == "runs_create":
                made.append(True)
                return DOWN
            answers = {
                "experiments_get_by_name": self.EXPERIMENT,
                "runs_search": self.FOUND if made else self.NONE,
            }
            return answers[_name(seen)]

        async with opened(respond) as (registry, _):
            with pytest.raises(Unavailable):
                await registry.evaluation_run(WANTED)
            assert await registry.evaluation_run(WANTED) == RUN

        assert made == [True]

    async def test_an_experiment_that_somebody_makes_meanwhile_is_read_again(self) -> None:
        answers = Registry(
            experiments_get_by_name=[ABSENT, self.EXPERIMENT],
            experiments_create=TAKEN,
            runs_search=self.NONE,
            runs_create=self.MADE,
        )

        async with opened(answers) as (registry, stub):
            assert await registry.evaluation_run(WANTED) == RUN

        assert names(stub).count("experiments_create") == 1

    async def test_a_clash_is_tried_again_after_a_search(self) -> None:
        answers = Registry(
            experiments_get_by_name=self.EXPERIMENT,
            runs_search=[self.NONE, self.FOUND],
            runs_create=[CLASH, self.MADE],
        )

        async with opened(answers) as (registry, stub):
            assert await registry.evaluation_run(WANTED) == RUN

        assert names(stub)[1:] == ["runs_search", "runs_create", "experiments_get_by_name", "runs_search"]

    @pytest.mark.parametrize("answer", [CLASH, TAKEN, ABSENT])
    async def test_the_tries_are_bounded(self, answer: Answer) -> None:
        answers = Registry(
            experiments_get_by_name=ABSENT,
            experiments_create=answer,
            runs_search=self.NONE,
            runs_create=answer,
        )

        async with opened(answers) as (registry, stub):
            with pytest.raises(Unavailable, match="4 tries"):
                await registry.evaluation_run(WANTED)

        assert names(stub).count("experiments_create") == 4

    @pytest.mark.parametrize(
        ("call", "answer"),
        [
            ("experiments_get_by_name", Answer({})),
            ("experiments_get_by_name", Answer({"experiment": {"experiment_id": "1", "name": "another"}})),
            ("runs_search", Answer({"runs": [run(modelalias_evaluation="77")]})),
            ("runs_create", Answer({})),
            ("runs_create", Answer({"run": run()})),
        ],
    )
    async def test_another_answer_is_an_outage(self, call: str, answer: Answer) -> None:
        answers = Registry(
            experiments_get_by_name=self.EXPERIMENT, runs_search=self.NONE, runs_create=self.MADE
        )
        answers.answers[call] = [answer]

        async with opened(answers) as (registry, _):
            with pytest.raises(Unavailable, match="does not match the question"):
                await registry.evaluation_run(WANTED)


class TestEndRun:
    async def test_a_running_run_is_two_calls_and_one_that_ended_one(self) -> None:
        answers = Registry(runs_get=[Answer({"run": OWN}), ACTIVE], runs_update=Answer({}))

        async with opened(answers) as (registry, stub):
            await registry.end_run(RUN, KEY, RunStatus.KILLED)
            await registry.end_run(RUN, KEY, RunStatus.KILLED)

        assert names(stub) == ["runs_get", "runs_update", "runs_get"]
        told = stub.seen[1].values
        assert (told["run_id"], told["status"]) == (RUN, "KILLED")
        assert told["end_time"] > 1_700_000_000_000
        assert "run_name" not in told

    async def test_a_scheduled_run_ends_too(self) -> None:
        async with opened(
            Registry(
                runs_get=Answer({"run": run("SCHEDULED", modelalias_evaluation=KEY)}), runs_update=Answer({})
            )
        ) as (
            registry,
            stub,
        ):
            await registry.end_run(RUN, KEY, RunStatus.FAILED)

        assert names(stub) == ["runs_get", "runs_update"]

    @pytest.mark.parametrize(
        "answers", [{"runs_get": ABSENT}, {"runs_get": Answer({"run": OWN}), "runs_update": ABSENT}]
    )
    async def test_a_run_that_goes_away_is_fine(self, answers: dict[str, Answer]) -> None:
        async with opened(Registry(**answers)) as (registry, _):
            await registry.end_run(RUN, KEY, RunStatus.FAILED)

    async def test_a_clash_is_tried_again_after_a_read_and_bounded(self) -> None:
        async with opened(Registry(runs_get=Answer({"run": OWN}), runs_update=CLASH)) as (registry, stub):
            with pytest.raises(Unavailable, match="4 times"):
                await registry.end_run(RUN, KEY, RunStatus.FAILED)

        assert names(stub) == ["runs_get", "runs_update"] * 4

    @pytest.mark.parametrize("tags", [{}, {"modelalias_evaluation": "0" * 32}], ids=["no key", "another"])
    async def test_a_run_that_does_not_carry_the_key_is_left_alone(self, tags: dict[str, str]) -> None:
        async with opened(Registry(runs_get=Answer({"run": run(**tags)}))) as (registry, stub):
            await registry.end_run(RUN, KEY, RunStatus.FAILED)

        assert names(stub) == ["runs_get"]

    async def test_another_run_is_not_ended(self) -> None:
        other = Answer(
            {"run": {"info": {"run_id": "another", "status": "RUNNING", "lifecycle_stage": "active"}}}
        )

        async with opened(Registry(runs_get=other)) as (registry, stub):
            with pytest.raises(Unavailable):
                await registry.end_run(RUN, KEY, RunStatus.FAILED)

        assert names(stub) == ["runs_get"]


async def _unreadable(registry: MlflowRegistry) -> str:
    """Return the sentence, having looked that it may be shown to anybody."""
    with pytest.raises(Unreadable) as caught:
        await registry.has_signature("churn", "3")
    assert not re.search(r"://|html|s3|127\.0", str(caught.value))
    return str(caught.value)
