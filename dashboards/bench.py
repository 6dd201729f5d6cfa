"""How long the boards' questions take over a month of many brands: `python -m dashboards.bench`.

Fifty brands of which something is said every minute of thirty days, in two sources, as a whole and
of one topic: 8.6 million windows. Needs about two minutes and 1 GB of disk. Exit 1 where a question
of Overview or Compare, which are asked of all brands, takes more than half a second.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from dashboards.macros import Look, expanded
from dashboards.reading import Asked, begin_of, boards, statements, step_of, usual_choice
from stream import schema
from stream.database import Client, connect
from stream.settings import ClickHouse

DAYS, BRANDS, SOURCES = 30, 50, ("forum", "news")
BAR_SECONDS = 0.5
_OF_ALL_BRANDS = ("overview", "compare")
_MINUTES_A_DAY = 24 * 60

# What the passes of a day leave behind. One author and one text for each mention.
_A_DAY = f"""
INSERT INTO window_scores
SELECT {{day:DateTime('UTC')}} + toIntervalMinute(intDiv(number, {BRANDS * len(SOURCES) * 2})),
    concat('brand ', leftPad(toString(number % {BRANDS}), 2, '0')) AS brand,
    ['', 'price'][intDiv(number, {BRANDS}) % 2 + 1] AS topic,
    {list(SOURCES)}[intDiv(number, {BRANDS * 2}) % 2 + 1] AS source, 'en',
    3, cityHash64(number, 1) % 2 AS negative, 2 - negative, 1,
    toInt64(cityHash64(number, 2) % 10000) - 5000, 100,
    arrayReduce('uniqExactState', [toString(cityHash64(number, 3) % 100000)]),
    arrayReduce('uniqExactState', [cityHash64(number, 4)]),
    arrayReduce('uniqExactState', [toString(cityHash64(number, 3) % 100000)]), now64(6)
FROM numbers({_MINUTES_A_DAY * BRANDS * len(SOURCES) * 2})"""

_PROGRESS = """
INSERT INTO progress (topic, kafka_partition, partitions, read_to, next_offset)
VALUES ('posts', 0, 1, {until:DateTime64(3, 'UTC')}, 1)"""


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=5, help="of each question, in turn")
    repeats = arguments.parse_args().repeats
    asked = [one for name, board in boards().items() for one in statements(name, board)]
    with tempfile.TemporaryDirectory() as folder:
        settings = ClickHouse(path=Path(folder) / "clickhouse", database="month")
        with closing(connect(settings)) as client:
            until = _fill(client)
            found = {one: _took(client, one, until, repeats) for one in asked if one.panel}
    load = os.getloadavg()[0]
    print(f"{DAYS} days of {BRANDS} brands, median of {repeats}; load of this machine {load:.1f}")
    print("  passed       CPU")
    for one, (seconds, busy) in sorted(found.items(), key=lambda pair: -pair[1][0]):
        print(f"{seconds:7.3f} s {busy:7.3f} s  {one}")
    slow = [o for o, (s, _) in found.items() if o.board in _OF_ALL_BRANDS and s > BAR_SECONDS]
    print(f"over {BAR_SECONDS} s on {' and '.join(_OF_ALL_BRANDS)}: {len(slow)}")
    return bool(slow)


def _fill(client: Client) -> datetime:
    schema.apply(client, schema.Target("month", retention_days=400))
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(DAYS):
        client.command(_A_DAY, parameters={"day": until - timedelta(days=DAYS - day)})
    client.command(_PROGRESS, parameters={"until": until})
    return until


def _took(client: Client, asked: Asked, until: datetime, repeats: int) -> tuple[float, float]:
    """Seconds that passed, and seconds of all cores together: of a busy machine only the latter
    tells."""
    since = begin_of(asked.panel, until - timedelta(days=DAYS), until)
    chosen = usual_choice("brand 07", "none")
    options = {"brands": [f"brand {number:02}" for number in range(BRANDS)]}
    look = Look(since, until, step_of(asked.panel, since, until), chosen, options)
    sql = expanded(asked.sql, look)
    passed, busy = [], []
    for _ in range(repeats):
        begun, worked = time.perf_counter(), time.process_time()
        # As Grafana's user has it in its profile.
        client.query(sql, settings={"do_not_merge_across_partitions_select_final": 1})
        passed.append(time.perf_counter() - begun)
        busy.append(time.process_time() - worked)
    return median(passed), median(busy)


if __name__ == "__main__":
    sys.exit(main())
