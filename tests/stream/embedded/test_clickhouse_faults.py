"""The embedded ClickHouse as a process: killed, stopped, orphaned, started twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from stream.embedded.children import free_port, runs
from stream.embedded.clickhouse import EmbeddedClickHouse
from stream.errors import StopService

pytest.importorskip("chdb", reason="needs the extra 'embedded'")

PARENT = """
import sys, time
from pathlib import Path
from stream.embedded.clickhouse import EmbeddedClickHouse
database = EmbeddedClickHouse(Path(sys.argv[1]))
database.start()
print(database.pid, database.port, flush=True)
time.sleep(600)
"""


def connect(port: int, password: str = "") -> Client:
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=port, password=password, autogenerate_session_id=False
    )


def insert_until_it_fails(port: int, acknowledged: list[int]) -> None:
    with connect(port) as client:
        while True:
            try:
                client.insert("t", [[number] for number in range(100)], column_names=["n"])
            except ClickHouseError:
                return
            acknowledged.append(100)


def test_acknowledged_rows_survive_sigkill_in_mid_insert(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    """Every acknowledged batch is there, the one in flight whole or not at all."""
    acknowledged: list[int] = []
    database = EmbeddedClickHouse(tmp_path)
    database.start()
    with connect(database.port) as client:
        client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    writer = threading.Thread(target=insert_until_it_fails, args=(database.port, acknowledged))
    writer.start()
    eventually(lambda: len(acknowledged) >= 10)
    database.kill()
    writer.join()
    with database, connect(database.port) as client:
        count = client.command("SELECT count() FROM t")
    assert count in (sum(acknowledged), sum(acknowledged) + 100)


def test_it_ends_with_its_parent_and_keeps_what_it_held(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
        with connect(port) as client:
            client.command("CREATE TABLE t ENGINE = MergeTree ORDER BY n AS SELECT 42 AS n")
        parent.kill()
    command = json.loads((tmp_path / "clickhouse.pid").read_text())["command"]
    eventually(lambda: not runs(pid, command))
    with EmbeddedClickHouse(tmp_path) as database, connect(database.port) as client:
        assert client.command("SELECT n FROM t") == 42


def test_a_second_process_on_the_same_path_gets_one_clear_line(tmp_path: Path) -> None:
    """And SIGTERM ends the first with exit code 0."""
    port = free_port()
    command = [sys.executable, "-m", "stream.embedded.clickhouse", str(tmp_path)]
    with subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert f"http://127.0.0.1:{port}" in first.stdout.readline()
        second = subprocess.run(
            [*command, "--port", str(free_port())], capture_output=True, text=True, check=False
        )
        assert second.returncode == 1
        assert second.stderr == (
            f"{tmp_path} is in use by process {first.pid}: use clickhouse.interface http with its "
            f"--port {port}, stop it, or choose another path\n"
        )
        with pytest.raises(StopService, match=f"in use by process {first.pid}"):
            EmbeddedClickHouse(tmp_path).start()
        taken = subprocess.run(
            [*command[:-1], str(tmp_path / "other"), "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
        assert f"--port {port} on 127.0.0.1 cannot be opened" in taken.stderr
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0


def test_a_password_is_asked_for_and_passed_out_of_sight(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path, password="canary") as database:
        with connect(database.port, "canary") as client:
            assert client.command("SELECT 1") == 1
        with pytest.raises(DatabaseError) as refused:
            connect(database.port, "wrong")
        assert refused.value.code == 516
        assert b"canary" not in Path(f"/proc/{database.pid}/cmdline").read_bytes()
        assert "canary" not in (tmp_path / "clickhouse.pid").read_text()
