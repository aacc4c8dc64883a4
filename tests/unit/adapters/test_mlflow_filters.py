"""No name that anybody chose can leave a search filter, because only run ids of letters, digits, _ and - get
into one."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelalias.adapters.mlflow_registry import open_registry
from modelalias.adapters.mlflow_runs import FEW
from modelalias.core.errors import OperatorError
from modelalias.ports import EvaluationRun, Registry
from modelalias.settings import RegistrySettings
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

RUN = "0123456789abcdef0123456789abcdef"
ONE = r"'[A-Za-z0-9][\w-]{0,255}'"
FILTER = re.compile(
    rf"(source_)?run_id = {ONE}|attributes\.run_id IN \({ONE}(, {ONE})*\)|tags\.`modelalias\.evaluation` = '[0-9a-f]{{1,64}}'"
)

nasty = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="'\"`\\%_();-= \n\x00aORr1", max_size=20),
    st.sampled_from(
        [
            "' OR '1' = '1",
            "x' --",
            "\\' OR 1=1",
            "x') OR ('a'='a",
            "\u2019 OR \u2018",
            RUN + "\n",
            "a-b",
            "a--' OR 1",
            "\uff41",
            "",
        ]
    ),
)


def registry_like(seen: Seen) -> Answer:
    """Answer every search with nothing and every run with itself, with a model at the path `model`."""
    if seen.path.endswith("/runs/get"):
        run_id = seen.values["run_id"]
        info = {
            "run_id": run_id,
            "experiment_id": "1",
            "status": "FINISHED",
            "lifecycle_stage": "active",
            "artifact_uri": "a:/b",
        }
        return Answer({"run": {"info": info, "data": {}}})
    if seen.path.endswith("/experiments/get-by-name"):
        name = seen.values.get("experiment_name", "")
        return Answer({"experiment": {"experiment_id": "1", "name": name, "lifecycle_stage": "active"}})
    if seen.path.endswith("/artifacts/list"):
        return Answer({"files": [{"path": f"{seen.values['path']}/MLmodel"}]})
    return Answer({})


def filters(stub: HttpStub) -> Sequence[str]:
    return [str(seen.values["filter"]) for seen in stub.seen if "filter" in seen.values]


@pytest.fixture(scope="module")
def stub() -> Iterator[HttpStub]:
    with http_stub(registry_like) as stub:
        yield stub


@settings(max_examples=25, deadline=None)
@given(model=nasty, path=st.none() | nasty, run_id=st.just(RUN) | nasty)
def test_looking_for_the_version_of_a_run(stub: HttpStub, model: str, path: str | None, run_id: str) -> None:
    async def ask(registry: Registry) -> None:
        await registry.version_of_run(model, run_id, path, register=False)

    sent = _sent(stub, ask)

    assert all(FILTER.fullmatch(text) for text in sent)


@settings(max_examples=25, deadline=None)
@given(
    run_ids=st.lists(nasty | st.text("0123456789abcdef", min_size=32, max_size=32), min_size=1, max_size=4)
)
def test_reading_many_runs(stub: HttpStub, run_ids: list[str]) -> None:
    async def ask(registry: Registry) -> None:
        await registry.runs([RUN, *run_ids])
        await registry.runs([*(f"{RUN}{number}" for number in range(FEW + 1)), *run_ids])

    sent = _sent(stub, ask)

    assert sent
    assert all(FILTER.fullmatch(text) for text in sent)


@settings(max_examples=25, deadline=None)
@example(key="9f3c", text="' OR '1' = '1")
@given(key=nasty, text=nasty)
def test_opening_an_evaluation_run(stub: HttpStub, key: str, text: str) -> None:
    async def ask(registry: Registry) -> None:
        with suppress(ValueError):
            await registry.evaluation_run(
                EvaluationRun(key=key, experiment=text, name=text, tags=((text, text),))
            )

    sent = _sent(stub, ask)

    assert all(FILTER.fullmatch(text) for text in sent)
    assert len(sent) <= 1


def _sent(stub: HttpStub, ask: Callable[[Registry], Awaitable[None]]) -> Sequence[str]:
    """Return the filters that a call sent, whatever came of it."""

    async def run(uri: str) -> None:
        registry = open_registry(RegistrySettings(uri=uri))
        try:
            await ask(registry)
        except OperatorError:
            pass
        finally:
            await registry.close()

    stub.seen.clear()
    asyncio.run(run(stub.uri))
    return filters(stub)
