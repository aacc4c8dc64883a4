"""What Argo CD shows of our kinds and offers to do, told in the form in which Argo CD's own repository tests it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from hack import derived
from modelalias.api.alias import ModelAlias
from modelalias.api.request import Phase, PromotionRequest
from tests.support.argo_lua import SCRIPTS, acted, discovered, health
from tests.support.quick_yaml import documents
from tests.support.shipped_monitoring import ROOT

KINDS: Final[Mapping[str, type[BaseModel]]] = {"ModelAlias": ModelAlias, "PromotionRequest": PromotionRequest}
WORDS: Final = {"Healthy", "Progressing", "Degraded", "Suspended"}
OBJECTS: Final = sorted(SCRIPTS.glob("*/testdata/*.yaml")) + sorted(SCRIPTS.glob("*/actions/testdata/*.yaml"))


def _read(path: Path) -> Any:
    (body,) = documents(path.read_text(encoding="utf-8"))
    return body


def _tests(file: str, key: str) -> Iterator[Any]:
    for kind in KINDS:
        folder = (SCRIPTS / kind / file).parent
        for test in _read(SCRIPTS / kind / file)[key]:
            yield pytest.param(
                folder, test, id=f"{kind}-{Path(test['inputPath']).stem}-{test.get('action', '')}"
            )


@pytest.mark.parametrize(("folder", "test"), [*_tests("health_test.yaml", "tests")])
def test_an_object_has_the_health_that_stands_with_it(folder: Path, test: Mapping[str, Any]) -> None:
    assert health(_read(folder / test["inputPath"])) == test["healthStatus"]
    assert test["healthStatus"]["status"] in WORDS


@pytest.mark.parametrize(("folder", "test"), [*_tests("actions/action_test.yaml", "discoveryTests")])
def test_an_action_is_offered_where_it_has_an_effect(folder: Path, test: Mapping[str, Any]) -> None:
    offered = discovered(_read(folder / test["inputPath"]))

    assert [{"name": name, **offered[name]} for name in sorted(offered)] == sorted(
        test["result"], key=lambda it: str(it["name"])
    )


@pytest.mark.parametrize(("folder", "test"), [*_tests("actions/action_test.yaml", "actionTests")])
def test_an_action_changes_one_field(folder: Path, test: Mapping[str, Any]) -> None:
    after = acted(test["action"], _read(folder / test["inputPath"]))

    assert after == _read(folder / test["expectedOutputPath"])


def test_every_object_and_every_action_is_tested() -> None:
    used = {
        (folder / test[key]).resolve()
        for file, tests in (
            ("health_test.yaml", "tests"),
            ("actions/action_test.yaml", "discoveryTests"),
            ("actions/action_test.yaml", "actionTests"),
        )
        for folder, test in (param.values for param in _tests(file, tests))
        for key in ("inputPath", "expectedOutputPath")
        if key in test
    }
    actions = {
        (kind, path.parent.name) for kind in KINDS for path in (SCRIPTS / kind).glob("actions/*/action.lua")
    }
    tried = {
        (folder.parent.name, test["action"])
        for folder, test in (param.values for param in _tests("actions/action_test.yaml", "actionTests"))
    }

    assert used == {path.resolve() for path in OBJECTS}
    assert tried == actions


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_an_object_is_one_of_ours(path: Path) -> None:
    body = _read(path)

    KINDS[body["kind"]].model_validate(body)


@pytest.mark.parametrize("phase", Phase)
def test_each_end_of_a_request_has_a_health(phase: Phase) -> None:
    good = {Phase.SUCCEEDED, Phase.ABORTED, Phase.SUPERSEDED}
    bad = {Phase.REJECTED, Phase.FAILED, Phase.ROLLED_BACK, Phase.ERRORED, Phase.EXPIRED}
    ended = phase in good | bad
    conditions = [
        {"type": "Complete", "status": str(ended)},
        {"type": "Succeeded", "status": str(phase is Phase.SUCCEEDED)},
    ]
    status = {"observedGeneration": 1, "phase": str(phase), "explanation": "why", "conditions": conditions}
    item = {"kind": "PromotionRequest", "metadata": {"generation": 1}, "spec": {}, "status": status}

    word = "Healthy" if phase in good else "Degraded" if phase in bad else "Progressing"
    asked = phase is Phase.AWAITING_APPROVAL
    assert health(item) == {"status": "Suspended" if asked else word, "message": f"{phase}: why"}


def test_the_settings_are_made_of_the_scripts() -> None:
    text = (ROOT / derived.ARGO / "argocd-cm.yaml").read_text(encoding="utf-8")
    (settings,) = documents(text)
    expected: dict[str, Any] = {}
    for kind in KINDS:
        folder = SCRIPTS / kind
        expected[f"resource.customizations.health.modelalias.dev_{kind}"] = (
            folder / "health.lua"
        ).read_text()
        actions = sorted((folder / "actions").glob("*/action.lua"))
        expected[f"resource.customizations.actions.modelalias.dev_{kind}"] = {
            "discovery.lua": (folder / "actions" / "discovery.lua").read_text(),
            "definitions": [{"name": path.parent.name, "action.lua": path.read_text()} for path in actions],
        }
    read = {
        key: next(documents(value)) if ".actions." in key else value
        for key, value in settings["data"].items()
    }

    assert read == expected


@pytest.mark.parametrize("path", derived.derived(ROOT), ids=lambda path: path.name)
def test_what_is_made_of_other_files_is_up_to_date(path: Path) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == derived.derived(ROOT)[path], "run: make crds"
