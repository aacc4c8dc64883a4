"""Which channels are told of what."""

from typing import Any

import pytest
from pydantic import ValidationError

from modelalias.core.notifications import routes
from modelalias.core.notifications.routes import Route
from modelalias.core.status.occasions import Occasion
from tests.support.noticed import notice

EVERYTHING = {"events": ["*"], "to": ["bus"]}


def told(*given: dict[str, Any], **fields: Any) -> tuple[str, ...]:
    return routes.channels([Route.model_validate(item) for item in given], notice(**fields))


@pytest.mark.parametrize(
    ("route", "fields", "is_told"),
    [
        ({}, {}, True),
        ({"namespaces": ["ml"]}, {"namespace": "ml"}, True),
        ({"namespaces": ["ml-*"]}, {"namespace": "ml"}, False),
        ({"namespaces": ["ml", "ml-*"]}, {"namespace": "ml-eu"}, True),
        ({"namespaces": ["ML"]}, {"namespace": "ml"}, False),
        ({"models": ["churn*"]}, {"model": "churn-eu"}, True),
        ({"models": ["churn*"]}, {"model": "fraud"}, False),
        ({"models": ["churn*"]}, {"model": ""}, False),
        ({"models": ["*"]}, {"model": ""}, True),
        ({"events": ["Drifted"]}, {"occasion": Occasion.DRIFTED}, True),
        ({"events": ["Drifted"]}, {"occasion": Occasion.HELD}, False),
        ({"events": ["Drifted", "*"]}, {"occasion": Occasion.HELD}, True),
        ({"namespaces": ["ml"], "models": ["fraud"]}, {}, False),
    ],
)
def test_a_route_fits_when_all_of_it_does(
    route: dict[str, Any], fields: dict[str, Any], is_told: bool
) -> None:
    assert told({**EVERYTHING, **route}, **fields) == (("bus",) if is_told else ())


def test_a_channel_to_which_several_routes_lead_is_told_once() -> None:
    assert told(EVERYTHING, {**EVERYTHING, "to": ["chat", "bus"]}) == ("bus", "chat")


@pytest.mark.parametrize(
    "wrong",
    [{"events": ["Drift"]}, {"events": []}, {"to": []}, {"namespaces": []}, {"on": ["*"]}],
    ids=str,
)
def test_a_route_that_would_tell_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Route.model_validate({**EVERYTHING, **wrong})
