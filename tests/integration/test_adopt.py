"""What a registry had before there was a ModelAlias is taken over, and nothing is moved or rolled for it."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.kube_api import Person
from tests.support.mlflow_server import Server
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition
from tests.support.terminal import Terminal
from tests.support.typed import Done, Typed

TOLD_ANEW_SECONDS: Final = 150.0
"""A pod that had not started at first sight is told so for a minute."""
EVE: Final = Person("eve")
"""May look, and list the ModelAliases of this namespace alone."""

pytestmark = pytest.mark.usefixtures("shared_operator")


class Registry(Mapping[str, Any]):
    """What a model's aliases name, and the tags and stage of each version, when it was looked at."""

    def __init__(self, seeded: Seeding) -> None:
        versions = seeded.client.search_model_versions(f"name = '{seeded.model}'")
        self._seen: Mapping[str, Any] = {
            "aliases": dict(seeded.aliases()),
            **{str(item.version): (dict(item.tags), item.current_stage) for item in versions},
        }

    def __getitem__(self, key: str) -> Any:
        return self._seen[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)


@pytest.fixture
def typed(stage: Stage, mlflow_server: Server, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    return Terminal(stage)


def _in_stages(seeded: Seeding, stages: Mapping[str, str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated, and still what sets one
        for version, name in stages.items():
            seeded.client.transition_model_version_stage(seeded.model, version, name)


def _taken_over(stage: Stage, name: str, phase: str = "Ready") -> Object:
    return stage.until(
        "modelalias",
        name,
        lambda it: it.get("status", {}).get("phase") == phase,
        f"{name} is {phase}",
        TOLD_ANEW_SECONDS,
    )


def _adopted(found: Object) -> list[tuple[Any, ...]]:
    return [
        (item["operation"], item.get("from"), item["to"], item["outcome"])
        for item in found["status"]["history"]
    ]


def test_what_is_applied_takes_over_every_alias_and_moves_and_rolls_nothing(
    stage: Stage, seeded: Seeding, typed: Terminal, tmp_path: Path
) -> None:
    for auc in (0.7, 0.8, 0.9):
        seeded.version(val_auc=auc)
    for alias, version in {"champion": "3", "prev-champion": "2", "shadow_1": "1"}.items():
        seeded.client.set_registered_model_alias(seeded.model, alias, version)
    uri = f"models:/{seeded.model}@champion"
    stage.deployment("api", IMAGE, env={"MODEL": seeded.model, "MODEL_URI": "models:/$(MODEL)@champion"})
    stage.deployment("other", IMAGE, env={"MODEL_URI": f"{uri}-not"})
    served = stage.until(
        "deployment", "api", lambda it: it.get("status", {}).get("availableReplicas") == 1, "it serves"
    )
    before = Registry(seeded)

    written = typed.type(
        "adopt", "--model", seeded.model, "--find-workloads", "--to", str(tmp_path / "aliases"), who=None
    )
    stage.kubectl("apply", "-f", str(tmp_path / "aliases"))
    # which version pods have loaded that resolve the alias themselves, nobody knows before they are rolled
    champion = _taken_over(stage, f"{seeded.model}-champion", "Unknown")
    shadow = _taken_over(stage, f"{seeded.model}-shadow-1")
    again = typed.type("adopt", "--model", seeded.model, who=None)
    listed = typed.type("aliases", seeded.model, "--managed", who=None)

    assert written.returncode == 0, written.stderr
    assert sorted(path.name for path in (tmp_path / "aliases").iterdir()) == [
        f"{seeded.model}-champion.yaml",
        f"{seeded.model}-shadow-1.yaml",
    ]
    assert champion["spec"] == {
        "model": seeded.model,
        "alias": "champion",
        "previousAlias": "prev-champion",
        "serving": [{"name": "api"}],
    }
    assert (shadow["spec"]["alias"], "serving" in shadow["spec"]) == ("shadow_1", False)
    assert (_adopted(champion), _adopted(shadow)) == (
        [("Adopt", None, "3", "Succeeded")],
        [("Adopt", None, "1", "Succeeded")],
    )
    assert condition(champion["status"], "InSync")[0] == "True"
    assert Registry(seeded) == before
    deployment = stage.get("deployment", "api")
    assert deployment["metadata"]["generation"] == served["metadata"]["generation"]
    assert (again.returncode, again.stdout) == (0, "")
    assert "there is nothing to adopt" in again.stderr
    by_champion = [f"{stage.namespace}/{seeded.model}-champion", "Unknown"]
    assert [line.split() for line in listed.stdout.splitlines()[1:]] == [
        [seeded.model, "champion", "3", *by_champion],
        [seeded.model, "prev-champion", "2", *by_champion],
        [seeded.model, "shadow_1", "1", f"{stage.namespace}/{seeded.model}-shadow-1", "Ready"],
    ]


def test_to_delete_a_model_alias_again_leaves_alias_tags_and_pods_as_they_are(
    stage: Stage, seeded: Seeding, typed: Terminal
) -> None:
    seeded.version(val_auc=0.9)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    stage.deployment("api", IMAGE, env={"MODEL_URI": f"models:/{seeded.model}@champion"})
    before = Registry(seeded), stage.get("deployment", "api")["metadata"]["generation"]

    adopted = typed.type("adopt", "--model", seeded.model, "--find-workloads", who=None)
    stage.kubectl("apply", "-f", "-", stdin=adopted.stdout)
    _taken_over(stage, f"{seeded.model}-champion", "Unknown")
    stage.kubectl("delete", "modelalias", "--all", "--timeout=60s")

    assert stage.all("modelalias") == []
    assert (Registry(seeded), stage.get("deployment", "api")["metadata"]["generation"]) == before


def test_stages_become_aliases_that_their_owner_sets_and_the_operator_takes_over(
    stage: Stage, seeded: Seeding, typed: Terminal, tmp_path: Path
) -> None:
    for auc in (0.7, 0.8, 0.9, 0.95):
        seeded.version(val_auc=auc)
    _in_stages(seeded, {"1": "Archived", "2": "Production", "3": "Production", "4": "Staging"})
    folder = tmp_path / "aliases"
    before = Registry(seeded)

    written = typed.type("adopt", "--model", seeded.model, "--to", str(folder), who=None)
    untouched = Registry(seeded)
    script = folder / "stages" / "set_aliases.py"
    first, second = _run_anew(script), _run(script)
    stage.kubectl("apply", "-f", str(folder / "stages"))
    found = {name: _taken_over(stage, f"{seeded.model}-{name}") for name in ("staging", "production")}

    assert (written.returncode, written.stdout) == (0, ""), written.stderr
    assert untouched == before
    assert (first.returncode, second.returncode) == (0, 0), (first, second)
    assert first.stdout.splitlines() == [
        f"{seeded.model}@staging: version 4",
        f"{seeded.model}@production: version 3",
    ]
    assert "names version 3 already" in second.stdout
    assert dict(Registry(seeded)) == {**before, "aliases": {"staging": "4", "production": "3"}}
    assert {name: _adopted(item) for name, item in found.items()} == {
        "staging": [("Adopt", None, "4", "Succeeded")],
        "production": [("Adopt", None, "3", "Succeeded")],
    }


def test_the_lines_set_no_alias_to_a_version_that_another_has_replaced_in_its_stage(
    seeded: Seeding, typed: Terminal, tmp_path: Path
) -> None:
    for auc in (0.7, 0.8):
        seeded.version(val_auc=auc)
    _in_stages(seeded, {"1": "Production"})
    typed.type("adopt", "--model", seeded.model, "--to", str(tmp_path), who=None)
    _in_stages(seeded, {"2": "Production"})

    late = _run(tmp_path / "stages" / "set_aliases.py")

    assert "not set, Production has version 2 now" in late.stdout
    assert seeded.aliases() == {}


def test_who_may_not_list_all_namespaces_is_told_what_is_not_known(
    stage: Stage, seeded: Seeding, typed: Terminal
) -> None:
    stage.bind({EVE: "modelalias-view"})
    seeded.version(val_auc=0.9)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    stage.apply("ModelAlias", "ours", {"model": seeded.model, "alias": "champion"})

    adopted = typed.type("adopt", "--model", seeded.model, who=EVE)

    assert (adopted.returncode, adopted.stdout) == (0, "")
    assert f"only those of {stage.namespace} are known" in adopted.stderr


@pytest.mark.usefixtures("typed")
def test_a_script_is_answered_with_the_number_alone(seeded: Seeding) -> None:
    seeded.version(val_auc=0.9)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")

    number = Typed("resolve", f"{seeded.model}@champion").finished()
    missing = Typed("resolve", f"models:/{seeded.model}@challenger").finished()

    assert (number.returncode, number.stdout, number.stderr) == (0, "1\n", "")
    assert (missing.returncode, missing.stdout, missing.stderr) == (
        2,
        "",
        f"modelalias: model {seeded.model} has no alias challenger\n",
    )


def _run(script: Path) -> Done:
    return Typed(script=script).finished()


def _run_anew(script: Path) -> Done:
    """Run it as its readers do, in a Python that has imported nothing."""
    return subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, env={**os.environ}
    )
