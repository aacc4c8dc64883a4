"""A README's commands run in one shell, bounded, and each must do what is shown."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from hack.example import play as playing
from hack.example.play import PlayError, Proof, play, summary
from hack.example.readme import read


def run(text: str, folder: Path) -> tuple[Sequence[Proof], Sequence[str]]:
    said: list[str] = []
    proofs = play(read(text), folder, {"PATH": os.environ["PATH"]}, said.append, said.append)
    return proofs, said


def test_one_shell_remembers_folder_variables_and_status(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()

    proofs, said = run(
        """
*It goes on where it was.*
```console
$ cd sub; WORD=hello
$ cat <<EOF >file
> $WORD
> EOF
$ cat file; false
hello
$ echo $?
1
$ printf 'no line end'
no line end
```
""",
        tmp_path,
    )

    assert proofs == [Proof("It goes on where it was.", "printf 'no line end'")]
    assert said[:3] == ["$ cd sub; WORD=hello", "$ cat <<EOF >file\n> $WORD\n> EOF", "$ cat file; false"]
    assert (tmp_path / "sub" / "file").read_text() == "hello\n"


def test_both_outputs_are_shown_as_a_terminal_shows_them(tmp_path: Path) -> None:
    _, said = run(
        "```console\n$ echo one; echo two >&2; echo; echo three\none\ntwo\n\nthree\n```\n", tmp_path
    )

    assert said[1:] == ["one", "two", "", "three"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```console\n$ echo 2\n1\n```\n", "line 2: echo 2\nthe README shows\n  1\nit printed .*\n  2"),
        ("```console\n$ (exit 3)\n$ true\n```\n", "line 2: .*: exit status 3, and the README does not show"),
        ("```console\n$ exit 0\n```\n", "line 2: exit 0: the command ended the shell"),
        ("```console\n$ read LINE\n$ echo never\n```\n", "line 2: read LINE: exit status 1"),
    ],
    ids=["another output", "a failure", "the end of the shell", "a question"],
)
def test_command_that_does_something_else_ends_the_example(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(PlayError, match=says):
        run(text, tmp_path)


def test_command_that_does_not_end_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "COMMAND_SECONDS", 0.5)

    with pytest.raises(PlayError, match="it did not end in its time"):
        run("```console\n$ echo $$ >shell; sleep 1000\n```\n", tmp_path)

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "shell").read_text()), 0)


def test_summary_names_each_proof_beside_its_command() -> None:
    assert summary("churn", [Proof("It works.", "promote")], 61.6) == (
        "churn: proved in 62 s\n  It works.\n      $ promote"
    )
