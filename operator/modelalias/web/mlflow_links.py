"""The addresses of MLflow's own pages: a configured beginning, and names that are quoted. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from modelalias.core.errors import InvalidRequest

_FEWEST: Final = 2


@dataclass(frozen=True)
class Links:
    """The pages for people of one MLflow; each method returns "" where there are none."""

    ui: str = ""

    def model(self, model: str) -> str:
        """Return the address of a model."""
        return f"{self.ui}/#/models/{quote(model, safe='')}" if self.ui else ""

    def version(self, model: str, number: str) -> str:
        """Return the address of a version."""
        return f"{self.model(model)}/versions/{quote(number, safe='')}" if self.ui else ""

    def run(self, run_id: str) -> str:
        """Return the address of a run."""
        return f"{self.ui}/#/runs/{quote(run_id, safe='')}" if self.ui else ""

    def comparison(self, model: str, versions: Mapping[str, str]) -> str:
        """Return the address of a comparison of versions, by their runs."""
        if not self.ui or len(versions) < _FEWEST:
            return ""
        name, runs = (quote(json.dumps(value), safe="") for value in (model, dict(versions)))
        return f"{self.ui}/#/compare-model-versions?name={name}&runs={runs}"


NO_LINKS: Final = Links()


def address(text: str) -> str:
    """Return an address for links; raise `InvalidRequest` unless it is one of the web without credentials."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise InvalidRequest("the address of MLflow's pages must be http or https, without credentials")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
