"""Child processes that never outlive the service: started tethered, known by a pid file, stopped.

A child is told to end by SIGTERM when its parent dies, even by SIGKILL (`tether`), so that it can
save what it holds. The pid file is for where the kernel does not do that: at the next start what
still runs there, recognised by its whole command line and not by its number alone, is stopped.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from stream.embedded.path_lock import PathLock
from stream.errors import StopService

_TETHER = Path(__file__).with_name("tether.py")
_LOG_LIMIT = 1 << 20  # bytes; a longer log of former runs is begun anew
_POLL = 0.02  # seconds between two looks at a process that is not our child


class Child:
    """A running command; its output goes to `log`. Made by `start_child`."""

    def __init__(self, process: subprocess.Popen[bytes], name: str, log: Path, lock: PathLock):
        self._process = process
        self.name = name
        self.log = log
        self._lock = lock

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raise StopService, naming the log, if it has ended by itself."""
        if self.exit_code is not None:
            raise StopService(
                f"{self.name} ended with exit code {self.exit_code}: {last_line(self.log)} "
                f"(see {self.log})"
            )

    def stop(self, grace: float = 15.0) -> None:
        """SIGTERM, wait up to `grace` seconds, then SIGKILL. Returns when it is gone."""
        if self.exit_code is None:
            self._process.terminate()
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
        self._lock.close()

    def kill(self) -> None:
        """SIGKILL it and its own children, as a fault would, and wait until it is gone."""
        if self.exit_code is None:
            _send(self.pid, signal.SIGKILL)
        self._process.wait()
        self._lock.close()


def start_child(
    command: Sequence[str],
    *,
    name: str,
    directory: Path,
    environment: Mapping[str, str] | None = None,
) -> Child:
    """Start `command` (its first word an absolute path) with log and pid file in `directory`.

    Call it from the main thread: the kernel ties a child to the thread that started it, and would
    end the child with that thread. The child is in a session of its own, so that Ctrl-C reaches
    the service alone, which then stops its children in order.

    Raises StopService when another live process has such a child there, or when the command cannot
    be run at all.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children die with the thread that starts them: use the main thread")
    lock = PathLock(directory, name=f"{name}.owner")
    try:
        pid_file = directory / f"{name}.pid"
        stop_orphan(pid_file)
        log = directory / f"{name}.log"
        process = _spawn(command, log, environment)
        pid_file.write_text(json.dumps({"pid": process.pid, "command": list(command)}))
    except OSError as error:
        lock.close()
        raise StopService(f"{name} cannot be started in {directory}: {error}") from None
    except BaseException:
        lock.close()
        raise
    return Child(process, name, log, lock)


def _spawn(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    mode = "wb" if log.exists() and log.stat().st_size > _LOG_LIMIT else "ab"
    tether = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), str(int(signal.SIGTERM))]
    with log.open(mode) as output:
        return subprocess.Popen(
            [*tether, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )


def stop_orphan(pid_file: Path, grace: float = 15.0) -> bool:
    """Stop what a former run left behind under this pid file; True if something still ran.

    A process that merely got the same number since is left alone. Raises StopService when the
    orphan survives SIGKILL or belongs to someone else.
    """
    known = recorded(pid_file)
    if known is None:
        pid_file.unlink(missing_ok=True)
        return False
    pid, command = known
    was_running = runs(pid, command)
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if not runs(pid, command):
            break
        try:
            _send(pid, number)
        except ProcessLookupError:
            break
        except PermissionError:
            raise StopService(f"process {pid} of another user holds {pid_file.parent}") from None
        deadline = time.monotonic() + patience
        while runs(pid, command) and time.monotonic() < deadline:
            time.sleep(_POLL)
    else:
        if runs(pid, command):
            raise StopService(f"process {pid} in {pid_file.parent} cannot be stopped: end it")
    pid_file.unlink(missing_ok=True)
    return was_running


def _send(pid: int, number: signal.Signals) -> None:
    """Send a signal; SIGKILL to the whole group where the process leads one, as ours do."""
    if number is signal.SIGKILL and os.getpgid(pid) == pid:
        os.killpg(pid, number)
    else:
        os.kill(pid, number)


def recorded(pid_file: Path) -> tuple[int, list[str]] | None:
    """The process and command that a pid file names; None where it is missing or no pid file."""
    try:
        found = json.loads(pid_file.read_text())
        return int(found["pid"]), [str(word) for word in found["command"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def runs(pid: int, command: Sequence[str]) -> bool:
    """Whether process `pid` lives and was started as `command` (perhaps still by its tether)."""
    proc = Path(f"/proc/{pid}")
    if Path("/proc/self/cmdline").exists():
        try:
            words = proc.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        except OSError:
            return False
        return words[-len(command) :] == list(command)  # a zombie has no command line
    shown = subprocess.run(
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout.strip().endswith(" ".join(command))


def last_line(log: Path) -> str:
    """The last thing a child said, shortened; '' of an empty or unreadable log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    spoken = [line.strip() for line in lines if line.strip()]
    return spoken[-1][:200] if spoken else ""


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port nobody listens on now; somebody may the next moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
