"""How many posts a micro-batch may hold: small while little can be done in a second, large when a
consumer has fallen behind. Pure.
"""

from __future__ import annotations

_FIRST = 256
_LEAST = 64
_STEP = 4  # a single odd batch must not change it by more than this factor


class BatchSize:
    """A size for which a batch takes about `target` seconds, never above `most`.

    Large batches share the fixed cost of a dozen statements and are sorted better by length; but
    nothing of a batch is visible before all of it is stored.
    """

    def __init__(self, most: int, target: float) -> None:
        self._most = most
        self._target = target
        self.posts = min(_FIRST, most)

    def learn(self, posts: int, seconds: float) -> None:
        """A batch of so many posts took so long. One that was not nearly full teaches nothing:
        most of its time is the fixed cost."""
        if posts * 2 < self.posts:
            return
        wanted = posts * self._target / max(seconds, 1e-6)
        wanted = min(max(wanted, self.posts / _STEP), self.posts * _STEP)
        self.posts = min(max(round(wanted), _LEAST), self._most)
