"""The objects that the health checks are tested with are such as the API server keeps, to the last field."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.argo_lua import SCRIPTS
from tests.support.kube_api import GROUP, KubeApi
from tests.support.quick_yaml import documents

PLURALS: Final = {"ModelAlias": "modelaliases", "PromotionRequest": "promotionrequests"}


@pytest.mark.parametrize("kind", PLURALS)
def test_what_was_recorded_is_stored_as_it_is(kube_api: KubeApi, namespace: str, kind: str) -> None:
    me = kube_api.who_am_i()
    where = f"{GROUP}/namespaces/{namespace}/{PLURALS[kind]}"
    recorded = {path.stem: _read(path) for path in sorted((SCRIPTS / kind / "testdata").glob("*.yaml"))}
    assert recorded
    for name, body in recorded.items():
        spec = {
            key: me if key == "requestedBy" else value
            for key, value in body["spec"].items()
            if key != "abort"
        }
        new = kube_api.create(where, {**body, "metadata": {"name": name}, "spec": spec})
        assert new.ok, new.message

        kept = kube_api.replace(f"{where}/{name}/status", {**new.body, "status": body["status"]})

        assert kept.ok, kept.message
        assert kept.body["spec"] == spec, name
        assert kept.body["status"] == body["status"], name


def _read(path: Path) -> Any:
    (body,) = documents(path.read_text(encoding="utf-8"))
    return body
