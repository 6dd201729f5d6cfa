"""`undertone backtest`: what would these rules have raised?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.options import AsJson, ConfigFile, database_from, settings_from
from stream.cli.progress import progress_bar
from stream.errors import UsageError

if TYPE_CHECKING:
    from stream.database import Client
    from stream.settings import Settings

_USUALLY = timedelta(weeks=1)


def add_to(app: typer.Typer) -> None:
    """Register this command."""
    app.command()(backtest)


def backtest(
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="ISO date or time, UTC; a week before --to."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="ISO date or time, UTC; now.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rules to try; alerts.file, if not said.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other rules, to be held side by side.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw it as a timeline.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what rules would have raised on stored history, by the code that watches now.

    Each rule learns from its `history` before --from. Nothing is written and nobody is told.

    Example: `undertone backtest --from 2026-11-01 --against calmer.yaml --picture november.svg`
    """
    from stream.alerting.backtest import backtest as judge_history
    from stream.alerting.backtest_picture import draw
    from stream.alerting.tried import as_dict
    from stream.cli import backtest_screen
    from stream.database import time_limit
    from stream.rules_file import load_rules

    settings = settings_from(config)
    files = [file for file in (rules or settings.alerts.file, against) if file]
    sets = [load_rules(file) for file in files]
    for file, of_file in zip(files, sets, strict=True):
        if not of_file.rules:
            raise UsageError(f"{file}: holds no rules, so there is nothing to try")
    if picture and not picture.absolute().parent.is_dir():
        raise UsageError(f"--picture {picture}: {picture.parent} is no directory")
    with database_from(settings) as client:
        begin, end = _span(since, until, client, settings)
        with progress_bar(None, "days") as advance:
            outcomes = judge_history(
                client, sets, begin, end, time_limit(settings.clickhouse.query_timeout), advance
            )
    found = list(zip((str(file) for file in files), outcomes, strict=True))
    if picture:
        picture.write_text(draw(found), encoding="utf-8")
    if as_json:
        print(json.dumps(as_dict(found), ensure_ascii=False))
    else:
        print(backtest_screen.report(found))


def _span(
    since: str | None, until: str | None, client: Client, settings: Settings
) -> tuple[datetime, datetime]:
    """Whole minutes that are closed. Later ones are unknown, and would look like calm."""
    from stream.alerting.coverage import coverage, minute_of

    now = datetime.now(UTC)
    closed = coverage(client, settings, now).closed_to or minute_of(now)
    end = min(minute_of(_time("--to", until)), closed) if until else closed
    begin = minute_of(_time("--from", since)) if since else end - _USUALLY
    if begin >= end:
        raise UsageError(
            f"--from {begin:%Y-%m-%dT%H:%M}: not before {end:%Y-%m-%dT%H:%M}, where the time asked "
            "for ends"
        )
    return begin, end


def _time(option: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text}: not a date or time like 2026-11-24 or 2026-11-24T12:00"
        ) from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
