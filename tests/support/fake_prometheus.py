"""A Prometheus in memory: numbers by the whole text of a query."""

from modelalias.core.errors import InvalidRequest, Unavailable
from tests.support.fault_queue import ANY, FaultQueue


class FakePrometheus:
    """The port `MetricsSource` in memory, with a record of its queries and a hook for faults."""

    def __init__(self) -> None:
        self.numbers: dict[str, float | None] = {}
        """What each query yields; one that is not there yields no series."""
        self.wrong: dict[str, str] = {}
        """What is wrong with a query, by its whole text."""
        self.queries: list[str] = []
        self.closed = False
        self._faults = FaultQueue()

    def fail_next(self, error: BaseException, *, times: int = 1) -> None:
        """Let the next queries fail."""
        self._faults.add(error, call=ANY, after=False, times=times)

    def go_away(self) -> None:
        """Let no call be answered until it heals."""
        self._faults.go_away("the other side does not answer")

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._faults.clear()

    async def query(self, query: str) -> float | None:
        if self.closed:
            raise Unavailable("the client of Prometheus is closed")
        self.queries.append(query)
        self._faults.before("query")
        if query in self.wrong:
            raise InvalidRequest(self.wrong[query])
        return self.numbers.get(query)

    async def close(self) -> None:
        self.closed = True
