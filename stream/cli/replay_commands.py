"""`undertone replay`: why did this alert fire, and would it today?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from stream.cli.options import AsJson, ConfigFile, settings_from
from stream.errors import UndertoneError

if TYPE_CHECKING:
    from stream.rules import Rule
    from stream.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Register this command."""
    app.command()(replay)


def replay(
    alert: Annotated[
        str, typer.Argument(metavar="ALERT", help="Its id, or enough of its beginning.")
    ],
    step: Annotated[
        int | None,
        typer.Option(help="Which of its transitions; the one that opened it, if not said.", min=1),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give an alert's verdict again: from its recorded counts, and from today's posts.

    The recorded counts must agree in every bit; if they do not, what differs is named and the exit
    code is 1. Today's posts may differ: each is told with its cause (late, edited, re-scored,
    moved, deleted, erased).

    Example: `undertone replay 3f0c9a`
    """
    from stream.alerting.replay import outdated
    from stream.cli.replay_screen import report

    settings = settings_from(config)
    told = _replayed(settings, alert, step)
    oldest = datetime.now(UTC) - settings.retention.posts
    notes = outdated(told, _rule_now(settings, told["rule"]), oldest)
    if as_json:
        print(json.dumps(told | {"notes": notes}, ensure_ascii=False))
    else:
        print(report(told, notes))
    if not told["recorded"]["agrees"]:
        raise typer.Exit(1)


def _replayed(settings: Settings, alert: str, step: int | None) -> dict[str, Any]:
    """From the database, or from the board of whoever holds it."""
    from stream.alerting.replay import replay as judge_again
    from stream.cli.board_client import Board, database_or_board
    from stream.database import time_limit

    with database_or_board(settings) as at:
        if isinstance(at, Board):
            asked = {} if step is None else {"step": str(step)}
            return dict(at.ask("GET", f"incidents/{quote(alert)}/replay", asked))
        return judge_again(at, alert, step, time_limit(settings.clickhouse.query_timeout))


def _rule_now(settings: Settings, name: str) -> Rule | None:
    """The rule of this name as the file has it; None where there is none to compare with."""
    from stream.rules_file import load_rules

    try:
        rules = load_rules(settings.alerts.file).rules
    except UndertoneError:
        return None
    return next((rule for rule in rules if rule.name == name), None)
