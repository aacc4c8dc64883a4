"""`python -m hack.example run NAME` (`make example`) and `python -m hack.example shell NAME` (`make example-shell`).

`run` types the lines of examples/NAME/README.md. `shell` prints what gives a shell of your own the same environment.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from hack.demo.speech import begin, say
from hack.example import place
from hack.example.needs import NeedsError
from hack.example.play import PlayError, play, summary
from hack.example.readme import ReadmeError, read


def main(arguments: Sequence[str]) -> int:
    """Run one example, or print the environment of its shell; return the exit status."""
    match arguments:
        case [("run" | "shell") as what, name] if name in place.names():
            return _guarded(_run if what == "run" else _shell, name)
    sys.stderr.write(f"which example? make example NAME={'|'.join(place.names())}\n")
    return 2


def _guarded(act: Callable[[str], int], name: str) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return act(name)
    except (PlayError, place.PlaceError, NeedsError, ReadmeError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"example {name}: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(name: str) -> int:
    begin()
    blocks = read((place.EXAMPLES / name / "README.md").read_text(encoding="utf-8"))
    place.bring_up(say)
    place.install(say)
    say(f"clearing away what an earlier run of {name} left")
    with place.fresh(name) as variables:
        began = time.monotonic()
        proofs = play(blocks, place.EXAMPLES / name, {**os.environ, **variables}, say, _show)
        seconds = time.monotonic() - began
    sys.stdout.write(f"\n{summary(name, proofs, seconds)}\n")
    sys.stdout.write(f'\nLook around: eval "$(make -s example-shell NAME={name} KEEP=1)"\n')
    return 0


def _show(line: str) -> None:
    sys.stdout.write(f"{'':11}{line}\n")
    sys.stdout.flush()


def _shell(name: str) -> int:
    def tell(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    keep = bool(os.environ.get("KEEP"))
    if not keep:
        place.bring_up(tell)
        place.install(tell)
    port, variables = place.prepare_shell(name, keep=keep)
    for key, value in variables.items():
        sys.stdout.write(f"export {key}={shlex.quote(value)}\n")
    sys.stdout.write(f"cd {shlex.quote(str(place.EXAMPLES / name))}\n")
    sys.stdout.write(f"{shlex.join(place.forward_command(port))} >/dev/null 2>&1 &\n")
    sys.stdout.write(f"until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.2; done\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
