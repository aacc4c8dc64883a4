"""What a DVC pointer says: `churn.csv.dvc` names the MD5 of `churn.csv`."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from modelalias.adapters import yaml_of_others
from modelalias.adapters.yaml_of_others import NonsenseError
from modelalias.ports import DataPointer

SUFFIX: Final = ".dvc"

MD5: Final = re.compile(r"[0-9a-f]{32}(\.dir)?")

MOST_OUTPUTS: Final = 10
"""Of one pointer; `dvc add` writes one."""


def parse(file: str, text: str) -> Sequence[DataPointer]:
    """Return what the pointer at a path says, once for each output; nothing is raised."""
    try:
        return tuple(_outputs(file, yaml_of_others.mapping(text).get("outs")))
    except NonsenseError as error:
        return (DataPointer(file=file, problem=str(error)),)


def _outputs(file: str, outputs: object) -> Iterator[DataPointer]:
    if not isinstance(outputs, list) or not outputs:
        raise NonsenseError("names no output")
    for output in outputs[:MOST_OUTPUTS]:
        fields = output if isinstance(output, dict) else {}
        data, md5 = fields.get("path"), fields.get("md5")
        named = data if isinstance(data, str) else ""
        if isinstance(md5, str) and MD5.fullmatch(md5):
            yield DataPointer(file=file, data=named, md5=md5)
        else:
            yield DataPointer(file=file, data=named, problem="names no md5")
