"""The collector leaves alone what stays for good."""

from __future__ import annotations

import subprocess
import sys

_SHOWS = """
import gc
from stream.garbage import look_seldom
kept = [[] for _ in range(10_000)]
look_seldom()
assert gc.get_freeze_count() > 10_000, gc.get_freeze_count()
looks = sum(one["collections"] for one in gc.get_stats())
made = [{"a": []} for _ in range(20_000)]
assert sum(one["collections"] for one in gc.get_stats()) == looks
"""


def test_what_is_loaded_is_not_looked_through_again_and_a_batch_starts_no_look() -> None:
    """In a process of its own: it holds for the whole of it."""
    subprocess.run([sys.executable, "-c", _SHOWS], check=True, timeout=60)
