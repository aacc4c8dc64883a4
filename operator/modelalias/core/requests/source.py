"""The candidate: which version a request's source names; resolved once and frozen in the request's status."""

from datetime import datetime

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.api.request import Phase, PromotionRequest, Resolved, Source
from modelalias.core.protocol.answers import (
    VERSION_POLL,
    Ended,
    Stop,
    Verdict,
    Waits,
    found,
)
from modelalias.core.protocol.facts import Facts
from modelalias.ports import ModelVersion, VersionState


class Candidate(Value):
    """The version that a source names; in a dry run a run that was not registered has none yet."""

    version: ModelVersion | None
    run_id: str | None
    told: str
    """The source in words."""

    @property
    def name(self) -> str:
        """Name it in words."""
        return f"version {self.version.version}" if self.version else f"run {self.run_id}"

    def resolved(self, champion: str | None) -> Resolved | None:
        """Return what is frozen in the status."""
        if self.version is None:
            return None
        return Resolved(version=self.version.version, run_id=self.run_id, champion=champion, from_=self.told)


def of_request(alias: ModelAlias, request: PromotionRequest, facts: Facts, now: datetime) -> Candidate:
    """Return what the source names; raise `Stop` when that is nothing, or nothing that can be promoted yet."""
    source, frozen = request.spec.source, request.status.resolved
    if frozen is not None:
        return of_version(alias, frozen.version, frozen.from_, facts, now, frozen)
    if source is None:
        raise AssertionError("the API server lets no Promote in without a source")
    if source.run_id is not None:
        return _of_run(alias, source, source.run_id, facts, now, register=not request.spec.dry_run)
    if source.alias is not None:
        named = found(lambda: facts.aliases(alias.spec.model)).get(source.alias)
        if named is None:
            told = f"nothing to do: {alias.spec.model} has no alias {source.alias}"
            raise Stop(Ended(Phase.SUCCEEDED, Reason.NO_CHALLENGER, told))
        return of_version(alias, named, f"alias {source.alias}", facts, now, None)
    number = source.version or ""
    return of_version(alias, number, f"version {number}", facts, now, None)


def ready(version: ModelVersion, now: datetime, verdict: Verdict | None = None) -> ModelVersion:
    """Return the version; raise `Stop` while its registration is not finished."""
    if version.state is VersionState.FAILED:
        told = f"the registration of version {version.version} failed"
        raise Stop(Ended(Phase.REJECTED, Reason.VERSION_NOT_READY, told))
    if version.state is VersionState.PENDING:
        told = f"waits until version {version.version} is registered"
        raise Stop(Waits(Reason.VERSION_NOT_READY, told, now + VERSION_POLL, verdict or Verdict()))
    return version


def _of_run(
    alias: ModelAlias, source: Source, run_id: str, facts: Facts, now: datetime, *, register: bool
) -> Candidate:
    made = found(
        lambda: facts.version_of_run(alias.spec.model, run_id, source.artifact_path, register=register)
    )
    told = f"run {run_id}"
    if made is None:
        return Candidate(version=None, run_id=run_id, told=told)
    return Candidate(version=ready(made, now), run_id=made.run_id or run_id, told=told)


def of_version(
    alias: ModelAlias, number: str, told: str, facts: Facts, now: datetime, frozen: Resolved | None
) -> Candidate:
    """Return a version by its number; raise `Stop` when it is gone, or not ready."""
    version = found(lambda: facts.version(alias.spec.model, number))
    frozen = frozen or Resolved(version=number, run_id=version.run_id, from_=told)
    ready(version, now, Verdict(resolved=frozen))
    return Candidate(version=version, run_id=version.run_id, told=told)
