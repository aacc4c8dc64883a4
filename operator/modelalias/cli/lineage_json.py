"""The lineage of a version as JSON: what the registry says under `registry`, what records prove under `records`."""

from collections.abc import Mapping
from datetime import datetime

from modelalias.api.fields import timestamp_text
from modelalias.cli.comparison_text import dataset
from modelalias.cli.version_lineage import NOT_CHECKED, Lineage, Record
from modelalias.core.judging import gates
from modelalias.ports import RunDetails


def result(lineage: Lineage) -> Mapping[str, object]:
    """Return all that is known, nothing cut; what is not known is null."""
    version, run = lineage.version, lineage.run
    return {
        "model": version.model,
        "version": version.version,
        "alias": lineage.asked,
        "registry": {
            "state": version.state,
            "registeredAt": _time(version.registered_at),
            "modelId": version.model_id,
            "aliases": list(lineage.aliases),
            "runId": version.run_id,
            "run": None if run is None else _run(run),
            "madeByRun": False if lineage.foreign else None if run is None else True,
            "message": lineage.foreign or None,
            "gitCommit": lineage.git_commit,
            "data": {
                "md5": lineage.data.md5,
                "agreement": lineage.data.agreement,
                "sources": [
                    {"source": item.source, "says": item.says, "compared": item.is_md5}
                    for item in lineage.data.hashes
                ],
                "message": lineage.no_files or None,
            },
            "tags": dict(lineage.tags),
        },
        "records": [_record(record) for record in lineage.records],
    }


def _run(run: RunDetails) -> Mapping[str, object]:
    return {
        "id": run.run_id,
        "name": run.name or None,
        "user": run.user or None,
        "status": run.status,
        "deleted": run.deleted,
        "startedAt": _time(run.started_at),
        "endedAt": _time(run.ended_at),
        "parameters": dict(run.parameters),
        "metrics": {name: gates.text(value) for name, value in run.metrics.items()},
        "datasets": [dataset(item) for item in run.datasets],
        "tags": dict(run.tags),
    }


def _record(record: Record) -> Mapping[str, object]:
    """Return the result of a check, in which an unchecked record is neither valid nor known to be wrong."""
    found = {**record.verification.result, "alias": record.alias}
    if record.is_claim:
        found |= {"result": "NotChecked", "proof": None, "message": NOT_CHECKED}
    return {**found, "proved": record.is_proved, "replaced": record.parts.get("from")}


def _time(time: datetime | None) -> str | None:
    return None if time is None else timestamp_text(time)
