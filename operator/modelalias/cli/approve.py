"""`modelalias approve` and `modelalias reject`: decide on a request that waits for approvals."""

import argparse
from dataclasses import replace
from typing import Any, Final

from modelalias.api.request import ApprovalDecision
from modelalias.cli import approval_entry, consent, edits, output, report, session
from modelalias.cli.approval_entry import Choice
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.sight import Sight, look

_APPROVE: Final = """\
Shows the verdict, asks you, and adds one item to spec.approvals: your user name and the evidence of that
verdict. An approval cannot be changed or removed, and is valid for this evidence only. Approving the same
evidence twice is not an error.

Without a terminal nobody can be asked: a script gives with --evidence what somebody looked at
(modelalias status REQUEST shows the verdict with its evidence). If the evidence has changed, nothing is written.

examples:
  %(prog)s churn-v4 --confirm-all -m "seen with the team"
  %(prog)s churn-v4 --evidence sha256:0a2c... --confirm "bias report read"
  %(prog)s churn-v4 --evidence sha256:0a2c... --confirm-all --dry-run > edit.yaml
  kubectl patch promotionrequests.modelalias.dev churn-v4 --type=json --patch-file=edit.yaml

exit status:
  0   approved, now or before
  2   not approved; standard error says why
"""

_REJECT: Final = """\
One rejection ends the request. It is written like an approval: see modelalias approve --help

examples:
  %(prog)s churn-v4 -m "not before the holidays"

exit status:
  0   rejected, now or before
  2   not rejected; standard error says why
"""

_DONE: Final = {ApprovalDecision.APPROVE: "approved", ApprovalDecision.REJECT: "rejected"}


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
            help="decide as a member of this group; default: the first of the groups asked that you are in",
        )
        parser.add_argument(
            "--evidence",
            metavar="SHA",
            help="do it only if this is still the evidence of the request (status.resolved.evidence); "
            "to approve without a terminal it has to be given",
        )
        edits.add_flags(parser)
        session.add_flags(parser)
    approve.add_argument("-m", "--message", default="", help="a remark; it is kept with the request")
    approve.add_argument(
        "--confirm",
        action="append",
        default=[],
        metavar="SENTENCE",
        help="confirm a sentence of the checklist, of which you are asked otherwise; can be given several times",
    )
    approve.add_argument("--confirm-all", action="store_true", help="confirm every sentence of the checklist")
    approve.set_defaults(run=run, decision=ApprovalDecision.APPROVE)
    reject.add_argument("-m", "--message", required=True, help="why; it is kept with the request")
    reject.set_defaults(run=run, decision=ApprovalDecision.REJECT, confirm=[], confirm_all=False)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    only_prints = edits.only_prints(options)
    choice = Choice(
        decision=options.decision,
        evidence=options.evidence,
        group=options.group,
        confirmed=tuple(options.confirm),
        confirms_all=options.confirm_all,
        message=options.message,
    )

    is_shown = choice.decision is ApprovalDecision.APPROVE and choice.evidence is None
    if is_shown:
        # asked between two connections: nothing times out while somebody reads, and Ctrl-C ends the command
        sight = session.with_cluster(options, lambda cluster: look(cluster, options.request))
        choice = consent.asked(sight, choice)

    async def decide(cluster: PersonsCluster) -> str:
        sight = await look(cluster, options.request)
        if only_prints:
            return _edit_text(sight, options, choice)
        if not is_shown and sight.request.status.resolved is not None:
            output.show(report.verdict(sight.request))
        return await _write(cluster, sight, choice)

    return session.with_cluster(options, decide), 0


def _edit_text(sight: Sight, options: argparse.Namespace, choice: Choice) -> str:
    edit = approval_entry.edit(sight.request, sight.rules, sight.who, choice)
    if edit is None:
        output.tell(f"nothing to do: already {_DONE[choice.decision]} by {sight.who.user}")
        return ""
    return edits.text(edit, options.output)


async def _write(cluster: PersonsCluster, sight: Sight, choice: Choice) -> str:
    who, request = sight.who, sight.request
    if choice.evidence is None and request.status.resolved is not None:
        # reject what was printed, also if somebody else writes first and this has to be written again
        choice = replace(choice, evidence=request.status.resolved.evidence)
    is_new = await edits.carry_out(
        cluster, request, lambda latest: approval_entry.edit(latest, sight.rules, who, choice)
    )
    return output.lines([f"{'' if is_new else 'already '}{_DONE[choice.decision]} by {who.user}"])
