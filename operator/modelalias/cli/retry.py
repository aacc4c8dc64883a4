"""`modelalias retry`: ask again for what a request asked for that ended without success."""

import argparse
import re
from typing import Any, Final

from modelalias.api.fields import API_VERSION
from modelalias.api.request import PromotionRequest
from modelalias.cli import edits, file_request, filing, output, session, status
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.edits import Filing
from modelalias.cli.request_state import described, has_ended, has_ended_message
from modelalias.cli.waiting import Ending, ending
from modelalias.core.errors import InvalidRequest

_MORE: Final = """\
Files a new request with all that the first one asked for, in your name; approvals are given anew. Its reason names the
first one. What it says of another alias (source.alias) or of the previous version means what that is now.

examples:
  %(prog)s churn-v4
  %(prog)s churn-v4 --wait --timeout 1h -o json > verdict.json
  %(prog)s churn-v4 --dry-run | kubectl create -f -

exit status:
  0   the request was filed; with --wait: it succeeded
  1   with --wait: the request was refused, failed, undone, aborted or deleted
  2   with --wait: the request has not ended in time; or it was not filed: standard error says why
"""

_LONGEST_PREFIX: Final = 58
"""Characters of a name to which the API server adds five of its own."""
_LONGEST_REASON: Final = 1_024
_NOT_AGAIN: Final = frozenset({"requestedBy", "approvals", "abort"})
_AGAIN: Final = re.compile(r"-retry-[a-z0-9]{5}$")
_MENTION: Final = re.compile(r"(^|; )retry of [a-z0-9.-]+$")


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "retry",
        help="ask again for what a request asked for that ended without success",
        description="Ask again for what a request asked for that ended without success: file another one like it.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("request", metavar="REQUEST", help="name of the PromotionRequest that has ended")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the request for kubectl create, and file nothing"
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "name", "json", "markdown", "yaml"),
        help="name: only the request's name; json, yaml, markdown: the same as of status; "
        "with --dry-run: yaml (the default) or json",
    )
    status.add_wait_flags(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    file_request.check_dry_run(options)
    return session.with_cluster(options, lambda cluster: _retry(cluster, options))


async def _retry(cluster: PersonsCluster, options: argparse.Namespace) -> tuple[str, int]:
    user = (await cluster.who()).user
    again = draft(await cluster.request(options.request), user)
    if options.dry_run:
        return edits.text(again, options.output), Ending.SUCCEEDED
    request = await cluster.create(again.body)
    message = f"request {request.metadata.name} filed by {user}"
    if options.wait:
        output.tell(message)
        return await status.wait(cluster, request, options.timeout, options.output)
    if options.output in {None, "text"}:
        return output.lines([message]), Ending.SUCCEEDED
    return status.formatted(request, options.output), Ending.SUCCEEDED


def draft(first: PromotionRequest, user: str) -> Filing:
    """Return the new request; raise `InvalidRequest` if the first is under way or has succeeded."""
    meta = first.metadata
    if not has_ended(first):
        raise InvalidRequest(f"request {meta.name} goes on: {described(first)}")
    if ending(first) is Ending.SUCCEEDED:
        raise InvalidRequest(f"{has_ended_message(first)}; there is nothing to ask for again")
    asked = first.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    spec = {key: value for key, value in asked.items() if key not in _NOT_AGAIN}
    body = {
        "apiVersion": API_VERSION,
        "kind": "PromotionRequest",
        "metadata": {
            "generateName": prefix(meta.name),
            "namespace": meta.namespace,
            "labels": filing.labels(first.spec.alias_ref.name),
        },
        "spec": {**spec, "reason": reason(first), "requestedBy": user},
    }
    return Filing(body)


def prefix(name: str) -> str:
    """Return the beginning of the new name: that of the first, also where that was another's retry."""
    mark = "-retry-"
    return f"{_AGAIN.sub('', name)[: _LONGEST_PREFIX - len(mark)].rstrip('.-')}{mark}"


def reason(first: PromotionRequest) -> str:
    """Return why the first was filed, and that this is another try; one mention is enough."""
    mention = f"retry of {first.metadata.name}"
    before = _MENTION.sub("", first.spec.reason or "")
    return f"{output.clipped(before, _LONGEST_REASON - len(mention) - 2)}; {mention}" if before else mention
