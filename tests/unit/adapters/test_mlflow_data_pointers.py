"""The DVC pointers of a run, where the server cannot hand out its files or hands out what is no pointer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.core.errors import OperatorError, Refused, RunNotFound, Unavailable, Unreadable
from modelalias.ports import DataPointer
from modelalias.settings import RegistrySettings
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub

RUN = "f" * 32
MD5 = "2a952c1e36c964b85cd909f244486145"
POINTER = f"outs:\n- md5: {MD5}\n  path: churn.csv\n".encode()


@contextmanager
def server(
    files: dict[str, list[tuple[str, bool]]], hand_out: Callable[[Seen], Answer]
) -> Iterator[tuple[MlflowRegistry, HttpStub]]:
    """Serve folders, each with (path, is a folder), and files."""

    def answer(seen: Seen) -> Answer:
        if seen.path.endswith("/artifacts/list"):
            listed = files.get(str(seen.values.get("path", "")), [])
            return Answer({"files": [{"path": path, "is_dir": folder} for path, folder in listed]})
        return hand_out(seen)

    with http_stub(answer) as stub:
        yield MlflowRegistry(RegistrySettings(uri=stub.uri)), stub


async def test_a_run_with_many_files_is_not_searched_without_end() -> None:
    folders = [(f"f{number:03}", True) for number in range(300)]
    pointers = [(f"p{number:03}.dvc", False) for number in range(300)]
    with server({"": [*folders, *pointers]}, lambda _: Answer(POINTER)) as (registry, stub):
        found = await registry.data_pointers(RUN)

    assert [item.file for item in found] == [f"p{number:03}.dvc" for number in range(10)]
    assert len(stub.seen) == 1 + 10 + 10


async def test_only_what_a_pointer_can_be_is_read() -> None:
    listed = [("data.dvc", False), ("folder.dvc", True), ("data.csv", False)]
    large = b"outs: []\n" + b"#" * 70_000
    with server({"": listed}, lambda _: Answer(large)) as (registry, stub):
        found = await registry.data_pointers(RUN)

    assert list(found) == [DataPointer(file="data.dvc", problem="is larger than 64 KiB")]
    assert [seen.values["path"] for seen in stub.seen if seen.path.endswith("/get-artifact")] == ["data.dvc"]


async def test_a_pointer_to_several_outputs_names_each() -> None:
    text = POINTER + f"- md5: {MD5[::-1]}.dir\n  path: labels\n- path: x\n- nonsense\n".encode()
    with server({"": [("all.dvc", False)]}, lambda _: Answer(text)) as (registry, _):
        found = await registry.data_pointers(RUN)

    assert [(item.data, item.md5, item.problem) for item in found] == [
        ("churn.csv", MD5, ""),
        ("labels", f"{MD5[::-1]}.dir", ""),
        ("x", "", "names no md5"),
        ("", "", "names no md5"),
    ]


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        (500, "INTERNAL_ERROR", Unreadable),
        (400, "INVALID_PARAMETER_VALUE", Unreadable),
        (404, "", Unreadable),
        (404, "RESOURCE_DOES_NOT_EXIST", RunNotFound),
        (503, "", Unavailable),
        (403, "", Refused),
    ],
)
async def test_what_cannot_be_read_is_sorted_by_what_to_do(
    status: int, code: str, failure: type[OperatorError]
) -> None:
    with http_stub(lambda _: Answer({"error_code": code}, status)) as stub, pytest.raises(failure) as raised:
        await MlflowRegistry(RegistrySettings(uri=stub.uri)).data_pointers(RUN)

    assert type(raised.value) is failure or failure is Refused
