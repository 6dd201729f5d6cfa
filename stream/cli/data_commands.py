"""Commands around the data: the contract, the tables, a file onto the topic, generations."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.options import AsJson, ConfigFile, broker_from, settings_from, stop_on_signals
from stream.cli.progress import progress_bar
from stream.errors import RetryLater, StopService, UsageError

_BROKER_AWAY = timedelta(minutes=10)  # that long `produce` waits for a broker to come back


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(schema)
    app.command()(produce)
    app.command()(activate)
    app.command()(detect)
    app.command()(doctor)


def schema(
    config: ConfigFile = None,
    apply: Annotated[bool, typer.Option("--apply", help="Apply what is pending.")] = False,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the wire contract as JSON Schema.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the tables' DDL, apply what is pending, or print the wire contract.

    Example: `undertone schema --json-schema > post.schema.json`
    """
    from stream import post, tables
    from stream import schema as steps
    from stream.database import connect
    from stream.service import schema_target

    if json_schema:
        print(json.dumps(post.json_schema(), indent=2))
        return
    settings = settings_from(config)
    target = schema_target(settings)
    if not apply:
        named = [("000-database", steps.preamble(target))]
        named += [(step.name, steps.statements(step, target)) for step in tables.STEPS]
        if as_json:
            print(json.dumps([{"name": name, "statements": sqls} for name, sqls in named]))
            return
        for name, sqls in named:
            print(f"-- {name}")
            print("".join(f"{sql};\n" for sql in sqls))
        return
    client = connect(settings.clickhouse, "")
    try:
        applied = steps.apply(client, target)
    finally:
        client.close()
    if as_json:
        print(json.dumps({"applied": applied}))
    else:
        print("\n".join(f"applied {name}" for name in applied) or "nothing pending")


def produce(
    file: Annotated[Path, typer.Argument(help="A .jsonl or .jsonl.gz file in the wire format.")],
    config: ConfigFile = None,
    speed: Annotated[
        float | None,
        typer.Option(help="1 keeps the file's own pace, 60 plays an hour in a minute.", min=1e-6),
    ] = None,
    as_fast_as_possible: Annotated[
        bool, typer.Option("--as-fast-as-possible", help="No pace at all (the default).")
    ] = False,
    shift_to_now: Annotated[
        bool, typer.Option("--shift-to-now", help="Move all times so that the last post is now.")
    ] = False,
    keep_lag_under: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Wait while the consumers have N messages to read: live posts queue behind them.",
            min=1,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a file of posts on the topic.

    Without a broker's address it takes the embedded one of `undertone run` in this directory.

    Example: `undertone produce posts.jsonl.gz --shift-to-now --as-fast-as-possible`
    A million old posts beside live ones: `undertone produce old.jsonl.gz --keep-lag-under 1000`
    """
    from stream import kafka, topics
    from stream.produce import Line, last_time, parse, read_lines
    from stream.produce import produce as send_all

    if speed is not None and as_fast_as_possible:
        raise UsageError("--speed and --as-fast-as-possible exclude each other: give one")
    settings = settings_from(config)
    broker = broker_from(settings)
    shift = datetime.now(UTC) - last_time(file) if shift_to_now else timedelta(0)
    total = sum(1 for _ in read_lines(file))
    client = kafka.producer(broker, patience=_BROKER_AWAY)
    group = kafka.consumer(broker) if keep_lag_under else None
    failures: list[BaseException] = []

    def has_room() -> bool:
        try:
            return not keep_lag_under or topics.lag(group, broker.topic) < keep_lag_under
        except RetryLater:
            return False

    def send(line: Line) -> None:
        future = client.send(broker.topic, key=line.key, value=line.value)
        future.add_errback(failures.append)

    with progress_bar(total, "posts") as advance, kafka.errors_sorted():
        sent = send_all(
            (parse(line, shift) for line in read_lines(file)),
            send,
            speed=speed,
            stop=stop_on_signals(),
            has_room=has_room,
            on_progress=lambda so_far: advance(so_far.messages),
        )
        client.flush(timeout=_BROKER_AWAY.total_seconds())
        client.close(timeout=10)
        if group is not None:
            group.close(autocommit=False)
    if failures:
        raise StopService(
            f"{len(failures)} of {sent.messages} messages were not delivered: {failures[0]}"
        )
    if as_json:
        print(json.dumps({"messages": sent.messages, "unreadable": sent.unreadable}))
    else:
        print(
            f"sent {sent.messages} messages in {sent.seconds:.1f} s"
            + (f"; {sent.unreadable} of them are no posts" if sent.unreadable else "")
        )


def activate(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Make the configured model and catalogue the current generation.

    Example: `undertone activate`, after a change of config/brands.yaml
    """
    from stream import generations
    from stream.catalogue import load_catalogue
    from stream.database import connect
    from stream.health import Health
    from stream.retry import Patience
    from stream.service import load_scorer, prepare_database

    settings = settings_from(config)
    prepare_database(settings, Patience(threading.Event(), Health()))
    analysis = generations.Analysis(
        load_scorer(settings).model_hash, load_catalogue(settings.brands.file).hash
    )
    client = connect(settings.clickhouse)
    try:
        generation = generations.activate(client, analysis)
    finally:
        client.close()
    if as_json:
        print(json.dumps({"generation": generation}))
    else:
        print(
            f"generation {generation} is active; start the consumers again with this configuration"
        )


def detect(
    granularity: Annotated[str, typer.Option(help="Step of the series: 5m, 1h …")] = "5m",
    sensitivity: Annotated[
        float, typer.Option(help="False alarms per week to put up with.", min=0.001, max=100)
    ] = 0.25,
) -> None:
    """Run the production detector over a series: CSV in, CSV with verdicts out.

    Example: `undertone detect --granularity 5m < series.csv > verdicts.csv`
    """
    import csv
    import sys

    from stream.detect_csv import HEADER, read_points, rule_for, verdicts
    from stream.settings import parse_duration

    try:
        rule = rule_for(parse_duration(granularity), sensitivity)
    except ValueError:
        raise UsageError(
            f"--granularity {granularity}: whole minutes that divide an hour, or hours that divide "
            "a day, like 1m, 5m or 6h"
        ) from None
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(HEADER)
    out.writerows(verdicts(read_points(sys.stdin), rule))


def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check every dependency and say what to fix. Exit code 1 if something must be.

    Example: `undertone doctor --config config/undertone.yaml`
    """
    from rich.console import Console
    from rich.markup import escape

    from stream.doctor import check_all

    findings = check_all(lambda: settings_from(config))
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False))
    else:
        console = Console(highlight=False)
        for finding in findings:
            mark = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}
            console.print(f"{mark[finding.state]} {finding.name}: {escape(finding.says)}")
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)
