"""The DVC pointers among the files of a run, read through the tracking server alone.

A run may hold thousands of files in any depth, so it is looked at the top, and one folder below.
"""

import asyncio
import json
from collections.abc import Sequence
from itertools import chain
from typing import Final

from mlflow.protos.service_pb2 import FileInfo

from modelalias.adapters import dvc_pointer
from modelalias.adapters.mlflow_calls import Calls
from modelalias.adapters.mlflow_errors import Broken, Clash, MissingResource, Oversized
from modelalias.adapters.mlflow_sources import RUN_ID
from modelalias.adapters.mlflow_wire import Runs, Wire
from modelalias.core.errors import InvalidRequest, RunNotFound, Unreadable
from modelalias.ports import DataPointer

OF_RUN: Final = "/get-artifact"

LARGEST_FILE: Final = 64 * 1024
"""Bytes; a pointer has a few hundred."""

MOST_FOLDERS: Final = 10
MOST_FILES: Final = 10


class DataPointerReader:
    """Finds the pointers of a run and reads them."""

    def __init__(self, wire: Wire, store: Runs, calls: Calls) -> None:
        self._wire = wire
        self._store = store
        self._calls = calls

    async def read(self, run_id: str) -> Sequence[DataPointer]:
        """Return what the pointers say, by their paths; raise `RunNotFound` or `Unreadable`."""
        if not RUN_ID.fullmatch(run_id):
            raise RunNotFound(f"the registry has no run {run_id}")
        try:
            top = await self._list(run_id, "")
            folders = sorted(item.path for item in top if item.is_dir)[:MOST_FOLDERS]
            below = await asyncio.gather(*(self._list(run_id, folder) for folder in folders))
            files = sorted(item.path for item in chain(top, *below) if _is_pointer(item))
            found = await asyncio.gather(*(self._pointers(run_id, file) for file in files[:MOST_FILES]))
        except MissingResource as error:
            raise RunNotFound(f"the registry has no run {run_id}") from error
        except (Clash, Broken, InvalidRequest) as error:
            raise Unreadable(f"the registry cannot hand out the files of run {run_id}") from error
        return tuple(chain.from_iterable(found))

    async def _list(self, run_id: str, path: str) -> Sequence[FileInfo]:
        return await self._calls.run(lambda: self._store.list_artifacts(run_id, path))

    async def _pointers(self, run_id: str, file: str) -> Sequence[DataPointer]:
        asked = json.dumps({"run_id": run_id, "path": file})
        try:
            text = await self._calls.run(lambda: self._wire.send(OF_RUN, "GET", asked, most=LARGEST_FILE))
        except Oversized:
            return (DataPointer(file=file, problem="is larger than 64 KiB"),)
        return dvc_pointer.parse(file, text)


def _is_pointer(item: FileInfo) -> bool:
    return not item.is_dir and bool(item.path.endswith(dvc_pointer.SUFFIX))
