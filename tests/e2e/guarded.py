"""A model whose ModelAlias judges on a fresh holdout, and that nothing serves."""

import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from hack.demo.story import EXAMPLES, Story, StoryError

GUARDED: Final = "churn-guarded"
"""The name of the model and of its ModelAlias."""


def guard(story: Story) -> None:
    """Apply the examples that judge on a fresh holdout, for a model of their own that nothing serves."""
    story.apply_example("churn-holdout.yaml")
    alias = yaml.safe_load((EXAMPLES / "churn-champion-holdout.yaml").read_text(encoding="utf-8"))
    alias["metadata"]["name"] = alias["spec"]["model"] = GUARDED
    alias["spec"]["serving"] = []
    story.kubectl("apply", "-f", "-", stdin=json.dumps(alias))


def promote(story: Story, version: str) -> Mapping[str, Any]:
    """Ask for a version in one's own name, wait as a pipeline does, and return the request's status."""
    name = f"{GUARDED}-v{version}"
    spec = {"aliasRef": {"name": GUARDED}, "source": {"version": version}, "requestedBy": story.user}
    body = {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "PromotionRequest",
        "metadata": {"name": name},
        "spec": spec,
    }
    story.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    try:
        story.kubectl("wait", "--for=condition=Complete", f"promotionrequest/{name}", "--timeout=240s")
    except StoryError as error:
        standing = f"{story.kubectl('get', 'mpr,jobs,pods')}{story.status('mpr', name)}"
        raise StoryError(f"{error}\n{standing}") from error
    return story.status("promotionrequest", name)
