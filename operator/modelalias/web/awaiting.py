"""The requests that wait for people, those that ask the person who looks first. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from modelalias.api.policy import Approval
from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import ApprovalStatus
from modelalias.cli.cluster import Who
from modelalias.web import approvals, verdict
from modelalias.web.board import Key, key
from modelalias.web.view import Notice, PageView, View

_LAST: Final = datetime.max.replace(tzinfo=UTC)


class Found(NamedTuple):
    """A request that waits, and what is known of its ModelAlias."""

    request: PromotionRequest
    rules: Approval | None = None
    may_approve: bool = False

    @property
    def alias(self) -> Key:
        """Which ModelAlias it is about."""
        return Key(self.request.metadata.namespace, self.request.spec.alias_ref.name)


class Awaited(View):
    """A request that waits for people."""

    id: str
    namespace: str
    name: str
    alias: str
    version: str | None
    champion: str | None
    verdict: str
    requested_by: str
    given: int
    required: int
    asked: tuple[str, ...]
    is_own: bool
    has_decided: bool
    since: datetime | None
    lapses: datetime | None


class ApprovalsView(PageView):
    """What `/approvals` shows."""

    mine: tuple[Awaited, ...]
    """Those that ask the person who looks."""
    others: tuple[Awaited, ...]
    namespace: str = ""
    after: str = ""
    notices: tuple[Notice, ...] = ()


def parsed(bodies: Iterable[Mapping[str, Any]]) -> tuple[list[PromotionRequest], list[Key]]:
    """Return the requests, and which of the bodies this release cannot read."""
    requests, unreadable = [], []
    for body in bodies:
        try:
            requests.append(PromotionRequest.model_validate(body))
        except ValidationError:
            unreadable.append(key(body))
    return requests, unreadable


def approvals_view(found: Iterable[Found], who: Who) -> ApprovalsView:
    """Return the requests, those that wait longest first."""
    mine: list[Awaited] = []
    others: list[Awaited] = []
    for item in sorted(found, key=lambda item: (_since(item.request) or _LAST, item.alias)):
        (mine if _asks(item, who) else others).append(_awaited(item, who))
    return ApprovalsView(mine=tuple(mine), others=tuple(others))


def is_open(request: PromotionRequest, who: Who) -> bool:
    """Return whether it depends on the person's rights alone if they are asked."""
    asked = request.status.approvals or ApprovalStatus()
    return approvals.names_nobody(asked) and request.spec.requested_by != who.user


def _asks(item: Found, who: Who) -> bool:
    request = item.request
    asked = request.status.approvals or ApprovalStatus()
    is_own = request.spec.requested_by == who.user and not (item.rules is not None and item.rules.allow_self)
    if is_own or approvals.has_decided(request, who):
        return False
    return item.may_approve if approvals.names_nobody(asked) else approvals.asks(asked, who)


def _awaited(item: Found, who: Who) -> Awaited:
    request, resolved = item.request, item.request.status.resolved
    asked = request.status.approvals or ApprovalStatus()
    return Awaited(
        id=f"{request.metadata.namespace}_{request.metadata.name}",
        namespace=request.metadata.namespace,
        name=request.metadata.name,
        alias=request.spec.alias_ref.name,
        version=resolved.version if resolved else None,
        champion=resolved.champion if resolved else None,
        verdict=verdict.in_one_line(request.status),
        requested_by=request.spec.requested_by or "",
        given=asked.valid,
        required=asked.required,
        asked=approvals.who_is_asked(asked),
        is_own=request.spec.requested_by == who.user,
        has_decided=approvals.has_decided(request, who),
        since=_since(request),
        lapses=approvals.lapses(request, item.rules),
    )


def _since(request: PromotionRequest) -> datetime | None:
    asked = request.status.approvals
    return (asked.since if asked else None) or request.status.phase_since
