"""`modelalias lineage`: what the registry says of a version, what is proved, and what is missing."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from modelalias.adapters.ed25519 import PublicKeys
from modelalias.api.alias import AliasMove, ModelAliasStatus, Operation, Plan, RequestRef
from modelalias.cli import lineage_json, lineage_table, record_reference, version_lineage
from modelalias.cli.graph_text import dot, mermaid
from modelalias.cli.lineage_graph import graph
from modelalias.cli.record_reference import Reference
from modelalias.cli.version_lineage import NOT_CHECKED, Lineage, Trust
from modelalias.core.errors import (
    InvalidRequest,
    ModelNotFound,
    NotFound,
    Refused,
    Unreadable,
    VersionNotFound,
)
from modelalias.core.ledger.signed_record import read, write
from modelalias.core.ledger.statement import Place
from modelalias.ports import Dataset
from tests.support.fake_keys import CLUSTER, NOTARY, private_key
from tests.support.fake_registry import FakeRegistry
from tests.support.harness import START

MD5: Final = "2a952c1e36c964b85cd909f244486145"
COMMIT: Final = "6fd22073676b1873ec95f28249c63b78e8a7500f"
KEYS: Final = Trust(PublicKeys([private_key(1).public_key()]))
STRANGERS: Final = Trust(PublicKeys([private_key(8).public_key()]))
NO_KEYS: Final = Trust(None)
CHAMPION: Final = Reference("churn", "champion", None)
PLAN: Final = Plan(
    operation=Operation.PROMOTE,
    request=RequestRef(name="go", uid="7" * 36),
    spec_hash=f"sha256:{7:064x}",
    aliases=(AliasMove(name="champion", from_="1", to="2"),),
    started_at=START,
    actor="ana",
    approvers=("bo", "cy"),
    evidence="sha256:" + 64 * "e",
    reason="retrained",
    verdict=json.dumps(
        {"gates": [{"name": "auc", "result": "Passed", "candidate": "0.91", "champion": "0.9"}]}
    ),
)


class Story:
    """A model whose version 2 was promoted, with all that a good pipeline leaves."""

    def __init__(self, registry: FakeRegistry, run: str) -> None:
        self.registry, self.run = registry, run

    async def sign(
        self, *, by: Any = NOTARY, alias: str = "champion", version: str = "2", **plan: Any
    ) -> None:
        """Write a record of the promotion to version 2 on a version, signed for that one."""
        registered = self.registry.versions("churn")["2"].registered_at
        place = Place(registry="default", model="churn", alias=alias, version="2", registered_at=registered)
        moved = PLAN.changed(run_id=self.run, **plan)
        text = write(by, place, read(by, place, None).with_promotion(moved, alias))
        self.registry.tag("churn", version, {f"modelalias.{alias}": text})

    async def lineage(self, reference: Reference = CHAMPION, trust: Trust = KEYS) -> Lineage:
        self.registry.calls.clear()
        return await version_lineage.read(self.registry, reference, trust)

    async def text(self, reference: Reference = CHAMPION, trust: Trust = KEYS) -> str:
        return lineage_table.text(await self.lineage(reference, trust))

    async def json(self, reference: Reference = CHAMPION, trust: Trust = KEYS) -> Mapping[str, Any]:
        told: Mapping[str, Any] = json.loads(
            json.dumps(lineage_json.result(await self.lineage(reference, trust)))
        )
        return told


@pytest.fixture
async def story() -> Story:
    registry = FakeRegistry()
    await registry.create_model("churn")
    await registry.create_version("churn", await registry.create_run())
    run = await registry.create_run(
        [("val_auc", 0.8569337115535053, 0)],
        datasets=[
            Dataset(name="churn", digest=MD5, context="training", rows=6000),
            Dataset(name="holdout", digest="9a11e2c7", context="validation", rows=1500),
        ],
        parameters={"degree": "2", "data_md5": MD5},
        tags={"mlflow.source.git.commit": COMMIT, "mlflow.user": "ana", "mlflow.runName": "gentle-foal"},
    )
    await registry.create_version("churn", run)
    await registry.write_file(run, "churn.csv.dvc", f"outs:\n- md5: {MD5}\n  path: churn.csv\n")
    registry.tag("churn", "2", {"training_data": MD5, "validated_by": "holdout"})
    registry.move("churn", "champion", "2")
    made = Story(registry, run)
    await made.sign()
    return made


async def test_people_read_the_whole_way_from_the_data_to_who_approved(story: Story) -> None:
    assert (await story.text()).splitlines() == [
        "churn@champion: version 2",
        "",
        "The registry says, and whoever may write there can have written any of it:",
        "version      2 of churn, READY, registered 2025-12-01T00:00:01Z",
        "aliases      champion",
        f"run          {story.run} (gentle-foal), by ana, FINISHED",
        "             2025-11-30T12:00:00Z to 2025-11-30T12:01:00Z",
        f"git commit   {COMMIT}",
        f"data         md5 {MD5}, as all sources say that name one:",
        "             - parameter data_md5 of the run",
        "             - dataset of the run: churn",
        "             - DVC pointer of the run: churn.csv.dvc (churn.csv)",
        "             - tag training_data of the version",
        f"parameters   data_md5   {MD5}",
        "             degree     2",
        "metrics      val_auc   0.856934",
        f"datasets     churn@{MD5} (6000 rows), training",
        "             holdout@9a11e2c7 (1500 rows), validation",
        f"tags         training_data   {MD5}",
        "             validated_by    holdout",
        "",
        f"Proved by the signed record as champion, with key {NOTARY.key} of cluster {CLUSTER}, for registry default:",
        "2026-01-01T12:00:00Z   Promote, Succeeded: over version 1, by ana, approved by bo, cy",
        "  request: go",
        "  reason: retrained",
        f"  evidence: sha256:{64 * 'e'}",
        f"  run: {story.run}",
        "  NAME   RESULT   CANDIDATE   CHAMPION   RULE   DATASET",
        "  auc    Passed   0.91        0.9        -      -",
    ]


async def test_it_takes_four_reads(story: Story) -> None:
    await story.lineage()

    assert sorted(call.name for call in story.registry.calls) == [
        "aliases",
        "data_pointers",
        "run_details",
        "version",
    ]


async def test_programs_read_the_same_with_every_digit(story: Story) -> None:
    told = await story.json()

    said = told["registry"]
    assert (told["model"], told["version"], told["alias"]) == ("churn", "2", "champion")
    assert (said["aliases"], said["gitCommit"], said["madeByRun"]) == (["champion"], COMMIT, True)
    assert said["run"]["metrics"] == {"val_auc": "0.8569337115535053"}
    assert said["run"]["parameters"] == {"degree": "2", "data_md5": MD5}
    assert (said["data"]["md5"], said["data"]["agreement"], len(said["data"]["sources"])) == (MD5, "Agree", 4)
    assert said["tags"] == {"training_data": MD5, "validated_by": "holdout"}
    (record,) = told["records"]
    assert (record["result"], record["proved"], record["replaced"]) == ("Valid", True, "1")
    assert (record["record"]["by"], record["record"]["approvers"]) == ("ana", ["bo", "cy"])


class TestProof:
    async def test_without_keys_nothing_is_called_valid(self, story: Story) -> None:
        text, told = await story.text(trust=NO_KEYS), await story.json(trust=NO_KEYS)

        assert f"The record as champion is NOT CHECKED: {NOT_CHECKED}. It says:\n2026-01-01T12:00:00Z" in text
        assert "Proved" not in text
        (record,) = told["records"]
        assert (record["result"], record["proof"], record["proved"]) == ("NotChecked", None, False)
        assert record["record"]["by"] == "ana"
        assert "signature not checked" in dot(graph(await story.lineage(trust=NO_KEYS)))

    @pytest.mark.parametrize(
        ("trust", "why"),
        [
            (STRANGERS, "the record is signed with a key that is not among the public keys"),
            (Trust(KEYS.keys, "other"), "the record was signed for registry default"),
        ],
        ids=["an unknown key", "another registry"],
    )
    async def test_of_what_is_not_valid_only_the_reason_is_told(
        self, story: Story, trust: Trust, why: str
    ) -> None:
        text = await story.text(trust=trust)

        assert f"Nothing is proved of champion: {why}." in text
        assert "approved by bo" not in text
        assert "approved by bo" not in mermaid(graph(await story.lineage(trust=trust)))

    async def test_a_copy_of_a_record_proves_nothing(self, story: Story) -> None:
        await story.sign(version="1")
        story.registry.move("churn", "champion", "1")

        for trust in (KEYS, NO_KEYS):
            text = await story.text(trust=trust)
            assert "Proved" not in text
        assert (await story.json())["records"][0]["proof"] == "WrongSignature"

    async def test_a_forged_record_is_not_signed_with_keys_and_without(self, story: Story) -> None:
        story.registry.tag("churn", "2", {"modelalias.champion": '{"operation":"Promote","by":"mallory"}'})

        for trust in (KEYS, NO_KEYS):
            text = await story.text(trust=trust)
            assert "Nothing is proved of champion: the record is not signed, or is no record at all." in text
            assert "mallory" not in text

    async def test_a_record_about_another_run_proves_nothing(self, story: Story) -> None:
        await Story(story.registry, "a" * 32).sign()

        assert "Nothing is proved of champion: the record is about run" in await story.text()

    async def test_each_alias_has_its_own_record_or_none(self, story: Story) -> None:
        await story.sign(alias="staging", aliases=(AliasMove(name="staging", from_=None, to="2"),))
        story.registry.move("churn", "smoke", "2")

        told = await story.json(Reference("churn", None, "2"))

        assert told["alias"] is None
        assert [(item["alias"], item["result"]) for item in told["records"]] == [
            ("champion", "Valid"),
            ("smoke", "Unknown"),
            ("staging", "Valid"),
        ]
        edges = mermaid(graph(await story.lineage()))
        assert "version -->|is named by| alias0" in edges
        assert "version -->|has a record as| alias2" in edges

    async def test_an_alias_beside_its_record_is_not_proved(self, story: Story) -> None:
        back = PLAN.changed(aliases=(AliasMove(name="champion", from_="2", to="3"),), run_id=story.run)
        version = story.registry.versions("churn")["2"]
        place = Place(
            registry="default",
            model="churn",
            alias="champion",
            version="2",
            registered_at=version.registered_at,
        )
        replaced = read(NOTARY, place, version.tags["modelalias.champion"]).replaced_by(
            back, "champion", ModelAliasStatus()
        )
        story.registry.tag("churn", "2", {"modelalias.champion": write(NOTARY, place, replaced)})

        assert "its signed record says that version 3 replaced it" in await story.text()
        story.registry.move("churn", "champion", None)
        assert "replaced by version 3" in await story.text(Reference("churn", None, "2"))


class TestMissing:
    async def test_a_version_that_nobody_made_says_all_that_is_missing(self, story: Story) -> None:
        number = await story.registry.create_version("churn")

        text = await story.text(Reference("churn", None, number))

        assert text.splitlines()[3:] == [
            f"version      {number} of churn, READY, registered 2025-12-01T00:00:02Z",
            "aliases      none names it",
            "run          not known: the version names none",
            "git commit   not known: no tag mlflow.source.git.commit of the run",
            "data         not known: no source names an md5",
            "             - no DVC pointer among the files of the run",
            "parameters   not known",
            "metrics      not known",
            "datasets     not known",
            "tags         none",
            "",
            "Nothing is proved: the version has no record, and no alias names it.",
        ]

    async def test_a_deleted_run_is_said_and_what_is_known_of_it_is_told(self, story: Story) -> None:
        await story.registry.delete_run(story.run)

        text, told = await story.text(), await story.json()

        assert "             the run is deleted\n" in text
        assert "degree     2" in text
        assert told["registry"]["run"]["deleted"] is True
        assert "by ana, deleted" in dot(graph(await story.lineage()))

    async def test_a_run_that_is_gone_is_said(self, story: Story) -> None:
        number = await story.registry.create_version_by_name("churn", "a' OR '1' = '1")

        reference = Reference("churn", None, number)
        told = await story.json(reference)

        assert "run          a' OR '1' = '1 is gone\n" in await story.text(reference)
        assert (told["registry"]["runId"], told["registry"]["run"]) == ("a' OR '1' = '1", None)
        assert told["registry"]["madeByRun"] is None

    async def test_a_run_that_made_another_model_is_said(self, story: Story) -> None:
        other = await story.registry.create_run()
        number = await story.registry.create_version("churn", other, says=story.run)

        lineage = await story.lineage(Reference("churn", None, number))

        assert "which did not make its logged model" in lineage_table.text(lineage)
        assert "run -->|is said to have made| version" in mermaid(graph(lineage))
        assert lineage_json.result(lineage)["registry"]["madeByRun"] is False  # type: ignore[index]  # JSON

    async def test_sources_that_differ_are_shown_with_what_they_say(self, story: Story) -> None:
        story.registry.tag("churn", "2", {"training_data": MD5[::-1]})

        text = await story.text()

        assert "data         not known: the sources DIFFER:\n" in text
        assert f"- parameter data_md5 of the run: {MD5}\n" in text
        assert f"- tag training_data of the version: {MD5[::-1]}\n" in text

    async def test_files_that_cannot_be_read_are_said(self, story: Story) -> None:
        story.registry.fail_next(Unreadable("the registry cannot hand out the files"), call="data_pointers")

        text = await story.text()

        assert (
            "- whether the run has a DVC pointer is not known: the registry cannot hand out the files\n"
            in text
        )

    async def test_a_registry_that_refuses_is_no_lineage(self, story: Story) -> None:
        story.registry.fail_next(Refused("no"), call="data_pointers")

        with pytest.raises(Refused):
            await story.lineage()

    @pytest.mark.parametrize(
        ("reference", "error"),
        [
            (Reference("churn", "nobody", None), NotFound),
            (Reference("churn", None, "9"), VersionNotFound),
            (Reference("toy", "champion", None), ModelNotFound),
        ],
    )
    async def test_what_is_not_there_is_no_lineage(
        self, story: Story, reference: Reference, error: type[NotFound]
    ) -> None:
        with pytest.raises(error):
            await story.lineage(reference)


async def test_much_is_cut_in_the_table_and_whole_in_json(story: Story) -> None:
    many = {f"tag{number:03}": "x" * 5000 for number in range(60)}
    story.registry.tag("churn", "2", many)

    text, told = await story.text(), await story.json()

    assert "and 42 more: -o json has all" in text
    assert max(map(len, text.splitlines())) < 200
    assert told["registry"]["tags"]["tag059"] == "x" * 5000


async def test_what_a_run_or_an_unchecked_record_says_is_cut_too(story: Story) -> None:
    await Story(story.registry, story.run).sign(
        reason="r" * 1000, approvers=tuple("a" * 400 for _ in range(5))
    )
    for key in ("mlflow.runName", "mlflow.user", "mlflow.source.git.commit"):
        story.registry.tag_run(story.run, key, "x" * 5000)

    lines = (await story.text(trust=NO_KEYS)).splitlines()

    assert 300 < max(map(len, lines)) <= 400


async def test_no_tag_begins_a_line_or_moves_the_cursor(story: Story) -> None:
    story.registry.tag("churn", "2", {"a\n::error::": "b\x1b[31m\nProved by the signed record"})

    lines = (await story.text()).splitlines()

    assert not [line for line in lines if line.startswith(("::", "Proved by the signed record\n"))]
    assert sum(line.startswith("Proved") for line in lines) == 1


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("churn@champion", Reference("churn", "champion", None)),
        ("models:/churn@champion", Reference("churn", "champion", None)),
        ("churn/3", Reference("churn", None, "3")),
        ("models:/churn/3", Reference("churn", None, "3")),
        ("my model/12", Reference("my model", None, "12")),
    ],
)
def test_a_version_is_named_by_alias_or_number(text: str, reference: Reference) -> None:
    assert record_reference.parse(text, None) == reference


@pytest.mark.parametrize(
    "text", ["churn", "churn/", "/3", "churn/three", "churn@", "@champion", "models:/churn"]
)
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is neither MODEL@ALIAS nor MODEL/VERSION"):
        record_reference.parse(text, None)
