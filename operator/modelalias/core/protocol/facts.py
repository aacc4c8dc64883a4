"""Facts: what the rules ask, and the answers that are known so far.

A rule asks with `facts.aliases(model)`. When the answer is not known yet the question is raised as `Needed`;
the engine reads it and decides again from the start. So the rules stay pure and name exactly the reads that
they use. docs/decisions/0052 has the laws of this.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from modelalias.api.conditions import Reason
from modelalias.api.request import PromotionRequest
from modelalias.api.workload import Verify
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.core.protocol.effects import Effect, SetAlias, TagVersion, UntagVersion
from modelalias.core.protocol.questions import (
    AliasesOf,
    AnyQuestion,
    ArtifactAddressOf,
    EvaluationRunOf,
    FreshWorkloadOf,
    JobOf,
    LastLinesOf,
    LastLinesOfPod,
    MeasuredModelOf,
    NewerVersionsOf,
    PodAnswersOf,
    PodsOf,
    Question,
    ReadyPodsOf,
    RequestOf,
    RouteOf,
    RunsOf,
    SignatureOf,
    TemplateOf,
    VersionOf,
    VersionOfRun,
    VersionsTagged,
    WhyMissing,
    WorkloadOf,
)
from modelalias.ports import (
    Aliases,
    EvaluationRun,
    Job,
    JobRef,
    MeasuredModel,
    ModelVersion,
    Pod,
    PodAnswer,
    PodRef,
    Route,
    RouteRef,
    Run,
    Workload,
    WorkloadRef,
)

T = TypeVar("T")


class Needed(Exception):
    """A rule asked something that is not known yet; only `decide` catches it."""

    def __init__(self, question: AnyQuestion) -> None:
        """Keep the question."""
        super().__init__(question)
        self.question = question


class Failed(Exception):
    """A question that the other side did not answer, raised to the rule that asked it."""

    def __init__(self, question: Question[Any], error: Unavailable | Refused) -> None:
        """Keep the question and why there is no answer."""
        super().__init__(str(error))
        self.question, self.error = question, error

    @property
    def reason(self) -> Reason:
        """Why, as a condition says it."""
        return Reason.UNREACHABLE if isinstance(self.error, Unavailable) else self.question.system.refusal


class Facts:
    """The answers that a pass over an alias has so far, and what is left of the pass before."""

    def __init__(self, answers: Mapping[Question[Any], Any] | None = None) -> None:
        """Start with what is known."""
        self._answers = dict(answers or {})
        self._at: dict[Question[Any], float] = {}
        self._failures: dict[Effect, InvalidRequest | Refused | Unavailable] = {}

    def learn(self, question: AnyQuestion, answer: object, at: float = 0.0) -> None:
        """Remember an answer and when it came; a failure as the answer is raised to whoever asks."""
        self._answers[question] = answer
        self._at[question] = at

    def only(self, questions: Iterable[Question[Any]]) -> "Facts":
        """Return what is known of these, without the failures."""
        kept = [item for item in questions if item in self._answers]
        kept = [item for item in kept if not isinstance(self._answers[item], Exception)]
        facts = Facts({item: self._answers[item] for item in kept})
        facts._at = {item: self._at.get(item, 0.0) for item in kept}
        return facts

    def known(self, question: Question[Any]) -> object:
        """Return the answer as far as there is one."""
        return self._answers.get(question)

    def forget(self, question: Question[Any]) -> None:
        """Drop an answer that an effect made stale."""
        self._answers.pop(question, None)

    def forget_before(self, question: Question[Any], at: float) -> bool:
        """Drop an answer that came before a time, and return whether there was such a one."""
        old = question in self._answers and self._at.get(question, 0.0) < at
        if old:
            self.forget(question)
        return old

    def pointed(self, effect: SetAlias) -> None:
        """Bring what is known of a model up to date with an alias that was set, until it is read again."""
        question = AliasesOf(model=effect.model)
        known = self._answers.get(question)
        if isinstance(known, Mapping):
            self._answers[question] = {**known, effect.alias: effect.version}

    def tagged(self, effect: TagVersion) -> None:
        """Bring what is known of a version up to date with tags that were written to it."""
        question = VersionOf(model=effect.model, version=effect.version)
        known = self._answers.get(question)
        if isinstance(known, ModelVersion):
            self._answers[question] = known.with_tags(dict(effect.tags))

    def untagged(self, effect: UntagVersion) -> None:
        """Bring what is known of a version up to date with a tag that was removed."""
        question = VersionOf(model=effect.model, version=effect.version)
        known = self._answers.get(question)
        if isinstance(known, ModelVersion):
            self._answers[question] = known.without_tag(effect.key)

    def fail(self, effect: Effect, error: InvalidRequest | Refused | Unavailable) -> None:
        """Remember that an effect was refused for good, as things stand."""
        self._failures[effect] = error

    def failure(self, effect: Effect) -> InvalidRequest | Refused | Unavailable | None:
        """Return why an effect was refused in this pass."""
        return self._failures.get(effect)

    def aliases(self, model: str) -> Aliases:
        """Return alias to version; raise `ModelNotFound`."""
        return self._ask(AliasesOf(model=model))

    def version(self, model: str, version: str) -> ModelVersion:
        """Return a version; raise `ModelNotFound` or `VersionNotFound`."""
        return self._ask(VersionOf(model=model, version=version))

    def version_of_run(
        self, model: str, run_id: str, artifact_path: str | None, *, register: bool
    ) -> ModelVersion | None:
        """Return the version made from a run, None when there is none and it must not be made.

        Raises `NotFound`.
        """
        return self._ask(
            VersionOfRun(model=model, run_id=run_id, artifact_path=artifact_path, register_missing=register)
        )

    def versions_tagged(self, model: str, key: str, text: str) -> Sequence[ModelVersion]:
        """Return the versions whose tag `key` contains the text."""
        return self._ask(VersionsTagged(model=model, key=key, text=text))

    def newer_versions(
        self, model: str, tags: Mapping[str, str], after: str | None
    ) -> Sequence[ModelVersion]:
        """Return the versions after one that have all these tags, the oldest first; raise `ModelNotFound`."""
        return self._ask(NewerVersionsOf(model=model, tags=tuple(sorted(tags.items())), after=after))

    def runs(self, run_ids: tuple[str, ...]) -> Mapping[str, Run]:
        """Return the runs that exist and are not deleted."""
        return {run_id: run for run_id, run in self._runs(run_ids).items() if not run.deleted}

    def has_deleted(self, run_id: str, among: tuple[str, ...]) -> bool:
        """Return whether somebody deleted a run that is asked for among these."""
        run = self._runs(among).get(run_id)
        return run is not None and run.deleted

    def _runs(self, run_ids: tuple[str, ...]) -> Mapping[str, Run]:
        return self._ask(RunsOf(run_ids=run_ids)) if run_ids else {}

    def measured(
        self, model_id: str, keys: tuple[str, ...], evaluations: tuple[str, ...] = ()
    ) -> MeasuredModel:
        """Return who made a logged model and what it was measured with; raise `LoggedModelNotFound`."""
        return self._ask(MeasuredModelOf(model_id=model_id, keys=keys, evaluations=evaluations))

    def evaluation_run(self, run: EvaluationRun) -> str:
        """Return the id of the run of an evaluation; raise `InvalidRequest` when it cannot be opened."""
        return self._ask(EvaluationRunOf(run=run))

    def require_template(self, namespace: str, cron_job: str) -> None:
        """Raise `InvalidRequest` when there is no suspended CronJob of that name."""
        self._ask(TemplateOf(namespace=namespace, cron_job=cron_job))

    def has_signature(self, model: str, version: str) -> bool:
        """Return whether a version's model has a signature; raise `NotFound` or `Unreadable`."""
        return self._ask(SignatureOf(model=model, version=version))

    def artifact_address(self, model: str, version: str) -> str:
        """Return where the files of a version lie; raise `NotFound`."""
        return self._ask(ArtifactAddressOf(model=model, version=version))

    def job(self, ref: JobRef) -> Job | None:
        """Return an evaluation Job, None when there is none."""
        return self._ask(JobOf(ref=ref))

    def last_lines(self, ref: JobRef) -> str:
        """Return what a Job wrote last."""
        return self._ask(LastLinesOf(ref=ref))

    def workload(self, ref: WorkloadRef) -> Workload | None:
        """Return the workload, None when there is none."""
        return self._ask(WorkloadOf(ref=ref))

    def fresh_workload(self, ref: WorkloadRef) -> Workload | None:
        """Return the workload as the API server has it now."""
        return self._ask(FreshWorkloadOf(ref=ref))

    def why_missing(self, ref: WorkloadRef) -> str:
        """Return why there is no such workload."""
        return self._ask(WhyMissing(ref=ref))

    def pods(self, ref: WorkloadRef, *, fresh: bool = False) -> Sequence[Pod]:
        """Return the pods of a workload, the newest first."""
        return self._ask(PodsOf(ref=ref, fresh=fresh))

    def pod_answers(self, ref: WorkloadRef, verify: Verify, *, fresh: bool = False) -> Sequence[PodAnswer]:
        """Return what the ready pods of a workload say they serve."""
        return self._ask(PodAnswersOf(ref=ref, verify=verify, fresh=fresh))

    def last_lines_of_pod(self, pod: PodRef, container: str, restarts: int) -> str:
        """Return what a container of a pod wrote last, before it was restarted for the last time."""
        return self._ask(LastLinesOfPod(pod=pod, container=container, restarts=restarts))

    def request(self, namespace: str, name: str) -> PromotionRequest | None:
        """Return the request as the API server has it now."""
        return self._ask(RequestOf(namespace=namespace, name=name))

    def route(self, ref: RouteRef) -> Route | None:
        """Return the HTTPRoute, None when there is none."""
        return self._ask(RouteOf(ref=ref))

    def ready_pods(self, namespace: str, service: str) -> int:
        """Return how many ready pods a Service has."""
        return self._ask(ReadyPodsOf(namespace=namespace, service=service))

    def _ask(self, question: Question[T]) -> T:
        if question not in self._answers:
            raise Needed(cast("AnyQuestion", question))
        answer = self._answers[question]
        if isinstance(answer, question.refusals):
            raise answer
        if isinstance(answer, InvalidRequest):  # a "no" that makes no sense here, as from a proxy
            raise Failed(question, Unavailable(str(answer)))
        if isinstance(answer, Unavailable | Refused):
            raise Failed(question, answer)
        return cast("T", answer)
