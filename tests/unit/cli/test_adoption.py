"""Which aliases of a registry get a ModelAlias, under which name, and what is said of the others."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import yaml

from modelalias.api.alias import ModelAlias
from modelalias.api.workload import WorkloadKind
from modelalias.cli import adoption_manifests, kubernetes_yaml
from modelalias.cli.adoption import Adopted, Adoption, Wanted, choose
from modelalias.cli.adoption_names import names_of
from modelalias.cli.managed_aliases import AliasKey
from modelalias.cli.workload_search import Loading
from modelalias.ports import RegisteredModel, WorkloadRef

ALL = Wanted()
ODD = "ch'\"urn #é\u2028- x &y"


def _registry(aliases: Mapping[str, Mapping[str, str]], **stages: Mapping[str, str]) -> Mapping[str, Any]:
    names = {*aliases, *stages}
    return {
        name: RegisteredModel(aliases=aliases.get(name, {}), stages=stages.get(name, {})) for name in names
    }


def _existing(name: str, model: str, alias: str, namespace: str = "ml", **spec: Any) -> ModelAlias:
    body = {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": model, "alias": alias, **spec},
    }
    return ModelAlias.model_validate(body)


def _chosen(
    models: Mapping[str, RegisteredModel], wanted: Wanted = ALL, existing: Sequence[ModelAlias] = ()
) -> Adoption:
    return choose(models, wanted, existing, "ml")


def _by_key(found: Adoption) -> Mapping[str, Adopted]:
    return {f"{item.key.model}@{item.key.alias}": item for item in found.adopted}


@pytest.mark.parametrize("form", ["prev-{}", "prev_{}", "previous-{}", "{}-prev", "{}_previous"])
def test_an_alias_that_is_named_for_the_version_before_becomes_the_previous_alias_and_that_is_told(
    form: str,
) -> None:
    before = form.format("champion")

    found = _chosen(_registry({"churn": {"champion": "7", before: "6"}}))

    (only,) = found.adopted
    assert (only.key.alias, only.previous) == ("champion", before)
    (message,) = found.messages
    assert f"churn@{before} is taken for the previousAlias of champion" in message


def test_two_that_could_be_the_previous_alias_are_left_to_the_reader() -> None:
    aliases = {"champion": "7", "prev-champion": "6", "champion_previous": "5"}

    found = _chosen(_registry({"churn": aliases}))

    assert {item.key.alias: item.previous for item in found.adopted} == dict.fromkeys(aliases)
    assert "champion_previous and prev-champion could each be its previousAlias" in found.messages[0]


def test_the_previous_of_a_previous_has_a_model_alias_of_its_own() -> None:
    aliases = {"champion": "7", "prev-champion": "6", "prev-prev-champion": "5"}

    found = _by_key(_chosen(_registry({"churn": aliases})))

    assert {key: item.previous for key, item in found.items()} == {
        "churn@champion": "prev-champion",
        "churn@prev-prev-champion": None,
    }


def test_a_name_like_that_without_the_other_is_an_alias_as_any() -> None:
    assert [*_by_key(_chosen(_registry({"churn": {"prev-champion": "6"}})))] == ["churn@prev-champion"]


@pytest.mark.parametrize(
    ("model", "alias", "why"),
    [
        ("churn", "champ\n", "alias: "),
        ("churn", "ch\u00e4mp", "alias: "),
        ("churn", "v12", "reserved by MLflow"),
        ("churn", "Latest", "reserved by MLflow"),
        ("churn\n", "champion", "model: "),
    ],
    ids=repr,
)
def test_what_no_model_alias_can_manage_is_left_out_with_the_reason(model: str, alias: str, why: str) -> None:
    found = _chosen(_registry({model: {alias: "1", "fine": "2"}}))

    assert [item.key.alias for item in found.adopted] == ([] if model == "churn\n" else ["fine"])
    assert [
        message for message in found.messages if f"left out: {model}@{alias}: " in message and why in message
    ]


def test_names_that_differ_only_in_case_are_left_out_both() -> None:
    models = _registry({"churn": {"champion": "1", "Champion": "2", "x": "3"}, "Churn": {"x": "1", "y": "1"}})

    found = _chosen(models)

    assert [*_by_key(found)] == ["Churn@y"]
    assert sum("differs from it only in case" in message for message in found.messages) == 4


def test_what_is_managed_already_is_left_out_in_any_namespace() -> None:
    existing = [_existing("mine", "churn", "champion", "other", previousAlias="prev-champion")]

    found = _chosen(
        _registry({"churn": {"champion": "2", "prev-champion": "1", "x": "3"}}), existing=existing
    )

    assert [*_by_key(found)] == ["churn@x"]
    assert [*found.messages] == [
        "left out: churn@prev-champion: ModelAlias other/mine has it for previousAlias"
    ]


def test_what_a_model_alias_writes_is_left_out_whatever_its_name() -> None:
    existing = [_existing("mine", "churn", "champion", previousAlias="last-good")]

    found = _chosen(
        _registry({"churn": {"champion": "2", "last-good": "1", "last-good-prev": "1"}}), existing=existing
    )

    assert [*_by_key(found)] == ["churn@last-good-prev"]


def test_a_previous_alias_beside_a_model_alias_that_does_not_name_it_is_told() -> None:
    found = _chosen(
        _registry({"churn": {"champion": "2", "prev-champion": "1"}}),
        existing=[_existing("mine", "churn", "champion")],
    )

    assert not found.adopted
    assert "which ModelAlias ml/mine manages: set spec.previousAlias there" in found.messages[0]


def test_one_that_has_a_model_alias_of_its_own_is_nobodys_previous_alias() -> None:
    found = _chosen(
        _registry({"churn": {"champion": "2", "prev-champion": "1"}}),
        existing=[_existing("mine", "churn", "prev-champion")],
    )

    assert [(item.key.alias, item.previous) for item in found.adopted] == [("champion", None)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(models=["churn"]), {"churn@champion", "churn@x"}),
        (Wanted(models=["fraud-*", "churn"], aliases=["champion"]), {"churn@champion", "fraud-1@champion"}),
        (Wanted(aliases=["x*"]), {"churn@x"}),
        (Wanted(models=["[a]"]), {"[a]@champion"}),
    ],
    ids=["model", "models-and-alias", "pattern-of-aliases", "model-with-brackets"],
)
def test_only_what_is_asked_for_is_written(wanted: Wanted, expected: set[str]) -> None:
    models = {"churn": {"champion": "1", "x": "1"}, "fraud-1": {"champion": "1"}, "[a]": {"champion": "1"}}

    assert {*_by_key(_chosen(_registry(models), wanted))} == expected


def test_a_stage_becomes_an_alias_unless_the_model_has_it() -> None:
    stages = {"Staging": "5", "Production": "4", "Archived": "1"}
    models = _registry(
        {"same": {"production": "4"}, "other": {"Production": "3"}, "managed": {}},
        fresh=stages, same=stages, other=stages, managed=stages,
    )  # fmt: skip

    found = _chosen(models, existing=[_existing("p", "managed", "production")])

    of_stages = {f"{item.key.model}@{item.key.alias}": item.version for item in found.of_stages()}
    assert of_stages == {
        "fresh@staging": "5",
        "fresh@production": "4",
        "same@staging": "5",
        "other@staging": "5",
        "managed@staging": "5",
    }
    assert [*found.messages] == [
        "left out: the stage Production of other, which is version 4: its alias Production names version 3 already"
    ]


class TestNames:
    @pytest.mark.parametrize(
        ("model", "alias", "name"),
        [
            ("churn", "champion", "churn-champion"),
            ("prod.ml.Churn_Model", "ci_smoke", "prod-ml-churn-model-ci-smoke"),
            ("-a b-", "__x", "a-b-x"),
            ("7", "x", "7-x"),
        ],
    )
    def test_they_are_model_and_alias_as_a_label(self, model: str, alias: str, name: str) -> None:
        key = AliasKey(model, alias)

        assert names_of([key], ()) == {key: name}

    @pytest.mark.parametrize(
        "keys", [("a.b", "a_b"), ("x" * 80, "x" * 90), ("\u00fc", "\u00e4"), ("__", "--")]
    )
    def test_two_that_would_be_one_have_digits_of_their_own(self, keys: tuple[str, str]) -> None:
        one, other = (AliasKey(key, "champion") for key in keys)

        names = names_of([one, other], ())

        assert names[one] != names[other]
        assert names == {**names_of([other, one], ())}
        for name in names.values():
            assert len(name) <= 63
            _validated(Adopted(one, "1", name, None, None))

    def test_one_that_is_taken_is_not_given_again(self) -> None:
        found = _chosen(
            _registry({"churn": {"champion": "1"}}), existing=[_existing("churn-champion", "other", "x")]
        )

        (only,) = found.adopted
        assert only.name.startswith("churn-champion-")
        assert f"churn@champion is named {only.name}" in found.messages[0]

    def test_a_name_without_a_letter_to_keep_is_made_of_digits_alone(self) -> None:
        key = AliasKey("\u00fc", "__")

        name = names_of([key], ())[key]

        _validated(Adopted(key, "1", name, None, None))


class TestManifests:
    @pytest.mark.parametrize("model", ["churn", "prod.ml.churn", "1e3", "no", "2024-01-01", ODD])
    def test_the_names_stand_in_them_as_they_are_in_the_registry(self, model: str) -> None:
        found = _validated(Adopted(AliasKey(model, "1_0"), "4", "a", "prev-1_0", None))

        assert (found.spec.model, found.spec.alias, found.spec.previous_alias) == (model, "1_0", "prev-1_0")

    def test_they_say_no_more_than_is_known(self) -> None:
        ref = WorkloadRef(kind=WorkloadKind.STATEFUL_SET, namespace="ml", name="api")
        item = Adopted(AliasKey("churn", "champion"), "4", "churn-champion", None, None)

        body = yaml.safe_load(adoption_manifests.manifest(item, "ml", "second", [ref]))

        assert body == {
            "apiVersion": "modelalias.dev/v1alpha1",
            "kind": "ModelAlias",
            "metadata": {"name": "churn-champion", "namespace": "ml"},
            "spec": {
                "registry": "second",
                "model": "churn",
                "alias": "champion",
                "serving": [{"kind": "StatefulSet", "name": "api"}],
            },
        }

    def test_the_lines_that_set_aliases_hold_names_as_texts_and_nothing_else(self) -> None:
        item = Adopted(AliasKey(f"{ODD}\\'\n", "production"), "4", "x", None, "Production")

        tree = ast.parse(adoption_manifests.script([item]))

        (rows,) = (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
        )
        assert rows == [(f"{ODD}\\'\n", "production", "4", "Production")]


class TestWorkloads:
    @pytest.mark.parametrize(
        ("container", "alias", "stage"),
        [
            ({"env": [{"name": "URI", "value": "models:/churn@champion"}]}, True, False),
            ({"env": [{"name": "M", "value": "churn"}, {"name": "URI", "value": "models:/$(M)@champion"}]}, True, False),
            ({"args": ["--model", "models:/churn@champion", "--port=80"]}, True, False),
            ({"command": ["serve", "models:/churn/production"]}, False, True),
            ({"env": [{"name": "URI", "value": "models:/churn@champions"}]}, False, False),
            ({"env": [{"name": "URI", "value": "models:/churn/3"}]}, False, False),
            ({"env": [{"name": "URI", "valueFrom": {"fieldRef": {}}}]}, False, False),
        ],
    )  # fmt: skip
    def test_a_workload_is_found_by_the_uri_in_its_template(
        self, container: Mapping[str, Any], alias: bool, stage: bool
    ) -> None:
        ref = WorkloadRef(kind=WorkloadKind.DEPLOYMENT, namespace="ml", name="api")
        loading = Loading()

        loading.add(ref, {"spec": {"containers": [{"name": "main", **container}]}})

        assert loading.of_alias(AliasKey("churn", "champion")) == ((ref,) if alias else ())
        assert loading.of_stage("churn", "Production") == ((ref,) if stage else ())


def _validated(item: Adopted) -> ModelAlias:
    """Return the manifest as Kubernetes reads it."""
    (body,) = kubernetes_yaml.load_all(adoption_manifests.manifest(item, None, "default", ()))
    assert set(body["metadata"]["name"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert body["metadata"]["name"].strip("-") == body["metadata"]["name"] != ""
    return ModelAlias.model_validate(body)
