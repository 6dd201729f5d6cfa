"""Commands around delivery: what was sent to whom, what did not arrive, and a try of a receiver."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from stream.cli.options import AsJson, ConfigFile, settings_from
from stream.errors import UsageError
from stream.logs import escape

Alert = Annotated[
    str | None,
    typer.Option("--alert", metavar="ID", help="Only notices of this alert; its first digits do."),
]
ReceiverName = Annotated[
    str | None, typer.Option("--receiver", metavar="NAME", help="Only notices to this receiver.")
]


def add_to(app: typer.Typer) -> None:
    """Register these commands as one group."""
    group = typer.Typer(
        no_args_is_help=True,
        help="See which notices reached whom, send again what did not arrive, try a receiver.\n\n"
        "Example: `undertone deliveries list --failed`",
    )
    group.command("list")(list_attempts)
    group.command()(retry)
    group.command()(test)
    group.command()(schema)
    app.add_typer(group, name="deliveries")


def list_attempts(
    alert: Alert = None,
    receiver: ReceiverName = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only of notices that have not arrived.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1_000_000)] = 100,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the latest attempts, the newest first.

    A line: when, receiver, alert, its transition, number of the attempt, outcome, HTTP status,
    seconds, why it failed, and when it is tried next.

    Example: `undertone deliveries list --receiver marketing --failed`
    """
    from stream.cli.delivery_desk import attempts

    found = attempts(settings_from(config), alert or "", receiver or "", failed, limit)
    if as_json:
        print(json.dumps({"attempts": found}, ensure_ascii=False))
        return
    for one in found:
        print(_line(one))
    if not found:
        print("no attempts")


def retry(
    alert: Alert = None,
    receiver: ReceiverName = None,
    all_failed: Annotated[
        bool, typer.Option("--all-failed", help="Every notice that has not arrived.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who asks; you, unless given.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Have notices sent again that were given up, disabled, or wait for their next attempt.

    The running watcher sends them within seconds, under their old webhook-id. A receiver that
    was disabled by 410 is tried again. Notices older than seven days are not sent any more.

    Example: `undertone deliveries retry --receiver marketing`
    """
    from stream.cli.delivery_desk import ask_again

    if all_failed == bool(alert or receiver):
        raise UsageError("give --alert ID, --receiver NAME (or both), or --all-failed")
    who = by or getpass.getuser()
    asked = ask_again(settings_from(config), alert or "", receiver or "", who)
    if as_json:
        print(json.dumps({"asked": asked["again"], "too_old": asked["too_old"]}))
        return
    print(f"{asked['again']} to be sent again")
    if asked["too_old"]:
        print(f"{asked['too_old']} older than seven days, which are history")


def test(
    receiver: Annotated[str, typer.Argument(help="Its name in the rules file.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Send one notice to a receiver that says of itself that nothing has happened.

    Needs no database and leaves no trace in it. Exit code 1 if the receiver did not take it.

    Example: `undertone deliveries test marketing`
    """
    from stream.delivery.render import render
    from stream.delivery.sample import sample_notice
    from stream.delivery.webhook import send, webhook_id
    from stream.rules_file import load_rules

    settings = settings_from(config)
    rules = load_rules(settings.alerts.file)
    found = rules.receiver(receiver)
    if found is None:
        known = ", ".join(sorted(one.name for one in rules.receivers)) or "none"
        raise UsageError(f"no receiver is called {receiver!r} in {settings.alerts.file}: {known}")
    now = datetime.now(UTC)
    body = render(sample_notice(now, settings.web.public_url), found)
    attempt = send(found, webhook_id("test", 1, now.isoformat(), receiver), body, now)
    told = {
        "receiver": receiver,
        "format": found.format,
        "outcome": attempt.outcome,
        "status_code": attempt.status_code,
        "reason": attempt.reason,
        "seconds": attempt.seconds,
    }
    taken = attempt.outcome == "sent"
    if as_json:
        print(json.dumps(told | {"outcome": "sent" if taken else "failed"}, ensure_ascii=False))
    else:
        result = "taken" if taken else f"not taken: {attempt.reason}"
        print(escape(f"{receiver} ({found.format}, {found.shown}): {result}"))
    if not taken:
        raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of what a receiver of the generic format gets.

    Example: `undertone deliveries schema > undertone-alert.schema.json`
    """
    from stream.delivery.formats.generic import json_schema

    print(json.dumps(json_schema(), indent=2))


def _line(one: dict[str, Any]) -> str:
    parts = [
        one["attempted_at"],
        one["receiver"],
        one["alert_id"],
        f"{one['step']} {one['transition']}",
        f"attempt {one['attempt']}",
        one["outcome"],
        str(one["status_code"] or "-"),
        f"{one['seconds']:.1f} s",
        one["reason"],
        f"next {one['next_attempt_at']}" if one["next_attempt_at"] else "",
    ]
    return escape("  ".join(filter(None, parts)))
