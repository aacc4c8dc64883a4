"""The configuration: what is read, what is refused and how the refusal names the field."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from modelalias import channels, settings
from modelalias.core.errors import InvalidRequest
from modelalias.core.status.occasions import Occasion
from modelalias.servers import Credentials, PrometheusSettings


def _file(folder: Path, text: str) -> dict[str, str]:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return {"MODELALIAS_CONFIG": str(path), "POD_NAME": "operator-0"}


def test_a_tracking_uri_alone_is_enough() -> None:
    found = settings.load({"MLFLOW_TRACKING_URI": "http://mlflow:5000", "POD_NAME": "operator-0"})

    assert list(found.registries) == ["default"]
    assert found.registries["default"].uri == "http://mlflow:5000"
    assert found.identity == "operator-0"
    assert (found.workers, found.resync, found.lease.enabled) == (64, "10m", True)


def test_the_file_is_read_and_the_uri_of_the_environment_is_not(tmp_path: Path) -> None:
    environ = _file(
        tmp_path,
        "registries: {eu: {uri: 'https://eu', allow: [{models: ['churn-*'], namespaces: "
        "[ml]}]}}\nworkers: 4\n",
    )

    found = settings.load({**environ, "MLFLOW_TRACKING_URI": "http://other"})

    assert list(found.registries) == ["eu"]
    assert found.workers == 4


def test_the_files_own_identity_goes_before_the_pods_name(tmp_path: Path) -> None:
    environ = _file(tmp_path, "identity: me\nregistries: {eu: {uri: 'https://eu'}}\n")

    assert settings.load(environ).identity == "me"


RULES = [
    {"namespaces": ["ml", "ml-*"], "models": ["churn-*"]},
    {"namespaces": ["risk"], "models": ["fraud", "aml-?"]},
]


@pytest.mark.parametrize(
    ("namespace", "model", "allowed"),
    [
        ("ml", "churn-eu", True),
        ("ml-dev", "churn-eu", True),
        ("risk", "fraud", True),
        ("risk", "aml-1", True),
        ("ml", "fraud", False),
        ("risk", "churn-eu", False),
        ("other", "churn-eu", False),
        ("mlx", "churn-eu", False),
        ("ml", "CHURN-eu", False),
        ("risk", "aml-10", False),
        ("risk", "my-fraud", False),
    ],
)
def test_one_rule_must_fit_both_the_namespace_and_the_model(
    namespace: str, model: str, allowed: bool
) -> None:
    registry = settings.RegistrySettings.model_validate({"uri": "http://mlflow", "allow": RULES})

    assert registry.allows(namespace, model) is allowed


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [({}, True), ({"allow": [{}]}, True), ({"allow": [{"models": ["any"]}]}, True), ({"allow": []}, False)],
    ids=["no rules", "a rule without patterns", "half a rule", "an empty list"],
)
def test_what_is_left_out_allows_everything_and_an_empty_list_nothing(
    rules: Mapping[str, object], allowed: bool
) -> None:
    registry = settings.RegistrySettings.model_validate({"uri": "http://mlflow", **rules})

    assert registry.allows("any", "any") is allowed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://mlflow", "http://MLflow:80/"),
        ("https://mlflow", "https://mlflow:443"),
        ("https://mlflow/eu", "https://mlflow./eu/"),
        ("http://[::1]:5000", "http://[::1]:5000//"),
    ],
)
def test_spellings_of_one_address_are_one_place(one: str, other: str) -> None:
    assert settings.RegistrySettings(uri=one).place == settings.RegistrySettings(uri=other).place


@pytest.mark.parametrize(
    "other",
    [
        {"uri": "https://mlflow"},
        {"uri": "http://mlflow:5000"},
        {"uri": "http://mlflow/eu"},
        {"uri": "http://mlflow2"},
        {"uri": "http://mlflow", "workspace": "risk"},
    ],
    ids=["scheme", "port", "path", "host", "workspace"],
)
def test_different_registries_are_different_places(other: Mapping[str, str]) -> None:
    registry = settings.RegistrySettings.model_validate(other)

    assert registry.place != settings.RegistrySettings(uri="http://mlflow").place


def test_the_default_workspace_is_the_one_that_is_not_named() -> None:
    named = settings.RegistrySettings(uri="http://mlflow", workspace="default")

    assert named.place == settings.RegistrySettings(uri="http://mlflow").place


def test_the_command_line_asks_the_workspace_that_mlflows_client_would() -> None:
    uri = "http://mlflow:5000"

    assert settings.client(uri, {"MLFLOW_WORKSPACE": " risk\n"}).workspace == "risk"
    assert settings.client(uri, {"MLFLOW_WORKSPACE": " "}).workspace is None
    with pytest.raises(InvalidRequest, match="MLFLOW_WORKSPACE is not the name of a workspace"):
        settings.client(uri, {"MLFLOW_WORKSPACE": "Risk/secret"})


@pytest.mark.parametrize(
    ("given", "namespace", "allowed"),
    [
        ({}, "any", True),
        ({"namespaces": []}, "any", False),
        ({"namespaces": ["ml", "risk-*"]}, "ml", True),
        ({"namespaces": ["ml", "risk-*"]}, "risk-eu", True),
        ({"namespaces": ["ml", "risk-*"]}, "mlx", False),
    ],
    ids=["left out", "none", "a name", "a pattern", "another"],
)
def test_patterns_say_which_namespaces_may_ask_a_prometheus(
    given: Mapping[str, object], namespace: str, allowed: bool
) -> None:
    found = PrometheusSettings.model_validate({"uri": "http://prometheus:9090", **given})

    assert found.may_be_asked_by(namespace) is allowed


def test_each_prometheus_of_the_file_is_read_by_its_name(tmp_path: Path) -> None:
    text = (
        "registries: {a: {uri: 'http://x'}}\n"
        "prometheus: {default: {uri: 'http://p:9090'}, eu: {uri: 'https://thanos/query', "
        "timeoutSeconds: 3, concurrency: 2, credentials: {tokenFile: /t}}}"
    )

    found = settings.load(_file(tmp_path, text)).prometheus

    assert found == {
        "default": PrometheusSettings(uri="http://p:9090"),
        "eu": PrometheusSettings(
            uri="https://thanos/query",
            timeout_seconds=3,
            concurrency=2,
            credentials=Credentials(token_file=Path("/t")),
        ),
    }


def test_the_runs_may_be_on_another_server_with_another_account(tmp_path: Path) -> None:
    text = (
        "registries:\n"
        "  one: {uri: 'http://x', credentials: {tokenFile: /t}}\n"
        "  runs: {uri: 'http://x', credentials: {tokenFile: /t}, trackingUri: 'http://y'}\n"
        "  both: {uri: 'http://x', trackingUri: 'http://y', trackingCredentials: {tokenFile: /u}}\n"
    )

    found = settings.load(_file(tmp_path, text)).registries

    assert {name: (it.tracking.uri, it.tracking.credentials.token_file) for name, it in found.items()} == {
        "one": ("http://x", Path("/t")),
        "runs": ("http://y", Path("/t")),
        "both": ("http://y", Path("/u")),
    }
    assert len({it.place for it in found.values()}) == 1


def test_without_a_prometheus_there_is_none(tmp_path: Path) -> None:
    assert settings.load(_file(tmp_path, "registries: {a: {uri: 'http://x'}}")).prometheus == {}


def test_machines_that_request_are_named_by_patterns(tmp_path: Path) -> None:
    name = "system:serviceaccount:argocd:*"

    found = settings.load(
        _file(tmp_path, f"registries: {{a: {{uri: 'http://x'}}}}\nmachineRequesters: ['{name}']")
    )

    assert found.machine_requesters == (name,)


def test_metrics_are_on_unless_they_are_turned_off(tmp_path: Path) -> None:
    registries = "registries: {a: {uri: 'http://x'}}"

    plain = settings.load(_file(tmp_path, registries)).metrics
    off = settings.load(
        _file(tmp_path, f"{registries}\nmetrics: {{enabled: false, perAlias: false}}")
    ).metrics

    assert (plain.enabled, plain.port, plain.per_alias) == (True, 8000, True)
    assert (off.enabled, off.per_alias) == (False, False)


def test_without_an_address_the_message_says_what_to_set() -> None:
    with pytest.raises(InvalidRequest, match=r"set MODELALIAS_CONFIG .* or MLFLOW_TRACKING_URI"):
        settings.load({})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("registries: {}", "registries"),
        ("[]", "registries|expected a YAML mapping"),
        ("- 1", "expected a YAML mapping"),
        ("registries: {a: {uri: 'ftp://x'}}", r"registries\.a\.uri"),
        ("registries: {a: {uri: 'http://user:secret@x'}}", r"registries\.a\.uri"),
        ("registries: {a: {uri: 'http://x?token=secret'}}", r"registries\.a\.uri"),
        ("registries: {a: {uri: 'http://x:99999'}}", r"registries\.a\.uri"),
        ("registries: {a: {uri: 'http://x', colour: red}}", r"registries\.a\.colour"),
        (
            "registries: {a: {uri: 'http://x', namespaces: [ml]}}",
            r"registries\.a: .*write allow: \[\{namespaces: ",
        ),
        (
            "registries: {a: {uri: 'http://x', models: [churn]}}",
            r"registries\.a: .*write allow: \[\{namespaces: ",
        ),
        (
            "registries: {a: {uri: 'http://x', allow: [{namespace: [ml]}]}}",
            r"registries\.a\.allow\.0\.namespace",
        ),
        ("registries: {a: {uri: 'http://x', allow: [{models: []}]}}", r"registries\.a\.allow\.0\.models"),
        (
            "registries: {a: {uri: 'http://x', allow: [{models: ['']}]}}",
            r"registries\.a\.allow\.0\.models\.0",
        ),
        ("registries: {a: {uri: 'http://x', workspace: A}}", r"registries\.a\.workspace"),
        (
            "registries: {a: {uri: 'http://x', credentials: {usernameFile: /u}}}",
            "set usernameFile and passwordFile together",
        ),
        (
            "registries: {a: {uri: 'http://x', credentials: {passwordFile: /p}}}",
            "set usernameFile and passwordFile together",
        ),
        (
            (
                "registries: {a: {uri: 'http://x', credentials: {tokenFile: /t, usernameFile: /u, "
                "passwordFile: /p}}}"
            ),
            "set either tokenFile, or usernameFile and passwordFile",
        ),
        (
            "registries: {a: {uri: 'http://x', trackingCredentials: {tokenFile: /t}}}",
            "trackingCredentials need trackingUri",
        ),
        ("registries: {a: {uri: 'http://x', timeoutSeconds: 0}}", r"registries\.a\.timeoutSeconds"),
        ("registries: {a: {uri: 'http://x', snapshotInterval: soon}}", r"registries\.a\.snapshotInterval"),
        ("registries: {a: {uri: 'http://x'}}\nworkers: 0", "workers"),
        *(
            (
                f"registries: {{a: {{uri: 'http://x'}}}}\nprometheus: {{p: {{{given}}}}}",
                rf"prometheus\.p\.{field}",
            )
            for given, field in (
                ("concurrency: 4", "uri"),
                ("uri: 'http://user:secret@x'", "uri"),
                ("uri: 'http://x?token=secret'", "uri"),
                ("uri: 'http://x:0'", "uri"),
                ("uri: 'http://x', timeoutSeconds: 61", "timeoutSeconds"),
                ("uri: 'http://x', concurrency: 0", "concurrency"),
                ("uri: 'http://x', namespaces: ['']", r"namespaces\.0"),
                ("uri: 'http://x', credentials: {usernameFile: /u}", "credentials: set usernameFile and"),
            )
        ),
        ("registries: {a: {uri: 'http://x'}}\nmetrics: {port: 0}", r"metrics\.port"),
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


@pytest.mark.parametrize(
    ("webhooks", "heard"),
    [
        ("", set()),
        ("webhooks: {secretFile: /webhooks/secret}", {"eu", "us"}),
        ("webhooks: {secretFile: /webhooks/secret, registries: [us]}", {"us"}),
    ],
    ids=["left-out", "all", "some"],
)
def test_webhooks_are_heard_where_the_configuration_says_so(
    tmp_path: Path, webhooks: str, heard: set[str]
) -> None:
    text = f"registries: {{eu: {{uri: 'https://eu'}}, us: {{uri: 'https://us'}}}}\n{webhooks}\n"

    found = settings.load(_file(tmp_path, text))

    assert found.webhook_registries == heard
    assert found.webhooks is None or (found.webhooks.port, found.webhooks.min_interval) == (8088, "1s")


@pytest.mark.parametrize(
    ("webhooks", "says"),
    [
        ("{}", "webhooks.secretFile: Field required"),
        ("{secretFile: s, registries: [uk]}", "webhooks.registries names uk, which is not among registries"),
        ("{secretFile: s, port: 8080}", "webhooks.port and livenessPort must differ"),
        ("{secretFile: s, port: 0}", "webhooks.port"),
        ("{secretFile: s, secret: s}", "webhooks.secret"),
    ],
    ids=["no-secret", "unknown-registry", "port-of-the-probes", "no-port", "secret-in-the-file"],
)
def test_webhooks_that_do_not_fit_are_refused(tmp_path: Path, webhooks: str, says: str) -> None:
    environ = _file(tmp_path, f"registries: {{eu: {{uri: 'https://eu'}}}}\nwebhooks: {webhooks}\n")

    with pytest.raises(InvalidRequest, match=says):
        settings.load(environ)


CHANNELS = """
notifications:
  channels:
    chat: {apprise: {urlFile: /notify/chat}}
    bus: {cloudEvents: {urlFile: /notify/bus, hmacKeyFile: /notify/key}, perMinute: 6}
  routes: [{events: [Drifted, Held], to: [chat]}, {namespaces: [ml], events: ["*"], to: [bus]}]
"""


def _notified(folder: Path, text: str) -> settings.Settings:
    return settings.load(_file(folder, f"registries: {{eu: {{uri: 'https://eu'}}}}\n{text}"))


def test_channels_and_routes_are_read(tmp_path: Path) -> None:
    found = _notified(tmp_path, CHANNELS).notifications

    assert {name: item.per_second for name, item in found.channels.items()} == {"chat": 1.0, "bus": 0.1}
    assert [route.to for route in found.routes] == [("chat",), ("bus",)]
    assert found.channels["bus"].apprise is None
    assert _notified(tmp_path, "").notifications.channels == {}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("to: [chat]", "to: [mail]", "notifications: routes name mail, which is not among channels"),
        ("Drifted", "Drift", "notifications.routes.0.events.0"),
        ("events: [Drifted, Held]", "on: [Drifted]", "notifications.routes.0"),
        ("{apprise: {urlFile: /notify/chat}}", "{}", "chat: set either apprise or cloudEvents"),
        ("urlFile: /notify/chat", "url: 'https://secret'", "chat.apprise.urlFile: Field required"),
        ("perMinute: 6", "perMinute: 0", "bus.perMinute"),
    ],
)
def test_notifications_that_do_not_fit_are_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as refused:
        _notified(tmp_path, CHANNELS.replace(old, new))

    assert "secret" not in str(refused.value)


def test_a_channel_of_apprise_is_refused_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "find_spec", lambda _: None)

    with pytest.raises(InvalidRequest, match="install modelalias with the extra notify"):
        _notified(tmp_path, CHANNELS)


def test_the_page_about_notifications_shows_what_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
    shown = page.partition("```yaml\n")[2].partition("```")[0]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]+)\|", page, re.MULTILINE))))

    assert set(_notified(tmp_path, shown).notifications.channels) == {"ml-chat", "bus"}
    assert named == set(Occasion)
