"""What lives and what does not, for `/healthz`, `/readyz` and the logs.

Each part beats while it works; a part that has not beaten within its time, or that reported a
trouble, is a problem until it beats again. Time here is the monotonic clock: it is about threads.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field


@dataclass
class _Part:
    within: float
    beaten: float
    trouble: str | None = None


@dataclass
class Health:
    """Thread-safe register of the parts of one process."""

    _parts: dict[str, _Part] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, part: str, within: float) -> None:
        """Watch a part: it must beat at least every `within` seconds."""
        with self._lock:
            self._parts[part] = _Part(within, time.monotonic(), "starting")

    def watch(self, system: str) -> None:
        """Watch an outside system: well until somebody waits for it, however seldom it is used."""
        with self._lock:
            self._parts[system] = _Part(math.inf, time.monotonic())

    def beat(self, part: str) -> None:
        """The part works."""
        with self._lock:
            if part in self._parts:
                self._parts[part].beaten = time.monotonic()
                self._parts[part].trouble = None

    def trouble(self, part: str, reason: str) -> None:
        """The part lives but cannot do its work now."""
        with self._lock:
            if part in self._parts:
                self._parts[part].trouble = reason

    def problems(self) -> list[str]:
        """One line a problem; empty when all is well."""
        with self._lock:
            now = time.monotonic()
            found = []
            for name, part in self._parts.items():
                silent = now - part.beaten
                if part.trouble:
                    found.append(f"{name}: {part.trouble}")
                elif silent > part.within:
                    found.append(f"{name}: no sign of life for {silent:.0f} s")
            return found
