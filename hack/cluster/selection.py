"""Which provider to use."""

import os
from pathlib import Path
from typing import Final

from hack.cluster.layout import Layout
from hack.cluster.provider import Kind, Provider
from hack.cluster.provider_kind import KindProvider, docker_answers
from hack.cluster.provider_node import NodeProvider
from hack.cluster.provider_simulated import SimulatedProvider

OS_RELEASE: Final = Path("/etc/os-release")


def provider(kind: Kind, layout: Layout) -> Provider:
    """Make the provider of a name."""
    match kind:
        case Kind.KIND:
            return KindProvider(layout)
        case Kind.NODE:
            return NodeProvider(layout)
        case Kind.SIMULATED:
            return SimulatedProvider(layout)


def detect() -> Kind:
    """Choose for this machine: kind with Docker, a real node as root on Debian, else simulated nodes."""
    if docker_answers():
        return Kind.KIND
    if os.geteuid() == 0 and on_debian(OS_RELEASE):
        return Kind.NODE
    return Kind.SIMULATED


def on_debian(os_release: Path) -> bool:
    """Tell whether this is Debian or a system made from it."""
    try:
        lines = os_release.read_text().splitlines()
    except OSError:
        return False
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    names = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".replace('"', "").split()
    return "debian" in names
