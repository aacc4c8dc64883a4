"""What is read by one search: two versions of one model, however old the champion; many models, whatever one of them does."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from modelalias.adapters.mlflow_errors import Unreachable
from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.adapters.mlflow_searches import MOST_BETWEEN
from modelalias.settings import RegistrySettings
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

ALIASES = [{"alias": "champion", "version": "1"}]


def _version(number: str) -> dict[str, str]:
    return {"name": "churn", "version": number, "status": "READY"}


def _both(*numbers: str) -> Callable[[Seen], Answer]:
    def answer(seen: Seen) -> Answer:
        if seen.path.endswith("/model-versions/search"):
            return Answer({"model_versions": [_version(number) for number in numbers]})
        return Answer({"model_version": _version(str(seen.values["version"]))})

    return answer


def _refuses(seen: Seen) -> Answer:
    if seen.path.endswith("/model-versions/search"):
        return Answer({"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}, 400)
    return Answer({"model_version": _version(str(seen.values["version"]))})


async def _read(stub: HttpStub, *numbers: str, times: int = 1) -> Sequence[Sequence[str]]:
    """Read versions at the same time, and return which ones were answered each time."""
    registry = MlflowRegistry(RegistrySettings(uri=stub.uri))
    told = [
        await asyncio.gather(*(registry.version("churn", number) for number in numbers)) for _ in range(times)
    ]
    await registry.close()
    return [[version.version for version in each] for each in told]


def _calls(stub: HttpStub) -> Sequence[str]:
    return [seen.path.rpartition("/")[2] for seen in stub.seen]


async def test_a_search_leaves_out_what_is_numbered_between() -> None:
    between = "name = 'churn' AND version_number >= 2 AND version_number <= 5"
    with http_stub(_both("2", "5")) as stub:
        told = await _read(stub, "5", "2")

    assert told == [["5", "2"]]
    wanted = f"{between} AND version_number != 3 AND version_number != 4"
    assert [seen.values["filter"] for seen in stub.seen] == [wanted]


@pytest.mark.parametrize(
    ("number", "calls"), [(MOST_BETWEEN + 2, ["search"]), (MOST_BETWEEN + 3, ["get", "get"])]
)
async def test_those_that_are_too_far_apart_are_read_alone(number: int, calls: Sequence[str]) -> None:
    with http_stub(_both("1", str(number))) as stub:
        told = await _read(stub, "1", str(number))

    assert told == [["1", str(number)]]
    assert _calls(stub) == calls


async def test_a_model_that_gets_no_answer_fails_alone_where_many_are_asked_for() -> None:
    free = threading.Event()

    def answer(seen: Seen) -> Answer:
        if "slow" in str(seen.values):
            free.wait(10)
        name = str(seen.values.get("name", ""))
        listed = [
            {"name": each, "aliases": ALIASES} for each in ("churn", "fraud") if each in str(seen.values)
        ]
        model = {"name": name, "aliases": ALIASES}
        return Answer({"registered_models": listed, "registered_model": model})

    with http_stub(answer) as stub:
        registry = MlflowRegistry(RegistrySettings(uri=stub.uri, timeout_seconds=0.5))
        told = [
            await asyncio.gather(*map(registry.aliases, ("churn", "slow", "fraud")), return_exceptions=True)
            for _ in range(2)
        ]
        free.set()
        await registry.close()

    for answers in told:
        assert [type(each) for each in answers] == [dict, Unreachable, dict]
    assert _calls(stub)[0] == "search"
    assert sorted(_calls(stub)[1:]) == ["get", "get", "get", "get", "search"], (
        "the second crowd is asked without it"
    )


async def test_a_server_that_refuses_such_a_search_is_asked_for_none_again() -> None:
    with http_stub(_refuses) as stub:
        told = await _read(stub, "1", "2", times=2)

    assert told == [["1", "2"], ["1", "2"]]
    assert _calls(stub) == ["search", "get", "get", "get", "get"]
