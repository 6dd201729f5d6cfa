"""Bugs planted on purpose: a runner that does not find them proves nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from unittest.mock import patch

from stream import pipeline, rows, windows
from stream.decode import Decoded
from stream.post import Post
from stream.rows import TOMBSTONE_VERSION, milliseconds
from tests.chaos.world import World


@contextmanager
def commit_before_insert() -> Iterator[None]:
    """Offsets are committed before the batch is taken: a crash loses it."""

    def consume(world: World, member: int, most: int) -> None:
        if batch := world._poll(member, most):
            world.commit(member, batch)
            world.pipelines[member].process(batch)

    with patch.object(World, "consume", consume):
        yield


@contextmanager
def no_zero_row() -> Iterator[None]:
    """A window whose mentions vanished keeps its last counts."""
    without = re.sub(r"UNION ALL.*?(?=\n\)\nGROUP BY)", "", windows._PASS, flags=re.DOTALL)
    assert without != windows._PASS
    with patch.object(windows, "_PASS", without):
        yield


@contextmanager
def wall_clock_version() -> Iterator[None]:
    """What is taken last wins, whatever the post's own clock says."""
    clock = [0]

    def version(decoded: Decoded, generation: int) -> int:
        if not isinstance(decoded.post, Post):
            return TOMBSTONE_VERSION
        clock[0] += 1
        taken = milliseconds(decoded.record.time) + clock[0]
        return taken << 84 | decoded.record.offset << 16 | generation

    with ExitStack() as patches:
        for module in (pipeline, rows):
            patches.enter_context(patch.object(module, "version", version))
        yield


@contextmanager
def strays_stay() -> Iterator[None]:
    """A post that two members met at once keeps its two rows."""
    with patch.object(windows, "bring_strays_home", lambda *_: 0):
        yield


BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    bug.__name__: bug
    for bug in (commit_before_insert, no_zero_row, wall_clock_version, strays_stay)
}
