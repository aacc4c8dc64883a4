"""Reading: each question of the core is one call of a port."""

from typing import assert_never

from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import (
    AliasesOf,
    ArtifactAddressOf,
    EvaluationRunOf,
    FreshWorkloadOf,
    JobOf,
    LastLinesOf,
    LastLinesOfPod,
    MeasuredModelOf,
    NewerVersionsOf,
    ObjectQuestion,
    PodAnswersOf,
    PodsOf,
    ReadyPodsOf,
    RegistryQuestion,
    RequestOf,
    RouteOf,
    RouteQuestion,
    RunsOf,
    SignatureOf,
    TemplateOf,
    VersionOf,
    VersionOfRun,
    VersionQuestion,
    VersionsTagged,
    WhyMissing,
    WorkloadOf,
    WorkloadQuestion,
)
from modelalias.ports import Cluster, Registry, Routes, Workload
from modelalias.reconcile.pod_looks import PodLooks


async def from_registry(registry: Registry, question: RegistryQuestion) -> object:
    """Ask the registry; raise as its port says."""
    match question:
        case RunsOf(run_ids=run_ids):
            return await registry.runs(run_ids)
        case MeasuredModelOf(model_id=model_id, keys=keys, evaluations=evaluations):
            return await registry.measured(model_id, keys, evaluations)
        case EvaluationRunOf(run=run):
            return await registry.evaluation_run(run)
        case _:
            return await _about_versions(registry, question)


async def _about_versions(registry: Registry, question: VersionQuestion) -> object:
    match question:
        case AliasesOf(model=model):
            return await registry.aliases(model)
        case VersionOf(model=model, version=version):
            return await registry.version(model, version)
        case VersionOfRun(model=model, run_id=run_id, artifact_path=path, register_missing=register):
            return await registry.version_of_run(model, run_id, path, register=register)
        case VersionsTagged(model=model, key=key, text=text):
            return await registry.versions_tagged(model, key, text)
        case NewerVersionsOf(model=model, tags=tags, after=after):
            return await registry.newer_versions(model, dict(tags), after)
        case SignatureOf(model=model, version=version):
            return await registry.has_signature(model, version)
        case ArtifactAddressOf(model=model, version=version):
            return await registry.artifact_address(model, version)
    assert_never(question)


async def from_cluster(cluster: Cluster, question: ObjectQuestion) -> object:
    """Ask the API server about anything but a workload that is there; raise as its ports say."""
    match question:
        case WhyMissing(ref=ref):
            return await cluster.workloads.why_missing(ref)
        case RequestOf(namespace=namespace, name=name):
            return await cluster.objects.request(namespace, name)
        case TemplateOf(namespace=namespace, cron_job=cron_job):
            await cluster.jobs.check(namespace, cron_job)
            return None
        case JobOf(ref=ref):
            return await cluster.jobs.read(ref)
        case LastLinesOf(ref=ref):
            return await cluster.jobs.last_lines(ref)
    assert_never(question)


async def about_routes(routes: Routes, question: RouteQuestion) -> object:
    """Ask how requests are split, or who would answer them; raise as the port says."""
    match question:
        case RouteOf(ref=ref):
            return await routes.read(ref)
        case ReadyPodsOf(namespace=namespace, service=service):
            return await routes.ready_pods(namespace, service)
    assert_never(question)


async def about_workloads(
    looks: PodLooks, question: WorkloadQuestion, facts: Facts, *, rolling: bool
) -> object:
    """Ask about a workload or its pods, for which the workload itself is known; raise as the ports say."""
    match question:
        case WorkloadOf() | FreshWorkloadOf():
            found = await looks.workload(question, rolling=rolling)
            facts.learn(WorkloadOf(ref=question.ref), found)
            return found
        case LastLinesOfPod():
            return await looks.last_lines(question)
        case PodsOf() | PodAnswersOf():
            workload = facts.known(WorkloadOf(ref=question.ref))
            if not isinstance(workload, Workload):
                return ()
            if isinstance(question, PodsOf):
                return await looks.pods(question, workload)
            return await looks.answers(question, workload)
    assert_never(question)
