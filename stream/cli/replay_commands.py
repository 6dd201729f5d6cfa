"""`undertone replay`: why did this alert fire, and would it today?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.options import AsJson, ConfigFile, database_from, settings_from
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
    from stream.alerting.recorded import read_recorded
    from stream.alerting.replay import disagreements, find, judge_today, outdated
    from stream.cli import replay_screen
    from stream.database import time_limit

    settings = settings_from(config)
    limit = time_limit(settings.clickhouse.query_timeout)
    with database_from(settings) as client:
        stored = find(client, alert, step, limit)
        recorded = read_recorded(stored.recorded)
        notes = outdated(recorded, _rule_now(settings, stored.rule))
        differing = disagreements(stored, recorded)
        today = judge_today(client, stored, recorded, limit)
    if as_json:
        shown = replay_screen.as_dict(stored, recorded, notes, differing, today)
        print(json.dumps(shown, ensure_ascii=False))
    else:
        print(replay_screen.report(stored, recorded, notes, differing, today))
    if differing:
        raise typer.Exit(1)


def _rule_now(settings: Settings, name: str) -> Rule | None:
    """The rule of this name as the file has it; None where there is none to compare with."""
    from stream.rules_file import load_rules

    try:
        rules = load_rules(settings.alerts.file).rules
    except UndertoneError:
        return None
    return next((rule for rule in rules if rule.name == name), None)
