"""A progress bar on a terminal; nothing where the output goes to a file or a machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)


class Advance(Protocol):
    """Told how many are done, and of how many where that was not known before."""

    def __call__(self, done: int, total: int | None = None, /) -> None: ...


@contextmanager
def progress_bar(total: int | None, what: str) -> Iterator[Advance]:
    """Yields what is to be told how many of `total` are done. Writes to stderr."""
    if not sys.stderr.isatty():
        yield lambda done, total=None, /: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # or the answers of `score` would go to stderr with the bar
    ) as bar:
        task = bar.add_task(what, total=total, rate="")

        def advance(done: int, total: int | None = None, /) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:,.0f}/s" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield advance
