"""Each README in examples/ does on real pods what it shows.

They are played side by side, with one operator and one MLflow: each has a namespace and registered models of its own.
What is typed into their shells runs in forks, see `typed_programs`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from hack.example import needs, place
from hack.example.play import Proof, play
from hack.example.readme import Block, read
from tests.support.typed_programs import forking_programs
from tests.support.whole_run import WholeRun

pytestmark = [pytest.mark.needs_real_pods, pytest.mark.timeout(1500)]

SIDE_BY_SIDE: Final = 2
"""They mostly wait for pods."""
LIMIT: Final = 1400.0


@pytest.fixture(scope="module")
def played(
    whole_run: WholeRun,
    images: None,  # noqa: ARG001 - the pods run them
    request: pytest.FixtureRequest,
) -> Iterator[Mapping[str, Future[Sequence[Proof]]]]:
    """The examples that were asked for, each as soon as there is room for it."""
    whole_run.once("examples", _installed)
    asked = [item for item in request.session.items if item.path == request.path]
    names = [str(item.callspec.params["name"]) for item in asked if isinstance(item, pytest.Function)]
    with forking_programs() as programs, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {name: pool.submit(_play, name, programs) for name in names}
        pool.shutdown(cancel_futures=True)


def _installed() -> str:
    place.install(print)
    return "installed"


def _play(name: str, programs: Path) -> Sequence[Proof]:
    with place.fresh(name) as variables:
        path = os.pathsep.join([str(programs), variables["PATH"]])
        environ = {**os.environ, **variables, "PATH": path}
        proofs = play(_blocks(name), place.EXAMPLES / name, environ, print, print)
    place.forget(name, wait=False)
    return proofs


def _blocks(name: str) -> Sequence[Block]:
    return read((place.EXAMPLES / name / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", place.names())
def test_readme_shows_what_happens(
    name: str, played: Mapping[str, Future[Sequence[Proof]]], request: pytest.FixtureRequest
) -> None:
    if needs.read(place.EXAMPLES / name):
        request.getfixturevalue("reached")
    proofs = played[name].result(LIMIT)

    assert [proof.claim for proof in proofs] == [block.claim for block in _blocks(name) if block.claim]
