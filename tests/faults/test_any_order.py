"""Whatever happens around an alias, in any order: each request ends once, and the alias holds only what
somebody may ask for.

`MODELALIAS_ANY_ORDER` sets how many stories are tried instead of the few that CI has time for, each of up to
60 steps: `MODELALIAS_ANY_ORDER=2000 pytest tests/faults/test_any_order.py --timeout=0 --hypothesis-seed=1`.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.any_order import AnyOrder

STORIES: Final = int(os.environ.get("MODELALIAS_ANY_ORDER", "50"))
STEPS: Final = 60


def test_an_alias_survives_anything_in_any_order() -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            derandomize="MODELALIAS_ANY_ORDER" not in os.environ,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
