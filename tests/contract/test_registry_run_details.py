"""What people want to know of runs, asked of the fake and of a real MLflow server."""

from decimal import Decimal

import pytest

from modelalias.core.errors import RunNotFound
from modelalias.ports import DataPointer, Dataset, Registry, RunStatus
from tests.support.registry_seeder import Seeder

UNKNOWN_RUN = "0123456789abcdef0123456789abcdef"
MD5 = "2a952c1e36c964b85cd909f244486145"
DATA = Dataset(name="holdout", digest="abc", context="validation", rows=10)


def pointer(*, md5: str = MD5, path: str = "churn.csv") -> str:
    return f"outs:\n- md5: {md5}\n  size: 12\n  hash: md5\n  path: {path}\n"


class TestRunDetails:
    async def test_it_tells_what_the_run_says_of_itself(self, registry: Registry, seeder: Seeder) -> None:
        run_id = await seeder.create_run(
            [("auc", 0.8, 0), ("auc", 0.9, 1)],
            datasets=[DATA],
            parameters={"degree": "2", "note": 'a "b" | c'},
            tags={
                "mlflow.runName": "gentle-foal",
                "mlflow.user": "ana",
                "mlflow.source.git.commit": "5c1e943",
            },
        )

        run = (await registry.run_details([run_id]))[run_id]

        assert (run.name, run.user, run.status, run.deleted) == (
            "gentle-foal",
            "ana",
            RunStatus.FINISHED,
            False,
        )
        assert run.parameters == {"degree": "2", "note": 'a "b" | c'}
        assert run.tags["mlflow.source.git.commit"] == "5c1e943"
        assert (run.metrics, run.datasets) == ({"auc": Decimal("0.9")}, (DATA,))
        assert run.started_at is not None
        assert run.ended_at is not None
        assert run.started_at <= run.ended_at

    async def test_it_is_what_the_rules_read_and_more(self, registry: Registry, seeder: Seeder) -> None:
        run_id = await seeder.create_run([("auc", float("nan"), 0)], datasets=[DATA])

        run = (await registry.runs([run_id]))[run_id]
        details = (await registry.run_details([run_id]))[run_id]

        fields = set(type(run).model_fields)
        assert repr(details.model_dump(include=fields)) == repr(run.model_dump())  # NaN equals nothing

    async def test_a_deleted_run_says_so_and_one_that_is_not_there_is_left_out(
        self, registry: Registry, seeder: Seeder
    ) -> None:
        kept, deleted = await seeder.create_run(), await seeder.create_run(parameters={"degree": "3"})
        await seeder.delete_run(deleted)

        found = await registry.run_details([kept, deleted, UNKNOWN_RUN, "a' OR '1' = '1"])

        assert {run_id: run.deleted for run_id, run in found.items()} == {kept: False, deleted: True}
        assert found[deleted].parameters == {"degree": "3"}
        assert {key: run.deleted for key, run in (await registry.runs([kept, deleted])).items()} == {
            kept: False,
            deleted: True,
        }

    async def test_many_are_told_as_one_is(self, registry: Registry, seeder: Seeder) -> None:
        run_ids = [await seeder.create_run(parameters={"number": str(number)}) for number in range(12)]
        await seeder.delete_run(run_ids[-1])

        found = await registry.run_details(run_ids)

        assert {run_id: run.parameters["number"] for run_id, run in found.items()} == {
            run_id: str(number) for number, run_id in enumerate(run_ids)
        }
        assert [run_id for run_id, run in found.items() if run.deleted] == [run_ids[-1]]


class TestDataPointers:
    async def test_pointers_at_the_top_and_in_a_folder_are_read(
        self, registry: Registry, seeder: Seeder
    ) -> None:
        run_id = await seeder.create_run()
        folder = f"{MD5}.dir"
        for path, text in (
            ("churn.csv.dvc", pointer()),
            ("data/labels.dvc", pointer(md5=folder, path="labels")),
            ("data/deep/other.dvc", pointer()),
            ("data/churn.csv", "a,b\n"),
            ("dvc.yaml", pointer()),
        ):
            await seeder.write_file(run_id, path, text)

        assert list(await registry.data_pointers(run_id)) == [
            DataPointer(file="churn.csv.dvc", data="churn.csv", md5=MD5),
            DataPointer(file="data/labels.dvc", data="labels", md5=folder),
        ]

    async def test_one_that_makes_no_sense_says_why(self, registry: Registry, seeder: Seeder) -> None:
        run_id = await seeder.create_run()
        await seeder.write_file(run_id, "a.dvc", "outs: {")
        await seeder.write_file(run_id, "b.dvc", "outs: []")
        await seeder.write_file(run_id, "c.dvc", pointer(md5="'; rm'"))

        assert [(item.file, item.md5, item.problem) for item in await registry.data_pointers(run_id)] == [
            ("a.dvc", "", "is not YAML"),
            ("b.dvc", "", "names no output"),
            ("c.dvc", "", "names no md5"),
        ]

    async def test_a_run_without_files_has_none_and_a_deleted_one_still_has_its_own(
        self, registry: Registry, seeder: Seeder
    ) -> None:
        empty, deleted = await seeder.create_run(models=()), await seeder.create_run()
        await seeder.write_file(deleted, "churn.csv.dvc", pointer())
        await seeder.delete_run(deleted)

        assert list(await registry.data_pointers(empty)) == []
        assert [item.md5 for item in await registry.data_pointers(deleted)] == [MD5]

    @pytest.mark.parametrize("run_id", [UNKNOWN_RUN, "", "a' OR '1' = '1", "../x"])
    async def test_a_run_that_is_not_there(self, registry: Registry, run_id: str) -> None:
        with pytest.raises(RunNotFound):
            await registry.data_pointers(run_id)
