"""Real `undertone` processes in a directory of their own, for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
BRANDS = """
brands:
  - {name: Acme, topics: {battery: [battery, 电池]}}
  - {name: Bolt, aliases: [Bolt, 博尔特]}
"""
RULES = "rules: []\nreceivers: []\n"


class Deployment:
    """One directory with a configuration, and the processes started in it."""

    def __init__(
        self, directory: Path, model: Path | None = None, brands: str = BRANDS, **settings: str
    ) -> None:
        self.directory = directory
        (directory / "config").mkdir(parents=True)
        (directory / "config/brands.yaml").write_text(brands, encoding="utf-8")
        (directory / "config/alerts.yaml").write_text(RULES, encoding="utf-8")
        self.environment = {
            **os.environ,
            **({"UNDERTONE_MODEL__PATH": str(model)} if model else {}),
            "PYTHONPATH": str(ROOT),  # `tests` too
            "UNDERTONE_MODEL__THREADS": "1",
            "UNDERTONE_LOG__JSON_LINES": "true",
            "UNDERTONE_WINDOWS__INTERVAL": "500ms",
            "UNDERTONE_CLICKHOUSE__INSERT_TIMEOUT": "5s",
            **settings,
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def start(
        self, *arguments: str, module: str = "stream", **settings: str
    ) -> subprocess.Popen[bytes]:
        log = (self.directory / f"{arguments[0]}-{len(self.running)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.directory,
            env=self.environment | settings,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        self.running.append(process)
        return process

    def call(self, *arguments: str, **settings: str) -> str:
        """Run a command to its end; its standard output. It must exit with 0."""
        done = subprocess.run(
            [sys.executable, "-m", "stream", *arguments],
            cwd=self.directory,
            env=self.environment | settings,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode() + self.logs()
        return done.stdout.decode()

    def stop(self, process: subprocess.Popen[bytes], within: float = 25) -> int:
        process.send_signal(signal.SIGTERM)
        return process.wait(within)

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait(10)

    def logs(self) -> str:
        return "\n".join(
            f"--- {file.name}\n{file.read_text(errors='replace')[-3000:]}"
            for file in sorted(self.directory.glob("*.log"))
        )

    def remains(self) -> list[str]:
        """Commands of processes that still work in this directory."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                place = (entry / "cwd").readlink()
            except OSError:
                continue
            if str(self.directory) in command or place.is_relative_to(self.directory):
                found.append(command)
        return found


def ready(port: int) -> bool:
    """Whether a board says that every part works."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def samples(port: int, name: str) -> list[float]:
    """What a process tells of a metric: a value a series. `name` may go on with labels."""
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text.splitlines()
    return [
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith((f"{name} ", f"{name}{{"))
    ]


def wait_for(holds: Any, within: float, else_show: Any = lambda: "") -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"it never came to hold\n{else_show()}"
        time.sleep(0.1)


def write_posts(file: Path, number: int) -> Mapping[tuple[str, datetime], int]:
    """A file of posts, some of them twice or edited; returns mentions by brand and minute."""
    start = datetime.now(UTC).replace(second=0, microsecond=0)
    start -= timedelta(hours=1, seconds=7 * number)
    texts = ("Acme is fine", "Bolt again, battery dead", "nothing to see", "博尔特 and Acme 电池")
    final: dict[str, tuple[str, datetime]] = {}
    with file.open("w", encoding="utf-8") as lines:
        for index in range(number):
            at = start + timedelta(seconds=7 * index)
            post = {
                "post_id": str(index),
                "source": "twitter",
                "text": texts[index % 4] + f" {index}",
                "created_at": at.isoformat(),
                "author": {"id": f"a{index % 50}"},
                "lang": "en",
            }
            lines.write(json.dumps(post, ensure_ascii=False) + "\n")
            final[str(index)] = str(post["text"]), at
            if index % 10 == 3:
                lines.write(json.dumps(post, ensure_ascii=False) + "\n")
            if index % 10 == 7:
                edit = post | {"text": "Bolt, on second thought", "updated_at": at.isoformat()}
                edit["updated_at"] = (at + timedelta(seconds=1)).isoformat()
                lines.write(json.dumps(edit, ensure_ascii=False) + "\n")
                final[str(index)] = str(edit["text"]), at
    counts: dict[tuple[str, datetime], int] = {}
    for text, at in final.values():
        minute = at.replace(second=0)
        for brand, names in (("Acme", ("Acme",)), ("Bolt", ("Bolt", "博尔特"))):
            if any(name in text for name in names):
                counts[brand, minute] = counts.get((brand, minute), 0) + 1
    return counts
