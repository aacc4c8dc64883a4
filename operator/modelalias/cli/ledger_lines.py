"""The ledger as lines of JSON: one object a line, each with a `type`; docs/export.md lists their fields.

Objects are written as the API server has them, so that an export loses nothing that this release cannot read.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from modelalias.api.fields import timestamp_text

FORMAT: Final = 1
"""Rises when a field changes its meaning; new fields and types do not raise it."""
_OF_KUBECTL: Final = "kubectl.kubernetes.io/last-applied-configuration"

Line = Mapping[str, Any]
Body = Mapping[str, Any]


def head(namespace: str, alias: str | None, now: datetime, *, with_records: bool) -> Line:
    """Return the first line: what was asked for, and when."""
    return {
        "type": "Export",
        "format": FORMAT,
        "at": timestamp_text(now),
        "namespace": namespace,
        "modelAlias": alias,
        "withRecords": with_records,
    }


def of_alias(body: Body) -> Iterator[Line]:
    """Return a ModelAlias, and then a line for each move of its history, the oldest first."""
    yield {"type": "ModelAlias", **_identity(body), "spec": body.get("spec"), "status": body.get("status")}
    spec, meta = body.get("spec", {}), body["metadata"]
    for move in body.get("status", {}).get("history", ()):
        yield {
            "type": "Move",
            "namespace": meta.get("namespace"),
            "modelAlias": meta.get("name"),
            "model": spec.get("model"),
            "alias": spec.get("alias"),
            "move": move,
        }


def of_request(body: Body) -> Line:
    """Return a request with its spec and its status."""
    return {
        "type": "Request",
        **_identity(body),
        "modelAlias": alias_of(body),
        "spec": body.get("spec"),
        "status": body.get("status"),
    }


def of_record(body: Body, version: str, key: str, record: str) -> Line:
    """Return the record of a version as the tag holds it: its text is what is signed."""
    spec, meta = body["spec"], body["metadata"]
    return {
        "type": "Record",
        "namespace": meta.get("namespace"),
        "modelAlias": meta.get("name"),
        "model": spec["model"],
        "alias": spec["alias"],
        "version": version,
        "tag": key,
        "record": record,
    }


def missing(what: str, reason: str) -> Line:
    """Return the line for something that could not be read."""
    return {"type": "Missing", "what": what, "reason": reason}


def end(lines: int) -> Line:
    """Return the last line, without which an export was cut off; `lines` are those before it."""
    return {"type": "End", "lines": lines}


def alias_of(request: Body) -> str | None:
    """Return the name of the ModelAlias that a request is for."""
    name = request.get("spec", {}).get("aliasRef", {}).get("name")
    return name if isinstance(name, str) else None


def versions_of(body: Body) -> set[str]:
    """Return the versions that the status of a ModelAlias or of a request names, and so may have a record."""
    status, spec = body.get("status", {}), body.get("spec", {})
    named = [status.get(field) for field in ("current", "previous", "observed", "resolved")]
    named += [*status.get("rolledBack", ()), *status.get("finished", ()), spec.get("source")]
    found = [item.get("version") for item in named if isinstance(item, Mapping)]
    for move in status.get("history", ()):
        found += [move.get("from"), move.get("to")]
    return {item for item in found if isinstance(item, str)}


def _identity(body: Body) -> Line:
    meta = body["metadata"]
    annotations = {key: value for key, value in meta.get("annotations", {}).items() if key != _OF_KUBECTL}
    return {
        "namespace": meta.get("namespace"),
        "name": meta.get("name"),
        "uid": meta.get("uid"),
        "created": meta.get("creationTimestamp"),
        "labels": meta.get("labels", {}),
        "annotations": annotations,
    }
