"""What makes thousands of tests that need nothing but this process cheap."""

import gc
import os

import pytest

# Threads of the numeric libraries spin while they wait for one another; this is read when numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Modules and tests live as long as the run: collecting garbage among them, again and again, finds none.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Collect garbage again, among what the tests make only; hypothesis is told of each time, so they are few."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
