"""What an MLmodel file says, also one that somebody wrote to do harm."""

import time
from contextlib import suppress

import pytest

from modelalias.adapters.mlflow_model_file import names_signature
from modelalias.adapters.yaml_of_others import NonsenseError

MIB = 1024 * 1024
SECONDS = 10.0
"""Far below what the harm would take, far above what it takes."""


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        ('signature:\n  inputs: \'[{"type": "long"}]\'\n  outputs: null\n  params: null\n', True),
        ('signature:\n  inputs: null\n  outputs: \'[{"type": "long"}]\'\n', True),
        ('{"signature": {"inputs": "[{}]"}}', True),
        ("flavors: &one {a: 1}\nagain: *one\nsignature: {outputs: '[{}]'}", True),
        ("? [odd, key]\n: 1\nsignature: {inputs: '[{}]'}", True),
        ("odd: !!bool x\nwhen: 2001-99-99\nsignature: {inputs: '[{}]'}", True),
        ("flavors: {}\n", False),
        ("signature:\n", False),
        ("signature: null\n", False),
        ("signature: ~\n", False),
        ("metadata: {signature: {inputs: '[{}]'}}", False),
    ],
    ids=[
        "inputs",
        "outputs",
        "JSON",
        "a reference",
        "an odd key",
        "odd values",
        "none",
        "empty",
        "null",
        "tilde",
        "deeper",
    ],
)
def test_a_file_that_makes_sense(text: str, signed: bool) -> None:
    assert names_signature(text) is signed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("# nothing", "is empty"),
        ("flavors: {", "is not YAML"),
        ("\x00", "is not YAML"),
        ("- flavors", "is not a mapping"),
        ("<html>sign in</html>", "is not a mapping"),
        ("a: 1\n---\nb: 2", "several documents"),
        ("signature: 'null'", "without inputs and outputs"),
        ("signature: yes", "without inputs and outputs"),
        ("signature: [inputs]", "without inputs and outputs"),
        ("signature: {}", "without inputs and outputs"),
        ("signature: {inputs: '[]', outputs: null, params: '[{}]'}", "without inputs and outputs"),
    ],
    ids=[
        "empty",
        "a comment",
        "cut off",
        "no text",
        "a list",
        "a page",
        "two documents",
        "text",
        "a word",
        "a list as signature",
        "nothing in it",
        "only parameters",
    ],
)
def test_a_file_that_makes_none(text: str, words: str) -> None:
    with pytest.raises(NonsenseError, match=words):
        names_signature(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * MIB,
        "- " * (MIB // 2),
        "{a: " * (MIB // 4),
        "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 20)}]}}\n" for n in range(1, 2000)),
        "a: " + ":".join(["59"] * (MIB // 3)),
        "[" + "a," * (MIB // 2) + "]",
    ],
    ids=["brackets", "dashes", "braces", "merges", "a number", "commas"],
)
def test_a_harmful_file_takes_little(text: str) -> None:
    begun = time.monotonic()

    with suppress(NonsenseError):
        names_signature(text)

    assert time.monotonic() - begun < SECONDS
