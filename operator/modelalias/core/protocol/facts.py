"""Facts: what the rules may ask of the world, and the answers that are known so far.

A rule asks with `facts.aliases(model)`; when the answer is not known yet the question is raised as `Needed`,
the engine reads it and decides again from the start. So the rules stay pure and name exactly the reads that
they use.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from modelalias.api.conditions import Reason
from modelalias.api.request import PromotionRequest
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.core.protocol.effects import Effect, TagVersion
from modelalias.core.protocol.questions import (
    AliasesOf,
    ClusterQuestion,
    JobOf,
    LinesOf,
    MeasurementsOf,
    Question,
    RequestOf,
    RunsOf,
    SignatureOf,
    VersionOf,
    VersionOfRun,
    VersionsTagged,
    WorkloadOf,
)
from modelalias.ports import Aliases, Job, JobRef, Measurement, ModelVersion, Run, Workload, WorkloadRef


class Needed(Exception):
    """A rule asked something that is not known yet."""

    def __init__(self, question: Question) -> None:
        """Keep the question."""
        super().__init__(question)
        self.question = question


class Failed(Exception):
    """A question that the other side did not answer, raised to the rule that asked it."""

    def __init__(self, question: Question, error: Unavailable | Refused) -> None:
        """Keep the question and why there is no answer."""
        super().__init__(str(error))
        self.question, self.error = question, error

    @property
    def reason(self) -> Reason:
        """Why, as a condition says it."""
        if isinstance(self.error, Unavailable):
            return Reason.UNREACHABLE
        return Reason.FORBIDDEN if isinstance(self.question, ClusterQuestion) else Reason.AUTH_FAILED


class Facts:
    """The answers that one pass over an alias has so far; never kept for the next pass."""

    def __init__(self, answers: Mapping[Question, Any] | None = None) -> None:
        """Start with what is known."""
        self._answers = dict(answers or {})
        self._failures: dict[Effect, InvalidRequest | Refused | Unavailable] = {}

    def learn(self, question: Question, answer: object) -> None:
        """Remember an answer; a failure as the answer is raised to whoever asks."""
        self._answers[question] = answer

    def forget(self, question: Question) -> None:
        """Drop an answer that an effect made stale."""
        self._answers.pop(question, None)

    def tagged(self, effect: "TagVersion") -> None:
        """Bring what is known of a version up to date with tags that were written to it."""
        question = VersionOf(model=effect.model, version=effect.version)
        known = self._answers.get(question)
        if isinstance(known, ModelVersion):
            self._answers[question] = known.model_copy(update={"tags": {**known.tags, **dict(effect.tags)}})

    def fail(self, effect: Effect, error: InvalidRequest | Refused | Unavailable) -> None:
        """Remember that an effect was refused for good, as the world stands."""
        self._failures[effect] = error

    def failure(self, effect: Effect) -> InvalidRequest | Refused | Unavailable | None:
        """Return why an effect was refused in this pass."""
        return self._failures.get(effect)

    def aliases(self, model: str) -> Aliases:
        """Return alias to version; raise `ModelNotFound`."""
        answer: Aliases = self._ask(AliasesOf(model=model))
        return answer

    def version(self, model: str, version: str) -> ModelVersion:
        """Return a version; raise `ModelNotFound` or `VersionNotFound`."""
        answer: ModelVersion = self._ask(VersionOf(model=model, version=version))
        return answer

    def version_of_run(
        self, model: str, run_id: str, artifact_path: str | None, *, register: bool
    ) -> ModelVersion | None:
        """Return the version made from a run, None when there is none and it must not be made.

        Raise `NotFound`.
        """
        question = VersionOfRun(
            model=model, run_id=run_id, artifact_path=artifact_path, register_missing=register
        )
        answer: ModelVersion | None = self._ask(question)
        return answer

    def versions_tagged(self, model: str, key: str, text: str) -> Sequence[ModelVersion]:
        """Return the versions whose tag `key` holds the text."""
        answer: Sequence[ModelVersion] = self._ask(VersionsTagged(model=model, key=key, text=text))
        return answer

    def runs(self, run_ids: tuple[str, ...]) -> Mapping[str, Run]:
        """Return the runs that exist."""
        answer: Mapping[str, Run] = self._ask(RunsOf(run_ids=run_ids)) if run_ids else {}
        return answer

    def measurements(self, model_id: str, keys: tuple[str, ...]) -> Sequence[Measurement]:
        """Return what a logged model was measured with; raise `LoggedModelNotFound`."""
        answer: Sequence[Measurement] = self._ask(MeasurementsOf(model_id=model_id, keys=keys))
        return answer

    def has_signature(self, model: str, version: str) -> bool:
        """Say whether a version's model has a signature; raise `NotFound` or `Unreadable`."""
        answer: bool = self._ask(SignatureOf(model=model, version=version))
        return answer

    def job(self, ref: JobRef) -> Job | None:
        """Return an evaluation Job, None when there is none."""
        answer: Job | None = self._ask(JobOf(ref=ref))
        return answer

    def last_lines(self, ref: JobRef) -> str:
        """Return what a Job wrote last."""
        answer: str = self._ask(LinesOf(ref=ref))
        return answer

    def workload(self, ref: WorkloadRef) -> Workload | None:
        """Return the workload, None when there is none."""
        answer: Workload | None = self._ask(WorkloadOf(ref=ref))
        return answer

    def request(self, namespace: str, name: str) -> PromotionRequest | None:
        """Return the request as the API server has it now."""
        answer: PromotionRequest | None = self._ask(RequestOf(namespace=namespace, name=name))
        return answer

    def _ask(self, question: Question) -> Any:
        if question not in self._answers:
            raise Needed(question)
        answer = self._answers[question]
        if isinstance(answer, InvalidRequest):
            raise answer
        if isinstance(answer, Unavailable | Refused):
            raise Failed(question, answer)
        return answer
