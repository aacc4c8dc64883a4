"""The bare sides of a burst: registry calls of many promotions, some promotions at once, and no rule.

The calls of one model are a chain, one after another; chains begin in the order in which the operator began them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import unquote_plus, urlencode

from mlflow.utils.rest_utils import MlflowHostCreds

from tests.bench.replay import Rename, send
from tests.support.proxy import Sent

AT_ONCE: Final = 6
"""As many calls as the operator has under way."""
API: Final = "/api/2.0/mlflow"
RECORD_BYTES: Final = 600
"""About as long as the operator's record on a version."""
_RUN: Final = re.compile(r"\b[0-9a-f]{32}\b")

Chain = Sequence[Sent]


def cut(calls: Iterable[Sent], side: str, model_of_run: Mapping[str, str]) -> tuple[Chain, ...]:
    """Sort the registry calls of a recording by model, without snapshots; a call for several models is a chain of its
    own."""
    name = re.compile(rf"\b{side}-[0-9]{{5}}\b")
    chains: dict[object, list[Sent]] = {}
    for call in calls:
        if call.to != "mlflow" or call.is_follow_up:
            continue
        text = f"{unquote_plus(call.path)} {call.body.decode()}"
        runs = (model_of_run.get(run) for run in _RUN.findall(text))
        models = {*name.findall(text), *filter(None, runs)}
        chains.setdefault(models.pop() if len(models) == 1 else call, []).append(call)
    return tuple(tuple(chain) for chain in chains.values())


def fewest(models: Iterable[str], alias: str, previous: str, each: int) -> tuple[Chain, ...]:
    """Return the five calls that a promotion takes at least, for so many promotions of each model from version 1 on."""
    return tuple(
        tuple(call for version in range(1, each + 1) for call in _fewest(model, alias, previous, version))
        for model in models
    )


def _fewest(model: str, alias: str, previous: str, version: int) -> Iterator[Sent]:
    old, new = str(version), str(version + 1)
    yield _sent("GET", f"registered-models/get?{urlencode({'name': model})}")
    for name, held in ((previous, old), (alias, new)):
        yield _sent("POST", "registered-models/alias", {"name": model, "alias": name, "version": held})
    for told in (new, old):
        tag = {"name": model, "version": told, "key": f"modelalias.{alias}", "value": "x" * RECORD_BYTES}
        yield _sent("POST", "model-versions/set-tag", tag)


def _sent(method: str, path: str, body: Mapping[str, Any] | None = None) -> Sent:
    text = b"" if body is None else json.dumps(body).encode()
    return Sent("mlflow", method, f"{API}/{path}", "application/json", text, 0.0)


def play(uri: str, chains: Sequence[Chain], rename: Rename) -> Sequence[str]:
    """Send all chains, some at once, and return the answers that were no success."""
    creds = MlflowHostCreds(uri)  # type: ignore[no-untyped-call]  # MLflow's

    def one(chain: Chain) -> list[str]:
        answers = ((call, send(creds, call, rename)) for call in chain)
        return [f"{call}: {answer.status_code}" for call, answer in answers if answer.status_code != 200]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [failure for failures in pool.map(one, chains) for failure in failures]
