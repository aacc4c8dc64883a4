"""Jobs made from suspended CronJobs: started, read, listened to and stopped.

`job_body` and `parse_job` are pure; `KubernetesJobs` only carries their values to the API server and back.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

from modelalias.adapters.kubernetes_client import Call, Connection, Denied, MissingObject, Verb
from modelalias.adapters.pod_log import last_lines, log_container, log_query
from modelalias.core.errors import InvalidRequest, StaleObject, Unavailable
from modelalias.kinds.containers import literal
from modelalias.kinds.marks import MANAGED_LABEL, PREFIX, is_managed
from modelalias.ports import Job, JobRef, JobState, NewJob
from modelalias.rest import Resource

ALIAS_LABEL: Final = f"{PREFIX}alias"
RUN_ANNOTATION: Final = f"{PREFIX}run-id"
CRON_JOB_ANNOTATION: Final = f"{PREFIX}cron-job"
KEPT_SECONDS: Final = 3600
"""How long a finished Job stays for people to look at, where the template does not say."""

_JOBS: Final = Resource(group="batch", version="v1", plural="jobs")
_CRON_JOBS: Final = Resource(group="batch", version="v1", plural="cronjobs")
_PODS: Final = Resource(group="", version="v1", plural="pods")
_LOGS: Final = Resource(group="", version="v1", plural="pods", subresource="log")
_UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
# What the Job controller gives each Job for itself; a second Job under the same ones would take the first
# one's pods.
_GIVEN_LABELS: Final = frozenset({_UID_LABEL, "batch.kubernetes.io/job-name", "controller-uid", "job-name"})
_GIVEN_FIELDS: Final = frozenset({"selector", "manualSelector"})
_MESSAGE_LIMIT: Final = 1024

Body = Mapping[str, Any]


class KubernetesJobs:
    """The port `Jobs` on a real API server."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, which the caller closes."""
        self._connection = connection

    async def read(self, ref: JobRef) -> Job | None:
        """Read a Job afresh; one that the operator did not make is none."""
        try:
            return parse_job(await self._connection.send(_call(Verb.GET, _JOBS, ref.namespace, ref.name)))
        except MissingObject:
            return None

    async def start(self, new: NewJob) -> Job:
        """Create the Job and return it, or the one that was created before.

        Raise `InvalidRequest` if there is no such CronJob, if it is not suspended, if the API server refuses
        the Job, or if another Job has the name already.
        """
        namespace = new.ref.namespace
        # Asked first: a quota that this Job filled would answer before its name does, and the template may be
        # gone by now.
        if existing := await self._existing(new):
            return existing
        body = job_body(await self._cron_job(namespace, new.cron_job), new)
        try:
            job = parse_job(await self._connection.send(_call(Verb.CREATE, _JOBS, namespace), body))
        except StaleObject as error:
            if existing := await self._existing(new):
                return existing
            # Others that wrote to the same quota at the same time are a conflict too.
            raise Unavailable(f"Job {namespace}/{new.ref.name} cannot be created now: {error}") from error
        except (Denied, InvalidRequest) as error:
            raise InvalidRequest(refused(new, str(error))) from error
        if job is None:
            raise InvalidRequest(refused(new, "something removes the operator's label or annotation from it"))
        return job

    async def check(self, namespace: str, cron_job: str) -> None:
        """Raise `InvalidRequest` when there is no such CronJob, or when it is not suspended."""
        template_of(await self._cron_job(namespace, cron_job))

    async def _cron_job(self, namespace: str, name: str) -> Body:
        try:
            return await self._connection.send(_call(Verb.GET, _CRON_JOBS, namespace, name))
        except MissingObject as error:
            raise InvalidRequest(no_cron_job(namespace, name)) from error

    async def _existing(self, new: NewJob) -> Job | None:
        try:
            body = await self._connection.send(_call(Verb.GET, _JOBS, new.ref.namespace, new.ref.name))
        except MissingObject:
            return None
        job = parse_job(body)
        if job is None or job.run_id != new.run_id or job.owner != new.owner.uid:
            raise InvalidRequest(taken(new))
        return job

    async def last_lines(self, ref: JobRef) -> str:
        """Return the end of what the Job's newest pod wrote, at most 20 lines and 2,000 characters.

        "" when there is none.
        """
        job = await self.read(ref)
        if job is None:
            return ""
        pods = [pod async for pod in self._pods(job)]
        if not pods:
            return ""
        pod = max(pods, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]))
        call = _call(Verb.GET, _LOGS, ref.namespace, pod["metadata"]["name"])
        call = call.changed(query=log_query(log_container(pod)))
        try:
            return last_lines(await self._connection.read_text(call))
        except InvalidRequest:  # the pod is gone, or its container did not start
            return ""

    async def _pods(self, job: Job) -> AsyncIterator[Body]:
        """List by uid: the name may have been that of another Job before."""
        call = _call(Verb.LIST, _PODS, job.ref.namespace)
        call = call.changed(query=(("labelSelector", f"{_UID_LABEL}={job.uid}"),))
        while True:
            answer = await self._connection.send(call)
            for pod in answer.get("items", ()):
                yield pod
            page = answer.get("metadata", {}).get("continue") or ""
            if not page:
                return
            call = call.changed(page=page)

    async def stop(self, ref: JobRef) -> None:
        """Delete the Job with its pods; none there, or one that is not ours, is fine."""
        if await self.read(ref) is None:
            return
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        try:
            await self._connection.send(_call(Verb.DELETE, _JOBS, ref.namespace, ref.name), options)
        except MissingObject:
            return


def job_body(cron_job: Body, new: NewJob) -> Body:
    """Build the Job from the template, as `kubectl create job --from` does, with the operator's own parts added.

    A template's own `suspend` stays, because queueing systems such as Kueue set it. Raise as `template_of`
    does.
    """
    template = template_of(cron_job)
    metadata, spec = template.get("metadata") or {}, template["spec"]
    owner = new.owner
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": new.ref.name,
            "namespace": new.ref.namespace,
            "labels": {**_own_labels(metadata), MANAGED_LABEL: "true", ALIAS_LABEL: new.alias},
            "annotations": {
                **(metadata.get("annotations") or {}),
                RUN_ANNOTATION: new.run_id,
                CRON_JOB_ANNOTATION: new.cron_job,
            },
            "ownerReferences": [
                {
                    "apiVersion": owner.api_version,
                    "kind": owner.kind,
                    "name": owner.name,
                    "uid": owner.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            **{key: value for key, value in spec.items() if key not in _GIVEN_FIELDS},
            "activeDeadlineSeconds": min(
                spec.get("activeDeadlineSeconds") or new.timeout_seconds, new.timeout_seconds
            ),
            # 0 would take the Job away before anybody could read how it ended.
            "ttlSecondsAfterFinished": spec.get("ttlSecondsAfterFinished") or KEPT_SECONDS,
            "template": _pod_template(spec["template"], new.environment),
        },
    }


def template_of(cron_job: Body) -> Body:
    """Return the template of a CronJob.

    Raise `InvalidRequest` when it is not suspended: it would run by itself as well.
    """
    if cron_job["spec"].get("suspend") is not True:
        metadata = cron_job["metadata"]
        raise InvalidRequest(not_suspended(metadata["namespace"], metadata["name"]))
    template: Body = cron_job["spec"]["jobTemplate"]
    return template


def parse_job(body: Body) -> Job | None:
    """Read a Job from an answer of the API server; None for one that the operator did not make.

    Only Complete and Failed are ends: SuccessCriteriaMet and FailureTarget come before them, while pods still
    stop.
    """
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    run_id = (metadata.get("annotations") or {}).get(RUN_ANNOTATION)
    if run_id is None or not is_managed(metadata):
        return None
    true = {item["type"]: item for item in status.get("conditions") or () if item.get("status") == "True"}
    state, message = JobState.RUNNING, ""
    if "Failed" in true:
        state, message = JobState.FAILED, _condition_message(true["Failed"])
    elif "Complete" in true:
        state = JobState.SUCCEEDED
    elif "FailureTarget" in true:
        message = _condition_message(true["FailureTarget"])
    elif spec.get("suspend"):
        message = SUSPENDED
    return Job(
        ref=JobRef(namespace=metadata["namespace"], name=metadata["name"]),
        uid=metadata["uid"],
        state=state,
        message=message[:_MESSAGE_LIMIT],
        owner=next(
            (item["uid"] for item in metadata.get("ownerReferences") or () if item.get("controller")), ""
        ),
        run_id=run_id,
        ending=metadata.get("deletionTimestamp") is not None,
    )


SUSPENDED: Final = "suspended: waits until a queue or a person sets spec.suspend of the Job to false"


def no_cron_job(namespace: str, name: str) -> str:
    """Return the message that the template does not exist."""
    return f"there is no CronJob {namespace}/{name}: create it as a template, with spec.suspend: true"


def not_suspended(namespace: str, name: str) -> str:
    """Return the message that the template would run by itself."""
    return (
        f"CronJob {namespace}/{name} would run by itself, but it is only a template: set spec.suspend: true"
    )


def taken(new: NewJob) -> str:
    """Return the message that another Job has the name."""
    ref = new.ref
    return (
        f"Job {ref.namespace}/{ref.name} exists but was not created by the operator for run {new.run_id}: "
        "delete it"
    )


def refused(new: NewJob, why: str) -> str:
    """Return the message that the API server refuses the Job, and why."""
    ref = new.ref
    return f"Job {ref.namespace}/{ref.name} cannot be created from CronJob {new.cron_job}: {why}"


def _call(verb: Verb, resource: Resource, namespace: str, name: str = "") -> Call:
    return Call(verb=verb, resource=resource, namespace=namespace, name=name)


def _own_labels(metadata: Body) -> Body:
    return {key: value for key, value in (metadata.get("labels") or {}).items() if key not in _GIVEN_LABELS}


def _pod_template(template: Body, environment: Sequence[tuple[str, str]]) -> Body:
    metadata, pod = template.get("metadata") or {}, template["spec"]
    changed = {
        key: [{**item, "env": [*_variables(item, environment)]} for item in pod[key]]
        for key in ("containers", "initContainers")
        if pod.get(key)
    }
    return {**template, "metadata": {**metadata, "labels": _own_labels(metadata)}, "spec": {**pod, **changed}}


def _variables(container: Body, environment: Sequence[tuple[str, str]]) -> Iterator[Body]:
    """Put ours first, so that the template's own may refer to them; a `$` in ours stands for itself."""
    for name, value in environment:
        yield {"name": name, "value": literal(value)}
    given = {name for name, _ in environment}
    yield from (item for item in container.get("env") or () if item["name"] not in given)


def _condition_message(condition: Body) -> str:
    return f"{condition.get('reason', condition['type'])}: {condition.get('message', '')}"
