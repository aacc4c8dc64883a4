"""Which ModelAlias is taken from a file, and how a file that has none, several or a wrong one is refused."""

import io
import sys
from pathlib import Path

import pytest

from modelalias.cli import alias_file
from modelalias.core.errors import InvalidRequest

ALIAS = """\
apiVersion: modelalias.dev/v1alpha1
kind: ModelAlias
metadata: {name: churn-champion, namespace: ml}
spec: {model: churn, alias: champion}
"""
OTHER = ALIAS.replace("churn-champion", "churn-smoke").replace("alias: champion", "alias: smoke")
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: churn-champion}\nspec: {replicas: 1}\n"


def _documents(*texts: str) -> str:
    return "---\n".join(texts)


@pytest.mark.parametrize(
    ("text", "name", "alias"),
    [
        pytest.param(ALIAS, None, "champion", id="alone"),
        pytest.param(
            _documents("", DEPLOYMENT, ALIAS, "# nothing\n", "- 1\n"), None, "champion", id="beside-others"
        ),
        pytest.param(_documents(ALIAS, OTHER), "churn-smoke", "smoke", id="by-name"),
        pytest.param(
            "kind: List\nitems:\n- " + OTHER.replace("\n", "\n  ").rstrip() + "\n",
            None,
            "smoke",
            id="as-kubectl-lists-it",
        ),
        pytest.param(
            ALIAS + "status: {phase: 5, current: {version: x}}\n",
            None,
            "champion",
            id="with-the-status-of-a-cluster",
        ),
    ],
)
def test_the_one_alias_is_taken(text: str, name: str | None, alias: str) -> None:
    found = alias_file.pick(text, name)

    assert found.spec.alias == alias
    assert found.status.phase is None


NAMING = ALIAS.replace("alias: champion}", "alias: champion, policyRef: {name: team}}")
HEAD = "apiVersion: modelalias.dev/v1alpha1\nkind: "
TEAM = HEAD + (
    "PromotionPolicy\nmetadata: {name: team, namespace: ml}\nspec: {policy: {gates: "
    "[{name: auc, metric: val_auc, direction: HigherIsBetter, threshold: 0.8}]}}\n"
)
BASE = HEAD + (
    "ClusterPromotionPolicy\nmetadata: {name: base}\nspec: {appliesTo: {namespaces: [ml]}, policy: {gates: "
    "[{name: loss, metric: loss, direction: LowerIsBetter, threshold: 1}]}}\n"
)


@pytest.mark.parametrize(
    ("text", "gates"),
    [
        pytest.param(_documents(ALIAS, TEAM), [], id="one-that-it-does-not-name"),
        pytest.param(_documents(TEAM, NAMING), ["auc"], id="the-one-that-it-names"),
        pytest.param(_documents(NAMING, TEAM, BASE), ["loss", "auc"], id="the-clusters-first"),
        pytest.param(_documents(ALIAS, BASE.replace("[ml]", "[prod]")), [], id="one-for-others"),
    ],
)
def test_it_has_the_rules_of_the_policies_in_the_file(text: str, gates: list[str]) -> None:
    assert [item.name for item in alias_file.pick(text, None).spec.policy.gates] == gates


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            NAMING,
            "there is no PromotionPolicy team in namespace ml, which spec.policyRef names",
            id="not-there",
        ),
        pytest.param(
            _documents(NAMING, TEAM.replace("namespace: ml", "namespace: other")),
            "there is no PromotionPolicy team in namespace ml",
            id="in-another-namespace",
        ),
        pytest.param(
            _documents(ALIAS, BASE.replace("threshold: 1", "novel: 1")),
            "ClusterPromotionPolicy base is not valid: spec.policy.gates.0",
            id="not-valid",
        ),
    ],
)
def test_without_all_rules_nothing_is_judged(text: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        alias_file.pick(text, None)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        pytest.param("", None, "it contains no ModelAlias", id="empty"),
        pytest.param(DEPLOYMENT, None, "it contains no ModelAlias", id="none"),
        pytest.param(ALIAS, "churn", "it contains no ModelAlias named churn", id="none-of-the-name"),
        pytest.param(
            DEPLOYMENT, "churn-champion", "it contains no ModelAlias named churn-champion", id="another-kind"
        ),
        pytest.param(
            _documents(OTHER, ALIAS),
            None,
            "it contains 2 ModelAliases: choose one with --name: churn-champion, churn-smoke",
            id="several",
        ),
        pytest.param(
            _documents(ALIAS, ALIAS),
            "churn-champion",
            "it contains 2 ModelAliases named churn-champion",
            id="name-twice",
        ),
        pytest.param("a: 1\nb: [", None, "line 2: ", id="no-yaml"),
        pytest.param("a: \0", None, "it is not YAML", id="binary"),
        pytest.param(
            "x: !!bool maybe", None, "YAML that cannot be part of a ModelAlias", id="a-tag-that-does-not-fit"
        ),
        pytest.param("x: .inf", None, "YAML that cannot be part of a ModelAlias", id="infinity"),
        pytest.param(
            f"x: {'1' * 5000}", None, "YAML that cannot be part of a ModelAlias", id="a-number-of-5000-digits"
        ),
        pytest.param(
            "x: " + "[" * 3000, None, "YAML that cannot be part of a ModelAlias", id="a-nest-of-lists"
        ),
        pytest.param(
            ALIAS.replace("alias: champion", "alias: champion, colour: hunter2"),
            None,
            "ModelAlias churn-champion is not valid: spec.colour: ",
            id="unknown-field",
        ),
        pytest.param(
            ALIAS.replace(
                "alias: champion",
                "alias: champion, policy: {windows: [{kind: Deny, cron: 0 0 31 2 *, duration: 1h}]}",
            ),
            None,
            "ModelAlias churn-champion is not valid: spec.policy.windows[0].cron: 0 0 31 2 * is no cron",
            id="a-window-that-never-opens",
        ),
        pytest.param(
            ALIAS.replace(
                "alias: champion",
                "alias: champion, policy: {eligibility: {tagSchema: {properties: {owner: {pattern: (}}}}}",
            ),
            None,
            "is not valid: spec.policy.eligibility.tagSchema.properties[owner]: the pattern ( is no regular",
            id="a-pattern-that-is-none",
        ),
        pytest.param(
            ALIAS.replace("v1alpha1", "v9"),
            None,
            "is not valid: apiVersion: ",
            id="another-version-of-the-api",
        ),
        pytest.param(
            ALIAS.replace("name: churn-champion, ", ""), None, "metadata.name: ", id="without-a-name"
        ),
        pytest.param(
            "kind: ModelAlias", None, "ModelAlias without a name is not valid: metadata: ", id="only-the-kind"
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_what_is_wrong(text: str, name: str | None, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        alias_file.pick(text, name)

    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_file_is_named_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "alias.yaml"
    path.write_text(DEPLOYMENT)

    with pytest.raises(InvalidRequest, match=rf"^{path}: it contains no ModelAlias$"):
        alias_file.read(str(path), None)


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"\xff\xfe", "it is not UTF-8")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "alias.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InvalidRequest, match=rf"cannot read {path}: {said}"):
        alias_file.read(str(path), None)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ALIAS.encode())))

    assert alias_file.read("-", None).metadata.name == "churn-champion"


def test_a_policy_that_the_status_tells_of_has_to_be_in_the_file() -> None:
    status = "status: {policy: {sources: [ClusterPromotionPolicy/base]}}\n"

    with pytest.raises(
        InvalidRequest, match="ClusterPromotionPolicy/base holds for ModelAlias churn-champion"
    ):
        alias_file.pick(ALIAS + status, None)

    assert alias_file.pick(_documents(ALIAS + status, BASE), None).spec.policy.gates
