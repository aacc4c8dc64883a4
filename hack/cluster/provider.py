"""What every way to a cluster offers."""

from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Kind(StrEnum):
    """The closed choice of providers, by the name that the command line takes."""

    KIND = "kind"
    NODE = "node"
    SIMULATED = "simulated"


class Provider(Protocol):
    """Bring a cluster up, take it down, give it an image. Every method raises ClusterError when it cannot."""

    @property
    def kind(self) -> Kind:
        """Which of the three this is."""

    @property
    def real_pods(self) -> bool:
        """Tell whether containers run, so that pods can be reached."""

    def build(self) -> None:
        """Build what `up` needs, as far as it is not cached."""

    def up(self) -> None:
        """Start from nothing and return when pods can be created; `down` ran before."""

    def down(self) -> None:
        """Leave nothing behind on this machine, whatever state the cluster is in."""

    def load(self, archive: Path) -> None:
        """Put the images of an OCI or Docker archive where the node looks for them."""

    def running(self) -> bool:
        """Tell whether the cluster is up and answers."""
