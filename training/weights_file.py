"""How a model in MLflow says that it has weights, and in which of its files."""

from typing import Final

import yaml

FLAVOUR: Final = "weights"
FILE: Final = "weights.json"


def weights_file(mlmodel: bytes | str) -> str | None:
    """Return the name of the file with the weights, by the text of a model's MLmodel; None: it has none.

    Only a name is taken, never a way to another folder.
    """
    try:
        name = yaml.safe_load(mlmodel)["flavors"][FLAVOUR]["data"]
    except (yaml.YAMLError, LookupError, TypeError):
        return None
    return name if isinstance(name, str) and "/" not in name and name.strip(".") else None
