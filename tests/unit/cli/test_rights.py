"""What a person may do, as it is asked of the API server; what cannot be learned keeps nobody from trying."""

import pytest

from modelalias.api.request import RequestOperation
from modelalias.cli import rights, rights_reading
from modelalias.cli.api_server import opened
from modelalias.cli.kubeconfig import Access
from modelalias.cli.object_events import newest_first
from modelalias.cli.rights import Right
from modelalias.core.errors import OperatorError, Refused, Unavailable
from tests.support.http_stub import Answer, Seen, http_stub

APPROVE = Right(verb="approve", plural="modelaliases", name="churn-champion")
PATCH = Right(verb="patch", plural="promotionrequests", name="go")


class _Asked:
    def __init__(self, **answers: bool | OperatorError) -> None:
        self._answers = answers

    async def may(self, right: Right) -> bool:
        answer = self._answers.get(right.verb, True)
        if isinstance(answer, OperatorError):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "missing"),
    [
        ({}, None),
        ({"patch": False}, PATCH),
        ({"approve": False, "patch": False}, APPROVE),
        ({"approve": Refused("may not create selfsubjectaccessreviews")}, None),
    ],
)
async def test_the_first_right_that_is_missing(
    answers: dict[str, bool | OperatorError], missing: Right | None
) -> None:
    assert await rights_reading.missing(_Asked(**answers), [APPROVE, PATCH]) == missing


async def test_each_right_is_asked_for_once_whatever_it_is_for() -> None:
    asked: list[Right] = []

    class Counted(_Asked):
        async def may(self, right: Right) -> bool:
            asked.append(right)
            return await super().may(right)

    lacks = await rights_reading.missing_for(
        Counted(patch=False), {"reject": (APPROVE, PATCH), "approve": (APPROVE,), "abort": (PATCH,)}
    )

    assert lacks == {"reject": PATCH, "approve": None, "abort": PATCH}
    assert asked == [APPROVE, PATCH]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            rights.to_file(RequestOperation.PROMOTE, "c"),
            ["promote modelaliases/c", "create promotionrequests"],
        ),
        (
            rights.to_file(RequestOperation.ROLLBACK, "c"),
            ["rollback modelaliases/c", "create promotionrequests"],
        ),
        (rights.to_edit("c"), ["patch modelaliases/c"]),
        (rights.to_say("c"), ["release modelaliases/c", "patch modelaliases/c"]),
    ],
    ids=["promote", "go-back", "edit", "say"],
)
def test_what_is_done_with_an_alias_takes_the_verbs_of_the_policy(
    wanted: tuple[Right, ...], words: list[str]
) -> None:
    assert [str(right) for right in wanted] == words


async def test_an_api_server_that_does_not_answer_is_told() -> None:
    with pytest.raises(Unavailable):
        await rights_reading.missing(_Asked(approve=Unavailable("no answer")), [APPROVE])


def _access(uri: str) -> Access:
    return Access(namespace="ml", cluster={"server": uri}, user={"token": "hunter2"})


@pytest.mark.parametrize("answer", [{"allowed": True}, {"allowed": False}, {}, {"allowed": "yes"}])
async def test_a_right_is_asked_by_the_name_of_the_object(answer: dict[str, object]) -> None:
    seen: list[Seen] = []

    def respond(asked: Seen) -> Answer:
        seen.append(asked)
        return Answer({"status": answer}, 201)

    with http_stub(respond) as stub:
        async with opened(_access(stub.uri)) as server:
            allowed = await server.may(APPROVE)

    assert allowed is (answer == {"allowed": True})
    assert seen[0].path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert seen[0].values["spec"] == {
        "resourceAttributes": {
            "group": "modelalias.dev",
            "resource": "modelaliases",
            "verb": "approve",
            "namespace": "ml",
            "name": "churn-champion",
        }
    }


async def test_events_are_those_of_one_object_and_not_many() -> None:
    seen: list[Seen] = []

    def respond(asked: Seen) -> Answer:
        seen.append(asked)
        return Answer({"items": [{"reason": "Queued", "lastTimestamp": "2026-01-01T00:00:00Z"}]})

    with http_stub(respond) as stub:
        async with opened(_access(stub.uri)) as server:
            events = await server.events("u-1")

    assert [event.reason for event in events] == ["Queued"]
    assert seen[0].path == "/api/v1/namespaces/ml/events"
    assert (seen[0].values["fieldSelector"], seen[0].values["limit"]) == ("involvedObject.uid=u-1", "50")


def test_the_newest_event_is_first_and_odd_ones_are_last() -> None:
    events = newest_first(
        [
            {"reason": "odd", "lastTimestamp": None, "count": "many"},
            {"reason": "old", "lastTimestamp": "2026-01-01T00:00:00Z", "count": 3, "type": "Warning"},
            {"reason": "series", "series": {"count": 7, "lastObservedTime": "2026-01-03T00:00:00.000000Z"}},
            {"reason": "new", "lastTimestamp": None, "eventTime": "2026-01-02T00:00:00.000000Z"},
            {"reason": "naive", "lastTimestamp": "2026-01-09T00:00:00"},
        ]
    )

    assert [event.reason for event in events] == ["series", "new", "old", "odd", "naive"]
    assert [event.times for event in events] == [7, 1, 3, 1, 1]
    assert [event.is_warning for event in events] == [False, False, True, False, False]
