"""Which pages are live, and what each of them watches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from modelalias.api.request_status import Phase
from modelalias.cli.cluster import Kind
from modelalias.web import board
from modelalias.web.acts import Deed
from modelalias.web.board_live import BoardFollowing
from modelalias.web.live import Live, Watched

Read = Callable[[str], str]
WAITING: Final = f"status.phase={Phase.AWAITING_APPROVAL}"


def _board(_: Read, query: Read) -> Sequence[Watched]:
    namespace = query("namespace")
    return Watched(Kind.ALIASES, namespace), Watched(Kind.REQUESTS, namespace, WAITING)


def _approvals(_: Read, query: Read) -> Sequence[Watched]:
    return (Watched(Kind.REQUESTS, query("namespace"), WAITING),)


def _alias(parameter: Read, _: Read) -> Sequence[Watched]:
    namespace, name = parameter("namespace"), parameter("name")
    requests = Watched(Kind.REQUESTS, namespace, f"spec.aliasRef.name={board.selected(name)}")
    return Watched(Kind.ALIASES, namespace, f"metadata.name={board.selected(name)}"), requests


def _promotion(parameter: Read, query: Read) -> Sequence[Watched]:
    judged = query("judged")
    return _named(parameter("namespace"), judged) if judged else ()


def _request(parameter: Read, _: Read) -> Sequence[Watched]:
    return _named(parameter("namespace"), parameter("name"))


def _named(namespace: str, request: str) -> Sequence[Watched]:
    return (Watched(Kind.REQUESTS, namespace, f"metadata.name={board.selected(request)}"),)


def _model(parameter: Read, _: Read) -> Sequence[Watched]:
    return (Watched(Kind.ALIASES, "", f"spec.model={board.selected(parameter('model'))}"),)


LIVE: Final[Mapping[str, Live]] = {
    "/": Live(_board, BoardFollowing, pause=5.0),
    "/approvals": Live(_approvals),
    "/a/{namespace}/{name}": Live(_alias),
    "/a/{namespace}/{name}/promote": Live(_promotion),
    "/r/{namespace}/{name}": Live(_request),
    **{f"/r/{{namespace}}/{{name}}/{deed}": Live(_request) for deed in Deed},
    "/m/{registry}/{model}": Live(_model),
}
"""By the address of the page in `PAGES`; see `live.Live`."""
