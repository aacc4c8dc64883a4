"""A clock for commands that wait: it stands still but for their pauses."""

from modelalias.cli.waiting import Clock


class StandingClock:
    def __init__(self) -> None:
        self.now = 0.0

    async def pause(self, seconds: float) -> None:
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.pause)
