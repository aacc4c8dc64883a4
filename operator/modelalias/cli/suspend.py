"""`modelalias suspend` and `modelalias resume`: set and clear `spec.suspend` of a ModelAlias."""

import argparse
from typing import Any, Final, NamedTuple

from modelalias.cli import alias_edit, edit_command, edits, output, session, suspend_edit
from modelalias.cli.alias_edit import Make
from modelalias.cli.cluster import PersonsCluster

_SUSPEND: Final = """\
Sets spec.suspend. Nothing new starts then, not even a rollback, and a plan that is under way stops before its next
step. Requests wait, and expire as always; dry runs are judged all the same.

examples:
  %(prog)s churn-champion
  %(prog)s churn-champion --dry-run > edit.yaml
  kubectl patch modelaliases.modelalias.dev churn-champion --type=json --patch-file=edit.yaml

exit status:
  0   the alias is suspended, now or before
  2   it was not suspended; standard error says why
"""
_RESUME: Final = """\
Clears spec.suspend: what waits goes on, and so does a plan that is under way.

examples:
  %(prog)s churn-champion
  %(prog)s churn-champion --dry-run > edit.yaml
  kubectl patch modelaliases.modelalias.dev churn-champion --type=json --patch-file=edit.yaml

exit status:
  0   the alias is not suspended, now or before
  2   it was not resumed; standard error says why
"""


class _Words(NamedTuple):
    """What is said once it is so, and where it was so before."""

    done: str
    before: str


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add both commands and their arguments."""
    edit_command.add(
        commands, "suspend", "stop everything of an alias until it is resumed", _SUSPEND, run_suspend
    )
    edit_command.add(commands, "resume", "let a suspended alias go on", _RESUME, run_resume)


def run_suspend(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    return _run(options, suspend_edit.suspend, _Words("suspended", "suspended already"))


def run_resume(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    return _run(options, suspend_edit.resume, _Words("resumed", "not suspended"))


def _run(options: argparse.Namespace, make: Make, words: _Words) -> tuple[str, int]:
    only_prints = edits.only_prints(options)

    async def edit(cluster: PersonsCluster) -> str:
        alias = await cluster.alias(options.alias)
        if only_prints:
            return edit_command.printed(make(alias), f"{options.alias} is {words.before}", options)
        edited = await alias_edit.carry_out(cluster, alias, make)
        return output.lines([f"{options.alias}: {words.before if edited is None else words.done}"])

    return session.with_cluster(options, edit), 0
