"""Commands around incidents: what stands, who takes it, what is silenced, what rules match."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.cli.options import AsJson, ConfigFile, settings_from
from stream.errors import RetryLater, StopService, UsageError
from stream.settings import parse_duration

Alert = Annotated[str, typer.Argument(metavar="ALERT", help="The id, or its first digits.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; it is recorded.")]
Comment = Annotated[str, typer.Option(help="Why; it is kept with it.")]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(ack)
    app.command()(silence)
    group = typer.Typer(
        invoke_without_command=True,
        help="List what stands and what ended lately; show one; check what rules match.\n\n"
        "Example: `undertone alerts`, then `undertone alerts show 3f2a91c0`",
    )
    group.callback()(alerts)
    group.command()(show)
    group.command()(check)
    app.add_typer(group, name="alerts")


def alerts(
    context: typer.Context,
    since: Annotated[
        str, typer.Option(metavar="DURATION", help="How long ago the ended ones may have ended.")
    ] = "7d",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what stands, and what ended lately.

    Example: `undertone alerts --since 1d`
    """
    if context.invoked_subcommand:
        return
    from stream.cli import alert_screen
    from stream.cli.incident_desk import desk

    begin = datetime.now(UTC) - _duration("--since", since)
    with desk(settings_from(config)) as at:
        found = at.incidents(begin)
    _print(found, as_json, alert_screen.incidents)


def show(alert: Alert, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show all that happened to one alert, and its evidence.

    Example: `undertone alerts show 3f2a91c0`
    """
    from stream.cli import alert_screen
    from stream.cli.incident_desk import desk

    with desk(settings_from(config)) as at:
        found = at.life(alert)
    _print(found, as_json, alert_screen.life)


def ack(
    alert: Alert,
    by: By,
    comment: Comment = "",
    only_comment: Annotated[
        bool, typer.Option("--only-comment", help="Say something; do not take it.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take an alert: it escalates no further, and whoever was told of it is told who has it.

    Example: `undertone ack 3f2a91c0 --by Ann --comment "calling the plant"`
    """
    from stream.cli import alert_screen
    from stream.cli.incident_desk import desk

    with desk(settings_from(config)) as at:
        if only_comment:
            found = at.comment(alert, by, comment)
        else:
            found = at.acknowledge(alert, by, comment)
    _print(found, as_json, lambda one: alert_screen.incidents([one]))


def silence(
    alert: Annotated[
        str, typer.Argument(metavar="[ALERT]", help="Silence its rule, brand and topic.")
    ] = "",
    lasts: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="From now on: 30m, 2h, 1d.")
    ] = "",
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who; it is recorded.")] = "",
    comment: Comment = "",
    rule: Annotated[str, typer.Option(help="Only of this rule.")] = "*",
    brand: Annotated[str, typer.Option(help="Only of this brand.")] = "*",
    topic: Annotated[str, typer.Option(help='Only this topic; "" is a brand as a whole.')] = "*",
    end: Annotated[str, typer.Option("--end", metavar="SILENCE", help="End this one now.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="List those in force.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell nobody for a time. What happens is kept and shown; what still stands is told after.

    Example: `undertone silence --brand Acme --for 2h --by Ann --comment "launch day"`
    """
    from stream.alerting.silences import Scope
    from stream.cli import alert_screen
    from stream.cli.incident_desk import desk

    scope = Scope(rule, brand, topic)
    if alert and scope != Scope():
        raise UsageError("silence: give an alert, or --rule, --brand and --topic, not both")
    if not listed and not by:
        raise UsageError("--by: who does it? It is recorded with the silence")
    if not (listed or end or lasts):
        raise UsageError("--for: how long? For example --for 2h")
    with desk(settings_from(config)) as at:
        if listed:
            found = at.silences()
        elif end:
            found = [at.end_silence(end, by)]
        else:
            found = [at.silence(alert, scope, _duration("--for", lasts), by, comment)]
    _print(found, as_json, alert_screen.silences)


def check(
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check this file instead of that of the settings."),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what each rule matches in the last week's posts, and what looks wrong with it.

    Exit code 2 if the file is wrong. Nothing is changed.

    Example: `undertone alerts check --rules new.yaml`
    """
    from stream.alerting.rule_check import check as check_rules
    from stream.alerting.rule_check import listen
    from stream.catalogue import load_catalogue
    from stream.cli import alert_screen
    from stream.database import connect, time_limit
    from stream.rules_file import load_rules

    settings = settings_from(config)
    wanted = load_rules(rules or settings.alerts.file)
    catalogue = load_catalogue(settings.brands.file)
    limit = time_limit(settings.clickhouse.query_timeout)
    why = ""
    try:
        client = connect(settings.clickhouse)
        try:
            heard = listen(client, wanted, datetime.now(UTC), limit)
        finally:
            client.close()
    except (RetryLater, StopService) as error:
        heard, why = None, str(error)
    found = check_rules(wanted, catalogue, heard)
    if as_json:
        print(json.dumps([_as_dict(one) for one in found], ensure_ascii=False))
        return
    print(alert_screen.rules(found))
    if why:
        typer.echo(f"undertone: what was said cannot be told now: {why}", err=True)


def _as_dict(found: Any) -> dict[str, Any]:
    return {
        "rule": found.rule.name,
        "receivers": list(found.rule.receivers),
        "doubts": found.doubts,
        "series": [
            {
                "brand": one.brand,
                "topic": one.topic,
                "mentions": one.said.mentions,
                "negative": one.said.negative,
                "false_alarms": one.false_alarms,
            }
            for one in found.series
        ],
    }


def _print(found: Any, as_json: bool, screen: Any) -> None:
    print(json.dumps(found, ensure_ascii=False) if as_json else screen(found))


def _duration(option: str, text: str) -> timedelta:
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from None
    if not isinstance(found, timedelta):
        raise UsageError(f"{option} {text}: a duration looks like 30m, 2h or 7d")
    return found
