"""What an example needs beside the operator and MLflow: its file `needs` has a word for it in each line."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from hack.gateway import installation as gateway
from hack.prometheus import installation as prometheus

FILE: Final = "needs"


class NeedsError(ValueError):
    """The file asks for something else than there is."""


class Need(StrEnum):
    """What can be asked for."""

    GATEWAY = "gateway"
    """One that all namespaces share; its address is in $GATEWAY."""
    PROMETHEUS = "prometheus"
    """One that scrapes the pods of the example's namespace; its address is in $MODELALIAS_PROMETHEUS_URI."""


def read(folder: Path) -> Sequence[Need]:
    """Return what the example in a folder needs.

    Raises:
        NeedsError: a line names something else than there is.
    """
    file = folder / FILE
    words = file.read_text(encoding="utf-8").split() if file.exists() else []
    unknown = [word for word in words if word not in set(Need)]
    if unknown:
        raise NeedsError(f"{file}: {unknown[0]}: an example can need {' and '.join(Need)}")
    return [Need(word) for word in words]


def bring_up(needs: Sequence[Need], kubeconfig: Path, namespace: str) -> None:
    """Install what is needed; the namespace exists.

    Raises:
        ClusterError: a step failed, or this cluster cannot have it.
    """
    for need in needs:
        match need:
            case Need.GATEWAY:
                gateway.up(kubeconfig)
            case Need.PROMETHEUS:
                prometheus.up(kubeconfig, namespace)


def variables(needs: Sequence[Need], kubeconfig: Path, namespace: str) -> Mapping[str, str]:
    """Return where this machine reaches what is needed, as variables of a shell.

    Raises:
        ClusterError: it is not there, or this machine does not reach the cluster's Services.
    """
    return {_variable(need): _url(need, kubeconfig, namespace) for need in needs}


def _variable(need: Need) -> str:
    match need:
        case Need.GATEWAY:
            return "GATEWAY"
        case Need.PROMETHEUS:
            return "MODELALIAS_PROMETHEUS_URI"


def _url(need: Need, kubeconfig: Path, namespace: str) -> str:
    match need:
        case Need.GATEWAY:
            return gateway.url(kubeconfig)
        case Need.PROMETHEUS:
            return prometheus.url(kubeconfig, namespace)
