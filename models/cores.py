"""Batches of a network shared out among the cores of a CPU, one each at a time.

Cores that share one batch wait for each other after every product, and all of them for the one
that something else has interrupted (docs/decisions/012).
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from models.batches import CPU_ROWS, CPU_TOKENS, by_token_budget, in_order


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """A thread for each core; `prepare` runs once in each."""

    def __init__(self, count: int, prepare: Callable[[], None] | None = None) -> None:
        self._threads = ThreadPoolExecutor(count, "core", prepare)

    def logits(
        self,
        lengths: Sequence[int],
        run: Callable[[list[int]], NDArray[np.float32]],
        tokens: int = CPU_TOKENS,
    ) -> NDArray[np.float32]:
        """(n, labels) for rows of these lengths, in batches of at most `tokens`. `run` answers for
        one batch, given by the places of its rows, the longest last; what it raises is raised."""
        batches = by_token_budget(lengths, tokens, CPU_ROWS)[::-1]  # the dearest first
        return in_order(batches, list(self._threads.map(run, batches)))
