"""Changes of a cluster as values: carried out, or printed so that kubectl can carry them out.

A change of a request is a JSON patch that first makes sure of the request's uid, so it never meets another
request of that name and never creates one. It adds one item to a list and replaces nothing, so two people who
write at once both stay; where both begin the list, the API server refuses the second, which then sees the
first. Server-side apply would not need that second try, but given to `kubectl apply --server-side` it would
take over what `kubectl apply` wrote before.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import Cluster, Missing
from modelalias.core.errors import Conflict, InvalidRequest

Operation = Mapping[str, Any]


@dataclass(frozen=True)
class Edit:
    """A change of one request."""

    request: str
    namespace: str
    operations: tuple[Operation, ...]

    @property
    def command(self) -> str:
        """The command that carries it out."""
        named = f"promotionrequests.modelalias.dev {self.request} -n {self.namespace}"
        return f"kubectl patch {named} --type=json --patch-file=FILE"

    @property
    def body(self) -> Sequence[Operation]:
        """What the API server is sent."""
        return list(self.operations)


@dataclass(frozen=True)
class Filing:
    """A request that is to be made."""

    body: Mapping[str, Any]
    command: str = "kubectl create -f FILE"


def of_request(request: PromotionRequest, *operations: Operation) -> Edit:
    """Return an edit that is for this very request."""
    meta = request.metadata
    same = {"op": "test", "path": "/metadata/uid", "value": meta.uid}
    return Edit(meta.name, meta.namespace, (same, *operations))


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what shows an edit and leaves it at that."""
    parser.add_argument("--dry-run", action="store_true", help="print the edit and do nothing")
    parser.add_argument(
        "-o", "--output", choices=("yaml", "json"), help="how --dry-run prints it; default: yaml"
    )


def wants_print(options: argparse.Namespace) -> bool:
    """Say whether an edit is only to be printed; raise `InvalidRequest` for a form without --dry-run."""
    if options.output and not options.dry_run:
        raise InvalidRequest(f"-o {options.output} goes with --dry-run")
    return bool(options.dry_run)


def text(edit: Edit | Filing, form: str | None) -> str:
    """Write an edit as YAML, with the command that takes it in a comment, or as JSON."""
    if form == "json":
        return json.dumps(edit.body, indent=2) + "\n"
    body = yaml.safe_dump(edit.body, sort_keys=False, allow_unicode=True, width=2**16)
    return f"# {edit.command}\n{body}"


async def carry_out(
    cluster: Cluster, request: PromotionRequest, make: Callable[[PromotionRequest], Edit | None]
) -> bool:
    """Make the edit, again on a fresh read where somebody else was first.

    Return False when there is nothing to do.
    """
    edit = make(request)
    for is_last in (False, True):  # a list is begun once
        if edit is None:
            return False
        try:
            await cluster.patch(edit.request, edit.operations)
        except (Conflict, InvalidRequest):
            again = make(await _same(cluster, request))
            if again == edit or is_last:  # it is not about who was first
                raise
            edit = again
        else:
            return True
    raise AssertionError("the last try returns or raises")


async def _same(cluster: Cluster, request: PromotionRequest) -> PromotionRequest:
    """Read the request again; raise `Missing` when the name is another one's now."""
    found = await cluster.request(request.metadata.name)
    if found.metadata.uid != request.metadata.uid:
        raise Missing(f"request {request.metadata.name} was deleted, there is another one of that name")
    return found
