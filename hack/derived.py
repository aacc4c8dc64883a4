"""Files that are made of other files of ours, for tools that want them in a form of their own.

`python -m hack.derived` writes them, `--check` says whether they are up to date. Plain text is put together, so that
comments, order and line breaks stay as they were written.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
ALERTS: Final = Path("manifests/components/alerts")
ARGO: Final = Path("contrib/argocd")
GROUP: Final = "modelalias.dev"

_RULE_HEAD: Final = """\
# Made of rules.yaml by `make crds`: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: modelalias
  namespace: modelalias-system
  labels:
    app.kubernetes.io/component: operator
    app.kubernetes.io/name: modelalias
    app.kubernetes.io/part-of: modelalias
spec:
"""
_ARGO_HEAD: Final = """\
# Made of resource_customizations by `make crds`: change it there. How to bring it into your argocd-cm: docs/gitops.md.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels:
    app.kubernetes.io/name: argocd-cm
    app.kubernetes.io/part-of: argocd
data:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or return 1 if one is not up to date."""
    parser = argparse.ArgumentParser(
        prog="python -m hack.derived", description="Files made of other files of ours."
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    files = derived(ROOT)
    stale = [path for path, text in files.items() if not _is(ROOT / path, text)]
    for path in stale:
        sys.stderr.write(f"{path} is not up to date: make crds\n" if check else f"wrote {path}\n")
        if not check:
            (ROOT / path).write_text(files[path], encoding="utf-8")
    return 1 if check and stale else 0


def derived(root: Path) -> Mapping[Path, str]:
    """Return the text of each file, by its path below the repository."""
    return {
        ALERTS / "prometheus-rule.yaml": prometheus_rule((root / ALERTS / "rules.yaml").read_text("utf-8")),
        ARGO / "argocd-cm.yaml": argo_settings(root / ARGO / "resource_customizations" / GROUP),
    }


def prometheus_rule(rules: str) -> str:
    """Return a PrometheusRule with the rules of a file for Prometheus."""
    lines = [line for line in rules.splitlines(keepends=True) if not line.startswith("#")]
    return _RULE_HEAD + indent("".join(lines), "  ")


def argo_settings(folder: Path) -> str:
    """Return Argo CD's ConfigMap with the scripts of a folder that is laid out as Argo CD's own are."""
    return _ARGO_HEAD + "".join(_settings(kind) for kind in sorted(folder.iterdir()))


def _settings(kind: Path) -> str:
    actions = sorted((kind / "actions").glob("*/action.lua"))
    definitions = [_entry("- name: " + path.parent.name, [("action.lua", path)]) for path in actions]
    text = _entry("", [("discovery.lua", kind / "actions" / "discovery.lua")])
    text += "definitions:\n" + "".join(definitions)
    return "".join(
        (
            _block(f"resource.customizations.health.{GROUP}_{kind.name}", _read(kind / "health.lua"), "  "),
            _block(f"resource.customizations.actions.{GROUP}_{kind.name}", text, "  "),
        )
    )


def _entry(head: str, scripts: Iterable[tuple[str, Path]]) -> str:
    """Return YAML with scripts as blocks, those of a list's item below its head."""
    depth = "  " if head else ""
    blocks = "".join(_block(name, _read(path), depth) for name, path in scripts)
    return f"{head}\n{blocks}" if head else blocks


def _block(key: str, text: str, depth: str) -> str:
    return f"{depth}{key}: |\n{indent(text, depth + '  ')}"


def _read(path: Path) -> str:
    return path.read_text("utf-8")


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
