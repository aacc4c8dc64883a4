"""Tags on a real MLflow: what a schema wants of them, and the one that an alias leaves on what it has left behind."""

from typing import Final

import pytest

from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

pytestmark = pytest.mark.usefixtures("shared_operator")

SEMVER: Final = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$"
SCHEMA: Final = {
    "required": ["owner", "semver"],
    "properties": {
        "owner": {"format": "email", "description": "who answers for it"},
        "semver": {"pattern": SEMVER},
        "review_date": {"format": "date"},
    },
}
RIGHT: Final = {"owner": "ana@example.com", "semver": "1.2.0", "review_date": "2026-11-28"}


def test_a_version_without_the_metadata_is_refused_with_all_that_is_wrong_and_passes_once_it_is_right(
    stage: Stage, seeded: Seeding
) -> None:
    seeded.version(tags={"semver": "1.2", "review_date": "2026-02-30"}, val_auc=0.8)
    stage.apply(
        "PromotionPolicy",
        "metadata",
        {"policy": {"eligibility": {"tagSchema": {"properties": SCHEMA["properties"]}}}},
    )
    own = {"eligibility": {"tagSchema": {"required": SCHEMA["required"]}}}
    spec = {"model": seeded.model, "alias": "champion", "policyRef": {"name": "metadata"}, "policy": own}
    stage.apply("ModelAlias", "churn-champion", spec)

    stage.request("go", "churn-champion", source={"version": "1"})
    refused = stage.complete("go")

    assert refused["explanation"] == (
        "version 1 refused: tagSchema owner: version 1 has no tag owner (who answers for it): set it in MLflow; "
        'tagSchema review_date: tag review_date is "2026-02-30" and is no date: set it anew in MLflow; '
        f'tagSchema semver: tag semver is "1.2" and does not match {SEMVER}: set it anew in MLflow'
    )
    assert condition(refused, "Eligible") == ("False", "NotEligible")
    assert seeded.aliases() == {}

    for key, value in RIGHT.items():
        seeded.client.set_model_version_tag(seeded.model, "1", key, value)
    stage.request("again", "churn-champion", source={"version": "1"}, reason="its tags are right now")

    assert stage.complete("again")["phase"] == "Succeeded"
    assert seeded.aliases() == {"champion": "1"}
    assert "tagSchema" in str(stage.get("modelalias", "churn-champion")["status"]["policy"]["rules"])


def test_what_the_alias_has_left_behind_is_tagged_and_loses_the_tag_when_it_is_gone_back_to(
    stage: Stage, seeded: Seeding
) -> None:
    for auc in (0.7, 0.8, 0.9):
        seeded.version(val_auc=auc)
    policy = {"retention": {"keep": 2}}
    stage.apply(
        "ModelAlias", "churn-champion", {"model": seeded.model, "alias": "champion", "policy": policy}
    )

    def left_behind(*versions: str) -> Object:
        """Wait until the status has these versions as left behind, and return it."""
        found = stage.until(
            "modelalias",
            "churn-champion",
            lambda it: [item["version"] for item in it["status"].get("archived", ())] == [*versions],
            f"{versions} are left behind",
        )
        assert [number for number in "123" if "archived" in seeded.tags(number)] == [*versions]
        status: Object = found["status"]
        return status

    for number in "123":
        stage.request(f"to-{number}", "churn-champion", source={"version": number})
        assert stage.complete(f"to-{number}")["phase"] == "Succeeded"
    move = left_behind("1")["history"][1]
    assert (move["from"], move["to"]) == ("1", "2")
    assert seeded.tags("1")["archived"] == f"champion {move['at']}"

    stage.request(
        "back", "churn-champion", operation="Rollback", source={"version": "1"}, reason="3 is worse after all"
    )
    assert stage.complete("back")["phase"] == "Succeeded"

    left_behind("2")
    assert seeded.aliases() == {"champion": "1"}
    stage.announces("churn-champion", "VersionArchived: ")
    stage.announces("churn-champion", "VersionUnarchived: ")
