"""Embedded ClickHouse behind its HTTP interface, for several processes or a local Grafana.

`serve` runs until it is told to stop; `EmbeddedClickHouse` runs it as a child of this process.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.embedded.children import Child, free_port, last_line, start_child
from stream.embedded.engine import Engine
from stream.embedded.http_front import Front
from stream.embedded.path_lock import PathLock
from stream.errors import StopService, UndertoneError, UsageError

__all__ = ["EmbeddedClickHouse", "serve"]

PASSWORD_VARIABLE = "UNDERTONE_CLICKHOUSE__PASSWORD"
_START_LIMIT = 60.0  # seconds
_GRACE = 10.0  # seconds for requests in flight when told to stop


def serve(path: Path, host: str = "127.0.0.1", port: int = 8123, password: str = "") -> None:
    """Serve the database in `path` on `host:port` until SIGTERM or SIGINT; main thread only.

    Requests in flight may end (10 s). Its time zone is UTC, as a server's in a container.
    Raises StopService when the directory or the port is in use, UsageError without the extra.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    # Before the engine is loaded: chDB's Native format drops the zone of DateTime('UTC').
    os.environ["TZ"] = "UTC"
    time.tzset()
    with PathLock(path, f"use clickhouse.interface http with its --port {port}, stop it"):
        engine = Engine(path)
        try:
            front = Front(engine, host, port, password)
        except OSError as error:
            engine.close()
            raise StopService(
                f"--port {port} on {host} cannot be opened ({error.strerror}): choose another"
            ) from None
        thread = threading.Thread(target=front.serve_forever, name="http", daemon=True)
        thread.start()
        print(
            f"ClickHouse {engine.version} in {path}: http://{host}:{front.server_port}", flush=True
        )
        stopped.wait()
        front.shutdown()
        front.server_close()
        if front.drain(_GRACE):
            engine.close()
            return
    # A query is still running. Closing the engine under it crashes; a table does not mind this.
    sys.stdout.flush()
    os._exit(0)


class EmbeddedClickHouse:
    """`serve` as a child process on 127.0.0.1: it dies with this one, its data stay in `path`.

    `port` None or 0 takes a free one. A context manager; `start` and `stop` do the same.
    """

    def __init__(self, path: Path, port: int | None = None, password: str = "") -> None:
        self.path = path
        self.host = "127.0.0.1"
        self.port = port or 0
        self._wanted_port = self.port
        self._password = password
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start it and wait for /ping. Main thread only.

        Raises StopService with the child's own line when it does not come up.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.port = self._wanted_port or free_port()
        command = [sys.executable, "-m", "stream.embedded.clickhouse", str(self.path.resolve())]
        self._child = start_child(
            [*command, "--host", self.host, "--port", str(self.port)],
            name="clickhouse",
            directory=self.path,
            environment={PASSWORD_VARIABLE: self._password},
        )
        try:
            self._wait_for_ping(self._child)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let requests end, close the database, then SIGKILL after 15 s; twice is harmless."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """SIGKILL it, as a fault would; `start` may follow."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def check(self) -> None:
        """Raise StopService if it has died."""
        if self._child is not None:
            self._child.check()

    def _wait_for_ping(self, child: Child) -> None:
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline:
            if child.exit_code is not None:
                raise StopService(f"{last_line(child.log)} (see {child.log})")
            if _pings(self.host, self.port):
                return
            time.sleep(0.02)
        raise StopService(f"clickhouse does not answer after {_START_LIMIT:.0f} s, see {child.log}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _pings(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """`python -m stream.embedded.clickhouse PATH --port P`: what `EmbeddedClickHouse` starts."""
    parser = argparse.ArgumentParser(prog="python -m stream.embedded.clickhouse")
    parser.add_argument("path", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123)
    given = parser.parse_args()
    try:
        serve(given.path, given.host, given.port, os.environ.pop(PASSWORD_VARIABLE, ""))
    except UndertoneError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
