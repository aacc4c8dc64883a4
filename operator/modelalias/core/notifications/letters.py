"""The letter that a channel gets: a text for people, a CloudEvent for programs.

Sentences, reasons and names come from tenants too. In a text they can neither call a whole channel of people nor dress
up a link.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from modelalias.api.fields import timestamp_text
from modelalias.core.notifications.notice import Notice
from modelalias.core.status.occasions import Occasion
from modelalias.ports import Letter, Severity

LONGEST_LINE: Final = 600
MOST_LINES: Final = 40
MOST_IN_A_DIGEST: Final = 30
LONGEST_IN_A_DIGEST: Final = 200
CONTENT_TYPE: Final = "application/cloudevents+json"

_GOOD: Final = frozenset(
    {Occasion.SUCCEEDED, Occasion.MOVED, Occasion.ROLLED_OUT, Occasion.REGISTRY_REACHABLE}
)
_NEUTRAL: Final = frozenset(
    {
        Occasion.APPROVED,
        Occasion.ABORTED,
        Occasion.SUPERSEDED,
        Occasion.HOLD_RELEASED,
        Occasion.TRAFFIC_MOVED,
    }
)
_BAD: Final = frozenset(
    {
        Occasion.FAILED,
        Occasion.ROLLED_BACK,
        Occasion.ERRORED,
        Occasion.NOT_MOVED,
        Occasion.STALLED,
        Occasion.MONITOR_BREACHED,
        Occasion.NOT_ROLLED_OUT,
        Occasion.NOT_VERIFIED,
    }
)
_RANK: Final = tuple(Severity)
_MEANS_SOMETHING: Final = re.compile(r"@(?=\w)|<(?=[!@#a-z/])|\](?=\()", re.IGNORECASE)
"""What chats take for a mention of somebody, for markup, or for the text of a link."""
_NOTHING_SEEN: Final = "\u200b"


def severity(occasion: Occasion) -> Severity:
    """Return how much it matters."""
    if occasion in _GOOD:
        return Severity.SUCCESS
    if occasion in _NEUTRAL:
        return Severity.INFO
    return Severity.FAILURE if occasion in _BAD else Severity.WARNING


def letter(notices: Sequence[Notice], *, lost: int, cluster: str, dashboard: str) -> Letter:
    """Return what one notice says, and how many others were not delivered since the last one.

    `cluster` and `dashboard` are "" where they have no name and no address.
    """
    (notice,) = notices
    theirs = [notice.sentence, *notice.details, *([f"in cluster {cluster}"] if cluster else [])]
    ours = filter(None, (notice.command, _link(notice, dashboard), _lost(lost)))
    return Letter(
        title=plain(_title(notice)),
        text="\n".join([*map(plain, theirs[:MOST_LINES]), *ours]),
        severity=severity(notice.occasion),
        event=cloud_event(notice, cluster),
    )


def digest(notices: Sequence[Notice], *, lost: int, cluster: str, dashboard: str) -> Letter:
    """Return what many notices say in short."""
    shown = [
        plain(f"{_title(item)}: {item.sentence}", LONGEST_IN_A_DIGEST) for item in notices[:MOST_IN_A_DIGEST]
    ]
    left = len(notices) - len(shown)
    ours = filter(None, (f"and {left} more" if left else "", dashboard, _lost(lost)))
    return Letter(
        title=f"{len(notices)} notifications{f' from {cluster}' if cluster else ''}",
        text="\n".join([*shown, *ours]),
        severity=max((severity(item.occasion) for item in notices), key=_RANK.index),
        event={},
    )


def cloud_event(notice: Notice, cluster: str) -> Mapping[str, object]:
    """Return a CloudEvent 1.0 in its structured form."""
    kind = "request" if notice.request else "alias"
    whose = f"/namespaces/{notice.namespace}/modelaliases/{notice.alias_name}"
    event = {
        "specversion": "1.0",
        "id": notice.id,
        "source": f"/clusters/{cluster}{whose}" if cluster else whose,
        "type": f"dev.modelalias.{kind}.{notice.occasion.lower()}",
        "subject": f"promotionrequests/{notice.request}" if notice.request else None,
        "time": timestamp_text(notice.at),
        "datacontenttype": "application/json",
        "data": dict(notice.data),
    }
    return {key: value for key, value in event.items() if value is not None}


def plain(text: str, longest: int = LONGEST_LINE) -> str:
    """Return one line that no chat reads as more than text."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    clipped = shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
    return _MEANS_SOMETHING.sub(rf"\g<0>{_NOTHING_SEEN}", clipped)


def _title(notice: Notice) -> str:
    what = f"{notice.model}@{notice.alias} " if notice.model else ""
    return f"{notice.occasion}: {what}({notice.namespace}/{notice.alias_name})"


def _lost(count: int) -> str:
    return f"{count} other notifications were not delivered" if count else ""


def _link(notice: Notice, dashboard: str) -> str:
    if not dashboard:
        return ""
    page = (
        f"r/{notice.namespace}/{notice.request}"
        if notice.request
        else f"a/{notice.namespace}/{notice.alias_name}"
    )
    return f"{dashboard.rstrip('/')}/{page}"
