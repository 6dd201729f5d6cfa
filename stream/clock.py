"""The one clock of the service.

In production it is the wall clock. In the demo it is the scenario clock: it starts in the past and
runs `factor` times as fast until it meets the wall clock, and then goes with it (issue A §1).
The core never reads a clock; it is given `now`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def _wall() -> datetime:
    return datetime.now(UTC)


@dataclass
class Clock:
    """Maps the wall clock to the service's time; both are aware UTC datetimes."""

    start: datetime | None = None
    began: datetime | None = None
    speed: float = 1.0
    wall: Callable[[], datetime] = _wall

    @classmethod
    def of_wall(cls) -> Clock:
        return cls()

    @classmethod
    def scenario(
        cls,
        start: datetime,
        factor: float,
        began: datetime | None = None,
        wall: Callable[[], datetime] = _wall,
    ) -> Clock:
        """Stands at `start` until `begin`, then runs `factor` times as fast as the wall clock."""
        if factor < 1:
            raise ValueError(f"factor must be at least 1, not {factor}")
        return cls(start=start, began=began, speed=factor, wall=wall)

    def begin(self) -> None:
        """Let a scenario's time run from now."""
        self.began = self.wall()

    def now(self) -> datetime:
        """The service's time; never ahead of the wall clock."""
        wall = self.wall()
        if self.start is None:
            return wall
        if self.began is None:
            return self.start
        return min(self.start + (wall - self.began) * self.speed, wall)

    @property
    def runs(self) -> bool:
        """False while a scenario waits at its start."""
        return self.start is None or self.began is not None

    @property
    def factor(self) -> float:
        """How many seconds of service time pass in one second now."""
        if self.start is None:
            return 1.0
        return self.speed if self.now() < self.wall() else 1.0

    def real_seconds(self, interval: timedelta) -> float:
        """Seconds of the wall clock in which `interval` of service time passes at today's speed."""
        return interval.total_seconds() / self.factor
