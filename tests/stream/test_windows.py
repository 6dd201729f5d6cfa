"""Window scores equal a recount of the final posts, whatever happened to the posts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.database import Client
from stream.decode import Decoded, Record
from stream.match import Mention
from stream.post import Author, Post, Tombstone
from stream.rows import Analysed, to_row
from stream.score import ScoredMention
from stream.store import Store
from stream.windows import Pass, run_pass

NOON = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


def a_pass(client: Client, **changed: Any) -> Pass:
    usual: dict[str, Any] = {
        "now": NOON + timedelta(hours=1),
        "margin": timedelta(seconds=40),
        "retention": timedelta(days=400),
        "limit": timedelta(seconds=20),
    }
    return run_pass(client, **(usual | changed))


def row(
    post_id: str, label: str = "negative", *, offset: int = 0, **fields: Any
) -> tuple[Any, ...]:
    brand, topics = fields.pop("brand", "Acme"), fields.pop("topics", ("price",))
    created_at = fields.pop("created_at", NOON)
    probabilities = {"negative": (8000, 1000, 1000), "neutral": (1000, 8000, 1000)}
    units = probabilities.get(label, (1000, 1000, 8000))
    mentions = [ScoredMention(Mention(brand, topics, ((0, 1),)), *units)] if brand else []
    whole = {"post_id": post_id, "source": "s", "text": "t", "lang": "en", "created_at": NOON}
    decoded = Decoded(Record("posts", 0, offset, NOON, None, b""), Post(**(whole | fields)), True)
    return to_row(Analysed(decoded, created_at, mentions), 1)


def stone(post_id: str, created_at: datetime = NOON) -> tuple[Any, ...]:
    record = Record("posts", 0, 99, NOON, None, None)
    post = Tombstone(source="s", post_id=post_id)
    return to_row(Analysed(Decoded(record, post, keyed=True), created_at), 1)


def counts(client: Client, topic: str = "") -> dict[str, tuple[int, ...]]:
    """Per label sums of a brand's windows, summed over time."""
    rows = client.query(
        "SELECT brand, sum(mentions), sum(negative), sum(neutral), sum(positive), sum(score_sum) "
        "FROM window_scores FINAL WHERE topic = {topic:String} GROUP BY brand",
        parameters={"topic": topic},
    ).result_rows
    return {brand: tuple(numbers) for brand, *numbers in rows}


def test_windows_count_mentions_by_label_brand_and_topic(store: Store, client: Client) -> None:
    store.insert(
        [row("1"), row("2", "neutral"), row("3", "positive", topics=()), row("4", brand="")]
    )
    assert a_pass(client).windows == 1
    assert counts(client) == {"Acme": (3, 1, 1, 1, 0)}
    assert counts(client, "price") == {"Acme": (2, 1, 1, 0, -7000)}


def test_a_repeated_insert_and_a_repeated_pass_change_nothing(store: Store, client: Client) -> None:
    rows = [row(str(number)) for number in range(50)]
    store.insert(rows)
    a_pass(client)
    before = counts(client)
    store.insert(rows)
    a_pass(client)
    a_pass(client)
    assert counts(client) == before == {"Acme": (50, 50, 0, 0, -350_000)}


def test_what_vanishes_from_a_window_leaves_a_zero(store: Store, client: Client) -> None:
    store.insert([row("1"), row("2"), row("3", brand="Bolt")])
    a_pass(client)
    store.insert(
        [stone("1"), row("2", brand="", offset=1, updated_at=NOON), row("3", "positive", offset=1)]
    )
    a_pass(client)
    assert counts(client) == {"Acme": (1, 0, 0, 1, 7000), "Bolt": (0, 0, 0, 0, 0)}


def test_a_pass_looks_only_at_what_came_since_the_last_minus_the_margin(
    store: Store, client: Client
) -> None:
    store.insert([row("1")])
    first = a_pass(client)
    second = a_pass(client, margin=timedelta(0))
    assert first.windows == 1 and second.windows == 0
    assert second.looked_back_to == first.started_at


def test_windows_older_than_the_retention_are_frozen(store: Store, client: Client) -> None:
    store.insert([row("1")])
    a_pass(client, now=NOON + timedelta(days=500))
    assert counts(client) == {}


def test_distinct_authors_and_texts_merge_over_windows(store: Store, client: Client) -> None:
    later = NOON + timedelta(minutes=5)
    store.insert(
        [
            row("1", author=Author(id="a")),
            row("2", author=Author(id="a"), created_at=later, text="u"),
            row("3", author=Author(id="b"), label="positive"),
            row("4", text="v"),
            row("5", text="v"),
        ]
    )
    a_pass(client)
    found = client.query(
        "SELECT uniqExactMerge(authors), uniqExactMerge(texts), uniqExactMerge(negative_authors) "
        "FROM window_scores FINAL WHERE topic = ''"
    ).result_rows
    assert found == [(3, 3, 2)]  # a, b and one without name: a post without author is its text


def test_a_post_under_two_dates_ends_under_its_first(store: Store, client: Client) -> None:
    """Two consumers met the same new post at once (DESIGN §3: keys are no lock)."""
    other = NOON + timedelta(hours=3)
    store.claim({("s", "1"): NOON})
    store.insert([row("1", "positive", offset=1, created_at=NOON)])
    store.insert([row("1", "negative", offset=2, created_at=other)])
    assert a_pass(client).moved == 1
    kept = client.query("SELECT created_at, kafka_offset FROM posts FINAL").result_rows
    assert kept == [(NOON, 2)]
    assert counts(client) == {"Acme": (1, 1, 0, 0, -7000)}


def test_a_post_under_two_dates_of_one_minute_is_not_buried(store: Store, client: Client) -> None:
    """Both dates are one sorting key: a tombstone beside the post would lie on it."""
    other = NOON + timedelta(seconds=7)
    store.claim({("s", "1"): NOON, ("s", "2"): NOON})
    store.insert([row("1", offset=1), row("2", offset=2)])
    store.insert([row("1", "positive", offset=2, created_at=other)])
    store.insert([row("2", "positive", offset=1, created_at=other)])
    a_pass(client)
    a_pass(client)
    kept = "SELECT post_id, created_at, kafka_offset FROM posts FINAL ORDER BY post_id"
    assert client.query(kept).result_rows == [("1", NOON, 2), ("2", NOON, 2)]
    client.command("OPTIMIZE TABLE posts FINAL")
    assert client.query(kept).result_rows == [("1", NOON, 2), ("2", NOON, 2)]
    assert counts(client) == {"Acme": (2, 1, 0, 1, 0)}


def test_a_stray_tombstone_deletes_and_a_buried_stray_does_not(
    store: Store, client: Client
) -> None:
    other = NOON + timedelta(hours=3)
    store.claim({("s", "1"): NOON, ("s", "2"): NOON})
    store.insert([row("1"), row("2"), row("2", created_at=other, offset=1), stone("1", other)])
    a_pass(client)
    a_pass(client)  # what the first pass buried must not travel home as a deletion
    assert client.query("SELECT post_id FROM posts FINAL").result_rows == [("2",)]


@pytest.mark.parametrize("seed", [1, 2])
def test_windows_equal_a_recount_after_random_edits_deletions_and_repeats(
    store: Store, client: Client, seed: int
) -> None:
    import random

    draw = random.Random(seed)
    final: dict[str, tuple[int, str, str]] = {}
    for offset in range(150):
        post_id = str(draw.randrange(30))
        version, _, label = final.get(post_id, (-1, "", ""))
        if draw.random() < 0.05:
            store.insert([stone(post_id)])
            final[post_id] = (10**9, "", "")
        else:
            brand, label = draw.choice(["Acme", "Bolt", ""]), draw.choice(["negative", "positive"])
            store.insert([row(post_id, label, brand=brand, offset=offset)])
            if offset > version:
                final[post_id] = (offset, brand, label)
        if draw.random() < 0.05:
            a_pass(client)
    a_pass(client)
    expected = Counter((brand, label) for _, brand, label in final.values() if brand)
    found = {
        (brand, label): number
        for brand, (_, negative, _, positive, _) in counts(client).items()
        for label, number in (("negative", negative), ("positive", positive))
        if number
    }
    assert found == expected
