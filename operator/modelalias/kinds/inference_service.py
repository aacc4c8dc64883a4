"""InferenceServices of KServe, whose predictor loads one model from an address of storage.

KServe cannot load `models:/` URIs, so the address at which the version's files lie is written, as the registry
tells it. A change of `spec.predictor.annotations` reaches the pods, and so makes a new revision.

KServe's conditions, and `status.observedGeneration`, are of the Deployment or Knative Service that it makes, and
nothing in them says to which spec they belong (kserve/kserve#6081). So each patch keeps, in an annotation of our
own, that number and what became of the last load as they stood: they count once it is another number.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from modelalias.api.fields import GROUP, Value
from modelalias.api.workload import Place, Serving, WorkloadKind
from modelalias.kinds.kind import Body, Kind
from modelalias.kinds.marks import MANAGED_LABEL, PREFIX, is_managed, last_writer, marks_in
from modelalias.ports import Replicas, Workload, WorkloadChange, WorkloadRef
from modelalias.rest import JsonBody, PatchType, Resource

WRITTEN: Final = f"kserve.{GROUP}/written"
"""What the last patch wrote and found: version, observed generation, digest of the address, state of the load."""

_WRITTEN: Final = re.compile(r"(-|[1-9][0-9]{0,17}) ([0-9]{1,18}) ([0-9a-f]{16}) (\w*)")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,17}")
_SCHEMES: Final = frozenset({"s3", "gs", "hdfs", "webhdfs"})
_FRAMEWORKS: Final = (
    "model",
    "sklearn",
    "xgboost",
    "lightgbm",
    "tensorflow",
    "pytorch",
    "onnx",
    "triton",
    "huggingface",
    "pmml",
    "paddle",
)
_BLOCKED: Final = "BlockedByFailedLoad"
_LONGEST: Final = 1024


class Written(Value):
    """What the annotation of the last patch says."""

    version: str
    observed: int
    address: str
    state: str


class InferenceService(Workload):
    """A workload that loads one model from an address."""

    observed: int
    """The generation of its child that it has seen."""
    address: str | None
    """Its storageUri."""
    field: str
    """The field of the predictor that holds the address; "" where none does."""
    elsewhere: str
    """The field from which it takes its model otherwise; "" when it has an address."""
    stopped: bool
    canary: int | None
    """How much of the traffic its spec lets the newest revision have, in percent; None for all."""
    conditions: Mapping[str, str]
    """What Ready, PredictorReady and IngressReady say: the status, and a reason and message where it is not True."""
    newest_is_ready: bool
    traffic: int
    """How much of the traffic goes to the newest revision, in percent; 100 where nothing is said of it."""
    state: str
    """KServe's transitionStatus."""
    loaded: bool
    failure: str
    """What kept the last model from being loaded."""
    written: Written | None

    @property
    def pod_selector(self) -> str:
        """Return the labels that KServe gives the pods of a predictor."""
        return f"component=predictor,serving.kserve.io/inferenceservice={self.ref.name}"

    @property
    def owns_pods(self) -> bool:
        """Return that it does not: what controls them is a child's."""
        return False

    @property
    def needs_address(self) -> bool:
        """Return that what is written is where the files lie."""
        return True

    def value_at(self, place: Place) -> str | None:
        """Return the address, the only place that there is."""
        del place
        return self.address

    def asks_for(self, serving: Serving, model: str) -> str | None:
        """Return the version whose address was written, if that address still stands."""
        del serving, model
        known = self.written
        if known is None or known.version == "-" or known.address != _digest(self.address or ""):
            return None
        return known.version

    def text_of(self, uri: str) -> str:
        """Return the address as KServe wants it: it loads blobs of Azure by https."""
        parts = urlsplit(uri)
        if parts.scheme not in {"wasb", "wasbs"} or not parts.username:
            return uri
        return f"https://{parts.hostname}/{parts.username}{parts.path}"

    def why_not_loadable(self, uri: str) -> str:
        """Return why KServe cannot load what lies at that address; "" when it can."""
        parts = urlsplit(uri)
        scheme = parts.scheme
        azure = scheme in {"wasb", "wasbs"} and str(parts.hostname).endswith(".blob.core.windows.net")
        if azure and parts.username and not (parts.password or parts.query or parts.fragment):
            return ""
        if scheme not in _SCHEMES:
            known = f"{scheme}: addresses" if scheme else "paths of the registry's own disk"
            remedy = (
                "start MLflow with --no-serve-artifacts and keep artifacts in a bucket"
                if scheme == "mlflow-artifacts"
                else "keep the model's files in a bucket"
            )
            return (
                f"loads no {known}, as this version has: {remedy} (s3, gs, hdfs, webhdfs, or a blob of Azure)"
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            return "would show the credentials or settings in the version's address: keep them in its ServiceAccount"
        if "$(" in uri or len(uri) > _LONGEST:
            return "cannot take the version's address: it holds $( or is longer than 1024 characters"
        return ""

    def why_not_rollable(self, serving: Serving, model: str) -> str:
        """Return that it is stopped, or has no address to write."""
        del serving, model
        if self.stopped:
            return "is stopped: take its annotation serving.kserve.io/stop away"
        if self.elsewhere:
            return f"takes its model from {self.elsewhere}: name it in spec.predictor.model.storageUri"
        if self.address is None:
            return "has no spec.predictor.model.storageUri: write one, so that there is something to come back to"
        return ""

    def has(self, change: WorkloadChange) -> bool:
        """Return whether annotation and address are as the change wants them."""
        return self.marks.get(change.alias) == change.mark and all(
            item.value == self.address for item in change.variables
        )

    def replicas(self) -> Replicas | None:
        """Return nothing: it does not say how many are wanted."""
        return None

    @property
    def is_paused(self) -> bool:
        """Return whether its canaryTrafficPercent keeps the newest revision, which is ready, from all requests."""
        return self.canary is not None and self.canary < 100 and self.newest_is_ready and self._is_seen  # noqa: PLR2004 - percent

    def how_to_resume(self) -> str:
        """Return what keeps requests from its newest revision."""
        return f"raise canaryTrafficPercent, which is {self.canary}, or take it away"

    def is_rolled(self, short: int = 0) -> bool:
        """Return whether its newest revision is loaded, ready, and gets all requests."""
        del short
        return (
            self._is_seen
            and not any(self.conditions.values())
            and self.newest_is_ready
            and self.traffic == 100  # noqa: PLR2004 - percent
            and self.state == "UpToDate"
            and self.loaded
        )

    def why_failed(self) -> str:
        """Return why the model was not loaded, when that is of this patch."""
        known = self.written
        if self.state != _BLOCKED or not self._is_seen or (known is not None and known.state == _BLOCKED):
            return ""
        return f"KServe could not load the model: {self.failure or _BLOCKED}"

    def why_not_rolled(self) -> str:
        """Return what its conditions and the state of its model say."""
        if not self._is_seen:
            return "KServe has not seen the change"
        parts = [f"{name} {text}" for name, text in sorted(self.conditions.items()) if text]
        if not self.newest_is_ready:
            parts.append("its newest revision is not ready")
        if self.traffic != 100:  # noqa: PLR2004 - percent
            limit = "" if self.canary is None else f": raise canaryTrafficPercent, which is {self.canary}"
            parts.append(f"{self.traffic} % of the requests go to its newest revision{limit}")
        parts.append(
            f"its model is {self.state or 'not reported'}{f': {self.failure}' if self.failure else ''}"
        )
        return ", ".join(parts)

    @property
    def _is_seen(self) -> bool:
        """Return whether its status is of what was written last."""
        return self.written is None or self.observed != self.written.observed


def _parse(body: Body) -> InferenceService:
    """Read an InferenceService."""
    metadata, status = body["metadata"], body.get("status") or {}
    predictor = body["spec"].get("predictor") or {}
    annotations = metadata.get("annotations") or {}
    field = next((name for name in _FRAMEWORKS if (predictor.get(name) or {}).get("storageUri")), "")
    component = (status.get("components") or {}).get("predictor") or {}
    model = status.get("modelStatus") or {}
    return InferenceService(
        ref=WorkloadRef(
            kind=WorkloadKind.INFERENCE_SERVICE, namespace=metadata["namespace"], name=metadata["name"]
        ),
        uid=metadata["uid"],
        resource_version=int(metadata["resourceVersion"]),
        managed=is_managed(metadata),
        marks=marks_in(predictor),
        last_writer=last_writer(metadata),
        observed=int(status.get("observedGeneration") or 0),
        address=predictor[field]["storageUri"] if field else None,
        field=field,
        elsewhere="" if field else _elsewhere(predictor),
        stopped=annotations.get("serving.kserve.io/stop") == "true",
        canary=predictor.get("canaryTrafficPercent"),
        conditions=_conditions(status),
        newest_is_ready=component.get("latestReadyRevision") == component.get("latestCreatedRevision"),
        traffic=_traffic(component),
        state=str(model.get("transitionStatus") or ""),
        loaded=(model.get("states") or {}).get("activeModelState") == "Loaded",
        failure=_failure(model.get("lastFailureInfo") or {}),
        written=_written(annotations.get(WRITTEN, "")),
    )


def _elsewhere(predictor: Body) -> str:
    """Name what holds the model where no address does."""
    if predictor.get("storageUris"):
        return "spec.predictor.storageUris"
    named = (name for name in _FRAMEWORKS if (predictor.get(name) or {}).get("storage"))
    return next((f"spec.predictor.{name}.storage" for name in named), "")


def _conditions(status: Body) -> Mapping[str, str]:
    """Return for each condition that counts what is wrong with it; "" where it is True."""
    found = {item.get("type"): item for item in status.get("conditions") or ()}
    texts = {}
    for name in ("Ready", "PredictorReady", "IngressReady"):
        item = found.get(name) or {}
        why = ": ".join(filter(None, [item.get("reason"), item.get("message")]))
        said = f"is {item.get('status', 'not reported')}{f' ({why})' if why else ''}"
        texts[name] = "" if item.get("status") == "True" else _nameless(said)
    return texts


def _traffic(component: Body) -> int:
    """Return how much of the traffic the newest revision gets; without Knative there is no traffic to split."""
    targets = component.get("traffic")
    if not targets:
        return 100
    newest = (item for item in targets if item.get("latestRevision"))
    return sum(int(item.get("percent") or 0) for item in newest)


def _failure(info: Body) -> str:
    """Return what is said of a failed load, without the name of a pod."""
    return _nameless(": ".join(filter(None, [info.get("reason"), info.get("message")])))


def _nameless(text: str) -> str:
    """Leave out names of revisions and pods, which are new each time."""
    return re.sub(r'\b([Rr]evision|[Pp]ods?) "[^"]*"', r"\1", text)[:_LONGEST]


def _written(text: str) -> Written | None:
    """Read the annotation; None when there is none, or somebody else wrote it."""
    known = _WRITTEN.fullmatch(text)
    if known is None:
        return None
    return Written(version=known[1], observed=int(known[2]), address=known[3], state=known[4])


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def _patch(service: InferenceService, change: WorkloadChange) -> JsonBody:
    """Build the merge patch, refused when anything was written since: what it keeps of the status must be true."""
    if service.has(change) and service.managed:
        return {}
    metadata: dict[str, Any] = {"uid": service.uid, "resourceVersion": str(service.resource_version)}
    if not service.managed:
        metadata["labels"] = {MANAGED_LABEL: "true"}
    if service.has(change):
        return {"metadata": metadata}
    address = next((item.value for item in change.variables), service.address)
    version = change.mark if _VERSION.fullmatch(change.mark or "") else "-"
    note = f"{version} {service.observed} {_digest(address or '')} {service.state}"
    predictor: dict[str, Any] = {"annotations": {PREFIX + change.alias: change.mark}}
    if address != service.address:
        predictor[service.field or "model"] = {"storageUri": address}
    return {"metadata": {**metadata, "annotations": {WRITTEN: note}}, "spec": {"predictor": predictor}}


def _why_not_patchable(service: InferenceService, change: WorkloadChange) -> str:
    """Return that KServe needs an address."""
    ref = service.ref
    if any(item.value is None for item in change.variables):
        return f"{ref.kind} {ref.namespace}/{ref.name} needs a storageUri"
    return ""


INFERENCE_SERVICE: Final = Kind(
    name=WorkloadKind.INFERENCE_SERVICE,
    resource=Resource(group="serving.kserve.io", version="v1beta1", plural="inferenceservices"),
    patch_type=PatchType.MERGE,
    parse=_parse,
    patch=_patch,
    why_not_patchable=_why_not_patchable,
    comes_with="KServe",
)
