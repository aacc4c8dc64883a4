"""Whose an unexpected error is: the request's that was looked at.

Such an error is a bug, or an answer that nobody thought of. It must hold up neither the other requests nor a plan under
way, so everything that is done for one request is done under its name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from modelalias.api.request import PromotionRequest
from modelalias.core.errors import RequestBroken
from modelalias.core.protocol.facts import Needed

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def blamed_on(request: PromotionRequest) -> Iterator[None]:
    """Raise `RequestBroken` in place of an unexpected error; a question is none."""
    try:
        yield
    except (Needed, RequestBroken):
        raise
    except Exception as error:
        raise RequestBroken(request.metadata.uid, request.metadata.name) from error


def blaming(
    function: Callable[Concatenate[PromotionRequest, P], T],
) -> Callable[Concatenate[PromotionRequest, P], T]:
    """Let a function that works for the request that is its first argument do so under its name."""

    def blamed(request: PromotionRequest, *args: P.args, **kwargs: P.kwargs) -> T:
        with blamed_on(request):
            return function(request, *args, **kwargs)

    return cast("Callable[Concatenate[PromotionRequest, P], T]", wraps(function)(blamed))
