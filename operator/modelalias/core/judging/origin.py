"""Where a version comes from: whether the run that it names is the one that made its logged model.

A registry takes any run's id for a version, so that a good run's numbers could stand for another model.
"""

from modelalias.core.errors import InvalidRequest
from modelalias.core.protocol.facts import Facts
from modelalias.ports import MeasuredModel, ModelVersion, Run


def why_not_made_by(name: str, version: ModelVersion, run: Run, facts: Facts) -> str:
    """Return why a run's metrics are not the version's; "" when they are.

    Most runs list the models that they made, so that nothing more is asked; of one that lists none the logged
    model tells.
    """
    if version.model_id is None or version.model_id in run.models:
        return ""
    if run.models:
        return f"{name} says that run {run.run_id} made it, which did not make its logged model {version.model_id}"
    try:
        return why_of_another_run(name, version, facts.measured(version.model_id, ()))
    except InvalidRequest as error:
        return f"whether run {run.run_id} made {name} cannot be told: {error}"


def why_of_another_run(name: str, version: ModelVersion, made: MeasuredModel) -> str:
    """Return why a version and its logged model are of two runs; "" when they are not, or no run is named."""
    if version.run_id is None or version.run_id == made.run_id:
        return ""
    maker = "no run" if made.run_id is None else f"run {made.run_id}"
    return f"{name} says that run {version.run_id} made it, and {maker} made its logged model {made.model_id}"
