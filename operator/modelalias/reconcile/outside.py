"""What a pass over an alias needs beside what is remembered."""

from collections.abc import Callable
from typing import NamedTuple

from modelalias.api.alias import ModelAlias
from modelalias.core.protocol.context import ByItself, Identity
from modelalias.ports import Lead, Notary, Telemetry
from modelalias.reconcile.events_posted import EventsPosted
from modelalias.reconcile.notifier import Notifier
from modelalias.reconcile.queue import Key
from modelalias.reconcile.workloads_seen import WorkloadsSeen


class Outside(NamedTuple):
    """What a decision has to know beside the resources, asked anew each time."""

    identity: Callable[[], Identity]
    """Whether somebody proves who writes approvals."""
    allows: Callable[[str, str, str], bool]
    """Whether a registry allows a namespace a model."""
    notary: Callable[[], Notary]
    lead: Lead
    workloads: WorkloadsSeen
    by_itself: Callable[[Key, ModelAlias | None], ByItself]
    """What it has to know to do something by itself."""
    telemetry: Telemetry
    notifier: Notifier
    events: EventsPosted
