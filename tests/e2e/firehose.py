"""A whole file of real posts through `undertone run`, embedded: rate, memory, and exact counts.

usage: python -m tests.e2e.firehose FILE.jsonl[.gz]

Watches the subjects of tests/e2e/subjects.yaml with the shipped model, prints a line every 5,000
posts, and at the end whether every window equals a plain recount of the file (exit code 1 if not).
Memory is the resident set of `undertone run`, broker excluded. Linux only.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from stream.database import connect
from stream.settings import ClickHouse
from tests.e2e.processes import Deployment, ready, samples, wait_for
from tests.e2e.recount import posts_of, recount

ROOT = Path(__file__).parents[2]
SUBJECTS = Path(__file__).with_name("subjects.yaml")
BOARD, BROKER = 18080, 19092


def main(file: Path) -> int:
    posts = posts_of(file)
    with tempfile.TemporaryDirectory(prefix="undertone-firehose-") as home:
        deployment = Deployment(
            Path(home) / "deployment",
            ROOT / "models/default",
            UNDERTONE_RETENTION__POSTS="20000d",
            UNDERTONE_BRANDS__FILE=str(SUBJECTS),
            UNDERTONE_KAFKA__PORT=str(BROKER),
            UNDERTONE_WEB__PORT=str(BOARD),
            UNDERTONE_WINDOWS__INTERVAL="2s",
            UNDERTONE_CLICKHOUSE__INSERT_TIMEOUT="20s",
        )
        del deployment.environment["UNDERTONE_MODEL__THREADS"]
        try:
            service = deployment.start("run")
            wait_for(lambda: ready(BOARD), 120, deployment.logs)
            address = {"UNDERTONE_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{BROKER}"}
            began = time.monotonic()
            deployment.start("produce", str(file.resolve()), **address)
            follow(service, len(posts), began)
            wait_for(settled(), 120, deployment.logs)
            deployment.stop(service)
            return compare(deployment.directory / "data/clickhouse", posts)
        finally:
            deployment.close()


def follow(service: subprocess.Popen[bytes], total: int, began: float) -> None:
    told, early = 0, 0.0
    while (stored := counted("undertone_posts_stored_total")) < total:
        assert service.poll() is None, "the service has ended"
        if stored - told >= 5000:
            told = int(stored)
            say(service.pid, stored, began)
        if not early and stored >= 10_000:
            early = resident(service.pid)
        time.sleep(1)
    say(service.pid, stored, began)
    if early:
        end = resident(service.pid)
        print(f"memory at the end / after 10,000 posts: {end / early:.3f}")


def say(pid: int, stored: float, began: float) -> None:
    seconds = time.monotonic() - began
    mentions = counted("undertone_mentions_scored_total")
    print(
        f"{stored:,.0f} posts, {mentions:,.0f} mentions in {seconds:,.0f} s: "
        f"{stored / seconds:.1f} posts/s, {mentions / seconds:.1f} mentions/s, "
        f"{resident(pid):,.0f} MB",
        flush=True,
    )


def counted(name: str) -> float:
    return sum(samples(BOARD, name))


def settled() -> Callable[[], bool]:
    """Whether a window pass began after everything was stored; several seconds ago to be sure."""
    since = time.time() + 5
    return lambda: counted('undertone_job_last_success{job="windows"}') > since


def resident(pid: int) -> float:
    """Megabytes of resident memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def compare(path: Path, posts: list[dict[str, str]]) -> int:
    brands = re.findall(r"name: (.+)", SUBJECTS.read_text(encoding="utf-8"))
    client = connect(ClickHouse(path=path))
    rows = client.query(
        "SELECT brand, toDateTime64(window_start, 0, 'UTC'), sum(mentions) FROM window_scores "
        "FINAL WHERE topic = '' GROUP BY 1, 2 HAVING sum(mentions) > 0"
    ).result_rows
    client.close()
    found = {(brand, minute): number for brand, minute, number in rows}
    expected = dict(recount(posts, brands))
    equal = found == expected
    print(f"{len(found):,} windows, {'equal' if equal else 'NOT EQUAL'} to a recount of the file")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
