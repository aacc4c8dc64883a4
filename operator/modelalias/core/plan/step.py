"""What the next step of a plan can be."""

from datetime import datetime

from modelalias.api.alias import Outcome, Plan
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.core.protocol.decision import Do


class Wait(Value):
    """Workloads are rolling: look again when one changes, at the latest at `until`."""

    message: str
    until: datetime
    plan: Plan
    """The plan with its clock as it stands now."""
    verifying: bool = False
    """Whether everything is rolled out, and pods are only asked what they serve."""


class CannotGoOn(Value):
    """It cannot go on: undo what was done, or leave it as it is."""

    failure: Reason
    message: str


class Finish(Value):
    """Everything is as the plan wants it, or nothing more can be done."""

    outcome: Outcome
    message: str = ""


Step = Do | Wait | CannotGoOn | Finish
