"""How long the evidence of a storm takes to gather: `python -m tests.evidence_storm [MENTIONS]`.

An embedded database holds three days of everyday talk about ten brands, 40 posts a minute, and half
an hour in which MENTIONS posts (100,000) complain about one of them, among as many about others.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream import schema
from stream.alerting.advance import advance
from stream.alerting.evidence import gather
from stream.database import Client, connect
from stream.detector.verdict import Verdict
from stream.rules import Rule
from stream.settings import ClickHouse
from stream.windows import run_pass

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
STORM = timedelta(minutes=30)
A_MINUTE = 40  # everyday posts
TIMES = 5

# `number` gives everything: a brand, a language, an author, one of many texts, its moment.
_POSTS = """
INSERT INTO posts (source, post_id, created_at, kind, text, lang, author_id, author_name, followers,
    text_hash, `mentions.brand`, `mentions.topics`, `mentions.negative`, `mentions.neutral`,
    `mentions.positive`, `mentions.score`, `mentions.spans`, `mentions.estimated`, generation,
    version)
WITH cityHash64(number, {seed:String}) AS h,
    if({storm:UInt8} AND number % 2 = 0, 0, h % 10) AS brand,
    {storm:UInt8} AND brand = 0 OR h % 5 = 0 AS angry,
    ['battery', 'charger', 'screen', 'delivery', 'price', 'support', 'camera', 'sound'] AS words,
    arrayStringConcat(arrayMap(i -> words[1 + bitShiftRight(h, 5 * i) % 8], range(12)), ' ') AS said
SELECT ['twitter', 'weibo', 'reddit'][1 + h % 3], concat({seed:String}, toString(number)),
    {since:DateTime('UTC')} + toIntervalMillisecond(intDiv({span:UInt64} * number, {posts:UInt64})),
    'post',
    concat('Brand', toString(brand), ' ', said,
        if(angry AND {storm:UInt8}, concat(' overheats and burns ', toString(h % 1000)), ''))
        AS body,
    ['en', 'zh', 'de', 'es'][1 + bitShiftRight(h, 8) % 4],
    toString(h % 50000), 'somebody', bitShiftRight(h, 16) % 5000, cityHash64(body),
    [concat('Brand', toString(brand))], [[words[1 + h % 8]]],
    [if(angry, 8000, 1000)], [if(angry, 1500, 8000)], [if(angry, 500, 1000)], [0], [[0, 6]], [0], 1,
    1
FROM numbers({posts:UInt64})"""


def fill(client: Client, seed: str, posts: int, since: datetime, span: timedelta) -> None:
    milliseconds = span // timedelta(milliseconds=1)
    values = {"seed": seed, "posts": posts, "since": since, "span": milliseconds}
    client.command(_POSTS, parameters={**values, "storm": int(seed == "storm")})


def main(mentions: int) -> None:
    since = NOON - STORM
    rule = Rule(name="mood")
    verdict = Verdict(NOON, since, 0.9, True, "share", mentions, mentions, 9, 0, 20, 0.2, 9.0, 9.0)
    change = advance(None, verdict, rule, "Brand0", "")[1]
    assert change is not None
    with tempfile.TemporaryDirectory() as directory:
        client = connect(ClickHouse(path=Path(directory)), "")
        schema.apply(client, schema.Target("undertone", retention_days=400))
        client = connect(ClickHouse(path=Path(directory)))
        days = timedelta(days=3)
        fill(client, "usual", A_MINUTE * (days // timedelta(minutes=1)), since - days, days)
        fill(client, "storm", 2 * mentions, since, STORM)
        ten, minute = timedelta(seconds=10), timedelta(minutes=1)
        run_pass(client, now=NOON, margin=ten, retention=400 * days, limit=minute)
        seconds = []
        for _ in range(TIMES):
            began = time.perf_counter()
            found = gather(client, change.row, verdict, rule, minute)
            seconds.append(time.perf_counter() - began)
        client.close()
    print(found.summary, "·", ", ".join(found.terms), "·", found.carried_by.words)
    size = len(found.model_dump_json())
    print(f"gathered in {min(seconds):.2f} to {max(seconds):.2f} s, {size:,} bytes")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
