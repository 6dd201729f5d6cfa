"""What the demo shows in the terminal: one progress line, and each alert as it happens."""

from __future__ import annotations

import sys
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from stream.logs import escape as visible

if TYPE_CHECKING:
    from stream.demo import Scene
    from stream.demo_report import Summary, Told

_PHASES = {
    "baseline": "loading three days of baseline",
    "live": "playing",
    "end": "playing",
    "deliver": "delivering",
    "over": "the scenario is over; the page stays up, Ctrl-C leaves",
}
_COLOURS = {"opened": "red", "escalated": "red", "reopened": "red", "resolved": "green"}


class DemoScreen:
    """A context; `quiet` shows nothing at all."""

    def __init__(self, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[clock]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}{task.description}"),
            console=self._console,
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("starting", total=None, clock="", count="")
        self._phase = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show_board(self, url: str) -> None:
        self._console.print(
            Panel.fit(
                f"[bold]Undertone[/] plays a day of posts about seven invented brands.\n"
                f"Live page: [link={url}][bold cyan]{url}[/][/]   Ctrl-C leaves.",
                border_style="cyan",
            )
        )

    def show_scene(self, scene: Scene) -> None:
        words = _PHASES.get(scene.phase, scene.phase)
        clock = f"[bold]{_local(scene.now)}[/]"
        self._bar.update(
            self._task,
            completed=scene.done,
            total=scene.total,
            description=words,
            clock=clock,
            count=f"{scene.done:,}/{scene.total:,} messages  ",
        )
        if scene.phase != self._phase:
            self._phase = scene.phase
            if not sys.stderr.isatty():
                self._console.print(f"[dim]{_local(scene.now)}  {words}[/]")

    def show_alert(self, told: Told) -> None:
        colour = _COLOURS.get(told.transition, "yellow")
        brand = escape(visible(told.brand))
        severity = "" if told.transition == "resolved" else told.severity
        self._console.print(
            f"{_local(told.at)}  [{colour}]■ {told.transition:<9}[/] [bold]{brand}[/]  "
            f"[{colour}]{severity}[/]"
        )
        for line in (told.says, *(f"[dim]“{escape(visible(text))}”[/]" for text in told.posts)):
            self._console.print(f"           {line}", no_wrap=True, overflow="ellipsis")

    def show_summary(self, summary: Summary) -> None:
        table = Table(show_header=False, box=None, padding=(0, 2))
        rows = {
            "messages produced": f"{summary.posts_in:,}",
            "posts stored, each once": f"{summary.stored:,}",
            "deleted by their authors": f"{summary.deleted:,}",
            "dead-lettered": f"{summary.dead_lettered:,}",
            "windows (brand × minute)": f"{summary.windows:,}",
            "alerts": f"{summary.alerts:,}",
            "webhooks delivered, signature verified": f"{summary.webhooks_delivered:,}",
            "posts/s while loading": f"{summary.posts_per_second:,.0f}",
            "deciding post to alert": _seconds(summary.seconds_from_deciding_post_to_alert),
            "deciding post to webhook": _seconds(summary.seconds_from_deciding_post_to_webhook),
            "counts equal the scenario's": "yes" if summary.counts_as_expected else "[red]no[/]",
        }
        for name, value in rows.items():
            table.add_row(name, value)
        self._console.print(table)


def _local(time: datetime) -> str:
    """Weekday, hour and minute where the reader is."""
    return f"{time.astimezone():%a %H:%M}"


def _seconds(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f} s"
