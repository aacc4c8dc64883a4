"""`modelalias completion`: the lines that teach a shell to complete what is typed."""

import argparse
from typing import Any, Final

PROGRAM: Final = "kubectl_complete-modelalias"
"""What a shell asks: kubectl gives its plugins' completion this name, and shells find it by the same."""
_COMPLETED: Final = ("modelalias", "kubectl-modelalias")

_MORE: Final = f"""\
Commands, options, their values, and the names of ModelAliases and requests are completed; for names the API server is
asked, as the command would. The shell asks the program {PROGRAM}, which has to be on the PATH. kubectl's own
completion asks it as well, so that kubectl modelalias is completed without these lines.

examples:
  source <(%(prog)s bash)                                        # in ~/.bashrc
  source <(%(prog)s zsh)                                         # in ~/.zshrc, behind compinit
  %(prog)s fish > ~/.config/fish/completions/modelalias.fish

exit status:
  0   the lines were printed
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "completion",
        help="print what makes bash, zsh or fish complete commands and names",
        description="Print what makes a shell complete commands and names.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the lines."""
    # imported late: only completion needs it
    from argcomplete.shell_integration import shellcode  # noqa: PLC0415

    return shellcode(_COMPLETED, shell=options.shell, argcomplete_script=PROGRAM), 0
