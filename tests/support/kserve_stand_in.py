"""A stand-in for KServe's controller: it writes into the status what KServe 0.17 writes there, and makes nothing.

KServe needs Knative or a gateway, cert-manager and its own webhooks, so only its CRD is real. What is set here is
`PropagateStatus` and `PropagateModelStatus` of KServe's `inference_service_status.go`: conditions and the state of
the model are those of a child, and `observedGeneration` is the child's, which another predictor makes rise by one.
A model whose address holds `broken` cannot be loaded.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.support.kube_api import KubeApi

POLL_SECONDS: Final = 0.1
_CONDITIONS: Final = ("PredictorReady", "IngressReady", "Ready")
_MERGE: Final = {"Content-Type": "application/merge-patch+json"}


class KServe:
    """The InferenceServices of one namespace."""

    def __init__(self, kubeconfig: str, namespace: str) -> None:
        self._api = KubeApi(kubeconfig)
        self._path = f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices"
        self._seen: dict[str, tuple[object, int]] = {}

    def look(self) -> None:
        """Write the status of each one whose predictor is another than at the last look, in two steps as KServe."""
        answer = self._api.send("GET", self._path)
        for item in answer.body.get("items", ()) if answer.ok else ():
            name, predictor = item["metadata"]["name"], item["spec"]["predictor"]
            before, child = self._seen.get(name, (None, 0))
            if before == predictor:
                continue
            self._seen[name] = (predictor, child + 1)
            self._write(name, child, {"transitionStatus": "InProgress"})
            self._write(name, child + 1, _state(predictor["model"]["storageUri"]))

    def _write(self, name: str, child: int, model: Mapping[str, Any]) -> None:
        ready = str(model["transitionStatus"] == "UpToDate")
        revision = f"{name}-predictor-{child}"
        body = {
            "status": {
                "observedGeneration": child,
                "conditions": [{"type": kind, "status": ready} for kind in _CONDITIONS],
                "components": {
                    "predictor": {"latestCreatedRevision": revision, "latestReadyRevision": revision}
                },
                "modelStatus": model,
            }
        }
        answer = self._api.send("PATCH", f"{self._path}/{name}/status", body, headers=_MERGE)
        assert answer.ok or answer.code == 404, answer.message


def _state(address: str) -> Mapping[str, Any]:
    if "broken" not in address:
        states = {"activeModelState": "Loaded", "targetModelState": "Loaded"}
        return {"transitionStatus": "UpToDate", "states": states, "lastFailureInfo": None}
    return {
        "transitionStatus": "BlockedByFailedLoad",
        "states": {"activeModelState": "", "targetModelState": "FailedToLoad"},
        "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "no such object", "exitCode": 1},
    }


@contextmanager
def running_stand_in(kubeconfig: str, namespace: str) -> Iterator[None]:
    """Look again and again until the block ends."""
    kserve, ended = KServe(kubeconfig, namespace), threading.Event()

    def run() -> None:
        while not ended.wait(POLL_SECONDS):
            kserve.look()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
