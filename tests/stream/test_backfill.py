"""Old posts by the million: one batch may hold posts of 400 days (T20)."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

from stream.clock import Clock
from stream.database import Client
from stream.dead_letters import DeadLetters
from stream.decode import Record
from stream.health import Health
from stream.match import Matcher
from stream.pipeline import Pipeline
from stream.retry import Patience
from stream.store import Store
from stream.windows import run_pass
from tests.stream.consuming import CATALOGUE, require_windows_and_few_parts
from tests.stream.fakes import PureScorer

DAYS = 400
BATCHES, POSTS = 40, 256


def test_batches_of_four_hundred_days_are_stored_and_counted_in_few_parts(
    store: Store, client: Client
) -> None:
    """No insert fails, every window is exact, and parts stay below the marks: 300 a partition and
    1,000 in all, where ClickHouse begins to slow inserts down."""
    now = datetime.now(UTC).replace(microsecond=0)
    pipeline = Pipeline(
        matcher=Matcher(CATALOGUE),
        scorer=PureScorer(),
        store=store,
        dead_letters=DeadLetters(None, "none"),  # type: ignore[arg-type] # nothing is bad here
        generation=1,
        retention=timedelta(days=DAYS + 5),
        clock=Clock.of_wall(),
        patience=Patience(threading.Event(), Health()),
    )
    expected: Counter[datetime] = Counter()
    for batch in range(BATCHES):
        records = []
        for i in range(POSTS):
            number = batch * POSTS + i
            created = now - timedelta(days=number % DAYS, minutes=1 + number // DAYS)
            expected[created.replace(second=0)] += 1
            whole = {
                "post_id": str(number),
                "source": "s",
                "text": f"Acme {number}",
                "created_at": created.isoformat(),
                "lang": "en",
            }
            records.append(Record("posts", 0, number, now, None, json.dumps(whole).encode()))
        pipeline.process(records)
    done = run_pass(
        client,
        now=now,
        margin=timedelta(seconds=40),
        retention=timedelta(days=DAYS + 5),
        limit=timedelta(seconds=60),
    )
    assert done.windows == len(expected)
    require_windows_and_few_parts(client, expected)
