"""`modelalias pin` and `modelalias unpin`: set and clear `spec.version` of a ModelAlias."""

import argparse
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.api.request_status import PromotionRequestStatus
from modelalias.cli import (
    alias_edit,
    edit_command,
    edits,
    output,
    pin_edit,
    pin_waiting,
    session,
    status,
    table,
    waiting,
)
from modelalias.cli.alias_edit import AliasEdit
from modelalias.cli.cluster import PersonsCluster
from modelalias.core.errors import InvalidRequest

_PIN: Final = """\
Sets spec.version, in your name. While it is set, promotion requests are rejected. With policy.pins: Gated a
version that the alias never had is judged first.

examples:
  %(prog)s churn-champion 4
  %(prog)s churn-champion 4 --wait --timeout 1h
  %(prog)s churn-champion 4 --dry-run > edit.yaml
  kubectl patch modelaliases.modelalias.dev churn-champion --type=json --patch-file=edit.yaml

exit status:
  0   the pin is set, now or before; with --wait: the alias and its workloads are at that version
  1   with --wait: the version was refused, the rollout failed, or somebody changed the pin
  2   with --wait: the pin was not taken in time; or it was not set: standard error says why
"""
_UNPIN: Final = """\
Clears spec.version. The alias stays where it is; requests can move it again.

examples:
  %(prog)s churn-champion
  %(prog)s churn-champion --dry-run > edit.yaml
  kubectl patch modelaliases.modelalias.dev churn-champion --type=json --patch-file=edit.yaml

exit status:
  0   there is no pin, now or before
  2   the pin was not removed; standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add both commands and their arguments."""
    parser = edit_command.add(
        commands, "pin", "keep an alias at one version until it is unpinned", _PIN, run_pin
    )
    parser.add_argument("version", metavar="VERSION", help="a version of the model")
    status.add_wait_flags(parser, "the pin was taken or refused")
    edit_command.add(commands, "unpin", "let requests move an alias again", _UNPIN, run_unpin)


def run_pin(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    only_prints = edits.only_prints(options)
    if only_prints and options.wait:
        raise InvalidRequest("--wait has nothing to wait for: --dry-run sets no pin")

    async def pin(cluster: PersonsCluster) -> tuple[str, int]:
        user = (await cluster.who()).user
        alias = await cluster.alias(options.alias)

        def make(found: ModelAlias) -> AliasEdit | None:
            return pin_edit.pin(found, options.version, user)

        if only_prints:
            return edit_command.printed(
                make(alias), f"{options.alias} is {pin_edit.described(alias)}", options
            ), 0
        pinned = await alias_edit.carry_out(cluster, alias, make, pin_edit.must_agree)
        message = f"{options.alias}: {pin_edit.described(pinned or alias)}{'' if pinned else ' already'}"
        if not options.wait:
            return output.lines([message]), 0
        output.tell(message)
        return await _wait(cluster, pinned or alias, options.timeout)

    return session.with_cluster(options, pin)


def run_unpin(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    only_prints = edits.only_prints(options)

    async def unpin(cluster: PersonsCluster) -> str:
        alias = await cluster.alias(options.alias)
        if only_prints:
            return edit_command.printed(pin_edit.unpin(alias), f"{options.alias} is not pinned", options)
        former = pin_edit.described(alias)
        unpinned = await alias_edit.carry_out(cluster, alias, pin_edit.unpin, pin_edit.must_agree)
        return output.lines([f"{options.alias}: {f'was {former}, now not pinned' if unpinned else former}"])

    return session.with_cluster(options, unpin), 0


async def _wait(cluster: PersonsCluster, pinned: ModelAlias, seconds: float) -> tuple[str, int]:
    latest, ending = await pin_waiting.until_taken(cluster, pinned, seconds, output.tell, waiting.clock())
    verdict = latest.status.pin
    judged = verdict if verdict is not None and verdict.version == pinned.spec.version else None
    rules = (
        [*table.rules(PromotionRequestStatus(eligibility=judged.eligibility, gates=judged.gates))]
        if judged is not None
        else []
    )
    return output.lines([*rules, pin_waiting.conclusion(latest, pinned)]), ending
