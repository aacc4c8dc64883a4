"""What is configured of notifications: channels, which of them is told of what, and where links lead.

Addresses stand in files of mounted Secrets and nowhere else: those of chats are secrets themselves.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from modelalias.api.fields import ItemName, Value
from modelalias.core.notifications.routes import Route
from modelalias.servers import Address, Credentials

PER_MINUTE: Final = 60
"""Slack takes one message in a second."""
EVENTS_PER_MINUTE: Final = 3_000


class AppriseSettings(Value):
    """People, by any of the services that the library apprise knows."""

    url_file: Path
    """File with the service's URL as apprise writes it, such as `slack://...`; read again when it changes."""

    @model_validator(mode="after")
    def _library_is_there(self) -> Self:
        """Refuse a channel whose library is not installed."""
        if find_spec("apprise") is None:
            raise ValueError("apprise is not installed: install modelalias with the extra notify")
        return self


class CloudEventsSettings(Value):
    """A program that takes CloudEvents over HTTP."""

    url_file: Path
    """File with the address; read again when it changes."""
    hmac_key_file: Path | None = None
    """File with the key that signs each body, in the header X-Signature; left out: nothing is signed."""
    credentials: Credentials = Credentials()


class ChannelSettings(Value):
    """One channel: one of `apprise` and `cloudEvents`."""

    apprise: AppriseSettings | None = None
    """Set for people."""
    cloud_events: CloudEventsSettings | None = None
    """Set for a program."""
    per_minute: Annotated[int, Field(ge=1, le=60_000)] | None = None
    """Letters in a minute at the most; left out: 60 for apprise and 3,000 for cloudEvents."""

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        """Refuse a channel that leads nowhere or to two places."""
        if (self.apprise is None) == (self.cloud_events is None):
            raise ValueError("set either apprise or cloudEvents")
        return self

    @property
    def per_second(self) -> float:
        """Return how many letters there may be in a second."""
        usual = PER_MINUTE if self.apprise is not None else EVENTS_PER_MINUTE
        return (self.per_minute or usual) / 60


class LinkSettings(Value):
    """Addresses that people reach."""

    dashboard: Address | None = None
    """Where the dashboard is; left out: no letter has a link."""


class NotificationSettings(Value):
    """Who is told outside the cluster."""

    cluster: Annotated[
        str, Field(max_length=63, pattern=r"^([a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?)?$")
    ] = ""
    """Name of this cluster in what is told; left out: none."""
    channels: Annotated[Mapping[ItemName, ChannelSettings], Field(default_factory=dict)]
    """Whom there is to tell, each by a name that routes, logs and metrics use."""
    routes: tuple[Route, ...] = ()
    """Which channels are told of what; without one, nobody is told anything."""
    links: LinkSettings = LinkSettings()

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        """Refuse a route to a channel that there is not."""
        unknown = sorted({name for route in self.routes for name in route.to} - self.channels.keys())
        if unknown:
            raise ValueError(f"routes name {unknown[0]}, which is not among channels")
        return self
