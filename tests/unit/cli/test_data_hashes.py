"""What the sources in the registry say of the data, and whether they agree."""

import pytest

from modelalias.cli import data_hashes
from modelalias.cli.data_hashes import Agreement
from modelalias.ports import DataPointer, Dataset, ModelVersion, RunDetails, VersionState

MD5 = "2a952c1e36c964b85cd909f244486145"
OTHER = "2d56c38673d4b176fadd555688c8755d"
TRAINED = Dataset(name="churn", digest=MD5, context="training")
HOLDOUT = Dataset(name="holdout", digest=OTHER, context="validation")


def version(**tags: str) -> ModelVersion:
    return ModelVersion(model="churn", version="3", run_id="r", state=VersionState.READY, tags=tags)


def run(
    *, tags: dict[str, str] | None = None, data: tuple[Dataset, ...] = (), **parameters: str
) -> RunDetails:
    return RunDetails(run_id="r", metrics={}, tags=tags or {}, datasets=data, parameters=parameters)


def pointer(md5: str, file: str = "churn.csv.dvc") -> DataPointer:
    return DataPointer(file=file, data="churn.csv", md5=md5, problem="" if md5 else "names no md5")


@pytest.mark.parametrize(
    ("given", "agreement", "md5"),
    [
        pytest.param(
            (version(training_data=MD5), run(data_md5=MD5, data=(TRAINED,)), (pointer(MD5),)),
            Agreement.AGREE,
            MD5,
            id="all the same",
        ),
        pytest.param(
            (version(training_data=OTHER), run(data_md5=MD5), ()), Agreement.DIFFER, None, id="a tag differs"
        ),
        pytest.param(
            (version(), run(data_md5=MD5), (pointer(OTHER),)), Agreement.DIFFER, None, id="a pointer differs"
        ),
        pytest.param((version(), run(data_md5=MD5), ()), Agreement.ONE_SOURCE, MD5, id="one alone"),
        pytest.param((version(), run(), ()), Agreement.UNKNOWN, None, id="none"),
        pytest.param(
            (version(training_data="s3://b/x"), run(), ()), Agreement.UNKNOWN, None, id="an address"
        ),
        pytest.param((version(training_data=MD5), None, ()), Agreement.ONE_SOURCE, MD5, id="without a run"),
        pytest.param(
            (version(), run(data_md5=MD5), (pointer(OTHER, "a.dvc"), pointer(MD5, "b.dvc"))),
            Agreement.AGREE,
            MD5,
            id="one of two pointers",
        ),
        pytest.param(
            (version(), run(data_md5=MD5, data=(HOLDOUT,)), ()), Agreement.ONE_SOURCE, MD5, id="a holdout"
        ),
        pytest.param(
            (version(), run(data_md5=MD5), (pointer(""),)), Agreement.ONE_SOURCE, MD5, id="a broken pointer"
        ),
        pytest.param(
            (version(), run(data_md5=MD5, data=(TRAINED.changed(digest="9a11e2c7"),)), ()),
            Agreement.ONE_SOURCE,
            MD5,
            id="MLflow's own digest",
        ),
        pytest.param(
            (version(), run(tags={"data_md5": MD5}, data_md5=MD5), ()), Agreement.AGREE, MD5, id="a run's tag"
        ),
        pytest.param(
            (version(), run(data_md5=f"{MD5}.dir"), (pointer(MD5),)), Agreement.DIFFER, None, id="a folder"
        ),
    ],
)
def test_sources_agree_on_one_md5_or_none_is_known(
    given: tuple[ModelVersion, RunDetails | None, tuple[DataPointer, ...]],
    agreement: Agreement,
    md5: str | None,
) -> None:
    hashes = data_hashes.of(*given)

    assert (hashes.agreement, hashes.md5) == (agreement, md5)


def test_each_source_is_named_with_what_it_says() -> None:
    hashes = data_hashes.of(
        version(training_data="the March export"), run(data_md5=MD5, data=(TRAINED, HOLDOUT)), (pointer(""),)
    )

    assert [(item.source, item.says) for item in hashes.hashes] == [
        ("parameter data_md5 of the run", MD5),
        ("dataset of the run: churn", MD5),
        ("DVC pointer of the run: churn.csv.dvc (churn.csv)", "names no md5"),
        ("tag training_data of the version", "the March export"),
    ]
