"""The command line: write what is generated of the chart, or say what is stale."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hack.chart import readme, schema, shared

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "charts" / "modelalias"


def generated(root: Path, chart: Path) -> Mapping[Path, str]:
    """Return the text of each generated file of the chart."""
    values = (chart / "values.yaml").read_text(encoding="utf-8")
    page = chart / "README.md"
    return {
        **{chart / shared.FOLDER / name: text for name, text in shared.files(root).items()},
        chart / "values.schema.json": schema.text(),
        page: readme.with_table(page.read_text(encoding="utf-8"), values),
    }


def stale(files: Mapping[Path, str], chart: Path) -> Sequence[Path]:
    """Return the files that are missing or otherwise, and those that nothing makes."""
    other = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    found = {path for path in (chart / shared.FOLDER).rglob("*") if path.is_file()}
    return sorted({*other, *(found - files.keys())})


def write(files: Mapping[Path, str], chart: Path) -> None:
    """Write what is stale, and remove what nothing makes."""
    for path in stale(files, chart):
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()


def main(words: Sequence[str] | None = None) -> int:
    """Write the files, or return 1 if one of them is stale."""
    parser = argparse.ArgumentParser(prog="python -m hack.chart", description=__doc__)
    parser.add_argument("--chart", type=Path, default=CHART, help="the chart's folder (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    options = parser.parse_args(words)
    files = generated(ROOT, options.chart)
    if not options.check:
        write(files, options.chart)
        return 0
    found = stale(files, options.chart)
    for path in found:
        sys.stderr.write(f"chart: {path} is not what `make crds` writes\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
