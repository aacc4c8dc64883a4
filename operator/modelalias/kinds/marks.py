"""What the operator writes on objects of others, and on its Lease: annotations and labels of its own group."""

from collections.abc import Mapping
from typing import Any, Final

from modelalias.api.fields import GROUP
from modelalias.rest import FIELD_MANAGER

PREFIX: Final = f"{GROUP}/"
MANAGED_LABEL: Final = f"{PREFIX}managed"
"""The watches see only what carries it with the value `true`."""
INSTALLATION: Final = f"{PREFIX}installation"
"""Label of the Lease of every installation. An admission policy proves who writes it: manifests/base/lease-policy.yaml."""


def marks_in(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the annotations of our group without its prefix: ModelAlias name to value."""
    annotations = metadata.get("annotations") or {}
    return {key.removeprefix(PREFIX): value for key, value in annotations.items() if key.startswith(PREFIX)}


def last_writer(metadata: Mapping[str, Any]) -> str:
    """Return the field manager that wrote last, the status and the operator itself apart; "" when unknown."""
    writes = [
        (str(item.get("time", "")), str(item.get("manager", "")))
        for item in metadata.get("managedFields") or ()
        if not item.get("subresource") and item.get("manager") != FIELD_MANAGER
    ]
    return max(writes, default=("", ""))[1][:128]


def is_managed(metadata: Mapping[str, Any]) -> bool:
    """Return whether the object carries the label."""
    return (metadata.get("labels") or {}).get(MANAGED_LABEL) == "true"
