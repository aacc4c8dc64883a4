"""The page of figures from the JSON of the benchmarks: `python -m hack.bench [--check]`.

docs/benchmarks/*.json is what `make bench` wrote. Of it are made the part of docs/benchmarks.md between its two marks, and the
pictures.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hack.bench import curve, goals
from hack.bench.bars import Bar, drawn
from hack.bench.curve import Curve
from hack.bench.goals import Report, of_spread

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
FIGURES: Final = DOCS / "benchmarks"
PAGE: Final = DOCS / "benchmarks.md"
PICTURES: Final = DOCS / "pictures"
BEGIN: Final = "<!-- figures: written by `python -m hack.bench` -->"
END: Final = "<!-- end of figures -->"


def _side(report: Report, path: str, label: str, *, ours: bool = False) -> Bar:
    return Bar(label, of_spread(path)(report), ours)


def _burst(report: Report) -> tuple[str, str, Sequence[Bar]]:
    bars = [
        _side(
            report,
            f"workers.{workers}.{side}",
            f"{label}, MLflow: {workers}",
            ours=side == "operator",
        )
        for workers in report["workers"]
        for side, label in (
            ("operator", "operator"),
            ("same", "script, same calls"),
            ("fewest", "script, 5 calls"),
        )
    ]
    return f"{report['requests']:,} promotions at once, s (behind MLflow: its workers)", " s", bars


def _drift(report: Report) -> tuple[str, str, Sequence[Bar]]:
    bars = [
        _side(report, way, f"{way}, {report['calls'][way]:,} calls", ours=way == "operator")
        for way in ("operator", "bare", "naive")
    ]
    return f"One look at {report['aliases']:,} aliases, s", " s", bars


def _coldstart(report: Report) -> tuple[str, str, Sequence[Bar]]:
    bars = [
        _side(report, "operator", "operator", ours=True),
        _side(report, "bare", "script that only reads"),
    ]
    return f"Cold start with {report['aliases']:,} aliases, s", " s", bars


def _costs(report: Report) -> tuple[str, str, Sequence[Bar]]:
    bars = [_side(report, f"{way}.rss_mib", way, ours=way == "operator") for way in ("operator", "naive")]
    return f"Memory with {report['aliases']:,} aliases, MiB", " MiB", bars


def _argo(report: Report) -> tuple[str, str, Sequence[Bar]]:
    names = {"operator": "operator", "defaults": "Argo Rollouts", "tuned": "Argo Rollouts, tuned"}
    bars = [_side(report, f"{way}.seconds", name, ours=way == "operator") for way, name in names.items()]
    return f"{report['requests']:,} changes at once, s", " s", bars


def _soak(report: Report) -> tuple[str, Sequence[Curve]]:
    units = {"mib": "memory, MiB", "descriptors": "open descriptors", "threads": "threads"}
    curves = [
        Curve(label, [(item["at"], item[key], item["pid"]) for item in report["samples"]])
        for key, label in units.items()
    ]
    faults, kills = sum(report["faults"].values()), report["kills"]
    return f"A soak of {report['seconds'] / 60:.0f} min with {faults} faults and {kills} kills", curves


DRAWN: Final[Mapping[str, Callable[[Report], tuple[str, str, Sequence[Bar]]]]] = {
    "burst": _burst,
    "argo": _argo,
    "drift": _drift,
    "costs": _costs,
    "coldstart": _coldstart,
}


def pictures(reports: Mapping[str, Report]) -> Mapping[str, tuple[str, str]]:
    """Return title and SVG of each benchmark that was measured, by the name of its file."""
    found = {}
    for name, bars_of in DRAWN.items():
        if name in reports and "left_out" not in reports[name]:
            title, unit, bars = bars_of(reports[name])
            found[f"bench-{name}.svg"] = (title, drawn(title, unit, bars))
    if "soak" in reports and "left_out" not in reports["soak"]:
        title, curves = _soak(reports["soak"])
        found["bench-soak.svg"] = (title, curve.drawn(title, curves))
    return found


def page(text: str, files: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page with all figures between its marks; the files are those of one run, by benchmark."""
    reports = {name: file[name] for name, file in files.items()}
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no marks {BEGIN} and {END}")
    parts = [goals.table(reports)]
    if "burst" in reports:
        parts.append(goals.registry_time(reports["burst"]))
    if "calls" in reports:
        parts.append(goals.call_costs(reports["calls"]))
    parts += [f"![{title}](pictures/{file})" for file, (title, _) in pictures(reports).items()]
    if files:
        parts.append(_run(files))
    return f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}"


def _run(files: Mapping[str, Mapping[str, Any]]) -> str:
    """Return on what, and beside which load, each benchmark ran."""
    machines = sorted({_machine(file["machine"]) for file in files.values()})
    rows: list[Sequence[str]] = [("benchmark", "MLflow", "load when it began, ended"), ("---",) * 3]
    for name, file in files.items():
        load = f"{file['machine']['load_at_start'][0]}, {file['machine']['load_at_end'][0]}"
        rows.append((f"[{name}](benchmarks/{name}.json)", str(file[name].get("mlflow", "")), load))
    return "\n\n".join([*machines, "\n".join(f"| {' | '.join(row)} |" for row in rows)])


def _machine(on: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{key} {on[key]}" for key in ("python", "mlflow", "kopf", "kubernetes"))
    return f"{on['cpus']} cores, {on['memory_gib']:g} GiB, {on['system']}; {versions}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Write page and pictures, or compare them and return 1 if one differs."""
    options = argparse.ArgumentParser(prog="python -m hack.bench", description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is out of date")
    is_check = options.parse_args(arguments).check
    files = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FIGURES.glob("*.json"))
    }
    reports = {name: file[name] for name, file in files.items()}
    written = {PAGE: page(PAGE.read_text(encoding="utf-8"), files)}
    written |= {PICTURES / name: svg for name, (_, svg) in pictures(reports).items()}
    for path, text in written.items():
        if is_check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            sys.stderr.write(f"{path.name} is out of date: run python -m hack.bench\n")
            return 1
        if not is_check:
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
