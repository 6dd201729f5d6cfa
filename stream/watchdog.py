"""Watches over a consumer: a partition that gives nothing though messages wait in it, one that
cannot be read on, and a batch that does not end.

The first and the last have been seen in Kafka clients that looked alive (FAULTS §3: a partition
kept across a rebalance came back silent until the next one), so none trusts the client's word.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_FRAMES = 12
"""Of a stack, the innermost: what a thread is doing now."""


@dataclass
class StallWatch:
    """Notices partitions whose lag stays while their position does not move for `within` seconds.

    Seconds are of any steady clock. Fed by `look`; knows nothing of Kafka.
    """

    within: float
    _since: dict[int, tuple[int, float]] = field(default_factory=dict)
    _stuck: dict[int, int] = field(default_factory=dict)

    def look(self, lags: Mapping[int, int], positions: Mapping[int, int], now: float) -> list[int]:
        """The partitions that have stalled, by number. All mappings are by owned partition."""
        for partition in [p for p in self._since if p not in lags]:
            del self._since[partition]
        for partition, lag in lags.items():
            at, since = self._since.get(partition, (-1, now))
            moved = positions[partition] != at
            self._since[partition] = (positions[partition], now if moved or lag <= 0 else since)
        stalled = [p for p, (_, since) in sorted(self._since.items()) if now - since > self.within]
        self._stuck |= {partition: positions[partition] for partition in stalled}
        self._stuck = {
            p: at
            for p, at in self._stuck.items()
            if p in lags and lags[p] > 0 and positions[p] <= at
        }
        return stalled

    def excuse(self, seconds: float) -> None:
        """For so long nothing was asked for: the partitions were paused."""
        self._since = {p: (at, since + seconds) for p, (at, since) in self._since.items()}

    def begin_anew(self) -> None:
        """The group is joined anew: count from the next look. What is stuck stays so until it
        gives something."""
        self._since.clear()

    @property
    def stuck(self) -> list[int]:
        """Partitions that stalled and have given nothing since, whatever was tried meanwhile."""
        return sorted(self._stuck)


@dataclass
class HeldPartitions:
    """Partitions that stand at something which cannot be read; each is tried again after a time.

    Seconds are of any steady clock.
    """

    again_after: float
    _held: dict[int, tuple[int, float]] = field(default_factory=dict)

    def hold(self, partition: int, offset: int, now: float) -> bool:
        """Hold it from now on. Whether that is news: not where a try ended at the same offset."""
        news = self._held.get(partition, (-1, 0.0))[0] != offset
        self._held[partition] = offset, now + self.again_after
        return news

    def holds(self, partition: int, now: float) -> bool:
        """Whether nothing is to be asked of it now."""
        return partition in self._held and now < self._held[partition][1]

    def look(self, positions: Mapping[int, int]) -> None:
        """Let go of what moved on, and of what is another member's now."""
        self._held = {
            p: (at, until)
            for p, (at, until) in self._held.items()
            if p in positions and positions[p] <= at
        }

    def __contains__(self, partition: int) -> bool:
        return partition in self._held

    def __len__(self) -> int:
        return len(self._held)


def thread_stacks() -> dict[str, list[str]]:
    """What every thread of this process is doing, by its name and number: places in the code,
    outermost first. No values: a post's text must not get into the log."""
    names = {t.ident: f"{t.name} {t.native_id}" for t in threading.enumerate()}
    return {
        names.get(ident, str(ident)): [
            f"{Path(place.filename).name}:{place.lineno} {place.name}"
            for place in traceback.extract_stack(frame)[-_FRAMES:]
        ]
        for ident, frame in sys._current_frames().items()
    }
