"""Everything that a registry or an API server may answer, as the types of the ports allow it.

What people write is in the texts too: quotes, markup, other alphabets, and more than anybody has room for.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from modelalias.api.fields import Value
from modelalias.core.errors import (
    InvalidRequest,
    LoggedModelNotFound,
    ModelNotFound,
    Refused,
    RunNotFound,
    Unavailable,
    Unreadable,
    VersionNotFound,
)
from modelalias.core.protocol.questions import (
    AliasesOf,
    AnyQuestion,
    ArtifactAddressOf,
    EvaluationRunOf,
    FreshWorkloadOf,
    JobOf,
    LastLinesOf,
    LastLinesOfPod,
    MeasuredModelOf,
    PodAnswersOf,
    PodsOf,
    RequestOf,
    RunsOf,
    SignatureOf,
    TemplateOf,
    VersionOf,
    VersionOfRun,
    VersionsTagged,
    WhyMissing,
    WorkloadOf,
)
from modelalias.kinds.pod_template import PodWorkload
from modelalias.ports import (
    Dataset,
    Job,
    JobState,
    MeasuredModel,
    Measurement,
    ModelVersion,
    Pod,
    PodAnswer,
    PodRef,
    Run,
    RunStatus,
    VersionState,
)
from tests.support.world import NAME

V = TypeVar("V", bound=Value)


def _built(kind: type[V], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[V]:
    """Build a value; hypothesis would give a field that has two names twice."""
    return st.fixed_dictionaries(fields).map(lambda given: kind(**given))


VERSIONS: Final = st.sampled_from(["1", "2", "3", 18 * "9"])
METRICS: Final = ("val_auc", "holdout_auc")
_ODD: Final = st.sampled_from(
    [
        "",
        "a-b",
        "' OR '1' = '1",
        "`tags`",
        "{}",
        "null",
        "\x00\x07",
        "a\n$(b)\n",
        "%s {0}",
        "<b>&amp;",
        "模型",
        "\N{RIGHT-TO-LEFT OVERRIDE}x",
        "\U0001f600" * 70,
        "x" * 300,
        "7" * 5_000,
        '{"archived":{},"done":[]}',
        '{"done":{"a":1},"verdict":[]}',
        '{"done":[[1,2],{"a":{}},"b"],"rolledBack":7,"again":{"a":1}}',
    ]
)
TEXTS: Final = st.one_of(_ODD, st.text(max_size=40))
RUN_IDS: Final = st.one_of(st.sampled_from(["0a1b", "a-b", "a_b"]), TEXTS)
NUMBERS: Final = st.one_of(
    st.sampled_from([Decimal("0.9"), Decimal("0.80"), Decimal(0), Decimal("-0.0")]),
    st.decimals(),
    st.sampled_from(
        [
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("-Infinity"),
            Decimal("1E+9999999"),
            Decimal("-1E-9999999"),
            Decimal("1.7976931348623157E+308"),
            Decimal("0." + 900 * "7"),
            Decimal(300 * "7"),
        ]
    ),
)
_FAILURES: Final = st.builds(
    lambda kind, text: kind(text),
    st.sampled_from(
        [
            Unavailable,
            Refused,
            InvalidRequest,
            ModelNotFound,
            VersionNotFound,
            RunNotFound,
            LoggedModelNotFound,
            Unreadable,
        ]
    ),
    TEXTS,
)
DATASETS: Final = _built(
    Dataset, name=TEXTS, digest=TEXTS, context=TEXTS, rows=st.one_of(st.none(), st.integers())
)
_TAGS: Final = st.dictionaries(st.one_of(st.just("modelalias.champion"), TEXTS), TEXTS, max_size=3)
_ALIASES: Final = st.dictionaries(
    st.one_of(st.sampled_from(["champion", "prev", "challenger", "staging"]), TEXTS), VERSIONS, max_size=5
)


def _versions(number: str | None) -> st.SearchStrategy[ModelVersion]:
    return _built(
        ModelVersion,
        model=st.just("churn"),
        version=VERSIONS if number is None else st.just(number),
        run_id=st.one_of(st.none(), RUN_IDS),
        state=st.sampled_from([VersionState.READY, VersionState.READY, *VersionState]),
        tags=_TAGS,
        model_id=st.one_of(st.none(), TEXTS),
    )


def _runs(run_ids: tuple[str, ...]) -> st.SearchStrategy[Mapping[str, Run]]:
    def one(run_id: str) -> st.SearchStrategy[Run]:
        return _built(
            Run,
            run_id=st.just(run_id),
            status=st.sampled_from([RunStatus.FINISHED, RunStatus.FINISHED, *RunStatus]),
            metrics=st.dictionaries(st.one_of(st.sampled_from(METRICS), TEXTS), NUMBERS, max_size=3),
            datasets=st.lists(DATASETS, max_size=3).map(tuple),
            models=st.frozensets(TEXTS, max_size=2),
            evaluation=TEXTS,
        )

    return st.fixed_dictionaries({}, optional={run_id: one(run_id) for run_id in run_ids})


def _measured(question: MeasuredModelOf) -> st.SearchStrategy[MeasuredModel]:
    one = _built(
        Measurement,
        key=st.sampled_from(METRICS),
        value=NUMBERS,
        dataset=st.one_of(st.none(), DATASETS),
    )
    return _built(
        MeasuredModel,
        model_id=st.just(question.model_id),
        run_id=st.one_of(st.none(), RUN_IDS),
        measurements=st.lists(one, max_size=4).map(tuple),
    )


def _jobs(question: JobOf) -> st.SearchStrategy[Job | None]:
    job = _built(
        Job,
        ref=st.just(question.ref),
        uid=st.just("job"),
        state=st.sampled_from(JobState),
        message=TEXTS,
        owner=st.sampled_from(["uid-go", "uid-alias", "somebody"]),
        run_id=st.one_of(st.none(), RUN_IDS),
        ending=st.booleans(),
    )
    return st.one_of(st.none(), job)


def _workloads(question: WorkloadOf | FreshWorkloadOf) -> st.SearchStrategy[PodWorkload | None]:
    few = st.integers(min_value=0, max_value=2)
    workload = _built(
        PodWorkload,
        ref=st.just(question.ref),
        uid=st.sampled_from(["u1", "u2"]),
        resource_version=few,
        managed=st.booleans(),
        marks=st.dictionaries(st.just(NAME), TEXTS, max_size=1),
        generation=few,
        observed_generation=few,
        paused=st.booleans(),
        desired=few,
        updated=few,
        available=few,
        total=few,
        containers=st.just({"main": {}}),
        trouble=TEXTS,
    )
    return st.one_of(st.none(), workload, workload)


def _pods(question: PodsOf) -> st.SearchStrategy[tuple[Pod, ...]]:
    times = st.datetimes(
        min_value=datetime(2025, 1, 1),  # noqa: DTZ001 - hypothesis adds the time zone
        max_value=datetime(2027, 1, 1),  # noqa: DTZ001 - as above
        timezones=st.just(UTC),
    )
    pod = _built(
        Pod,
        ref=st.builds(lambda name: PodRef(namespace=question.ref.namespace, name=name, uid=name), TEXTS),
        node=TEXTS,
        created=times,
        started=st.one_of(st.none(), times),
        ready=st.booleans(),
        ending=st.booleans(),
        restarts=st.integers(min_value=0, max_value=9),
        marks=st.dictionaries(st.just(NAME), st.one_of(TEXTS, st.sampled_from(["1.1", "2.2"])), max_size=1),
        containers=st.just({"main": {}}),
        trouble=TEXTS,
        crashed=st.sampled_from(["", "main"]),
    )
    return st.lists(pod, max_size=3).map(tuple)


def _said(question: PodAnswersOf) -> st.SearchStrategy[tuple[PodAnswer, ...]]:
    ref = PodRef(namespace=question.ref.namespace, name="api-0", uid="u")
    answer = _built(PodAnswer, pod=st.just(ref), version=st.one_of(st.none(), VERSIONS), message=TEXTS)
    return st.lists(answer, max_size=3).map(tuple)


_ANSWERS: Final[Mapping[type[Any], Callable[[Any], st.SearchStrategy[Any]]]] = {
    AliasesOf: lambda _: _ALIASES,
    VersionOf: lambda question: _versions(question.version),
    VersionOfRun: lambda question: st.one_of(
        _versions(None), st.none() if not question.register_missing else _versions(None)
    ),
    VersionsTagged: lambda _: st.lists(_versions(None), max_size=2).map(tuple),
    RunsOf: lambda question: _runs(question.run_ids),
    MeasuredModelOf: _measured,
    EvaluationRunOf: lambda _: RUN_IDS,
    TemplateOf: lambda _: st.none(),
    SignatureOf: lambda _: st.booleans(),
    ArtifactAddressOf: lambda _: TEXTS,
    JobOf: _jobs,
    LastLinesOf: lambda _: TEXTS,
    WorkloadOf: _workloads,
    FreshWorkloadOf: _workloads,
    PodsOf: _pods,
    PodAnswersOf: _said,
    LastLinesOfPod: lambda _: TEXTS,
    WhyMissing: lambda _: TEXTS,
    RequestOf: lambda _: st.none(),
}


@cache
def answers(question: AnyQuestion) -> st.SearchStrategy[Any]:
    """Return every answer to a question, a failure among them; what hypothesis checks of it is checked once."""
    good = _ANSWERS[type(question)](question)
    return st.one_of(good, good, good, good, _FAILURES)


__all__ = ["TEXTS", "VERSIONS", "answers"]
