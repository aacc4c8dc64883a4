"""Running kubectl against a cluster of this machine."""

import subprocess
from pathlib import Path
from typing import Final

_PATIENCE: Final = 300.0


def kubectl(kubeconfig: str, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the kubectl that came with the cluster, else the machine's; the caller looks at how it ended."""
    own = Path(kubeconfig).parent / "bin" / "kubectl"
    program = str(own) if own.exists() else "kubectl"
    return subprocess.run(
        [program, "--kubeconfig", kubeconfig, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
