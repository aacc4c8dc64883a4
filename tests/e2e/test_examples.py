"""Each README in examples/ does on real pods what it shows."""

import os

import pytest

from hack.example import place
from hack.example.play import play
from hack.example.readme import read
from tests.support.whole_run import WholeRun

pytestmark = [pytest.mark.needs_real_pods, pytest.mark.timeout(1500)]


@pytest.fixture(scope="session")
def installed(whole_run: WholeRun, images: None) -> None:  # noqa: ARG001 - the pods run them
    """The operator and the MLflow server of the examples, installed once for the whole run."""
    whole_run.once("examples", _installed)


def _installed() -> str:
    place.install(print)
    return "installed"


@pytest.mark.parametrize("name", place.names())
def test_readme_shows_what_happens(name: str, installed: None) -> None:  # noqa: ARG001
    blocks = read((place.EXAMPLES / name / "README.md").read_text(encoding="utf-8"))
    claims = [block.claim for block in blocks if block.claim]

    with place.fresh(name) as variables:
        proofs = play(blocks, place.EXAMPLES / name, {**os.environ, **variables}, print, print)
    place.forget(name, wait=False)

    assert [proof.claim for proof in proofs] == claims
    assert claims, "it proves nothing"
