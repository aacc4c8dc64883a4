"""What a call to MLflow is named in the metrics: a closed list, so that no id ever becomes a label."""

from typing import Final

from modelalias.adapters.mlflow_errors import Clash, MissingResource, Taken
from modelalias.core.errors import InvalidRequest, Refused
from modelalias.ports import CallOutcome

OTHER: Final = "other"
KNOWN: Final = frozenset(
    {
        "artifacts/list",
        "experiments/create",
        "experiments/get-by-name",
        "get-artifact",
        "logged-models/artifacts",
        "logged-models/get",
        "logged-models/search",
        "metrics/get-history",
        "model-versions/create",
        "model-versions/delete-tag",
        "model-versions/get",
        "model-versions/get-artifact",
        "model-versions/get-download-uri",
        "model-versions/search",
        "model-versions/set-tag",
        "registered-models/delete-alias",
        "registered-models/get",
        "registered-models/search",
        "registered-models/set-alias",
        "runs/create",
        "runs/get",
        "runs/search",
        "runs/update",
        "version",
    }
)


def call_name(endpoint: str, method: str) -> str:
    """Return the name of a call to this path below MLflow's address."""
    parts = endpoint.partition("?")[0].rpartition("/mlflow/")[2].strip("/").split("/")
    name = "/".join(parts)
    if name == "registered-models/alias":
        name = {"POST": "registered-models/set-alias", "DELETE": "registered-models/delete-alias"}.get(
            method, ""
        )
    elif parts[0] == "logged-models" and name != "logged-models/search":
        name = "logged-models/artifacts" if "artifacts" in parts[2:] else "logged-models/get"
    return name if name in KNOWN else OTHER


def call_outcome(error: Exception) -> CallOutcome:
    """Return how a call ended that raised this."""
    match error:
        case Clash() | Taken():
            return CallOutcome.CONFLICT
        case Refused():
            return CallOutcome.REFUSED
        case InvalidRequest() | MissingResource():
            return CallOutcome.INVALID
        case _:
            return CallOutcome.UNAVAILABLE
