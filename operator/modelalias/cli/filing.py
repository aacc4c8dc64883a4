"""A promotion request from what somebody wants; what was left out is not set in it."""

import argparse
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.fields import API_VERSION, GROUP
from modelalias.api.request import PromotionRequestSpec, RequestOperation
from modelalias.cli.edits import Filing
from modelalias.core.errors import InvalidRequest

ALIAS_LABEL: Final = f"{GROUP}/alias"

_RUN_CHARACTERS: Final = 8
_LONGEST_LABEL: Final = 63


@dataclass(frozen=True)
class Wanted:
    """What somebody wants of one ModelAlias."""

    alias: str
    version: str | None = None
    run_id: str | None = None
    artifact_path: str | None = None
    from_alias: str | None = None
    previous: bool = False
    operation: RequestOperation = RequestOperation.PROMOTE
    reason: str | None = None
    expected_current: str | None = None
    skip_gates: bool = False
    verdict_only: bool = False
    delete_source_alias: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    expires_after: str | None = None
    ttl_seconds_after_finished: int | None = None
    name: str | None = None
    """None: the API server makes one that begins with `prefix`."""


def draft(wanted: Wanted, user: str, namespace: str) -> Filing:
    """Return the request; raise `InvalidRequest` if the API server would refuse it."""
    operation = wanted.operation
    spec = _without_unset(
        aliasRef={"name": wanted.alias},
        operation=None if operation is RequestOperation.PROMOTE else str(operation),
        source=_source(wanted),
        expectedCurrent=wanted.expected_current,
        reason=wanted.reason,
        requestedBy=user,
        skipGates=wanted.skip_gates,
        dryRun=wanted.verdict_only,
        onSuccess=_without_unset(deleteSourceAlias=wanted.delete_source_alias, tags=dict(wanted.tags)),
        expiresAfter=wanted.expires_after,
        ttlSecondsAfterFinished=wanted.ttl_seconds_after_finished,
    )
    _must_be_valid(spec, operation)
    name = {"name": wanted.name} if wanted.name else {"generateName": prefix(wanted)}
    metadata = {**name, "namespace": namespace, "labels": labels(wanted.alias)}
    return Filing({"apiVersion": API_VERSION, "kind": "PromotionRequest", "metadata": metadata, "spec": spec})


def prefix(wanted: Wanted) -> str:
    """Return how the name that the API server makes begins: the alias and what is asked for."""
    if wanted.version:
        suffix = f"v{wanted.version}"
    elif wanted.run_id:
        suffix = f"run-{wanted.run_id[:_RUN_CHARACTERS]}"
    else:
        suffix = f"from-{wanted.from_alias}" if wanted.from_alias else str(wanted.operation)
    if wanted.operation is RequestOperation.ROLLBACK and wanted.version:
        suffix = f"rollback-{suffix}"
    return f"{wanted.alias}-{re.sub(r'[^a-z0-9]+', '-', suffix.lower()).strip('-')}-"


def going_back(alias: str, version: str | None, reason: str, name: str | None = None) -> Wanted:
    """Return what going back asks for; without a version the one that was accepted before."""
    return Wanted(
        alias=alias,
        version=version,
        previous=version is None,
        operation=RequestOperation.ROLLBACK,
        reason=reason,
        name=name,
    )


def is_quotas(message: str) -> bool:
    """Return whether it is a ResourceQuota that refuses the request, as the API server words it."""
    return "exceeded quota:" in message


def past_quota(body: Mapping[str, Any], namespace: str) -> str:
    """Return how the alias of a request that a quota refuses is moved all the same."""
    spec = body.get("spec", {})
    alias = shlex.quote(str(spec.get("aliasRef", {}).get("name", "ALIAS")))
    version = shlex.quote(str(spec.get("source", {}).get("version", "VERSION")))
    place = f" -n {shlex.quote(namespace)}" if namespace else ""
    return (
        "requests that have ended count until they are deleted; what takes no request, in an emergency: "
        f"modelalias pin {alias} {version}{place}"
    )


def typed(options: argparse.Namespace) -> Wanted:
    """Return what the options of `modelalias promote` say."""
    return Wanted(
        alias=options.alias,
        version=options.version,
        run_id=options.run_id,
        artifact_path=options.artifact_path,
        from_alias=options.from_alias,
        previous=options.previous,
        operation=_operation(options),
        reason=options.reason,
        expected_current=options.expected_current,
        skip_gates=options.skip_gates,
        verdict_only=options.verdict_only,
        delete_source_alias=options.delete_source_alias,
        tags=_tags(options.tag),
        expires_after=options.expires_after,
        ttl_seconds_after_finished=options.ttl_seconds_after_finished,
        name=options.name,
    )


def labels(alias: str) -> Mapping[str, str]:
    """Return the label by which the requests of an alias are found; too long a name is none, and refused later."""
    return {ALIAS_LABEL: alias} if len(alias) <= _LONGEST_LABEL else {}


def _operation(options: argparse.Namespace) -> RequestOperation:
    if options.operation is not None:
        return RequestOperation(options.operation)
    return RequestOperation.ROLLBACK if options.previous else RequestOperation.PROMOTE


def _source(wanted: Wanted) -> Mapping[str, Any]:
    return _without_unset(
        version=wanted.version,
        runId=wanted.run_id,
        artifactPath=wanted.artifact_path,
        alias=wanted.from_alias,
        previous=wanted.previous,
    )


def _must_be_valid(spec: Mapping[str, Any], operation: RequestOperation) -> None:
    source = spec.get("source", {})
    if operation is not RequestOperation.SWAP and not source.keys() - {"artifactPath"}:
        raise InvalidRequest("nothing to promote: give --version, --run-id, --from-alias or --previous")
    if operation is RequestOperation.SWAP and source:
        raise InvalidRequest("a swap takes no version: it exchanges the versions of alias and previousAlias")
    if (operation is not RequestOperation.PROMOTE or spec.get("skipGates")) and not spec.get("reason"):
        raise InvalidRequest(f"{'--skip-gates' if spec.get('skipGates') else operation} needs a --reason")
    try:
        PromotionRequestSpec.model_validate(spec)
    except ValidationError as error:
        raise InvalidRequest(f"the request is not valid: {unfit.message(error)}") from error


def _tags(pairs: Iterable[str]) -> Mapping[str, str]:
    tags = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InvalidRequest(f"--tag {pair} is not KEY=VALUE")
        tags[key] = value
    return tags


def _without_unset(**fields: object) -> dict[str, Any]:
    """Leave out the options that were not typed: a request is known again by the fields that are set."""
    return {
        key: value
        for key, value in fields.items()
        if value is not None and value is not False and value != {}
    }
