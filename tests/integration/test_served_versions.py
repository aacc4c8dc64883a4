"""Which version the servers say that people have, each a real one on loopback.

That our own serving app says it is asked in `test_training_pipeline.py`, where it runs anyway.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import mlflow
import pytest

from modelalias.adapters.served_version import Said, ask_address, session
from modelalias.api.workload import Verify
from tests.support.foreign_servers import BIN, HERE, SERVERS, environment, free_ports, running

pytestmark = pytest.mark.timeout(600)  # an environment may have to be made, on a loaded machine


async def ask(port: int, path: str, field: str) -> Said:
    async with session() as client:
        return await ask_address(client, HERE, Verify(port=port, path=path, field=field), seconds=30)


async def test_mlserver_says_the_version_that_its_settings_name(tmp_path: Path) -> None:
    http, grpc, metrics = free_ports(3)
    shapes: Mapping[str, Mapping[str, object]] = {
        "by-variable": {"parameters": {}},
        "by-file": {"versions": ["4"]},
        "not-told": {"versions": []},
    }
    for name, more in shapes.items():
        settings = {"name": name, "implementation": "nothing.Nothing", **more}
        (tmp_path / name).mkdir()
        (tmp_path / name / "model-settings.json").write_text(json.dumps(settings), encoding="utf-8")
    environ = {
        "MLSERVER_HOST": HERE,
        "MLSERVER_HTTP_PORT": str(http),
        "MLSERVER_GRPC_PORT": str(grpc),
        "MLSERVER_METRICS_PORT": str(metrics),
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_MODEL_URI": "models:/churn/4",
        "MLSERVER_MODEL_VERSIONS": '["models:/churn/4"]',
        "PYTHONPATH": str(SERVERS),
    }
    command = [str(environment("mlserver") / "mlserver"), "start", str(tmp_path)]

    with running(command, http, "/v2/health/ready", tmp_path, environ):
        said = {name: await ask(http, f"/v2/models/{name}", "versions[0]") for name in shapes}

    assert said == {
        "by-variable": Said(version="4", model="churn"),
        "by-file": Said(version="4"),
        "not-told": Said(message="its answer has no field versions[0]"),
    }


async def test_kserve_says_in_neither_protocol_which_version_it_has(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    command = [str(environment("kserve") / "python"), str(SERVERS / "kserve_server.py"), str(port)]

    with running(command, port, "/v2/models/churn/ready", tmp_path):
        first = await ask(port, "/v1/models/churn", "version")
        second = await ask(port, "/v2/models/churn", "versions[0]")

    assert first == Said(message="its answer has no field version")
    assert second == Said(message="its answer has no field versions[0]")


async def test_mlflow_models_serve_says_its_own_version_which_is_none_of_the_model(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    flavour = {"flavors": {"python_function": {"loader_module": "loads_nothing"}}}
    (tmp_path / "MLmodel").write_text(json.dumps(flavour), encoding="utf-8")
    environ = {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(SERVERS)}
    words = ("models", "serve", "-m", ".", "--env-manager", "local", "-h", HERE, "-p", str(port))

    with running([str(BIN / "mlflow"), *words], port, "/ping", tmp_path, environ):
        said = await ask(port, "/version", "version")

    version = mlflow.__version__
    assert said == Said(
        message=f"its answer to GET /version is not JSON: {version}, which is no version number of a model"
    )
