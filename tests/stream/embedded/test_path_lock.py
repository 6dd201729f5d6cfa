"""One process per directory, and nothing to clean up after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream.embedded.path_lock import LOCK_FILE, PathLock
from stream.errors import StopService

HOLDER = """
import sys, time
from pathlib import Path
from stream.embedded.path_lock import PathLock
lock = PathLock(Path(sys.argv[1]), "use its --port 8123, stop it")
print("held", flush=True)
time.sleep(600)
"""


def test_a_second_process_gets_one_line_with_the_holder_and_the_fix(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StopService) as refused:
            PathLock(tmp_path)
        assert str(refused.value) == (
            f"{tmp_path} is in use by process {holder.pid}: "
            "use its --port 8123, stop it, or choose another path"
        )
        holder.kill()
    PathLock(tmp_path).close()  # the kernel let go when the holder died


def test_the_lock_is_free_again_after_close_and_names_its_last_holder(tmp_path: Path) -> None:
    with PathLock(tmp_path / "deep" / "data") as lock:
        assert str(os.getpid()) in (lock.path / LOCK_FILE).read_text()
    lock.close()
    with PathLock(lock.path):
        pass


def test_a_holder_that_has_not_written_its_name_yet_still_holds(tmp_path: Path) -> None:
    with PathLock(tmp_path):
        (tmp_path / LOCK_FILE).write_text("")
        with pytest.raises(StopService, match="in use by another process"):
            PathLock(tmp_path)
