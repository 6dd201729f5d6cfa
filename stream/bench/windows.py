"""Whether recomputing what a minute of posts changed costs more where more posts lie."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream import schema
from stream.bench.figures import Bar, Part, ratio
from stream.bench.plan import Bench
from stream.database import Client, connect
from stream.settings import ClickHouse
from stream.windows import run_pass

HISTORIES = (10**5, 10**6, 10**7)
A_MINUTE = 600
"""Posts of the minute that is recomputed: ten a second."""

FULL_MINUTE = 600_000
"""Posts of a minute at ten thousand a second, which every pass counts anew while it lasts."""

A_DAY = 27_800
"""Posts of the history, so that ten million are a year."""

_BRANDS = 20
_STEP = 30 * A_DAY  # posts of the history that are loaded at once
_RETENTION = timedelta(days=400)
_SETTLE_SECONDS, _CALM_LOOKS = 120, 5
_LIMIT = timedelta(minutes=5)

_KEYS = """
INSERT INTO post_keys (source, post_id, created_at)
SELECT source, post_id, created_at FROM posts WHERE startsWith(post_id, {series:String})
SETTINGS max_execution_time = 600"""

# One mention a post, as the service writes it.
_POSTS = """
INSERT INTO posts (source, post_id, created_at, kind, text, lang, author_id, followers, text_hash,
    `mentions.brand`, `mentions.topics`, `mentions.negative`, `mentions.neutral`,
    `mentions.positive`, `mentions.score`, `mentions.spans`, `mentions.estimated`,
    generation, kafka_partition, kafka_offset, kafka_time, version)
SELECT ['shop', 'forum', 'news'][number % 3 + 1], concat({series:String}, toString(number)),
    {begin:DateTime64(3, 'UTC')} + toIntervalMillisecond(
        intDiv(number * {milliseconds:UInt64}, {count:UInt64})) AS at,
    'post', concat('what was said of it, number ', toString(number)),
    ['en', 'zh', 'es'][number % 3 + 1], toString(cityHash64(number) % 100000), number % 1000,
    cityHash64(number), [concat('brand ', toString(number % {brands:UInt32}))], [['price']],
    [number % 10000] AS negative, [0], [10000 - negative[1]],
    [toInt16(10000 - 2 * toInt32(negative[1]))], [[0, 5]], [0], 1, number % 6, number, at,
    toUInt128(toUnixTimestamp64Milli(at))
FROM numbers({count:UInt64})
SETTINGS max_execution_time = 600, max_partitions_per_insert_block = 1000"""


def measure(bench: Bench) -> Part:
    """Seconds of a pass over one fresh minute, beside histories of one pace and other lengths."""
    histories = [bench.count(size) for size in HISTORIES]
    runs: dict[str, Callable[[int], float]] = {}
    clients: list[Client] = []
    for size in histories:
        client = _with_history(bench.directory, size, f"history{size}")
        clients.append(client)
        runs[f"{size:,} posts"] = _pass_of(client)
        bench.tick("windows")
    try:
        found = bench.alternate("windows", runs, "s")
        # Afterwards: so many rows keep the database busy with merging for a while.
        full = bench.count(FULL_MINUTE)
        clients.append(_with_history(bench.directory, histories[0], "crowded"))
        again = {f"a minute of {full:,} posts": _again_of(clients[-1], full)}
        crowded = bench.alternate("windows", again, "s")
    finally:
        for client in clients:
            client.close()
    few, *_, many = found.values()
    return Part(
        "windows",
        (*found.values(), *crowded.values()),
        (Bar("most / fewest posts", ratio(many, few), 1.5, at_most=True),),
        (
            f"a pass over {A_MINUTE} fresh posts of one minute, one of {_BRANDS} brands each; "
            f"{A_DAY:,} posts a day before it; a crowded minute for one post more",
        ),
    )


def _with_history(directory: Path, size: int, name: str) -> Client:
    settings = ClickHouse(path=directory / "clickhouse", database=name)
    with closing(connect(settings, "")) as client:
        schema.apply(client, schema.Target(settings.database, _RETENTION.days))
    client = connect(settings)
    # In steps: windows are made of what came since the last pass, as they are in service.
    begin, a_post = datetime.now(UTC), timedelta(days=1) / A_DAY
    for done in range(0, size, _STEP):
        count = min(_STEP, size - done)
        _insert(client, f"h{done}-", count, begin - (size - done) * a_post, count * a_post)
        recompute(client, _RETENTION)
    _await_merged(client)
    return client


def _await_merged(client: Client) -> None:
    """Until the database has nothing of its own to do, which would be measured with the passes."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    calm = 0
    while calm < _CALM_LOOKS and time.monotonic() < deadline:
        merges = client.query("SELECT count() FROM system.merges").result_rows[0][0]
        calm = 0 if merges else calm + 1
        time.sleep(0.2)


def _pass_of(client: Client) -> Callable[[int], float]:
    def timed(repeat: int) -> float:
        minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
        _insert(client, f"r{repeat}-", A_MINUTE, minute, timedelta(minutes=1))
        return recompute(client, _RETENTION)

    return timed


def _again_of(client: Client, posts: int) -> Callable[[int], float]:
    """A pass for one more post in a minute that has so many."""
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
    _insert(client, "m-", posts, minute, timedelta(minutes=1))
    recompute(client, _RETENTION)

    def timed(repeat: int) -> float:
        _insert(client, f"m{repeat}-", 1, minute, timedelta(minutes=1))
        return recompute(client, _RETENTION)

    return timed


def recompute(client: Client, retention: timedelta) -> float:
    """A pass over what came since the last one; seconds."""
    done = run_pass(
        client,
        now=datetime.now(UTC),
        margin=timedelta(0),
        retention=retention,
        limit=_LIMIT,
    )
    return done.seconds


def _insert(client: Client, series: str, count: int, begin: datetime, span: timedelta) -> None:
    client.command(
        _POSTS,
        parameters={
            "series": series,
            "count": count,
            "begin": begin,
            "milliseconds": span // timedelta(milliseconds=1),
            "brands": _BRANDS,
        },
    )
    client.command(_KEYS, parameters={"series": series})
