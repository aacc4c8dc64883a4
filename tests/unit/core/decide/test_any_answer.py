"""Whatever the registry and the API server answer, `decide` decides: nothing that stands there stops an alias,
a request or a plan under way."""

from dataclasses import replace
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from modelalias.api.alias import ModelAlias
from modelalias.api.metadata import Metadata
from modelalias.api.request import PromotionRequest
from modelalias.core.decide import decide
from modelalias.core.errors import InvalidRequest
from modelalias.core.protocol.context import Context, Identity, ModelSnapshot, RegistryView
from modelalias.core.protocol.decision import AliasWrite, Ask, Decision, Do, Rest
from modelalias.core.protocol.effects import Roll
from modelalias.core.protocol.facts import Facts
from modelalias.core.status import events
from tests.support.any_answer import TEXTS, VERSIONS, answers
from tests.support.fake_keys import NOTARY
from tests.support.harness import START
from tests.support.world import NAME, NAMESPACE, PINNED, alias_spec, request_spec

MOST_DECISIONS: Final = 60
_BETTER: Final = {"direction": "HigherIsBetter", "champion": {"maxRegression": 0.01, "mode": "Relative"}}
_GATES: Final[st.SearchStrategy[list[dict[str, Any]]]] = st.lists(
    st.sampled_from(
        [
            {"name": "run", "metric": "val_auc", **_BETTER},
            {"name": "floor", "metric": "val_auc", "direction": "LowerIsBetter", "threshold": 0.85},
            {"name": "same", "metric": "val_auc", "dataset": "SameAsChampion", **_BETTER},
            {"name": "logged", "metric": "val_auc", "metricFrom": "LoggedModel", **_BETTER},
            {
                "name": "logged-same",
                "metric": "val_auc",
                "metricFrom": "LoggedModel",
                "dataset": "SameAsChampion",
                **_BETTER,
            },
            {"name": "holdout", "metric": "holdout_auc", "metricFrom": "Evaluation", **_BETTER},
        ]
    ),
    max_size=4,
    unique_by=lambda item: str(item["name"]),
)
_ELIGIBILITY: Final = {
    "requireTags": {"validated_by": "*", "ticket": "ML-1"},
    "requireAlias": "staging",
    "soak": {"alias": "staging", "for": "1s"},
    "requireSignature": True,
}
_POLICIES: Final = st.fixed_dictionaries(
    {"gates": _GATES, "evaluation": st.just({"cronJob": "holdout"})},
    optional={
        "eligibility": st.just(_ELIGIBILITY),
        "approval": st.just({"required": "OnInconclusive"}),
        "concurrency": st.just("Supersede"),
        "pins": st.just("Gated"),
    },
)
_ALIASES: Final = st.fixed_dictionaries(
    {"policy": _POLICIES},
    optional={
        "previousAlias": st.just("prev"),
        "version": VERSIONS,
        "serving": st.sampled_from([[{"name": "api"}], [{"name": "api", "load": PINNED}]]),
        "historyLimit": st.just(1),
    },
)
_REQUESTS: Final = st.one_of(
    VERSIONS.map(lambda version: {"source": {"version": version}}),
    st.just(
        {"source": {"alias": "challenger"}, "onSuccess": {"deleteSourceAlias": True, "tags": {"a": "b"}}}
    ),
    st.just({"source": {"runId": "a1"}}),
    st.just({"source": {"runId": "a1"}, "dryRun": True}),
    VERSIONS.map(lambda version: {"operation": "Rollback", "source": {"version": version}, "reason": "bad"}),
    st.just({"operation": "Rollback", "source": {"previous": True}, "reason": "bad"}),
    st.just({"operation": "Swap", "reason": "bad"}),
    VERSIONS.map(lambda version: {"source": {"version": version}, "skipGates": True, "reason": "bad"}),
)
_SNAPSHOTS: Final = st.builds(
    ModelSnapshot,
    aliases=st.one_of(
        st.none(),
        st.dictionaries(st.one_of(st.sampled_from(["champion", "staging"]), TEXTS), VERSIONS, max_size=3),
    ),
    after_last_write=st.booleans(),
)


def _context(alias: dict[str, Any], requests: list[dict[str, Any]], snapshot: ModelSnapshot) -> Context:
    """Return the situation: one alias with its requests, and a registry that answers."""
    return Context(
        namespace=NAMESPACE,
        name=NAME,
        alias=ModelAlias(
            metadata=Metadata(name=NAME, namespace=NAMESPACE, uid="uid-alias", generation=1),
            spec=alias_spec(**alias),
        ),
        requests=tuple(
            PromotionRequest(
                metadata=Metadata(
                    name=name, namespace=NAMESPACE, uid=f"uid-{name}", creation_timestamp=START
                ),
                spec=request_spec(None, **fields),
            )
            for name, fields in zip(("go", "later"), requests, strict=False)
        ),
        registry=RegistryView(known=True, allowed=True, problem=None, snapshot=snapshot),
        older_claimant=None,
        claimed={},
        managed={},
        identity=Identity(unproved="", accepted=False),
        trouble=None,
        broken={},
        waiting=frozenset(),
        notary=NOTARY,
        facts=Facts(),
        now=START,
    )


def _written(context: Context, decision: Decision) -> Context:
    """Return the context after the statuses were written, as the API server keeps them."""
    for write in decision.writes:
        stored = type(write.status).model_validate_json(
            write.status.model_dump_json(by_alias=True, exclude_none=True)
        )
        if isinstance(write, AliasWrite):
            assert context.alias is not None
            events.of_alias(context.alias, write.status)
            context = replace(context, alias=context.alias.with_status(stored))  # type: ignore[arg-type]
            continue
        name = write.request.metadata.name
        events.of_request(write.request.status, write.status)
        context = replace(
            context,
            requests=tuple(
                item.with_status(stored) if item.metadata.name == name else item  # type: ignore[arg-type]
                for item in context.requests
            ),
        )
    left = tuple(item for item in context.requests if item.status.completed_at is None)
    return replace(context, requests=left)


@settings(max_examples=300)
@given(
    data=st.data(),
    alias=_ALIASES,
    requests=st.lists(_REQUESTS, min_size=1, max_size=2),
    snapshot=_SNAPSHOTS,
)
def test_no_answer_makes_it_raise(
    data: st.DataObject, alias: dict[str, Any], requests: list[dict[str, Any]], snapshot: ModelSnapshot
) -> None:
    """An error that is blamed on a request counts too: no request breaks by what stands in a registry."""
    context = _context(alias, requests, snapshot)

    for _ in range(MOST_DECISIONS):
        decision = decide(context)
        context = _written(context, decision)
        match decision.next:
            case Ask(question=question, waiting=waiting):
                context.facts.learn(question, data.draw(answers(question)))
                context = replace(context, waiting=context.waiting | waiting)
            case Rest():
                if not context.requests:
                    break
                context = replace(context, facts=Facts(), waiting=frozenset())
            case Do(effect=effect) if not isinstance(effect, Roll) and data.draw(st.booleans()):
                context.facts.fail(effect, InvalidRequest(data.draw(TEXTS)))
            case _:
                context = replace(context, facts=Facts(), waiting=frozenset())
