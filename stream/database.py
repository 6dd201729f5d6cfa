"""The one way to ClickHouse: the same client embedded (`chdb`) or over HTTP.

Clients are not thread-safe: each thread makes its own with `connect`. Statements that matter
carry their settings in their own SETTINGS clause, so that they hold embedded and on a server.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import (
    ClickHouseError,
    DatabaseError,
    OperationalError,
)
from urllib3.exceptions import HTTPError

from stream.embedded.path_lock import PathLock
from stream.errors import RetryLater, StopService, UsageError
from stream.settings import ClickHouse

__all__ = ["Client", "connect", "errors_sorted", "time_limit"]

# What ClickHouse says when it is not there *now*: timeouts, too many parts or queries, no memory,
# read-only replicas, lost connections. Everything else is our mistake or the operator's.
_PASSING = {159, 160, 164, 202, 209, 210, 225, 241, 242, 243, 252, 279, 319, 425, 999, 1000}
# Rows are lists here. To see that they are no data frames the client would import pandas at its
# first insert: half a second and 67 MB a process, wherever something else has installed it.
options.pd = options.pd_time_test = None

_SERVER_BEHIND_CLIENT = 5  # seconds a client waits beyond the server's own time limit


def connect(
    settings: ClickHouse, database: str | None = None, longest: timedelta = timedelta(0)
) -> Client:
    """A client for this thread. `database=''` connects before the database exists.

    `longest` is the time limit of its longest statement, where that is none of the settings'.
    Raises RetryLater when nobody answers.
    """
    name = settings.database if database is None else database
    with errors_sorted():
        if settings.interface == "chdb":
            _lock_once(settings.path)
            try:
                client = clickhouse_connect.get_client(
                    interface="chdb", path=str(settings.path), tz_mode="aware"
                )
            except ImportError:
                raise UsageError(
                    "clickhouse.interface chdb: the embedded database is not installed; "
                    "pip install 'undertone[embedded]', or set UNDERTONE_CLICKHOUSE__INTERFACE=http"
                ) from None
            if name:
                client.command(f"CREATE DATABASE IF NOT EXISTS {name}")
                client.command(f"USE {name}")
                client.database = name
            return client
        limit = max(settings.insert_timeout, settings.query_timeout, longest).total_seconds()
        return clickhouse_connect.get_client(
            interface=settings.interface,
            host=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value(),
            database=name or "default",
            connect_timeout=10,
            # The server gives up first, so that no answer is lost on a statement that goes on.
            send_receive_timeout=int(limit) + _SERVER_BEHIND_CLIENT,
            autogenerate_session_id=False,
            client_name="undertone",
            tz_mode="aware",
        )


def time_limit(limit: timedelta) -> int:
    """A statement's `max_execution_time`: whole seconds, and at least one, as 0 would be none."""
    return max(1, int(limit.total_seconds()))


@contextmanager
def errors_sorted() -> Iterator[None]:
    """Turn the client's exceptions into ours: RetryLater when waiting may help, else StopService.

    The client puts host and URL into its messages' causes; only the first line is kept, and no
    cause, so that no secret travels into a log.
    """
    try:
        yield
    except DatabaseError as error:
        line = _first_line(error)
        unanswered = error.code is None and type(error) in (DatabaseError, OperationalError)
        if unanswered or error.code in _PASSING:
            raise RetryLater(f"ClickHouse: {line}") from None
        raise StopService(f"ClickHouse refused a statement: {line}") from None
    except (ClickHouseError, HTTPError, ConnectionError, TimeoutError) as error:
        raise RetryLater(f"ClickHouse does not answer: {_first_line(error)}") from None


# chDB is one engine per process, so is its lock: taken by the first client, held to the end.
_locks: dict[Path, PathLock] = {}
_locks_guard = threading.Lock()


def _lock_once(path: Path) -> None:
    """Keep other processes off an embedded database. Raises StopService when one has it."""
    with _locks_guard:
        place = path.resolve()
        if place not in _locks:
            _locks[place] = PathLock(place)
            atexit.register(_locks[place].close)


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
