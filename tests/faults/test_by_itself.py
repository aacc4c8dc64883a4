"""Whatever happens around an alias, the operator moves nothing by itself that a person would have to decide.

`MODELALIAS_ANY_ORDER` sets how many stories are tried, as in `test_any_order.py`.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.by_itself import ByItself

STORIES: Final = int(os.environ.get("MODELALIAS_ANY_ORDER", "15"))
STEPS: Final = 40


def test_nothing_moves_by_itself_that_a_person_would_have_to_decide() -> None:
    run_state_machine_as_test(
        ByItself,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            derandomize="MODELALIAS_ANY_ORDER" not in os.environ,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
