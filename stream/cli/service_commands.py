"""Commands that run the service, whole or in parts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.options import ConfigFile, settings_from, stop_on_signals


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(run)
    app.command()(consume)
    app.command()(watch)
    app.command()(clickhouse)


def run(config: ConfigFile = None) -> None:
    """Run the whole service in one process: consume, watch, board.

    Without a broker's address it starts an embedded one; the database is embedded by default.

    Example: `undertone run`, then `undertone produce posts.jsonl` in another terminal
    """
    _serve(config, consumes=True, watches=True)


def consume(config: ConfigFile = None) -> None:
    """Run one consumer: Kafka → scored posts in ClickHouse. Start as many as there are partitions.

    Example: `UNDERTONE_KAFKA__BOOTSTRAP_SERVERS=kafka:9092 undertone consume`
    """
    _serve(config, consumes=True, watches=False)


def watch(config: ConfigFile = None) -> None:
    """Run the watcher: windows, alerts, webhooks and the live board.

    Example: `UNDERTONE_CLICKHOUSE__INTERFACE=http undertone watch`
    """
    _serve(config, consumes=False, watches=True)


def clickhouse(
    path: Annotated[Path, typer.Option(help="Directory of the database.")] = Path(
        "data/clickhouse"
    ),
    port: Annotated[int, typer.Option(help="Port to serve on.", min=1, max=65535)] = 8123,
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    config: ConfigFile = None,
) -> None:
    """Serve the embedded ClickHouse over HTTP, for several processes or a local Grafana.

    Where `clickhouse.password` is set, clients must give it; without one everybody may.

    Example: `undertone clickhouse --path data/clickhouse --port 8123`
    """
    from stream.embedded.clickhouse import serve

    password = settings_from(config).clickhouse.password
    serve(path, host, port, password.get_secret_value())


def _serve(config: Path | None, *, consumes: bool, watches: bool) -> None:
    from stream.clock import Clock
    from stream.service import run_roles

    settings = settings_from(config)
    run_roles(settings, Clock.of_wall(), stop_on_signals(), consumes=consumes, watches=watches)
