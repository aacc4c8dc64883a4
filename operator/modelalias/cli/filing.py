"""A promotion request from the options that were typed; options that were left out are not set in it."""

import argparse
import re
from collections.abc import Mapping
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


def draft(options: argparse.Namespace, user: str, namespace: str) -> Filing:
    """Return the request; raise `InvalidRequest` if the API server would refuse it."""
    operation = _operation(options)
    spec = _without_unset(
        aliasRef={"name": options.alias},
        operation=None if operation is RequestOperation.PROMOTE else str(operation),
        source=_source(options),
        expectedCurrent=options.expected_current,
        reason=options.reason,
        requestedBy=user,
        skipGates=options.skip_gates,
        dryRun=options.verdict_only,
        onSuccess=_without_unset(deleteSourceAlias=options.delete_source_alias, tags=_tags(options.tag)),
        expiresAfter=options.expires_after,
        ttlSecondsAfterFinished=options.ttl_seconds_after_finished,
    )
    _must_be_valid(spec, operation)
    name = {"name": options.name} if options.name else {"generateName": _prefix(options, operation)}
    metadata = {**name, "namespace": namespace, "labels": _labels(options.alias)}
    return Filing({"apiVersion": API_VERSION, "kind": "PromotionRequest", "metadata": metadata, "spec": spec})


def _labels(alias: str) -> Mapping[str, str]:
    """Return the label by which the requests of an alias are found; too long a name is none, and refused later."""
    return {ALIAS_LABEL: alias} if len(alias) <= _LONGEST_LABEL else {}


def _operation(options: argparse.Namespace) -> RequestOperation:
    if options.operation is not None:
        return RequestOperation(options.operation)
    return RequestOperation.ROLLBACK if options.previous else RequestOperation.PROMOTE


def _source(options: argparse.Namespace) -> Mapping[str, Any]:
    return _without_unset(
        version=options.version,
        runId=options.run_id,
        artifactPath=options.artifact_path,
        alias=options.from_alias,
        previous=options.previous,
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


def _prefix(options: argparse.Namespace, operation: RequestOperation) -> str:
    """Return the prefix of the generated name: the alias and what is asked for."""
    if options.version:
        suffix = f"v{options.version}"
    elif options.run_id:
        suffix = f"run-{options.run_id[:_RUN_CHARACTERS]}"
    else:
        suffix = f"from-{options.from_alias}" if options.from_alias else str(operation)
    if operation is RequestOperation.ROLLBACK and options.version:
        suffix = f"rollback-{suffix}"
    return f"{options.alias}-{re.sub(r'[^a-z0-9]+', '-', suffix.lower()).strip('-')}-"


def _tags(pairs: list[str]) -> Mapping[str, str]:
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
