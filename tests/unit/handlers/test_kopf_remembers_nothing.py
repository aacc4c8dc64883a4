"""Kopf keeps something of each object that it ever saw; here it must not, or memory would grow with every request."""

from typing import Any, cast

import kopf

from modelalias.handlers import tuning

BODY = cast("kopf.RawBody", {"metadata": {"uid": "1", "name": "one", "namespace": "ml"}})


async def test_kopf_remembers_nothing_of_an_object() -> None:
    kept: Any = tuning.arguments([])["memories"]

    first = await kept.recall(BODY, noticed_by_listing=True)

    assert first.noticed_by_listing
    assert await kept.recall(BODY) is not first
    assert not list(kept.iter_all_memories())
    await kept.forget(BODY)
