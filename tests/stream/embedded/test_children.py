"""Children die with their parent, and what a crash left behind is stopped at the next start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.embedded.children import Child, last_line, runs, start_child, stop_orphan
from stream.errors import StopService

SLEEPER = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True);"
    " time.sleep(600)",
]
PARENT = """
import sys, time
from pathlib import Path
from stream.embedded.children import start_child
child = start_child([sys.executable, "-c", "import time; time.sleep(600)"],
                    name="sleeper", directory=Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(600)
"""


def started(command: list[str], directory: Path, eventually: Callable[..., None]) -> Child:
    child = start_child(command, name="sleeper", directory=directory)
    eventually(lambda: last_line(child.log) == "up")
    return child


def test_a_child_dies_when_its_parent_is_killed(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    """SIGKILL of the parent, which can clean up nothing, leaves no orphan."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        command = json.loads((tmp_path / "sleeper.pid").read_text())["command"]
        eventually(lambda: runs(pid, command))
        parent.kill()
    eventually(lambda: not runs(pid, command))


def test_stop_ends_a_child_in_order(tmp_path: Path, eventually: Callable[..., None]) -> None:
    child = started(SLEEPER, tmp_path, eventually)
    assert child.exit_code is None
    child.check()
    child.stop()
    assert child.exit_code == -signal.SIGTERM
    child.stop()


def test_stop_kills_a_child_that_does_not_listen(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    child = started(DEAF, tmp_path, eventually)
    child.stop(grace=0.2)
    assert child.exit_code == -signal.SIGKILL


def test_a_child_that_ended_by_itself_is_named_with_its_last_words(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    child = start_child(
        [sys.executable, "-c", "import sys; print('no disk'); sys.exit(3)"],
        name="db",
        directory=tmp_path,
    )
    eventually(lambda: child.exit_code is not None)
    with pytest.raises(StopService, match=r"db ended with exit code 3: no disk .*db\.log"):
        child.check()
    child.stop()


def test_an_orphan_of_a_former_crash_is_stopped_at_start(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    """Where the kernel does not end it: the pid file and the command line find it."""
    orphan = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    record = {"pid": orphan.pid, "command": SLEEPER}
    (tmp_path / "sleeper.pid").write_text(json.dumps(record))
    eventually(lambda: runs(orphan.pid, SLEEPER))
    child = started(SLEEPER, tmp_path, eventually)
    try:
        assert orphan.wait(5) == -signal.SIGTERM
        assert child.exit_code is None
    finally:
        child.stop()


def test_an_orphan_that_does_not_listen_is_killed(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    orphan = subprocess.Popen(DEAF, stdout=subprocess.PIPE, text=True)
    with orphan:
        assert orphan.stdout is not None
        orphan.stdout.readline()
        file = tmp_path / "deaf.pid"
        file.write_text(json.dumps({"pid": orphan.pid, "command": DEAF}))
        assert stop_orphan(file, grace=0.2)
        assert orphan.wait(5) == -signal.SIGKILL


def test_a_stranger_with_the_orphans_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL) as stranger:
        file = tmp_path / "x.pid"
        file.write_text(json.dumps({"pid": stranger.pid, "command": ["/bin/another", "program"]}))
        assert not stop_orphan(file)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "command": []}', "12"])
def test_a_torn_pid_file_stops_nobody(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.pid"
    file.write_text(text)
    assert not stop_orphan(file)
    assert not file.exists()


def test_a_live_owner_is_not_robbed_of_its_child(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    child = started(SLEEPER, tmp_path, eventually)
    try:
        with pytest.raises(StopService, match=f"in use by process {os.getpid()}"):
            start_child(SLEEPER, name="sleeper", directory=tmp_path)
        assert child.exit_code is None
    finally:
        child.stop()


def test_children_are_started_from_the_main_thread_only(tmp_path: Path) -> None:
    """The kernel would end them with the thread that started them."""
    seen: list[BaseException] = []

    def start() -> None:
        try:
            start_child(SLEEPER, name="sleeper", directory=tmp_path)
        except RuntimeError as error:
            seen.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(seen) == 1


def test_a_child_starts_with_no_signal_blocked(tmp_path: Path) -> None:
    """chDB blocks SIGPIPE in the process that loads it; a child must not inherit that."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])
    try:
        child = start_child(
            ["/bin/sh", "-c", "grep SigBlk /proc/self/status"], name="sh", directory=tmp_path
        )
        child._process.wait(5)
        child.stop()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPIPE])
    if sys.platform == "linux":
        assert int(last_line(child.log).split()[1], 16) == 0


def test_a_directory_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StopService, match="cannot be used as a data directory"):
        start_child(SLEEPER, name="sleeper", directory=tmp_path / "file")
