"""Where an export goes: standard output, or a file that is there only once it is whole."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelalias.cli import output
from modelalias.core.errors import InvalidRequest

Write = Callable[[str], object]


@contextmanager
def opened(path: str | None) -> Iterator[Write]:
    """Open the file beside its place, readable to the user alone, and put it there when the block has ended well.

    Yield what writes a text to it, or to standard output without a path. Raise `InvalidRequest` if it cannot be
    written.
    """
    if path is None:
        yield output.show
        return
    place = Path(path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file.write
        Path(temporary).replace(place)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _not_written(path: str, error: OSError) -> InvalidRequest:
    return InvalidRequest(f"{path} cannot be written: {error.strerror or error}")
