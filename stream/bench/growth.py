"""How much a million posts add to the database's disk."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta

from stream.bench.figures import Figure, Part
from stream.bench.plan import Bench
from stream.bench.posts import message
from stream.bench.scorers import Costless
from stream.bench.whole import await_stored, consuming, fill, stored, whole
from stream.bench.windows import recompute
from stream.database import connect

TABLES = ("posts", "post_keys", "window_scores")
_RETENTION = timedelta(days=20_000)  # files of real posts are old


def measure(bench: Bench) -> Part:
    """Bytes of each table after every post of the file has come once, under its own date.

    How many windows there are depends on how many brands are named in how many minutes.
    """
    retention = bench.settings.retention.model_copy(update={"posts": _RETENTION})
    settings = bench.settings.model_copy(update={"retention": retention})
    posts = [post for post, _ in bench.corpus.posts]
    with whole(settings, bench.directory) as bed:
        fresh = bed.fresh()
        fill(fresh, (message(p, datetime.fromisoformat(p["created_at"])) for p in posts))
        before = stored()
        with consuming(fresh, Costless()) as running:
            await_stored(before + len(posts), running)
        with closing(connect(fresh.clickhouse)) as client:
            recompute(client, _RETENTION)
            for table in TABLES:
                client.command(f"OPTIMIZE TABLE {table} FINAL")
            rows = client.query(
                "SELECT table, sum(bytes_on_disk), sum(rows) FROM system.parts "
                "WHERE active AND database = currentDatabase() GROUP BY table"
            ).result_rows
    bench.tick("growth")
    sizes = {table: (size, count) for table, size, count in rows}
    millions = len(posts) / 1e6
    return Part(
        "growth",
        tuple(Figure(name, "MB/million", (sizes[name][0] / 1e6 / millions,)) for name in TABLES),
        notes=(
            f"posts: {bench.corpus.name}, {len(posts)}, one mention each; "
            f"{sizes['window_scores'][1] / len(posts):.2f} windows a post",
        ),
    )
