"""The ways out that messages name: commands as somebody would type them."""

from modelalias.api.alias import ModelAlias


def promote(alias: ModelAlias, version: str) -> str:
    """Return the command that asks for a version."""
    return f"modelalias promote {_name(alias)} --version {version}"


def go_back(alias: ModelAlias, version: str) -> str:
    """Return the command that goes back to a version; it asks for a reason."""
    return f"modelalias rollback {_name(alias)} --to-version {version} -m WHY"


def retry(namespace: str, request: str) -> str:
    """Return the command that asks again for what a request asked for."""
    return f"modelalias retry {request} -n {namespace}"


def unpin(alias: ModelAlias) -> str:
    """Return the command that removes a pin."""
    return f"modelalias unpin {_name(alias)}"


def resume(alias: ModelAlias) -> str:
    """Return the command that lets a suspended alias go on."""
    return f"modelalias resume {_name(alias)}"


def release(alias: ModelAlias) -> str:
    """Return the command that ends a hold on automatic steps."""
    return f"modelalias release {_name(alias)}"


def acknowledge(alias: ModelAlias) -> str:
    """Return the command that lets a drift be corrected."""
    return f"modelalias ack {_name(alias)}"


def let_file() -> str:
    """Return what lets the operator file requests where it may not."""
    return "bind the ClusterRole modelalias-operator-requests to the operator's account"


def _name(alias: ModelAlias) -> str:
    return f"{alias.metadata.name} -n {alias.metadata.namespace}"
