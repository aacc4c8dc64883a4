"""Whatever somebody writes into MLflow: only what was judged against what was accepted is served.

`MODELALIAS_ANY_ORDER` sets how many stories are tried, as for `test_any_order.py`.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.adversary import Adversary

STORIES: Final = int(os.environ.get("MODELALIAS_ANY_ORDER", "100"))
STEPS: Final = 30


def test_nobody_brings_what_was_not_judged_into_production_by_writing_in_mlflow() -> None:
    run_state_machine_as_test(
        Adversary,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            derandomize="MODELALIAS_ANY_ORDER" not in os.environ,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
