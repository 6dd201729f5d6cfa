"""Options that several commands share, and how they become settings."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.errors import InUse, UsageError
from stream.logs import set_up_logs
from stream.settings import Kafka, Settings, load_settings

if TYPE_CHECKING:
    from stream.database import Client

USUAL_CONFIG = Path("config/undertone.yaml")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help=f"Settings; {USUAL_CONFIG} where it exists. UNDERTONE_… variables win over it.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def settings_from(config: Path | None, **overrides: dict[str, Any]) -> Settings:
    """The one settings tree of this process, with its logs set up."""
    if config is None and USUAL_CONFIG.is_file():
        config = USUAL_CONFIG
    settings = load_settings(config, **overrides)
    set_up_logs(settings.log)
    return settings


def broker_from(settings: Settings) -> Kafka:
    """The broker the settings name, or the embedded one that runs in this directory."""
    from stream.service import reachable

    broker = reachable(settings.kafka)
    if broker is None:
        raise UsageError(
            "kafka.bootstrap_servers is empty and no embedded broker runs in "
            f"{settings.kafka.path}: start `undertone run` in this directory, or set "
            "UNDERTONE_KAFKA__BOOTSTRAP_SERVERS"
        )
    return broker


@contextmanager
def database_from(settings: Settings) -> Iterator[Client]:
    """The database the settings name, with its schema as it should be.

    Raises InUse where an embedded one is another process's, or was never made: `undertone demo`
    keeps its own elsewhere.
    """
    from stream import schema
    from stream.database import connect
    from stream.service import schema_target

    place = settings.clickhouse.path
    if settings.clickhouse.interface == "chdb" and not place.exists():
        raise InUse(f"{place}: there is no embedded database here")
    client = connect(settings.clickhouse)
    try:
        schema.require(client, schema_target(settings))
        yield client
    finally:
        client.close()


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM, Ctrl-C and the closing of the terminal set.

    A second Ctrl-C ends the process at once.
    """
    stop = threading.Event()

    def order(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise SystemExit(130)
        stop.set()

    signal.signal(signal.SIGTERM, order)
    signal.signal(signal.SIGINT, order)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup says: go on
        signal.signal(signal.SIGHUP, order)
    return stop
