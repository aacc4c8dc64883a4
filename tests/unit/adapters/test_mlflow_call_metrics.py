"""What is told of calls to MLflow: names from a closed list, one outcome each, and how long they took."""

import pytest

from modelalias.adapters.mlflow_call_names import KNOWN, OTHER, call_name
from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.core.errors import OperatorError
from modelalias.ports import CallOutcome
from modelalias.settings import RegistrySettings
from tests.support.http_stub import Answer, http_stub

ID = "m-0123456789abcdef"


@pytest.mark.parametrize(
    ("endpoint", "method", "name"),
    [
        ("/api/2.0/mlflow/registered-models/search", "GET", "registered-models/search"),
        ("/api/2.0/mlflow/registered-models/alias", "POST", "registered-models/set-alias"),
        ("/api/2.0/mlflow/registered-models/alias", "DELETE", "registered-models/delete-alias"),
        ("/api/2.0/mlflow/registered-models/alias", "GET", OTHER),
        ("/api/2.0/mlflow/model-versions/delete-tag", "DELETE", "model-versions/delete-tag"),
        (f"/api/2.0/mlflow/logged-models/{ID}", "GET", "logged-models/get"),
        ("/api/2.0/mlflow/logged-models/search", "POST", "logged-models/search"),
        (f"/ajax-api/2.0/mlflow/logged-models/{ID}/artifacts/files", "GET", "logged-models/artifacts"),
        ("/model-versions/get-artifact", "GET", "model-versions/get-artifact"),
        (f"/get-artifact?run_id={ID}", "GET", "get-artifact"),
        (f"/api/2.0/mlflow/runs/{ID}", "GET", OTHER),
        (f"/api/2.0/mlflow/traces/{ID}/info", "GET", OTHER),
        ("", "GET", OTHER),
    ],
)
def test_an_endpoint_has_a_name_without_ids(endpoint: str, method: str, name: str) -> None:
    assert call_name(endpoint, method) == name
    assert name in KNOWN | {OTHER}


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, "", CallOutcome.OK),
        (401, "", CallOutcome.REFUSED),
        (403, "", CallOutcome.REFUSED),
        (404, "RESOURCE_DOES_NOT_EXIST", CallOutcome.INVALID),
        (400, "INVALID_PARAMETER_VALUE", CallOutcome.INVALID),
        (409, "", CallOutcome.CONFLICT),
        (400, "RESOURCE_ALREADY_EXISTS", CallOutcome.CONFLICT),
        (500, "", CallOutcome.UNAVAILABLE),
        (503, "", CallOutcome.UNAVAILABLE),
        (302, "", CallOutcome.UNAVAILABLE),
    ],
)
async def test_an_answer_is_told_by_what_to_do_next(status: int, code: str, outcome: CallOutcome) -> None:
    told: list[tuple[str, CallOutcome, float]] = []
    body = {"registered_model": {"name": "churn"}} if status == 200 else {"error_code": code}
    with http_stub(lambda _: Answer(body, status)) as stub:
        registry = MlflowRegistry(RegistrySettings(uri=stub.uri), called=lambda *call: told.append(call))
        try:
            await registry.aliases("churn")
        except OperatorError:
            assert status != 200
        finally:
            await registry.close()

    assert [(name, how) for name, how, _ in told] == [("registered-models/get", outcome)]
    assert 0 < told[0][2] < 10


async def test_a_registry_that_is_not_there_is_unavailable() -> None:
    told: list[tuple[str, CallOutcome, float]] = []
    registry = MlflowRegistry(
        RegistrySettings(uri="http://127.0.0.1:1"), called=lambda *call: told.append(call)
    )
    with pytest.raises(OperatorError):
        await registry.snapshot()
    await registry.close()

    assert [(name, how) for name, how, _ in told] == [("registered-models/search", CallOutcome.UNAVAILABLE)]
