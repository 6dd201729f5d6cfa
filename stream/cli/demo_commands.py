"""The demo: what a newcomer runs first."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.demo_screen import DemoScreen
from stream.cli.options import AsJson, ConfigFile, settings_from, stop_on_signals
from stream.errors import StopService

_PACKAGED = Path(__file__).parents[1] / "demo_scenario"
_IN_CHECKOUT = Path(__file__).parents[2] / "config/demo"

ScenarioDirectory = Annotated[
    Path,
    typer.Option("--scenario", metavar="DIR", help="Directory of a scenario; default: ours."),
]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(demo)


def shipped_scenario() -> Path:
    return _PACKAGED if _PACKAGED.is_dir() else _IN_CHECKOUT


def demo(
    config: ConfigFile = None,
    once: Annotated[bool, typer.Option("--once", help="End after the scenario.")] = False,
    speed: Annotated[
        float | None, typer.Option(help="How many times as fast as life.", min=1, max=10_000)
    ] = None,
    scenario: ScenarioDirectory = shipped_scenario(),
    as_json: AsJson = False,
) -> None:
    """Play a written scenario through the whole service, on embedded parts.

    The live board is on http://127.0.0.1:8080. Ctrl-C leaves.

    Example: `undertone demo --once --json`
    """
    from stream.demo import Demo

    settings = settings_from(config, log={"level": "error"})
    stop = stop_on_signals()
    with DemoScreen(quiet=as_json) as screen:
        play = Demo(
            settings,
            scenario,
            speed=speed,
            stop=stop,
            on_scene=screen.show_scene,
            on_alert=screen.show_alert,
            on_board=screen.show_board,
        )
        summary = play.play(once=once, on_summary=screen.show_summary)
    if summary is None:
        if once:
            raise StopService("stopped before the scenario's end")
        return
    if as_json:
        print(json.dumps(asdict(summary)))
    if once and not summary.counts_as_expected:
        raise StopService("the counts are not those of the scenario; see the summary")
