"""`modelalias compare`: which versions are read, in how many calls, and what is said of them."""

import json
from decimal import Decimal

import pytest

from modelalias.api.gates import Direction
from modelalias.cli import compare, compared_versions
from modelalias.cli.compared_versions import Chosen
from modelalias.cli.comparison_text import Comparison
from modelalias.cli.main import main, parser
from modelalias.core.errors import ModelNotFound, VersionNotFound
from modelalias.core.judging.comparison import Criterion, rank
from modelalias.ports import Dataset
from tests.support.fake_registry import FakeRegistry

HOLDOUT = Dataset(name="holdout", digest="9f3c", context="validation", rows=1500)
OTHER = Dataset(name="holdout", digest="77aa", context="validation")
MD5 = "2a952c1e36c964b85cd909f244486145"


async def registry_with(*values: float | None, data: Dataset = HOLDOUT) -> FakeRegistry:
    """A model `churn` with a version for each value of `auc`."""
    made = FakeRegistry()
    await made.create_model("churn")
    for degree, value in enumerate(values, 1):
        await add(made, value, degree=str(degree), seed="7", data_md5=MD5, data=data)
    return made


async def add(registry: FakeRegistry, value: float | None, *, data: Dataset, **parameters: str) -> str:
    metrics = [] if value is None else [("auc", value, 0)]
    run = await registry.create_run(metrics, datasets=[data], parameters=parameters)
    return await registry.create_version("churn", run)


def compared(
    chosen: Chosen, *, any_data: bool = False, direction: Direction = Direction.HIGHER
) -> Comparison:
    criterion = Criterion(metric="auc", direction=direction)
    return Comparison("churn", chosen, [rank(chosen.entries, criterion, any_data=any_data)])


class TestReading:
    async def test_two_thousand_versions_take_a_handful_of_calls(self) -> None:
        registry = await registry_with(*[0.8] * 2000)
        for number, alias in enumerate(("champion", "prev-champion", "challenger"), 1):
            registry.move("churn", alias, str(number * 500))

        chosen = await compared_versions.newest(registry, "churn", 20)

        numbers = [int(entry.number) for entry in chosen.entries]
        assert numbers == [*range(2000, 1980, -1), 1500, 1000, 500]
        assert chosen.left_out == "versions before 1981 are left out, save 3 that an alias names"
        assert [call.name for call in registry.calls] == [
            "aliases",
            "newer_versions",
            *["version"] * 3,
            "run_details",
        ]

    async def test_as_many_older_versions_as_one_likes_may_have_an_alias(self) -> None:
        registry = await registry_with(*[0.8] * 150)
        for number in range(1, 101):
            registry.move("churn", f"level-{number}", str(number))

        chosen = await compared_versions.newest(registry, "churn", 10)

        assert len(registry.called("version")) == 20
        assert [entry.number for entry in chosen.entries][10:12] == ["100", "99"]

    async def test_nothing_is_left_out_of_a_few(self) -> None:
        chosen = await compared_versions.newest(await registry_with(0.8, 0.9), "churn", 20)

        assert [entry.number for entry in chosen.entries] == ["2", "1"]
        assert chosen.left_out == ""

    async def test_versions_by_number_are_those_and_no_others(self) -> None:
        registry = await registry_with(0.8, 0.9, 0.7)
        registry.move("churn", "champion", "1")
        registry.move("churn", "best", "1")

        chosen = await compared_versions.by_number(registry, "churn", ["1", "3"])

        assert [(entry.number, entry.aliases) for entry in chosen.entries] == [
            ("3", ()),
            ("1", ("best", "champion")),
        ]

    async def test_what_is_not_there_is_said(self) -> None:
        registry = await registry_with(0.8)

        with pytest.raises(VersionNotFound, match="no version 9"):
            await compared_versions.by_number(registry, "churn", ["1", "9"])
        with pytest.raises(ModelNotFound, match="no model toy"):
            await compared_versions.newest(registry, "toy", 20)

    async def test_the_numbers_of_a_run_that_made_another_model_do_not_count(self) -> None:
        registry = await registry_with(0.8)
        good = await registry.create_run([("auc", 0.99, 0)], datasets=[HOLDOUT])
        silent = await registry.create_run([("auc", 0.98, 0)], models=(), datasets=[HOLDOUT])
        for run in (good, silent):
            bad = await registry.create_run([("auc", 0.5, 0)], datasets=[HOLDOUT])
            await registry.create_version("churn", bad, says=run)

        comparison = compared(await compared_versions.newest(registry, "churn", 20))

        (ranking,) = comparison.rankings
        assert ranking.best == ("1",)
        assert "which did not make its logged model" in ranking.readings["2"].note
        assert f"version 3 says that run {silent} made it, and run" in ranking.readings["3"].note

    async def test_a_deleted_run_is_said(self) -> None:
        registry = await registry_with(0.9, 0.8)
        run = (await registry.version("churn", "1")).run_id
        assert run is not None
        await registry.delete_run(run)

        text = compared(await compared_versions.newest(registry, "churn", 20)).table

        assert "best by auc (higher is better): version 2 with 0.8, of 1 on holdout@9f3c (1500 rows)" in text
        assert f"version 1: run {run} is deleted" in text
        assert "(0.9)" in text


class TestText:
    async def test_people_read_what_differs_and_which_is_the_best(self) -> None:
        registry = await registry_with(0.8, 0.9, None)
        registry.move("churn", "champion", "1")

        lines = compared(await compared_versions.newest(registry, "churn", 20)).table.splitlines()

        assert [line.split() for line in lines[:5]] == [
            ["model", "churn"],
            ["VERSION", "auc", "degree", "DATA", "RUN", "CREATED", "ALIASES"],
            ["3", "-", "3", "holdout@9f3c", "00000000", "2025-12-01T00:00:02Z", "-"],
            ["2", "0.9", "2", "holdout@9f3c", "00000000", "2025-12-01T00:00:01Z", "-"],
            ["1", "0.8", "1", "holdout@9f3c", "00000000", "2025-12-01T00:00:00Z", "champion"],
        ]
        assert lines[5:] == [
            "best by auc (higher is better): version 2 with 0.9, of 2 on holdout@9f3c (1500 rows)",
            "version 3: its run has no auc",
        ]

    async def test_different_data_is_said_and_can_be_compared_all_the_same(self) -> None:
        registry = await registry_with(0.8, 0.9)
        await add(registry, 0.95, data=OTHER, data_md5=MD5[::-1])
        chosen = await compared_versions.newest(registry, "churn", 20)

        table = compared(chosen).table

        assert (
            "no version is the best by auc (higher is better): they were not measured on the same data: versions "
            "1, 2 on holdout@9f3c (1500 rows) (best: 2); version 3 on holdout@77aa\n"
            "--any-data compares them all the same\n"
        ) in table
        assert "   2a952c1e   " in table
        assert "best by auc (higher is better): version 3 with 0.95, of 3 on data that is not the same\n" in (
            compared(chosen, any_data=True).table
        )

    async def test_a_tie_is_said(self) -> None:
        chosen = await compared_versions.newest(await registry_with(0.9, 0.9, 0.95), "churn", 20)

        assert (
            "best by auc (lower is better): versions 1, 2 with 0.9 each, the same number, of 3 on"
            in compared(chosen, direction=Direction.LOWER).table
        )

    async def test_many_parameters_are_named_and_not_shown(self) -> None:
        registry = await registry_with()
        for value in ("a", "b"):
            await add(registry, 0.8, data=HOLDOUT, **{f"p{number}": value for number in range(9)})
        chosen = await compared_versions.newest(registry, "churn", 20)

        comparison = compared(chosen)
        asked = Comparison("churn", chosen, comparison.rankings, ["p8", "nothing"])

        assert comparison.table.splitlines()[1].split()[2:9] == ["p0", "p1", "p2", "p3", "p4", "p5", "DATA"]
        assert "these parameters differ too: p6, p7, p8\n" in comparison.table
        assert asked.table.splitlines()[1].split()[2:5] == ["p8", "nothing", "DATA"]
        assert "differ too" not in asked.table

    async def test_markdown_has_the_same_cells_and_sentences(self) -> None:
        registry = await registry_with(0.8)
        await add(registry, 0.9, data=HOLDOUT, degree="<b>|@team")

        written = compared(await compared_versions.newest(registry, "churn", 20)).markdown

        cells = ("2", "0.9", "-", "&lt;b&gt;&#124;@&#8288;team", "-", "holdout@&#8288;9f3c", "00000000")
        assert f"| {' | '.join(cells)} |" in written
        assert "\n\n- best by auc (higher is better): version 2 with 0.9, of 2 on " in written

    async def test_json_keeps_every_digit_and_every_parameter(self) -> None:
        registry = await registry_with(0.1 + 0.2, float("nan"))
        chosen = await compared_versions.newest(registry, "churn", 20)

        told = json.loads(json.dumps(compared(chosen).result))

        first, second = told["versions"]
        assert first["metrics"][0] | {"note": ""} == {
            "metric": "auc",
            "value": "NaN",
            "counts": False,
            "note": "",
        }
        assert Decimal(second["metrics"][0]["value"]) == Decimal("0.30000000000000004")
        assert second["parameters"] == {"degree": "1", "seed": "7", "data_md5": MD5}
        assert second["datasets"] == [
            {"name": "holdout", "digest": "9f3c", "context": "validation", "rows": 1500}
        ]
        assert (told["rankings"][0]["best"], told["differingParameters"], told["leftOut"]) == (
            ["1"],
            ["degree"],
            None,
        )


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--metric", "auc", "--metric", "loss", "--best"], "--best is about one metric"),
            (["--metric", "auc", "--lower-is-better", "loss"], "there is no --metric loss"),
            (["--metric", "auc", "--versions", "1,x"], "--versions takes numbers"),
            (["--metric", "auc", "--versions", ""], "--versions takes numbers"),
            (["--metric", "auc", "--versions", ",".join(map(str, range(51)))], "at most 50 versions"),
            (["--metric", "auc", "--last", "0"], "--last takes a number from 1 to 100"),
            (["--metric", "auc", "--last", "101"], "--last takes a number from 1 to 100"),
        ],
    )
    def test_what_cannot_be_compared_is_one_line_and_status_2(
        self, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["compare", "churn", "--tracking-uri", "http://127.0.0.1:9", *arguments]) == 2

        told = capsys.readouterr()
        assert told.out == ""
        assert words in told.err

    @pytest.mark.parametrize(
        ("arguments", "lower"),
        [
            ([], []),
            (["--lower-is-better"], ["auc", "loss"]),
            (["--lower-is-better", "loss"], ["loss"]),
        ],
    )
    def test_which_way_is_better_is_said_for_each_metric_or_for_all(
        self, arguments: list[str], lower: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Criterion] = []
        monkeypatch.setattr(compare, "rank", lambda _, criterion, **__: asked.append(criterion))
        monkeypatch.setattr(compare, "_read", _one_version)
        monkeypatch.setattr(Comparison, "table", "")

        options = parser().parse_args(
            [
                "compare",
                "churn",
                "--metric",
                "auc",
                "--metric",
                "loss",
                *arguments,
                "--tracking-uri",
                "http://m",
            ]
        )
        options.run(options)

        assert [item.metric for item in asked if item.direction is Direction.LOWER] == lower
        assert [item.metric for item in asked] == ["auc", "loss"]


def test_a_model_without_versions_is_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare, "_read", _no_version)

    assert main(["compare", "churn", "--metric", "auc", "--tracking-uri", "http://m"]) == 2
    assert capsys.readouterr().err == "modelalias: model churn has no versions\n"


async def _no_version(*_: object) -> Chosen:
    return await compared_versions.newest(await registry_with(), "churn", 20)


async def _one_version(*_: object) -> Chosen:
    return await compared_versions.newest(await registry_with(0.8), "churn", 1)
