"""Servers and operators that run while a benchmark's block runs, started and ended without stopping its event
loop."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

from tests.support.databases import Database
from tests.support.mlflow_server import OTHER_DATABASE
from tests.support.operator_process import OperatorProcess

T = TypeVar("T")


def database() -> str:
    """Return the kind of database behind MLflow, as `--database` has it."""
    return os.environ.get(OTHER_DATABASE, Database.SQLITE)


@asynccontextmanager
async def operator(process: OperatorProcess) -> AsyncIterator[OperatorProcess]:
    """Run an operator until the block ends."""
    try:
        await asyncio.to_thread(process.start)
        yield process
    finally:
        await asyncio.to_thread(process.stop)


async def entered(stack: AsyncExitStack, manager: AbstractContextManager[T]) -> T:
    """Enter a blocking context in a thread, and leave it in one when the stack ends."""
    value = await asyncio.to_thread(manager.__enter__)
    stack.push_async_callback(asyncio.to_thread, manager.__exit__, None, None, None)
    return value
