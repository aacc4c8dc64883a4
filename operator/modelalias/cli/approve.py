"""`modelalias approve` and `modelalias reject`: a person's word on a request that waits for people."""

import argparse
from dataclasses import replace
from typing import Any, Final

from modelalias.api.policy import Approval
from modelalias.api.request import Decision, PromotionRequest
from modelalias.cli import edits, output, report, session, word
from modelalias.cli.cluster import Cluster
from modelalias.cli.word import Asked
from modelalias.core.errors import InvalidRequest, Refused

_APPROVE: Final = """\
The verdict is printed, then one item is added to spec.approvals: you, and the evidence that you saw. A word cannot be changed
or taken back, and counts for this evidence only. To approve the same again is no failure.

examples:
  %(prog)s churn-v4 --confirm "bias report read"
  %(prog)s churn-v4 --confirm-all -m "seen with the team"
  %(prog)s churn-v4 --dry-run > edit.yaml
  kubectl patch promotionrequests.modelalias.dev churn-v4 --type=json --patch-file=edit.yaml

exit status:
  0   approved, or you had approved already
  2   not approved: the message on standard error says why
"""

_REJECT: Final = """\
One word ends the request. It is written as an approval is, see approve.

examples:
  %(prog)s churn-v4 -m "not before the holidays"

exit status:
  0   rejected, or you had rejected already
  2   not rejected: the message on standard error says why
"""

_DONE: Final = {Decision.APPROVE: "approved", Decision.REJECT: "rejected"}


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add both commands and their arguments."""
    shape: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    approve = commands.add_parser(
        "approve", help="approve a request", description="Approve a request.", epilog=_APPROVE, **shape
    )
    reject = commands.add_parser(
        "reject", help="reject a request", description="Reject a request.", epilog=_REJECT, **shape
    )
    for parser in (approve, reject):
        parser.add_argument("request", metavar="REQUEST", help="name of the PromotionRequest")
        parser.add_argument(
            "--group",
            metavar="GROUP",
            help="speak for this group; default: one of the policy's that you are in",
        )
        parser.add_argument(
            "--evidence",
            metavar="SHA",
            help="only if the evidence is still this one, see status.resolved.evidence",
        )
        edits.add_flags(parser)
        session.add_flags(parser)
    approve.add_argument("-m", "--message", default="", help="a remark for the record")
    approve.add_argument(
        "--confirm", action="append", default=[], metavar="SENTENCE", help="a sentence of the checklist"
    )
    approve.add_argument("--confirm-all", action="store_true", help="every sentence of the checklist")
    approve.set_defaults(run=run, decision=Decision.APPROVE)
    reject.add_argument("-m", "--message", required=True, help="why, for the record")
    reject.set_defaults(run=run, decision=Decision.REJECT, confirm=[], confirm_all=False)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return what is to be printed, and the status."""
    prints = edits.wants_print(options)
    asked = Asked(
        decision=options.decision,
        evidence=options.evidence,
        group=options.group,
        confirmed=tuple(options.confirm),
        confirms_all=options.confirm_all,
        message=options.message,
    )

    async def say(cluster: Cluster) -> str:
        return (
            await _print(cluster, options, asked) if prints else await _say(cluster, options.request, asked)
        )

    return session.with_cluster(options, say), 0


async def _print(cluster: Cluster, options: argparse.Namespace, asked: Asked) -> str:
    who, request = await cluster.who(), await cluster.request(options.request)
    edit = word.edit(request, await _rules(cluster, request), who, asked)
    if edit is None:
        output.tell(f"nothing to do: already {_DONE[asked.decision]} by {who.user}")
        return ""
    return edits.text(edit, options.output)


async def _say(cluster: Cluster, name: str, asked: Asked) -> str:
    who, request = await cluster.who(), await cluster.request(name)
    if request.status.resolved is not None:
        output.show(report.verdict(request))
    rules = await _rules(cluster, request)
    if asked.evidence is None and request.status.resolved is not None:
        # what was printed is what is approved, also when somebody else is first and it is written again
        asked = replace(asked, evidence=request.status.resolved.evidence)
    new = await edits.carry_out(cluster, request, lambda found: word.edit(found, rules, who, asked))
    return output.lines([f"{'' if new else 'already '}{_DONE[asked.decision]} by {who.user}"])


async def _rules(cluster: Cluster, request: PromotionRequest) -> Approval | None:
    """Read whose approval counts; None when that cannot be read: the operator says so then."""
    try:
        return (await cluster.alias(request.spec.alias_ref.name)).spec.policy.approval
    except (Refused, InvalidRequest):
        return None
