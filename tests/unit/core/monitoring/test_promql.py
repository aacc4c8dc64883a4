"""A monitor's query for one version: which variables there are, where they may stand, and that no value leaves
its string.

What a literal says is read back by a tokenizer of the test's own, letter by letter. What a real Prometheus makes
of the same queries: tests/contract/test_metrics_source.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.core.errors import InvalidRequest
from modelalias.core.monitoring.promql import names_version, render

LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
HOSTILE = (
    'a"b',
    "a'b",
    "a`b",
    "back\\slash",
    "\\",
    '"} or vector(1) #',
    "x\ny",
    "#",
    "$model",
    "$1",
    ".*",
    "a|b",
    "[a-z]",
    "(",
    "\\E.*",
    "{2}",
    "ünï✓\U0001f600\ufffd",
    "",
)
VALUES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12))


@dataclass(frozen=True)
class Read:
    """A query as Prometheus' lexer divides it: what stands outside of literals, and what the literals say."""

    outside: str
    said: Sequence[str]


def read(query: str) -> Read:
    outside, said, at = "", [], 0
    while at < len(query):
        letter = query[at]
        if letter == "#":
            while at < len(query) and query[at] not in "\r\n":
                at += 1
        elif letter == "`":
            end = query.index("`", at + 1)
            said.append(query[at + 1 : end])
            outside += "<literal>"
            at = end + 1
        elif letter in "\"'":
            text, at = _unquoted(query, at)
            said.append(text)
            outside += "<literal>"
        else:
            outside += letter
            at += 1
    return Read(outside, said)


def _unquoted(query: str, at: int) -> tuple[str, int]:
    quote, text = query[at], ""
    at += 1
    while query[at] != quote:
        assert query[at] != "\n", "a line ends inside of a literal"
        if query[at] != "\\":
            text += query[at]
            at += 1
            continue
        kind = query[at + 1]
        size = {"x": 2, "u": 4, "U": 8}.get(kind)
        if size:
            text += chr(int(query[at + 2 : at + 2 + size], 16))
            at += 2 + size
        else:
            text += quote if kind == quote else LETTERS[kind]
            at += 2
    return text, at + 1


def rendered(query: str, *, version: str = "3", model: str = "churn", namespace: str = "ml") -> str:
    return render(query, version=version, model=model, namespace=namespace)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("up", "up"),
        ('errors{version="$version"}', 'errors{version="3"}'),
        ("errors{version='${version}'}", 'errors{version="3"}'),
        ("errors{version=`$version`}", 'errors{version="3"}'),
        (
            'a{m="$model",n="$namespace"} / b{v="$version"}',
            'a{m="churn",n="ml"} / b{v="3"}',
        ),
        ('a{m="${model}s-v$version."}', 'a{m="churns-v3."}'),
        ('a{m=~"$model-.+"}', 'a{m=~"(?:churn)-.+"}'),
        ('a{m !~ # why\n "$model"}', 'a{m !~ # why\n "(?:churn)"}'),
        ('a{pod=~"api-.*$"}', 'a{pod=~"api-.*$"}'),
        ('a{pod=~"(api|web)$|x$"}', 'a{pod=~"(api|web)$|x$"}'),
        ("a{pod=~`\\d+\\.$`}", "a{pod=~`\\d+\\.$`}"),
        (
            'label_replace(a, "b", "$1-${2}", "c", "(.*)-(.*)")',
            'label_replace(a, "b", "$1-${2}", "c", "(.*)-(.*)")',
        ),
        ('up # of "$anything\n > 0', 'up # of "$anything\n > 0'),
        ('a{m="\\u00e9\\x41\\101\\"$model"}', 'a{m="\\U000000e9AA\\"churn"}'),
        ("a{m='it\\'s $model'}", 'a{m="it\'s churn"}'),
        ('a{m="\xe9", n="$model"}', 'a{m="\xe9", n="churn"}'),
    ],
)
def test_a_variable_in_a_string_is_replaced_and_all_else_stays(query: str, asked: str) -> None:
    assert rendered(query) == asked


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("errors{version=$version}", 'version="$version"'),
        ("sum by ($model) (up)", "$model stands outside of a string"),
        ("rate(errors[$__range])", "$__range stands outside"),
        ("up > $", "$ stands outside"),
        ('errors{version="$versions"}', "$versions is no variable: there are $version, $model, $namespace"),
        ('errors{version="${Version}"}', "${Version} is no variable"),
        ('errors{version="${version"}', "${version is no variable"),
        ('errors{version="${}"}', "${} is no variable"),
        ('label_replace(a, "b", "$name", "c", "(?P<name>.*)")', "a group of label_replace has a number"),
        ('errors{version="$$version"}', "two $"),
        ('errors{version="\\$version"}', "write the character itself"),
        ('errors{version="\\x4$version"}', "write the character itself"),
        ('errors{version="\\xc3$version"}', "write the character itself"),
        ('errors{version="\\ud800$version"}', "write the character itself"),
        ('errors{version="\\\'$version"}', "write the character itself"),
        ('errors{version=~"\\\\$version"}', "a backslash quotes $version"),
        ("errors{version=~`\\$version`}", "a backslash quotes $version"),
        ("errors{version=~`\\Qv$version\\E`}", "a backslash quotes $version"),
        ('errors{version="$version}', "does not end"),
        ('errors{version="$version\n"}', "does not end"),
        ("errors{version=`$version}", "does not end"),
        ('errors\\"{version="$version"}', "a backslash outside of a string"),
        ('# "\r$version', "$version stands outside"),
    ],
)
def test_what_is_no_variable_or_stands_elsewhere_is_refused(query: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(says)) as asked:
        rendered(query)
    with pytest.raises(InvalidRequest):
        names_version(query)

    assert str(asked.value).isprintable()
    assert len(str(asked.value)) < 300


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("up", False),
        ('a{m="$model"}', False),
        ('a{m="$model"} # "$version"', False),
        ('a{m="$model", v="v$version"}', True),
        ("a{m=`${version}`}", True),
    ],
)
def test_whether_a_query_names_the_version(query: str, expected: bool) -> None:
    assert names_version(query) is expected


@given(value=VALUES, quote=st.sampled_from("\"'`"), before=st.sampled_from(["", "a-", "\xe9"]))
def test_no_value_leaves_its_string(value: str, quote: str, before: str) -> None:
    asked = rendered(f"sum(a{{m={quote}{before}$model{quote}}}) # {quote}", model=value)

    assert read(asked) == Read("sum(a{m=<literal>}) ", [before + value])


@given(value=VALUES, other=VALUES, quote=st.sampled_from("\"'`"))
def test_in_a_regular_expression_a_value_matches_itself_alone(value: str, other: str, quote: str) -> None:
    asked = rendered(f"a{{m=~{quote}x|$model{{1}}{quote}}}", model=value)

    (pattern,) = read(asked).said
    assert read(asked).outside == "a{m=~<literal>}"
    assert re.fullmatch(pattern, value)
    assert bool(re.fullmatch(pattern, other)) is (other in {"x", value})


@given(value=VALUES)
def test_in_label_replace_a_value_names_no_group_and_matches_itself(value: str) -> None:
    asked = rendered('label_replace(a{b="$model",c="d"}, "e", "$1 $model", "f", "(.*)$model$")', model=value)

    assert read(asked) == Read(
        "label_replace(a{b=<literal>,c=<literal>}, <literal>, <literal>, <literal>, <literal>)",
        [value, "d", "e", "$1 " + value.replace("$", "$$"), "f", f"(.*)(?:{re.escape(value)})$"],
    )


@given(query=st.text(alphabet="\"'`\\#$\n{}()=~,a1verson ", max_size=30), value=VALUES)
def test_any_query_keeps_its_shape_or_is_refused(query: str, value: str) -> None:
    try:
        asked = rendered(query, version=value, model=value, namespace=value)
    except InvalidRequest:
        return
    if asked != query:
        try:
            before = read(query)
        except (KeyError, ValueError, AssertionError, IndexError):
            return  # Prometheus has no such escape either, in a string without variables
        assert read(asked).outside == before.outside
