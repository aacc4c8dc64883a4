"""The source of a request: which version it names; resolved once and frozen in the request's status."""

from datetime import datetime

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.api.request import Phase, PromotionRequest, Resolved, Source
from modelalias.core.ledger.accepted import is_version
from modelalias.core.protocol.answers import (
    VERSION_POLL,
    Answered,
    Ended,
    NotReady,
    VerdictSoFar,
    required,
)
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Aliases, ModelVersion, VersionState


class Candidate(Value):
    """The version that a source names; in a dry run a run that was not registered has none yet."""

    version: ModelVersion | None
    run_id: str | None
    source: str
    """The source in words, such as `alias challenger`."""

    @property
    def name(self) -> str:
        """Name it in words."""
        return f"version {self.version.version}" if self.version else f"run {self.run_id}"

    def resolved(self, alias: ModelAlias, aliases: Aliases) -> Resolved | None:
        """Return what is frozen in the status; `aliases` are those of the registry."""
        if self.version is None:
            return None
        frozen = resolved(alias, self.version.version, self.source)
        named = aliases.get(alias.spec.alias)
        return frozen.changed(
            run_id=self.run_id,
            registered_at=self.version.registered_at,
            named=None if named == frozen.champion else named,
        )


def resolved(alias: ModelAlias, version: str, source: str) -> Resolved:
    """Return what a source means, for this ModelAlias and no other."""
    current = alias.status.current
    return Resolved(
        version=version,
        champion=None if current is None else current.version,
        from_=source,
        registry=alias.spec.registry,
        model=alias.spec.model,
        alias_uid=alias.metadata.uid,
    )


def resolve_source(alias: ModelAlias, request: PromotionRequest, facts: Facts, now: datetime) -> Candidate:
    """Return what the source names.

    Raises `Answered` when that is nothing, or nothing that can be promoted yet.
    """
    source, frozen = request.spec.source, request.status.resolved
    if frozen is not None:
        return resolve_version(alias, frozen.version, frozen.from_, facts, now, frozen)
    if source is None:
        raise AssertionError("the API server lets no Promote in without a source")
    if source.run_id is not None:
        return _resolve_run(alias, source, source.run_id, facts, now, register=not request.spec.dry_run)
    if source.alias is not None:
        number = required(lambda: facts.aliases(alias.spec.model)).get(source.alias)
        if number is None:
            message = f"nothing to do: {alias.spec.model} has no alias {source.alias}"
            raise Answered(Ended(Phase.SUCCEEDED, Reason.NO_CHALLENGER, message))
        return resolve_version(alias, number, f"alias {source.alias}", facts, now)
    number = source.version or ""
    return resolve_version(alias, number, f"version {number}", facts, now)


def resolve_version(
    alias: ModelAlias, number: str, source: str, facts: Facts, now: datetime, frozen: Resolved | None = None
) -> Candidate:
    """Return a version by its number; raise `Answered` when it is gone, or not ready."""
    version = required(lambda: facts.version(alias.spec.model, number))
    if frozen is not None and not is_version(version, frozen.run_id, frozen.registered_at):
        message = f"version {number} was deleted and made anew since the request was first looked at"
        raise Answered(Ended(Phase.REJECTED, Reason.VERSION_GONE, message))
    if frozen is None:
        frozen = resolved(alias, number, source).changed(
            run_id=version.run_id, registered_at=version.registered_at
        )
    require_ready(version, now, VerdictSoFar(resolved=frozen))
    return Candidate(version=version, run_id=version.run_id, source=source)


def require_ready(version: ModelVersion, now: datetime, so_far: VerdictSoFar | None = None) -> ModelVersion:
    """Return the version; raise `Answered` while its registration is not finished."""
    if version.state is VersionState.FAILED:
        message = f"the registration of version {version.version} failed"
        raise Answered(Ended(Phase.REJECTED, Reason.VERSION_NOT_READY, message))
    if version.state is VersionState.PENDING:
        message = f"waits until version {version.version} is registered"
        so_far = so_far or VerdictSoFar()
        raise Answered(NotReady(Reason.VERSION_NOT_READY, message, now + VERSION_POLL, so_far))
    return version


def _resolve_run(
    alias: ModelAlias, source: Source, run_id: str, facts: Facts, now: datetime, *, register: bool
) -> Candidate:
    version = required(
        lambda: facts.version_of_run(alias.spec.model, run_id, source.artifact_path, register=register)
    )
    words = f"run {run_id}"
    if version is None:
        return Candidate(version=None, run_id=run_id, source=words)
    return Candidate(version=require_ready(version, now), run_id=version.run_id or run_id, source=words)
