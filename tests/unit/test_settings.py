"""The configuration: what is read, what is refused and how the refusal names the field."""

from pathlib import Path

import pytest

from modelalias import settings
from modelalias.core.errors import InvalidRequest


def _file(folder: Path, text: str) -> dict[str, str]:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return {"MODELALIAS_CONFIG": str(path), "POD_NAME": "operator-0"}


def test_a_tracking_uri_alone_is_enough() -> None:
    found = settings.load({"MLFLOW_TRACKING_URI": "http://mlflow:5000", "POD_NAME": "operator-0"})

    assert list(found.registries) == ["default"]
    assert found.registries["default"].uri == "http://mlflow:5000"
    assert found.identity == "operator-0"
    assert (found.workers, found.resync, found.lease.enabled) == (32, "10m", True)


def test_the_file_is_read_and_the_uri_of_the_environment_is_not(tmp_path: Path) -> None:
    environ = _file(tmp_path, "registries: {eu: {uri: 'https://eu', models: ['churn-*'], namespaces: [ml]}}\nworkers: 4\n")

    found = settings.load({**environ, "MLFLOW_TRACKING_URI": "http://other"})

    assert list(found.registries) == ["eu"]
    assert found.workers == 4


def test_the_files_own_identity_goes_before_the_pods_name(tmp_path: Path) -> None:
    environ = _file(tmp_path, "identity: me\nregistries: {eu: {uri: 'https://eu'}}\n")

    assert settings.load(environ).identity == "me"


@pytest.mark.parametrize(
    ("namespace", "model", "allowed"),
    [("ml", "churn-eu", True), ("ml", "fraud", False), ("other", "churn-eu", False), ("ml", "CHURN-eu", False)],
)
def test_who_may_use_a_registry_is_said_by_patterns(namespace: str, model: str, allowed: bool) -> None:
    registry = settings.RegistrySettings(uri="http://mlflow", namespaces=("ml", "ml-*"), models=("churn-*",))

    assert registry.allows(namespace, model) is allowed


def test_every_namespace_and_model_is_the_default() -> None:
    assert settings.RegistrySettings(uri="http://mlflow").allows("any", "any")


def test_without_an_address_the_message_says_what_to_set() -> None:
    with pytest.raises(InvalidRequest, match=r"set MODELALIAS_CONFIG .* or MLFLOW_TRACKING_URI"):
        settings.load({})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("registries: {}", "registries"),
        ("[]", "registries|a mapping is expected"),
        ("- 1", "a mapping is expected"),
        ("registries: {a: {uri: 'ftp://x'}}", r"registries\.a\.uri"),
        ("registries: {a: {uri: 'http://user:secret@x'}}", r"registries\.a\.uri"),
        ("registries: {a: {uri: 'http://x', colour: red}}", r"registries\.a\.colour"),
        ("registries: {a: {uri: 'http://x', timeoutSeconds: 0}}", r"registries\.a\.timeoutSeconds"),
        ("registries: {a: {uri: 'http://x', snapshotInterval: soon}}", r"registries\.a\.snapshotInterval"),
        ("registries: {a: {uri: 'http://x'}}\nworkers: 0", "workers"),
        ("registries: {a: {uri: 'http://x'}}\nlogLevel: LOUD", "logLevel"),
        ("registries: [", "cannot read the configuration"),
    ],
)
def test_what_does_not_fit_is_refused_by_file_and_field(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named) as caught:
        settings.load(_file(tmp_path, text))

    assert "config.yaml" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"cannot read the configuration .*missing\.yaml"):
        settings.load({"MODELALIAS_CONFIG": str(tmp_path / "missing.yaml")})
