"""The command `verify`: do the stored windows equal a recount of the posts?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from stream.cli.options import AsJson, ConfigFile, settings_from, stop_on_signals
from stream.cli.progress import progress_bar
from stream.errors import StopService, UsageError


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(verify)


def verify(
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="ISO", help="First minute (UTC unless it has an offset)."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="ISO", help="Minute after the last.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rewrite the windows that differ.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare every window inside the retention with a recount of its posts.

    Exit code 1 if any differs (with --repair: still differs), or a post has rows under two dates.

    Example: `undertone verify --from 2026-11-24 --to 2026-11-25T12:00Z`
    """
    from stream import schema
    from stream.database import connect
    from stream.retry import Stopped
    from stream.service import schema_target
    from stream.sweep import Sweep, span_inside

    first, last = _minute("--from", start), _minute("--to", until)
    if first and last and last <= first:
        raise UsageError(f"--to {until} is not after --from {start}")
    settings = settings_from(config)
    span = span_inside(datetime.now(UTC), settings.retention.posts, first, last)
    client = connect(settings.clickhouse, "")
    try:
        schema.require(client, schema_target(settings))
    finally:
        client.close()
    client = connect(settings.clickhouse, longest=settings.windows.time_limit)
    work = Sweep(
        client,
        span,
        margin=settings.window_margin,
        limit=settings.windows.time_limit,
        repair=repair,
        stop=stop_on_signals(),
    )
    try:
        with progress_bar(None, "rows") as advance:
            report = work.run(advance)
    except Stopped as error:
        raise StopService(f"{error}: nothing can be said") from None
    finally:
        client.close()
    if as_json:
        print(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        print("\n".join([*report.lines(), *report.summary()]))
    if report.left:
        raise typer.Exit(1)


def _minute(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text}: give a time like 2026-11-24T12:00Z") from None
    if time.second or time.microsecond:
        raise UsageError(f"{option} {text}: give a whole minute; windows are minutes")
    return time
