"""Where the tests of the pages get their browser from."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hack import browser, debian

Programs = Callable[[str, str], None]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A machine that has these programs and no other."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "LOCK", tmp_path / "lock")

    def add(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return add


def test_one_that_is_there_is_taken(programs: Programs, tmp_path: Path) -> None:
    programs("google-chrome", "")
    programs("chromium", "")

    assert browser.installed() == str(tmp_path / "chromium")


def test_root_on_debian_installs_it_once(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    programs(
        "apt-get",
        f'echo "$@" >>{tmp_path}/asked; echo >{tmp_path}/chromium; /bin/chmod +x {tmp_path}/chromium',
    )

    first, second = browser.installed(), browser.installed()

    assert first == second == str(tmp_path / "chromium")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[3] for line in asked] == ["update", "install"]
    assert asked[1].endswith("--no-install-recommends chromium")


def test_anybody_else_is_told(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    programs("apt-get", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(browser.NoBrowserError, match="only root on Debian"):
        browser.installed()


def test_what_apt_get_says_is_told(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    programs("apt-get", "echo no such mirror >&2; exit 100")
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(browser.BrowserError, match="no such mirror"):
        browser.installed()
