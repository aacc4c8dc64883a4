"""Builders of specs, as short as a test wants them: everything has a default."""

from typing import Any, Final

from modelalias.api.alias import Gate, ModelAliasSpec
from modelalias.api.request import PromotionRequestSpec

NAMESPACE: Final = "ml"
MODEL: Final = "churn"
ALIAS: Final = "champion"
NAME: Final = "churn-champion"

PINNED: Final = {"mode": "Pinned", "container": "main", "env": "MODEL_URI"}


def alias_spec(**fields: Any) -> ModelAliasSpec:
    """Return the spec of an alias, from fields as they stand in YAML."""
    rollout = {"stableSeconds": 0, **fields.pop("rollout", {})}
    return ModelAliasSpec.model_validate({"model": MODEL, "alias": ALIAS, "rollout": rollout, **fields})


def request_spec(version: str | None = None, *, name: str = NAME, **fields: Any) -> PromotionRequestSpec:
    """Return the spec of a request for a version, or for the source in `fields`."""
    source = {} if version is None else {"source": {"version": version}}
    return PromotionRequestSpec.model_validate({"aliasRef": {"name": name}, **source, **fields})


def gate(**fields: Any) -> Gate:
    """Return a gate; without fields, one that asks for a val_auc of at least 0.85."""
    rule = {} if "champion" in fields else {"threshold": 0.85}
    return Gate.model_validate(
        {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter", **rule, **fields}
    )


def gated(*gates: dict[str, Any]) -> dict[str, Any]:
    """Return the field `policy` with these gates."""
    default = {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter"}
    return {"policy": {"gates": [{**default, **item} for item in gates]}}
