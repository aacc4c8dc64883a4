"""A folder of manifests, in which nothing that stands there is written over: people edit what they adopted."""

from pathlib import Path

from modelalias.core.errors import InvalidRequest


def write_new(place: Path, text: str) -> bool:
    """Write a file and the folders above it; return False, and leave it, where it holds something else.

    Raise `InvalidRequest` if it cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return _holds(place, text)
    except OSError as error:
        raise _not_written(place, error) from error
    return True


def _holds(place: Path, text: str) -> bool:
    try:
        return place.read_bytes() == text.encode()
    except OSError as error:
        raise _not_written(place, error) from error


def _not_written(place: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(f"{place} cannot be written: {error.strerror or error}")
