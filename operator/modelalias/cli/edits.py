"""Changes to objects in a cluster as values: carried out, or printed so that kubectl can carry them out.

A change to a request is a JSON patch that first tests the request's UID, so it never changes another request
of that name and never creates one. It adds one item to a list and replaces nothing, so that if two people
write at the same time, both items are kept; if both create the list, the API server refuses the second, which
then reads the first and tries again. Server-side apply would not need that second try, but printed for
`kubectl apply --server-side` it would take over the fields that `kubectl apply` wrote before.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from modelalias.api.request import PromotionRequest
from modelalias.cli import kubernetes_yaml
from modelalias.cli.cluster import ObjectMissing, PersonsCluster
from modelalias.core.errors import InvalidRequest, StaleObject

Operation = Mapping[str, Any]


@dataclass(frozen=True)
class Edit:
    """A change to one request."""

    request: str
    namespace: str
    operations: tuple[Operation, ...]

    @property
    def command(self) -> str:
        """The kubectl command that carries it out."""
        target = f"promotionrequests.modelalias.dev {self.request} -n {self.namespace}"
        return f"kubectl patch {target} --type=json --patch-file=FILE"

    @property
    def body(self) -> Sequence[Operation]:
        """The JSON patch."""
        return list(self.operations)


class Printed(Protocol):
    """What kubectl can carry out from a file."""

    @property
    def body(self) -> Mapping[str, Any] | Sequence[Operation]:
        """What stands in the file."""

    @property
    def command(self) -> str:
        """The kubectl command that carries it out."""


@dataclass(frozen=True)
class Filing:
    """A request that is to be created."""

    body: Mapping[str, Any]
    command: str = "kubectl create -f FILE"


def of_request(request: PromotionRequest, *operations: Operation) -> Edit:
    """Return an edit of this request, not of another one with the same name."""
    meta = request.metadata
    same = {"op": "test", "path": "/metadata/uid", "value": meta.uid}
    return Edit(meta.name, meta.namespace, (same, *operations))


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the options that print an edit instead of carrying it out."""
    parser.add_argument(
        "--dry-run", action="store_true", help="print the edit for kubectl, and change nothing"
    )
    parser.add_argument("-o", "--output", choices=("yaml", "json"), help="format of --dry-run; default: yaml")


def only_prints(options: argparse.Namespace) -> bool:
    """Return whether the edit is only printed; raise `InvalidRequest` for a format without --dry-run."""
    if options.output and not options.dry_run:
        raise InvalidRequest(f"-o {options.output} needs --dry-run")
    return bool(options.dry_run)


def text(edit: Printed, form: str | None) -> str:
    """Return it as YAML, with the kubectl command for it in a comment, or as JSON."""
    if form == "json":
        return json.dumps(edit.body, indent=2) + "\n"
    body = kubernetes_yaml.dump(edit.body)
    return f"# {edit.command}\n{body}"


async def carry_out(
    cluster: PersonsCluster, request: PromotionRequest, make: Callable[[PromotionRequest], Edit | None]
) -> bool:
    """Carry out the edit, and once more on a fresh read if somebody else wrote first.

    Return False if there is nothing to do.
    """
    edit = make(request)
    for is_last in (False, True):  # a list is created only once
        if edit is None:
            return False
        try:
            await cluster.patch(edit.request, edit.operations)
        except (StaleObject, InvalidRequest):
            fresh_edit = make(await _read_again(cluster, request))
            if fresh_edit == edit or is_last:  # then it was not refused because somebody else wrote first
                raise
            edit = fresh_edit
        else:
            return True
    raise AssertionError("the last try returns or raises")


async def _read_again(cluster: PersonsCluster, request: PromotionRequest) -> PromotionRequest:
    """Read the request again; raise `ObjectMissing` if another request has its name now."""
    latest = await cluster.request(request.metadata.name)
    if latest.metadata.uid != request.metadata.uid:
        raise ObjectMissing(
            f"request {request.metadata.name} was deleted, and another one was created with its name"
        )
    return latest
