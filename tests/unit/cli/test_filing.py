"""What was typed becomes a request with just that in it."""

import argparse
from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.cli import filing, main
from modelalias.core.errors import InvalidRequest

ALIAS: Mapping[str, Any] = {"aliasRef": {"name": "churn-champion"}, "requestedBy": "ana"}


def typed(*arguments: str) -> argparse.Namespace:
    return main.parser().parse_args(["promote", "churn-champion", *arguments])


@pytest.mark.parametrize(
    ("arguments", "name", "spec"),
    [
        pytest.param(["--version", "4"], "v4", {"source": {"version": "4"}}, id="version"),
        pytest.param(
            ["--run-id", "87A9c0ffee00", "--artifact-path", "models/net"],
            "run-87a9c0ff",
            {"source": {"runId": "87A9c0ffee00", "artifactPath": "models/net"}},
            id="run",
        ),
        pytest.param(
            ["--from-alias", "Next_Up", "--delete-source-alias"],
            "from-next-up",
            {"source": {"alias": "Next_Up"}, "onSuccess": {"deleteSourceAlias": True}},
            id="alias",
        ),
        pytest.param(
            ["--previous", "--reason", "worse"],
            "rollback",
            {"operation": "Rollback", "source": {"previous": True}, "reason": "worse"},
            id="previous-is-a-rollback",
        ),
        pytest.param(
            ["--operation", "Rollback", "--version", "2", "--reason", "worse"],
            "rollback-v2",
            {"operation": "Rollback", "source": {"version": "2"}, "reason": "worse"},
            id="rollback-to",
        ),
        pytest.param(
            ["--operation", "Swap", "--reason", "canary"],
            "swap",
            {"operation": "Swap", "reason": "canary"},
            id="swap",
        ),
        pytest.param(
            ["--operation", "Promote", "--version", "4"],
            "v4",
            {"source": {"version": "4"}},
            id="the-default-said",
        ),
        pytest.param(
            [
                "--version",
                "4",
                "--expected-current",
                "3",
                "--tag",
                "a=b=c",
                "--tag",
                "d=",
                "--verdict-only",
                "--expires-after",
                "1d12h",
                "--ttl-seconds-after-finished",
                "0",
                "--skip-gates",
                "--reason",
                "fire",
            ],
            "v4",
            {
                "source": {"version": "4"},
                "expectedCurrent": "3",
                "reason": "fire",
                "skipGates": True,
                "dryRun": True,
                "onSuccess": {"tags": {"a": "b=c", "d": ""}},
                "expiresAfter": "1d12h",
                "ttlSecondsAfterFinished": 0,
            },
            id="everything",
        ),
    ],
)
def test_a_request_says_what_was_said(arguments: list[str], name: str, spec: Mapping[str, Any]) -> None:
    made = filing.draft(filing.typed(typed(*arguments)), "ana", "ml")

    assert made.body == {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "PromotionRequest",
        "metadata": {
            "generateName": f"churn-champion-{name}-",
            "namespace": "ml",
            "labels": {"modelalias.dev/alias": "churn-champion"},
        },
        "spec": {**ALIAS, **spec},
    }


def test_a_name_that_was_given_is_kept() -> None:
    made = filing.draft(filing.typed(typed("--version", "4", "--name", "churn-v4")), "ana", "ml")

    assert (made.body["metadata"]["name"], made.body["metadata"]["namespace"]) == ("churn-v4", "ml")
    assert "generateName" not in made.body["metadata"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(
            [], "nothing to promote: give --version, --run-id, --from-alias or --previous", id="no-source"
        ),
        pytest.param(["--artifact-path", "model"], "nothing to promote", id="a-path-alone"),
        pytest.param(
            ["--operation", "Swap", "--version", "4", "--reason", "x"],
            "a swap takes no version",
            id="swap-with-source",
        ),
        pytest.param(["--previous"], "Rollback needs a --reason", id="rollback-without-reason"),
        pytest.param(
            ["--version", "4", "--skip-gates"], "--skip-gates needs a --reason", id="skip-without-reason"
        ),
        pytest.param(["--version", "04"], "the request is not valid: source.version:", id="version"),
        pytest.param(
            ["--version", "4", "--artifact-path", "model"],
            "artifactPath needs runId",
            id="path-without-run",
        ),
        pytest.param(["--version", "4", "--tag", "a"], "--tag a is not KEY=VALUE", id="tag"),
        pytest.param(
            ["--version", "4", "--tag", "mlflow.x=1"], "begin with modelalias. or mlflow.", id="reserved-tag"
        ),
        pytest.param(
            ["--operation", "Promote", "--previous"],
            "source.previous is only for Rollback",
            id="promote-previous",
        ),
        pytest.param(
            ["--version", "4", "--expires-after", "5w"],
            "the request is not valid: expiresAfter:",
            id="duration",
        ),
    ],
)
def test_what_the_api_server_would_not_take_is_said_at_once(arguments: list[str], words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        filing.draft(filing.typed(typed(*arguments)), "ana", "ml")

    assert words in str(refused.value)


def test_two_sources_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        typed("--version", "4", "--previous")

    assert "not allowed with argument" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "same"),
    [
        (["-m", "worse"], ["--previous", "-m", "worse"]),
        (
            ["--to-version", "2", "--reason", "worse", "--name", "back"],
            ["--operation", "Rollback", "--version", "2", "--reason", "worse", "--name", "back"],
        ),
    ],
    ids=["the-one-before", "by-its-number"],
)
@pytest.mark.parametrize("verb", ["rollback", "undo"])
def test_going_back_files_what_promote_files(verb: str, command: list[str], same: list[str]) -> None:
    options = main.parser([verb]).parse_args([verb, "churn-champion", *command])

    wanted = filing.going_back(options.alias, options.to_version, options.reason, options.name)

    assert filing.draft(wanted, "ana", "ml") == filing.draft(filing.typed(typed(*same)), "ana", "ml")


def test_going_back_needs_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.parser(["rollback"]).parse_args(["rollback", "churn-champion"])

    assert "the following arguments are required: -m/--reason" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["promote", "churn-champion", "--version", "4"],
        ["undo", "churn-champion", "-m", "worse"],
        ["retry", "go"],
    ],
    ids=["promote", "undo", "retry"],
)
@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-o", "name"], "--dry-run prints the request as yaml or json"),
        (["-o", "markdown"], "--dry-run prints the request as yaml or json"),
        (["--wait"], "--wait has nothing to wait for"),
    ],
    ids=["name", "markdown", "wait"],
)
def test_what_is_only_printed_has_no_name_and_no_end(
    words: list[str], more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main([*words, "--dry-run", *more]) == 2
    assert said in capsys.readouterr().err
