"""One process per directory: an advisory lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from stream.errors import InUse, StopService

LOCK_FILE = "undertone.lock"


class PathLock:
    """Hold `path` (made if missing) for this process until `close` or the process's end.

    flock, so a crash or SIGKILL leaves nothing to clean up; the file itself stays and only names
    the last holder. `note` tells the refused process how to reach this one instead. Not
    re-entrant: one lock per process and path.

    Raises InUse when another live process holds the directory, StopService when it cannot be used.
    """

    def __init__(self, path: Path, note: str = "", name: str = LOCK_FILE) -> None:
        self.path = path
        self._file: IO[str] | None = None
        try:
            path.mkdir(parents=True, exist_ok=True)
            file = (path / name).open("a+", encoding="utf-8")
        except OSError as error:
            raise StopService(
                f"{path}: cannot be used as a data directory ({error.strerror}): "
                "choose another path or mend its owner and rights"
            ) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _holder(file)
            file.close()
            raise InUse(f"{path} is in use by {holder}, or choose another path") from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "note": note}))
        file.flush()
        self._file = file

    def close(self) -> None:
        """Let go; closing twice is harmless."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        found = json.loads(file.read())
        pid, note = int(found["pid"]), str(found["note"])
    except (ValueError, KeyError, TypeError):  # the holder is just writing it
        return "another process: stop that one"
    return f"process {pid}: {note or 'stop that one'}"
