"""From a README to the commands that are typed, and whether what they print is what it shows."""

import pytest

from hack.example.compare import matches
from hack.example.readme import Block, Command, ReadmeError, has_commands, read

README = """# churn

Some words, `$ not a command`, *and a stress*.

*A worse model is refused.*
```console
$ promote --wait
refused: ...
$ echo $?
1
```

```yaml
$ no: command
```

```console
$ cat <<EOF
> one
>
> two
> EOF
```
"""


def test_blocks_are_read_with_what_they_prove() -> None:
    assert read(README) == (
        Block(
            "A worse model is refused.",
            (Command(7, "promote --wait", ("refused: ...",)), Command(9, "echo $?", ("1",))),
        ),
        Block("", (Command(18, "cat <<EOF\none\n\ntwo\nEOF"),)),
    )


def test_a_line_of_output_may_begin_as_a_continuation_does() -> None:
    (block,) = read("```console\n$ show\nfirst\n> second\n```\n")

    assert block.commands[0].output == ("first", "> second")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# nothing\n", "nothing to run"),
        ("```console\n$ ls\n", "line 1: the block does not end"),
        ("```console\nfile\n$ ls\n```\n", "line 2: output before the first command"),
        ("*It works.*\n```console\n$ ls\n```\n", "line 2: proves that 'It works.', and shows no output"),
    ],
    ids=["no block", "no end", "output first", "a claim without output"],
)
def test_readme_that_proves_nothing_is_refused(text: str, says: str) -> None:
    with pytest.raises(ReadmeError, match=says):
        read(text)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ([], []),
        ([], ["", " "]),
        (["version 3"], ["version 3", ""]),
        (["NAME  AGE"], ["NAME      AGE  "]),
        (["run ... of churn"], ["run 0a1b 2c of churn"]),
        (["a*b ... (c)"], ["a*b x (c)"]),
        (["...", "end"], ["end"]),
        (["...", "end"], ["one", "", "two", "end"]),
        (["first", "..."], ["first"]),
        (["first", "...", "x", "..."], ["first", "a", "x", "b"]),
    ],
)
def test_what_is_shown_is_printed(shown: list[str], printed: list[str]) -> None:
    assert matches(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ([], ["a word"]),
        (["a word"], []),
        (["version 3"], ["version 31"]),
        (["version 3"], ["version 3", "warning"]),
        (["one", "two"], ["two", "one"]),
        (["run ... done"], ["run", "done"]),
        (["a.c"], ["abc"]),
        (["NAME AGE"], ["NAMEAGE"]),
        (["...", "end"], ["end", "more"]),
    ],
)
def test_what_is_not_shown_is_seen(shown: list[str], printed: list[str]) -> None:
    assert not matches(shown, printed)


@pytest.mark.parametrize(
    ("text", "has"), [(README, True), ("# pipeline\n\n```yaml\n$ no: command\n```\n", False)]
)
def test_a_readme_without_commands_is_no_example_to_run(text: str, *, has: bool) -> None:
    assert has_commands(text) is has
