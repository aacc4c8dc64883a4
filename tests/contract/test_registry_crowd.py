"""What many ask at the same time is what each would be told alone, and costs the real server few calls."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence

import pytest

from modelalias.adapters import mlflow_wire
from modelalias.adapters.mlflow_errors import Oversized
from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.core.errors import OperatorError
from modelalias.ports import Registry
from modelalias.settings import RegistrySettings
from tests.support.both_registries import listed
from tests.support.mlflow_server import Server
from tests.support.registry_seeder import Seeder

STRANGE_NAMES = ("of {} it's", 'of {} "all"', "of {} 100%", "of {} für", "of {}, 'x')", "of {} back\\slash")
MODELS = 6

pytestmark = pytest.mark.needs_database("sqlite", "postgresql", "names that differ only in case")


async def _told(question: Awaitable[object]) -> object:
    try:
        return await question
    except OperatorError as error:
        return type(error), str(error)


async def _one_by_one(questions: Sequence[Awaitable[object]]) -> Sequence[object]:
    return [await _told(question) for question in questions]


async def _at_once(questions: Sequence[Awaitable[object]]) -> Sequence[object]:
    return await asyncio.gather(*map(_told, questions))


async def _many_models(registry: Registry, seeder: Seeder) -> Mapping[str, str]:
    """Make models of one version each, some of them with names that are hard to search for; return model to run."""
    mark = secrets.token_hex(4)
    names = [f"crowd-{mark}-{number}" for number in range(MODELS)]
    names += [f"CROWD-{mark}-0", *(name.format(mark) for name in STRANGE_NAMES)]
    runs: dict[str, str] = {}
    for number, name in enumerate(names):
        runs[name] = await seeder.create_run([("val_auc", number / 100, 0)])
        await seeder.create_model(name)
        await seeder.create_version(name, runs[name])
        if number != 1:  # the second has no alias
            await registry.set_alias(name, "champion", "1")
        await registry.tag_version(name, "1", {"owner": f"it's {number}"})
    return runs


async def test_a_crowd_is_told_what_each_is_told_alone(registry: Registry, seeder: Seeder) -> None:
    runs = await _many_models(registry, seeder)
    wanted = [*runs, *list(runs)[:3], f"none-{secrets.token_hex(4)}"]
    run_ids = [*runs.values(), secrets.token_hex(16), "no run at all"]

    def questions() -> Sequence[Awaitable[object]]:
        return [
            *(registry.aliases(name) for name in wanted),
            *(registry.version(name, number) for name in wanted for number in ("1", "7", "01")),
            *(registry.runs([run_id]) for run_id in run_ids),
            registry.runs(run_ids),
        ]

    alone, together = await _one_by_one(questions()), await _at_once(questions())

    assert together == alone
    assert len({str(answer) for answer in together}) > 3 * MODELS


@pytest.mark.needs_mlflow("3.17", "search of models by several names")
@pytest.mark.parametrize("both", ["mlflow"], indirect=True)
async def test_a_crowd_costs_few_calls(mlflow_server: Server, registry: Registry, seeder: Seeder) -> None:
    runs = await _many_models(registry, seeder)
    plain = [name for name in runs if name.startswith("crowd")]
    calls = Counter[str]()
    counted = MlflowRegistry(
        RegistrySettings(uri=mlflow_server.uri), called=lambda name, *_: calls.update((name,))
    )
    await counted.runs([runs[plain[0]]])  # the experiment of these runs is known from now on
    calls.clear()

    await asyncio.gather(
        *(counted.aliases(name) for name in plain),
        *(counted.version(name, "1") for name in plain),
        *(counted.runs([runs[name]]) for name in plain),
    )
    await counted.close()

    assert calls == {
        "registered-models/search": 1,
        "registered-models/get": 1,  # of the model that shows no alias: a list may carry none
        "model-versions/search": 1,
        "runs/search": 1,
    }


@pytest.mark.parametrize("both", ["mlflow"], indirect=True)
async def test_two_versions_of_one_model_are_one_call_however_many_lie_between(
    mlflow_server: Server, registry: Registry, seeder: Seeder
) -> None:
    model = f"apart-{secrets.token_hex(4)}"
    await seeder.create_model(model)
    for number in range(1, 13):
        await seeder.create_version(model)
        await registry.tag_version(model, str(number), {"number": str(number)})
    alone = [await registry.version(model, number) for number in ("1", "12")]
    calls = Counter[str]()
    counted = MlflowRegistry(
        RegistrySettings(uri=mlflow_server.uri), called=lambda name, *_: calls.update((name,))
    )

    together = await asyncio.gather(*(counted.version(model, number) for number in ("1", "12")))
    await counted.close()

    assert together == alone
    assert calls == {"model-versions/search": 1}


@pytest.mark.parametrize("both", ["mlflow"], indirect=True)
async def test_a_model_whose_answer_is_too_large_is_passed_over_and_says_why(
    mlflow_server: Server, registry: Registry, seeder: Seeder, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = await _many_models(registry, seeder)
    small, *_, large = list(runs)[:5]
    await registry.tag_version(large, "1", {f"note-{number}": "x" * 4_500 for number in range(8)})
    everything = await listed(registry, *runs)
    monkeypatch.setattr(mlflow_wire, "LARGEST_ANSWER", 30_000)
    careful = MlflowRegistry(RegistrySettings(uri=mlflow_server.uri))

    others = [name for name in runs if name != large]
    seen = await listed(careful, *others)
    whole = await careful.snapshot()

    assert seen == {name: everything[name] for name in others}
    assert large not in whole
    answers = await asyncio.gather(*(_told(careful.aliases(name)) for name in (small, large)))
    await careful.close()
    assert answers == [
        {"champion": "1"},
        (Oversized, "the registry's answer has more than 0.0286102 MiB: are there large tags?"),
    ]
