"""A Lease in memory, and a clock that a test moves.

The suite in `tests/contract/test_lease.py` runs on this and on a real API server.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from modelalias.adapters.leadership import DURATION_SECONDS, Record
from modelalias.adapters.neighbours import Neighbour
from modelalias.core.errors import StaleObject
from tests.support.fault_queue import ANY, FaultQueue


class FakeLeaseStore:
    """The port `LeaseStore` in memory; several loops may share one."""

    def __init__(self) -> None:
        self.record: Record | None = None
        self.calls: list[str] = []
        self.others: Callable[[], Sequence[Neighbour]] = tuple
        """What the Leases of other installations say."""
        self.unproved = ""
        """Why nobody proves it."""
        self._faults = FaultQueue()
        self._serial = 0

    def fail_next(
        self, error: BaseException, *, call: str = ANY, after: bool = False, times: int = 1
    ) -> None:
        """Let calls of that name fail; `after`: the write is stored and its answer lost."""
        self._faults.add(error, call=call, after=after, times=times)

    def delete(self) -> None:
        self.record = None

    def touch(self) -> None:
        """Change something that is not the holder's: a label, an annotation."""
        if self.record is not None:
            self.record = self.record.model_copy(update={"resource_version": self._next()})

    async def read(self) -> Record | None:
        self.calls.append("read")
        self._faults.before("read")
        return self.record

    async def create(self, holder: str, at: datetime) -> Record:
        self.calls.append("create")
        self._faults.before("create")
        if self.record is not None:
            raise StaleObject("the Lease exists")
        return self._stored("create", holder, at, 0)

    async def replace(self, seen: Record, holder: str, at: datetime) -> Record:
        self.calls.append("replace")
        self._faults.before("replace")
        if self.record is None:
            raise StaleObject("the Lease is gone")
        if self.record.resource_version != seen.resource_version:
            raise StaleObject("the Lease was changed since it was read")
        changes = holder not in {"", seen.holder}
        return self._stored("replace", holder, at, seen.transitions + changes)

    async def neighbours(self, *, seconds: float = 0.0) -> Sequence[Neighbour]:  # noqa: ARG002 - answers at once
        self.calls.append("neighbours")
        self._faults.before("neighbours")
        return self.others()

    async def why_unproved(self, *, seconds: float = 0.0) -> str:  # noqa: ARG002 - answers at once
        self.calls.append("why_unproved")
        self._faults.before("why_unproved")
        return self.unproved

    def _stored(self, call: str, holder: str, at: datetime, transitions: int) -> Record:
        self.record = Record(
            holder=holder,
            renewed=at.isoformat(),
            seconds=DURATION_SECONDS,
            transitions=transitions,
            resource_version=self._next(),
            created=at.isoformat() if self.record is None else self.record.created,
        )
        self._faults.after(call)
        return self.record

    def _next(self) -> str:
        self._serial += 1
        return str(self._serial)
