"""The end of a pod's log, as it may stand in a status."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.adapters.pod_log import CHARACTERS, LIMIT_BYTES, last_lines, log_container


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\n", ""),
        ("one\ntwo\n", "one\ntwo"),
        ("one\r\ntwo\r\n", "one\ntwo"),
        ("10%\r50%\r100%\ndone\n", "100%\ndone"),
        ("\x1b[31mboom\x1b[0m\x07\tbang\x00", "boom bang"),
        ("safe\u202egnp.exe \u2028", "safegnp.exe"),
        ("caf\u00e9 \u6a21\u578b", "caf\u00e9 \u6a21\u578b"),
        ("one\n\x1b[0m", "one"),
    ],
    ids=[
        "nothing",
        "empty lines",
        "lines",
        "CRLF",
        "progress bar",
        "control",
        "direction",
        "letters",
        "reset at the end",
    ],
)
def test_text_is_shown_as_a_terminal_would(text: str, expected: str) -> None:
    assert last_lines(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://me:geheim@store:9000/x", "http://***@store:9000/x"),
        ("https://token@github.com/a", "https://***@github.com/a"),
        ("s3://a:p@ss/w@rd@store", "s3://***@store"),
        ("http://u:p@a http://u:p@b", "http://***@a http://***@b"),
        ('{"uri":"postgresql://u:p@db/x","mail":"a@b"}', '{"uri":"postgresql://***@db/x","mail":"a@b"}'),
        ("http://store:9000/x?a=b", "http://store:9000/x?a=b"),
        ("mail a@b", "mail a@b"),
        ("http:\x1b[0m//u:p\x00w@a", "http://***@a"),
    ],
    ids=[
        "password",
        "token",
        "odd password",
        "two",
        "in JSON",
        "none",
        "no address",
        "control characters in between",
    ],
)
def test_passwords_in_addresses_are_hidden(text: str, expected: str) -> None:
    assert last_lines(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DB_PASSWORD=hunter2 host=db", "DB_PASSWORD=*** host=db"),
        ("api-key: abc123", "api-key: ***"),
        ('{"token": "abc"}', '{"token": ***'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("tokens per second: high", "tokens per second: high"),
    ],
)
def test_what_reads_like_a_secret_is_hidden(text: str, expected: str) -> None:
    assert last_lines(text) == expected


def test_twenty_lines_are_kept_and_of_them_the_last_characters() -> None:
    text = "\n".join(f"{number:03}" for number in range(100))
    long = "\n".join(str(number % 10) * 300 for number in range(10))

    assert last_lines(text).split("\n") == [f"{number:03}" for number in range(80, 100)]
    assert last_lines(long) == long[-CHARACTERS:]


def test_a_password_across_the_first_shown_character_is_hidden() -> None:
    text = f"http://me:{'g' * 60}@store {'x' * (CHARACTERS - 50)}"

    assert "g" not in last_lines(text)


def test_a_word_that_the_api_server_cut_is_not_shown() -> None:
    filler = "x " * (LIMIT_BYTES // 2)
    cut = f"{filler}http://me:geheim@store"[-LIMIT_BYTES - 7 : -7]

    assert len(cut) == LIMIT_BYTES
    assert "geheim" not in last_lines(cut)
    assert last_lines(cut).endswith("x x")


@pytest.mark.parametrize("part", ["://", "\x1b[", "a@", "\r"])
def test_a_hostile_log_costs_little(part: str) -> None:
    text = part * (LIMIT_BYTES // len(part) - 1)
    began = time.process_time()

    last_lines(text)

    assert time.process_time() - began < 1


def ended(name: str, code: int) -> Mapping[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": code}}}


def restarting(name: str) -> Mapping[str, Any]:
    return {"name": name, "state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, "main"),
        ({"containerStatuses": [ended("main", 0), ended("side", 0)]}, "main"),
        ({"containerStatuses": [ended("main", 0), ended("side", 2)]}, "side"),
        ({"containerStatuses": [ended("side", 2), ended("main", 2)]}, "main"),
        ({"containerStatuses": [{"name": "main", "state": {"running": {}}}, restarting("side")]}, "side"),
        (
            {
                "initContainerStatuses": [ended("first", 1)],
                "containerStatuses": [{"name": "main", "state": {"waiting": {}}}],
            },
            "first",
        ),
        ({"initContainerStatuses": [ended("first", 143)], "containerStatuses": [ended("main", 1)]}, "main"),
    ],
    ids=[
        "no status",
        "none failed",
        "the second",
        "both: as the pod names them",
        "restarting",
        "init",
        "a sidecar as well",
    ],
)
def test_the_container_that_failed_is_asked(status: Mapping[str, Any], expected: str) -> None:
    spec = {"containers": [{"name": "main"}, {"name": "side"}], "initContainers": [{"name": "first"}]}

    assert log_container({"spec": spec, "status": status}) == expected
