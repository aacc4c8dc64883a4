"""The channels of the configuration, opened."""

from collections.abc import Mapping

from modelalias.adapters.apprise_channel import AppriseChannel
from modelalias.adapters.cloud_events import CloudEvents
from modelalias.channels import ChannelSettings
from modelalias.ports import Channel


def opened(channels: Mapping[str, ChannelSettings]) -> Mapping[str, Channel]:
    """Open each channel, in a running event loop."""
    return {name: _opened(name, settings) for name, settings in channels.items()}


def _opened(name: str, settings: ChannelSettings) -> Channel:
    if settings.apprise is not None:
        return AppriseChannel(name, settings.apprise)
    if settings.cloud_events is not None:
        return CloudEvents(name, settings.cloud_events)
    raise AssertionError(name)
