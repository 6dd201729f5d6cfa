"""The embedded Kafka broker: `noida-db` as a child process in a directory of its own.

What it is good for: the demo, tests, one machine. It keeps every record in memory and saves all
of it to one file about once a second and when it is told to end (`keeper`). So a crash of the
*service* loses nothing, but SIGKILL of the *broker itself* or a power cut loses about the last
second of what it had acknowledged. Data that must survive that belongs on Kafka.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from stream import kafka
from stream.embedded.children import Child, free_port, last_line, recorded, runs, start_child
from stream.errors import StopService, UsageError
from stream.settings import Kafka

__all__ = ["DLQ_MAX_BYTES", "POSTS_MAX_BYTES", "EmbeddedBroker", "reached_at", "running_in"]

HOST = "127.0.0.1"
_NAME = "broker"
_KEEPER = Path(__file__).with_name("keeper.py")
# A post of 1 MB with its key and headers; the dead-letter topic takes 64 KB more (DESIGN §2).
POSTS_MAX_BYTES = (1 << 20) + (16 << 10)
DLQ_MAX_BYTES = POSTS_MAX_BYTES + (64 << 10)
# However little a fetch asks for, this broker answers with all that lies behind its offset.
_MOST_FETCHED = 1 << 30
_START_LIMIT = 30.0  # seconds; 100,000 records load in 2 s
_PORT_ATTEMPTS = 3


class EmbeddedBroker:
    """A broker on this machine whose records and committed offsets live in `directory`.

    `port` None or 0 takes a free one; it is then known as `bootstrap_servers` after `start`.
    `host` is where it listens and what it tells its clients to connect to.
    A context manager; `start` and `stop` are there for those who cannot use one.
    """

    def __init__(self, directory: Path, port: int | None = None, host: str = HOST) -> None:
        self.directory = directory
        self.host = host
        self._wanted_port = port or 0
        self.port = 0
        self._child: Child | None = None

    @property
    def bootstrap_servers(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start it and wait until it answers Kafka's metadata request. Main thread only.

        Raises UsageError without the extra `embedded`; StopService when the directory or the port
        is in use or the broker does not come up: one line with the log and the fix.
        """
        binary = find_binary()
        self.directory.mkdir(parents=True, exist_ok=True)
        if (
            self._wanted_port
            and self._answers(self._wanted_port)
            and not running_in(self.directory)
        ):
            raise StopService(
                f"kafka.port {self._wanted_port} is taken by another program: "
                "choose another, or 0 for a free one"
            )
        try:
            for attempt in range(1, _PORT_ATTEMPTS + 1):
                self.port = self._wanted_port or free_port()
                self._child = start_child(
                    self._command(binary),
                    name=_NAME,
                    directory=self.directory,
                )
                last = bool(self._wanted_port) or attempt == _PORT_ATTEMPTS
                if self._came_up(self._child, last_attempt=last):
                    return
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Save all and end (SIGTERM, then SIGKILL after 15 s); stopping twice is harmless."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def check(self) -> None:
        """Raise StopService if the broker has died."""
        if self._child is not None:
            self._child.check()

    def kill(self) -> None:
        """SIGKILL the broker as a fault would; `start` may follow on the same object."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def create_topic(
        self, name: str, partitions: int = 6, max_message_bytes: int = POSTS_MAX_BYTES
    ) -> None:
        """Create the topic unless it exists (then nothing about it is changed).

        No retention: this broker applies Kafka's default of 7 days to the record's own timestamp
        at once, so that a replay of old posts would be gone before it is read.
        """
        configs = {"retention.ms": "-1", "max.message.bytes": str(max_message_bytes)}
        topic = NewTopic(name, partitions, 1, topic_configs=configs)
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
            try:
                if name not in admin.list_topics():
                    admin.create_topics([topic])
            finally:
                admin.close()
        except TopicAlreadyExistsError:
            return
        except KafkaError as error:
            raise StopService(
                f"topic {name} cannot be created on {self.bootstrap_servers}: {error}"
            ) from None

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

    def _command(self, binary: Path) -> list[str]:
        keeper = [sys.executable, "-I", "-S", str(_KEEPER), str(binary)]
        where = ["--host", self.host, "--data-dir", str(self.directory.resolve())]
        return [*keeper, "start", "--only", "kafka", "--kafka-port", str(self.port), *where]

    def _answers(self, port: int) -> bool:
        try:
            with socket.create_connection((self.host, port), timeout=1):
                return True
        except OSError:
            return False

    def _came_up(self, child: Child, *, last_attempt: bool) -> bool:
        log = child.log
        reached = Kafka(bootstrap_servers=self.bootstrap_servers)
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline:
            if child.exit_code is not None:
                if last_attempt:
                    raise StopService(
                        f"the embedded broker did not start: {last_line(log)} (see {log}); "
                        f"if {self.directory} is damaged, move it away"
                    )
                child.stop()
                return False  # somebody took the free port before us: try another
            if self._answers(self.port) and kafka.answers(reached):
                return True
            time.sleep(0.02)
        raise StopService(
            f"the embedded broker does not answer after {_START_LIMIT:.0f} s (see {log}): "
            f"is {self.directory} very large or the machine very busy?"
        )


def running_in(directory: Path) -> str | None:
    """The address of the embedded broker that some process runs in `directory` now, if one does."""
    known = recorded(directory / f"{_NAME}.pid")
    if known is None or not runs(*known):
        return None
    _, command = known
    host, port = (command[command.index(name) + 1] for name in ("--host", "--kafka-port"))
    return f"{host}:{port}"


def reached_at(address: str, settings: Kafka) -> Kafka:
    """The settings of a client of an embedded broker."""
    return settings.model_copy(
        update={
            "bootstrap_servers": address,
            "most_fetched": max(settings.most_fetched, _MOST_FETCHED),
        }
    )


def find_binary() -> Path:
    """The broker's own binary, not its Python wrapper, whose death would leave it running.

    Raises UsageError when the extra `embedded` is not installed.
    """
    name = "noida-db.exe" if os.name == "nt" else "noida-db"
    found = importlib.util.find_spec("noida_db")
    places = [Path(folder) / name for folder in (found and found.submodule_search_locations) or []]
    for place in places:
        if place.is_file():
            if not os.access(place, os.X_OK):
                place.chmod(0o755)  # wheels may lose the bit; the wrapper does the same
            return place
    for candidate in (Path(sys.executable).with_name(name), shutil.which(name)):
        if candidate and Path(candidate).is_file() and not _is_script(Path(candidate)):
            return Path(candidate).resolve()
    raise UsageError(
        "kafka.bootstrap_servers is empty and the embedded broker is not installed: "
        "pip install 'undertone[embedded]' or name a broker"
    )


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"
