"""What the port promises, asked of the fake and of a real MLflow server."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from itertools import pairwise

import pytest

from modelalias.core.errors import InvalidRequest, ModelNotFound, RunNotFound, VersionNotFound
from modelalias.ports import (
    Dataset,
    EvaluationRun,
    ModelVersion,
    RegisteredModel,
    Registry,
    RunStatus,
    VersionState,
)
from tests.support.both_registries import SMALL_PAGE, listed
from tests.support.registry_seeder import Seeder

FULLWIDTH_ONE = "\uff11"
UNKNOWN_RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def model(seeder: Seeder) -> str:
    """A model with two versions, each of a run of its own."""
    name = _name()
    await seeder.create_model(name)
    for _ in range(2):
        await seeder.create_version(name, await seeder.create_run())
    return name


class TestAliases:
    async def test_an_alias_that_was_set_is_read(self, registry: Registry, model: str) -> None:
        await registry.set_alias(model, "champion", "1")
        await registry.set_alias(model, "challenger", "2")

        assert await registry.aliases(model) == {"champion": "1", "challenger": "2"}

    async def test_setting_an_alias_twice_is_as_once(self, registry: Registry, model: str) -> None:
        await registry.set_alias(model, "champion", "1")
        await registry.set_alias(model, "champion", "1")

        assert await registry.aliases(model) == {"champion": "1"}

    async def test_an_alias_moves(self, registry: Registry, model: str) -> None:
        await registry.set_alias(model, "champion", "1")
        await registry.set_alias(model, "champion", "2")

        assert await registry.aliases(model) == {"champion": "2"}

    async def test_a_deleted_alias_is_gone_and_deleting_it_again_is_fine(
        self, registry: Registry, model: str
    ) -> None:
        await registry.set_alias(model, "champion", "1")

        await registry.delete_alias(model, "champion")
        await registry.delete_alias(model, "champion")

        assert await registry.aliases(model) == {}

    @pytest.mark.needs_mlflow("3.17", "deletion of aliases with their version")
    async def test_aliases_vanish_with_their_version(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        await registry.set_alias(model, "champion", "2")
        await registry.set_alias(model, "prev-champion", "1")

        await seeder.delete_version(model, "2")

        assert await registry.aliases(model) == {"prev-champion": "1"}

    async def test_aliases_move_with_a_renamed_model(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        await registry.set_alias(model, "champion", "2")
        name = _name()

        await seeder.rename_model(model, name)

        assert await registry.aliases(name) == {"champion": "2"}
        with pytest.raises(ModelNotFound, match=model):
            await registry.aliases(model)

    async def test_concurrent_moves_all_answer_and_one_wins(self, registry: Registry, model: str) -> None:
        await asyncio.gather(
            *(registry.set_alias(model, "champion", str(1 + turn % 2)) for turn in range(16))
        )

        assert (await registry.aliases(model))["champion"] in {"1", "2"}

    async def test_concurrent_moves_of_different_aliases_all_hold(
        self, registry: Registry, model: str
    ) -> None:
        names = [f"level-{number}" for number in range(8)]

        await asyncio.gather(*(registry.set_alias(model, name, "1") for name in names))

        assert await registry.aliases(model) == dict.fromkeys(names, "1")

    @pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V23"])
    async def test_reserved_names_are_refused(self, registry: Registry, model: str, alias: str) -> None:
        with pytest.raises(InvalidRequest) as failure:
            await registry.set_alias(model, alias, "1")

        assert type(failure.value) is InvalidRequest


class TestSnapshot:
    async def test_it_holds_all_models_over_several_pages(self, registry: Registry, seeder: Seeder) -> None:
        names = sorted(_name() for _ in range(2 * SMALL_PAGE + 1))
        for name in names:
            await seeder.create_model(name)
            await seeder.create_version(name, await seeder.create_run())
            await registry.set_alias(name, "champion", "1")

        assert await listed(registry, *names) == {name: {"champion": "1"} for name in names}

    async def test_a_model_without_aliases_is_in_it(self, registry: Registry, model: str) -> None:
        assert (await listed(registry, model))[model] == {}

    async def test_a_deleted_model_is_not_in_it(self, registry: Registry, seeder: Seeder, model: str) -> None:
        await seeder.delete_model(model)

        assert model not in await registry.snapshot()


class TestRegisteredModels:
    async def test_they_are_told_with_their_aliases_over_several_pages(
        self, registry: Registry, seeder: Seeder
    ) -> None:
        names = sorted(f"prod.ml.{_name()}" for _ in range(2 * SMALL_PAGE + 1))
        for name in names:
            await seeder.create_model(name)
            await seeder.create_version(name)
            await registry.set_alias(name, "champion", "1")

        found: Mapping[str, RegisteredModel] = {}
        for _ in range(5):  # others delete models between two pages, so that one of these is passed over
            found = await registry.registered_models()
            if found.keys() >= {*names}:
                break

        assert {name: found[name].aliases for name in names} == {name: {"champion": "1"} for name in names}
        assert {name: found[name].stages for name in names} == {name: {} for name in names}

    async def test_a_stage_leads_to_the_newest_version_in_it(
        self, registry: Registry, seeder: Seeder
    ) -> None:
        name = _name()
        await seeder.create_model(name)
        for stage in ("Archived", "Production", "Production", "Staging", "None"):
            await seeder.set_stage(name, await seeder.create_version(name), stage)

        told = (await registry.registered_models())[name]

        assert told.stages == {"Archived": "1", "Production": "3", "Staging": "4"}
        assert told.aliases == {}


class TestVersionsTagged:
    KEY = "modelalias.prev-champion_1"

    async def test_those_whose_tag_holds_the_text_are_found(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        other, text = _name(), secrets.token_hex(10)
        await seeder.create_model(other)
        await seeder.create_version(other)
        for name, version, key in (
            (model, "2", self.KEY),
            (model, "1", "modelalias.champion"),
            (other, "1", self.KEY),
        ):
            await registry.tag_version(name, version, {key: f'{{"done":{{"{text}":"Succeeded"}}}}'})

        found = await registry.versions_tagged(model, self.KEY, text)

        assert [(item.model, item.version) for item in found] == [(model, "2")]
        assert text in found[0].tags[self.KEY]
        assert await registry.versions_tagged(model, self.KEY, secrets.token_hex(10)) == ()

    async def test_a_model_that_is_not_there_has_none(self, registry: Registry) -> None:
        assert await registry.versions_tagged(_name(), self.KEY, secrets.token_hex(10)) == ()

    @pytest.mark.parametrize(
        ("key", "text"), [("a`b", "0" * 20), ("a", "%" * 20), ("a", "0'" * 10), ("", "0" * 20)]
    )
    async def test_what_would_change_the_filter_is_refused(
        self, registry: Registry, model: str, key: str, text: str
    ) -> None:
        with pytest.raises(ValueError, match="a tag is searched by"):
            await registry.versions_tagged(model, key, text)


class TestVersion:
    async def test_it_tells_run_state_and_tags(self, registry: Registry, seeder: Seeder) -> None:
        name, run_id = _name(), await seeder.create_run()
        await seeder.create_model(name)
        await seeder.create_version(name, run_id)
        await registry.tag_version(name, "1", {"validated_by": "bo", "owner": "ml"})

        version = await registry.version(name, "1")

        assert (version.model, version.version, version.run_id) == (name, "1", run_id)
        assert version.state is VersionState.READY
        assert version.tags == {"validated_by": "bo", "owner": "ml"}

    async def test_one_that_no_run_made_has_no_run(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        version = await seeder.create_version(model)

        assert (await registry.version(model, version)).run_id is None

    @pytest.mark.parametrize(
        "run_id",
        [
            "a-b",
            "a_b",
            pytest.param("é" * 100, marks=pytest.mark.needs_database("sqlite", "run ids of any length")),
            "a' OR '1' = '1",
        ],
    )
    async def test_one_says_any_text_for_the_run_that_made_it(
        self, registry: Registry, seeder: Seeder, run_id: str
    ) -> None:
        name = f"{_name()} '50%' \"of\" `it` \\"
        await seeder.create_model(name)

        version = await seeder.create_version_by_name(name, run_id)

        assert (await registry.version(name, version)).run_id == run_id
        assert await registry.runs([run_id]) == {}
        await registry.set_alias(name, "champion", version)
        await registry.tag_version(name, version, {"modelalias.champion": "{}", "team:it": "x"})
        assert (await listed(registry, name))[name] == {"champion": version}
        assert len(await registry.versions_tagged(name, "modelalias.champion", "0" * 8)) == 0

    @pytest.mark.needs_mlflow("3.0", "logged models")
    async def test_it_tells_the_logged_model_that_it_was_made_from(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        run_id = await seeder.create_run(models=["booster", "scaler"])
        booster = await _made(registry, model, run_id, "booster")
        scaler = await _made(registry, model, run_id, "scaler")
        assert booster.model_id is not None

        await seeder.log_measurement(booster.model_id, "auc", 0.5)

        assert [item.key for item in (await registry.measured(booster.model_id, ["auc"])).measurements] == [
            "auc"
        ]
        assert booster.model_id != scaler.model_id
        assert await registry.version(model, booster.version) == booster

    @pytest.mark.parametrize("times", [1, 3])
    async def test_a_copy_is_of_the_run_and_the_logged_model_of_what_was_copied(
        self, registry: Registry, seeder: Seeder, model: str, times: int
    ) -> None:
        original = await registry.version(model, "2")
        names = [model, *(_name() for _ in range(times))]
        number = "2"
        for before, name in pairwise(names):
            await seeder.create_model(name)
            number = await seeder.copy_version(before, number, name)

        copy = await registry.version(names[-1], number)

        assert (copy.version, copy.state) == ("1", VersionState.READY)
        assert (copy.run_id, copy.model_id) == (original.run_id, original.model_id)

    async def test_a_copy_of_what_is_gone_names_its_run(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        original, name = await registry.version(model, "2"), _name()
        await seeder.create_model(name)
        number = await seeder.copy_version(model, "2", name)
        await seeder.delete_version(model, "2")

        assert (await registry.version(name, number)).run_id == original.run_id

    async def test_one_that_no_run_made_has_no_logged_model(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        version = await seeder.create_version(model)

        assert (await registry.version(model, version)).model_id is None

    @pytest.mark.parametrize("state", [VersionState.PENDING, VersionState.FAILED])
    async def test_one_that_is_not_ready_says_so(
        self, registry: Registry, seeder: Seeder, model: str, state: VersionState
    ) -> None:
        version = await seeder.create_version(model, await seeder.create_run(), state=state)

        assert (await registry.version(model, version)).state is state

    async def test_a_number_is_not_given_twice(self, registry: Registry, seeder: Seeder, model: str) -> None:
        await seeder.delete_version(model, "2")

        version = await seeder.create_version(model, await seeder.create_run())

        assert version == "3"
        with pytest.raises(VersionNotFound):
            await registry.version(model, "2")

    async def test_a_tag_is_overwritten(self, registry: Registry, model: str) -> None:
        await registry.tag_version(model, "1", {"validated_by": "bo"})
        await registry.tag_version(model, "1", {"validated_by": "ana"})

        assert (await registry.version(model, "1")).tags == {"validated_by": "ana"}

    async def test_a_removed_tag_is_gone_alone_and_removing_it_again_is_fine(
        self, registry: Registry, model: str
    ) -> None:
        await registry.tag_version(model, "1", {"archived": "champion", "owner": "ml"})
        await registry.tag_version(model, "2", {"archived": "champion"})

        await registry.untag_version(model, "1", "archived")
        await registry.untag_version(model, "1", "archived")

        assert (await registry.version(model, "1")).tags == {"owner": "ml"}
        assert (await registry.version(model, "2")).tags == {"archived": "champion"}

    async def test_a_tag_keeps_any_text(self, registry: Registry, model: str) -> None:
        text = '{"reason": "it\'s 5 % \\"better\\"", "at": "…"}\n'

        await registry.tag_version(model, "1", {"modelalias.champion": text})

        assert (await registry.version(model, "1")).tags["modelalias.champion"] == text


class TestMissing:
    @pytest.mark.parametrize(
        "version", ["3", "99", "01", "1.0", "-1", "0", "latest", "9" * 18, "9" * 30, FULLWIDTH_ONE]
    )
    @pytest.mark.parametrize("call", ["version", "set_alias", "tag_version", "untag_version"])
    async def test_a_version_that_is_not_there(
        self, registry: Registry, model: str, version: str, call: str
    ) -> None:
        with pytest.raises(VersionNotFound, match=model):
            await _calls(registry, model, version)[call]()

        assert await registry.aliases(model) == {}

    @pytest.mark.parametrize(
        "call", ["version", "set_alias", "tag_version", "untag_version", "aliases", "delete_alias"]
    )
    async def test_a_model_that_is_not_there(self, registry: Registry, call: str) -> None:
        name = _name()

        with pytest.raises(ModelNotFound, match=name):
            await _calls(registry, name, "1")[call]()

    async def test_a_deleted_model_is_not_there(self, registry: Registry, seeder: Seeder, model: str) -> None:
        await seeder.delete_model(model)

        with pytest.raises(ModelNotFound, match=model):
            await registry.aliases(model)


class TestVersionOfRun:
    async def test_a_run_is_registered_once(self, registry: Registry, seeder: Seeder, model: str) -> None:
        run_id = await seeder.create_run()

        first = await _made(registry, model, run_id)
        again = await _made(registry, model, run_id)

        assert (first.version, first.run_id, first.state) == ("3", run_id, VersionState.READY)
        assert again == first

    async def test_concurrent_calls_register_once(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        run_id = await seeder.create_run()

        found = await asyncio.gather(*(_made(registry, model, run_id) for _ in range(4)))

        assert {version.version for version in found} == {"3"}

    async def test_looking_registers_nothing(self, registry: Registry, seeder: Seeder, model: str) -> None:
        run_id = await seeder.create_run()

        before = await registry.version_of_run(model, run_id, None, register=False)
        made = await _made(registry, model, run_id)
        after = await registry.version_of_run(model, run_id, None, register=False)

        assert before is None
        assert made.version == "3"
        assert after == made

    async def test_looking_in_a_model_that_is_not_there(self, registry: Registry, seeder: Seeder) -> None:
        name, run_id = _name(), await seeder.create_run()

        with pytest.raises(ModelNotFound, match=name):
            await registry.version_of_run(name, run_id, None, register=False)

    async def test_one_that_somebody_registered_is_found(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        run_id = await seeder.create_run()
        await seeder.create_version(model, run_id)

        assert (await _made(registry, model, run_id)).version == "3"

    async def test_of_two_registrations_the_older_counts(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        run_id = await seeder.create_run()
        await seeder.create_version(model, run_id)
        await seeder.create_version(model, run_id)

        assert (await _made(registry, model, run_id)).version == "3"

    async def test_one_run_may_serve_several_models(
        self, registry: Registry, seeder: Seeder, model: str
    ) -> None:
        run_id, other = await seeder.create_run(), _name()
        await seeder.create_model(other)
        await registry.version_of_run(model, run_id, None)

        assert (await _made(registry, other, run_id)).version == "1"

    async def test_a_path_chooses_among_models(self, registry: Registry, seeder: Seeder, model: str) -> None:
        run_id = await seeder.create_run(models=["booster", "scaler"])

        booster = await _made(registry, model, run_id, "booster")
        scaler = await _made(registry, model, run_id, "scaler")

        assert (booster.version, scaler.version) == ("3", "4")
        assert await _made(registry, model, run_id, "booster") == booster

    @pytest.mark.parametrize(
        "case",
        [
            (["booster", "scaler"], None, "several models"),
            (["booster"], "scaler", "no model at scaler"),
            ([], None, "no model"),
        ],
        ids=["several and no path", "another path", "none"],
    )
    async def test_a_model_that_cannot_be_told(
        self, registry: Registry, seeder: Seeder, model: str, case: tuple[list[str], str | None, str]
    ) -> None:
        models, path, words = case
        run_id = await seeder.create_run(models=models)

        with pytest.raises(InvalidRequest, match=words) as failure:
            await registry.version_of_run(model, run_id, path)

        assert type(failure.value) is InvalidRequest

    async def test_a_run_that_is_not_there(self, registry: Registry, model: str) -> None:
        with pytest.raises(RunNotFound, match=UNKNOWN_RUN):
            await registry.version_of_run(model, UNKNOWN_RUN, None)

    async def test_a_deleted_run(self, registry: Registry, seeder: Seeder, model: str) -> None:
        run_id = await seeder.create_run()
        await seeder.delete_run(run_id)

        with pytest.raises(RunNotFound, match=run_id):
            await registry.version_of_run(model, run_id, None)

    async def test_a_model_that_is_not_there(self, registry: Registry, seeder: Seeder) -> None:
        name, run_id = _name(), await seeder.create_run()

        with pytest.raises(ModelNotFound, match=name):
            await registry.version_of_run(name, run_id, None)


class TestRuns:
    async def test_metrics_are_the_numbers_as_written(self, registry: Registry, seeder: Seeder) -> None:
        run_id = await seeder.create_run(
            [("auc", 0.1, 0), ("sum", 0.1 + 0.2, 0), ("tiny", 5e-324, 0), ("whole", 3, 0)]
        )

        run = (await registry.runs([run_id]))[run_id]

        assert run.metrics == {
            "auc": Decimal("0.1"),
            "sum": Decimal("0.30000000000000004"),
            "tiny": Decimal("5E-324"),
            "whole": Decimal("3.0"),
        }

    async def test_what_is_not_finite_is_kept(self, registry: Registry, seeder: Seeder) -> None:
        run_id = await seeder.create_run(
            [("nan", float("nan"), 0), ("up", float("inf"), 0), ("down", float("-inf"), 0)]
        )

        metrics = (await registry.runs([run_id]))[run_id].metrics

        assert metrics["nan"].is_nan()
        assert metrics["up"] == Decimal("1.7976931348623157E+308")
        assert metrics["down"] == Decimal("-1.7976931348623157E+308")

    @pytest.mark.parametrize(
        ("logged", "last"),
        [
            ([("auc", 0.1, 1), ("auc", 0.2, 2), ("auc", 0.3, 3)], "0.3"),
            ([("auc", 0.3, 3), ("auc", 0.9, 1), ("auc", 0.8, 2)], "0.3"),
            ([("auc", 0.9, 1), ("auc", 0.1, 1)], "0.1"),
            ([("auc", 0.9, -1), ("auc", 0.1, -2)], "0.9"),
        ],
        ids=["in order", "a lower step later", "one step twice", "negative steps"],
    )
    async def test_the_last_value_is_by_step_then_by_time(
        self, registry: Registry, seeder: Seeder, logged: list[tuple[str, float, int]], last: str
    ) -> None:
        run_id = await seeder.create_run(logged)

        assert (await registry.runs([run_id]))[run_id].metrics == {"auc": Decimal(last)}

    async def test_nan_that_was_logged_last_hides_the_number_before(
        self, registry: Registry, seeder: Seeder
    ) -> None:
        run_id = await seeder.create_run([("auc", 0.9, 1), ("auc", float("nan"), 2)])

        assert (await registry.runs([run_id]))[run_id].metrics["auc"].is_nan()

    @pytest.mark.parametrize("count", [1, 3, 12])
    async def test_missing_runs_are_left_out_and_deleted_ones_say_so(
        self, registry: Registry, seeder: Seeder, count: int
    ) -> None:
        kept = [await seeder.create_run([("auc", 0.5, 0)]) for _ in range(count)]
        gone = await seeder.create_run()
        await seeder.delete_run(gone)

        first = await registry.runs([gone, *kept, UNKNOWN_RUN, *kept])
        again = await registry.runs([gone, *kept, UNKNOWN_RUN, *kept])

        assert {run_id for run_id, run in first.items() if not run.deleted} == set(kept)
        assert {run_id for run_id, run in first.items() if run.deleted} == {gone}
        assert again == first

    @pytest.mark.parametrize("count", [1, 12], ids=["one by one", "searched"])
    async def test_datasets_come_with_what_they_were_used_for(
        self, registry: Registry, seeder: Seeder, count: int
    ) -> None:
        given = [
            Dataset(name="rest", digest="01"),
            Dataset(name="holdout", digest="9f3c", context="validation", rows=10_001),
        ]
        runs = [await seeder.create_run(models=[], datasets=given) for _ in range(count)]
        await registry.runs(runs)

        found = await registry.runs(runs)

        assert {found[run_id].datasets for run_id in runs} == {(given[1], given[0])}

    async def test_status_says_how_far_a_run_is(self, registry: Registry, seeder: Seeder) -> None:
        done = await seeder.create_run()
        experiment = _name()
        going, broken = [
            await registry.evaluation_run(EvaluationRun(key=key, experiment=experiment, name="eval", tags=()))
            for key in ("01", "02")
        ]
        await registry.end_run(broken, "02", RunStatus.FAILED)

        found = await registry.runs([done, going, broken])

        assert [found[run_id].status for run_id in (done, going, broken)] == ["FINISHED", "RUNNING", "FAILED"]

    async def test_no_runs_are_no_call(self, registry: Registry) -> None:
        assert await registry.runs([]) == {}


class TestNames:
    @pytest.mark.parametrize(
        "suffix",
        [
            "a b",
            "ünïcode-模型",
            "dots.and-dashes_",
            "100#?&=+",
            "(x) [y] {z}",
            "--",
            ";DROP TABLE",
            "<b>",
            "a,b",
            "it's 50%",
            '"quoted" `or` \\ not',
        ],
    )
    async def test_every_call_takes_an_odd_name(
        self, registry: Registry, seeder: Seeder, suffix: str
    ) -> None:
        name, run_id = f"{_name()}{suffix}", await seeder.create_run()
        await seeder.create_model(name)

        version = (await _made(registry, name, run_id)).version
        await registry.set_alias(name, "champion", version)
        await registry.tag_version(name, version, {"owner": "ml"})

        assert await registry.aliases(name) == {"champion": version}
        assert (await listed(registry, name))[name] == {"champion": version}
        assert (await registry.version(name, version)).tags == {"owner": "ml"}
        await registry.untag_version(name, version, "owner")
        assert (await registry.version(name, version)).tags == {}
        await registry.delete_alias(name, "champion")
        assert await registry.aliases(name) == {}


def _name() -> str:
    return f"model-{secrets.token_hex(4)}"


async def _made(registry: Registry, model: str, run_id: str, path: str | None = None) -> ModelVersion:
    version = await registry.version_of_run(model, run_id, path)
    assert version is not None
    return version


def _calls(registry: Registry, model: str, version: str) -> dict[str, Callable[[], Awaitable[object]]]:
    return {
        "version": lambda: registry.version(model, version),
        "set_alias": lambda: registry.set_alias(model, "champion", version),
        "tag_version": lambda: registry.tag_version(model, version, {"owner": "ml"}),
        "untag_version": lambda: registry.untag_version(model, version, "owner"),
        "aliases": lambda: registry.aliases(model),
        "delete_alias": lambda: registry.delete_alias(model, "champion"),
    }
