"""`posts`: pages that lose and repeat nothing, and filters that mean what they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from stream.board.api import post_list
from stream.board.api.cursors import cursor_of, place_of
from stream.board.api.post_list import LONGEST_SLICE, slices
from stream.errors import UsageError
from stream.rows import COLUMNS
from tests.stream.board.api.conftest import HOSTILE, MINUTE, NOW
from tests.stream.board.conftest import Seed

Get = Callable[..., Any]


def keys(rows: list[Any]) -> list[str]:
    return [row["key"] for row in rows]


def test_the_newest_come_first_and_only_those_that_name_a_brand(get: Get) -> None:
    rows = get("posts")["rows"]
    assert len(rows) == 22
    times = [row["created_at"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert "reddit:unnamed" not in keys(rows)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"brand": "Acme", "label": "negative"}, 10),
        ({"brand": "Globex", "label": "negative"}, 1),
        ({"brand": "Globex", "label": "positive"}, 0),  # it is Acme that this post praises
        ({"brand": "Globex", "topic": "battery"}, 0),
        ({"label": "neutral"}, 1),
        ({"topic": "battery"}, 10),
        ({"source": "twitter"}, 10),
        ({"lang": "zh"}, 10),
        ({"q": "BATTERY IS DEAD"}, 10),
        ({"q": "%"}, 0),
        ({"q": "';DROP TABLE posts;--"}, 1),
        ({"brand": "Acme' OR 1=1 --"}, 0),
    ],
)
def test_filters_speak_of_one_and_the_same_mention(
    get: Get, asked: dict[str, str], found: int
) -> None:
    assert len(get("posts", **asked)["rows"]) == found


def test_a_range_is_half_open(get: Get) -> None:
    at = NOW - 5 * MINUTE
    assert len(get("posts", from_=at, to=at + timedelta(milliseconds=1))["rows"]) == 2
    assert len(get("posts", from_=at - timedelta(minutes=1), to=at)["rows"]) == 2


def test_pages_lose_and_repeat_nothing_while_posts_arrive(told: Seed, web: TestClient) -> None:
    """Newer ones do not push rows onto the next page; older ones that come late are still told."""
    start = NOW - timedelta(days=5)  # where no other test looks
    end = start + timedelta(hours=30)

    def arrive(*posts: tuple[str, datetime]) -> None:
        rows = [told.post(post_id, created_at=at) for post_id, at in posts]
        told.client.insert("posts", rows, column_names=COLUMNS)

    first = [(f"{n:02}", end - timedelta(hours=n)) for n in range(1, 28, 2)]
    twins = [("twin a", start), ("twin b", start)]  # of one millisecond, across a page
    arrive(*first, *twins)
    seen, url = [], f"/api/v1/posts?limit=3&from={_ms(start)}&to={_ms(end)}"
    for number in range(10):
        page = web.get(url)
        seen += keys(page.json()["rows"])
        arrive(
            (f"new {number}", end - timedelta(milliseconds=number + 1)),
            (f"late {number}", start + timedelta(minutes=number)),
        )
        if page.json()["next"] is None:
            assert "next" not in page.links
            break
        url = page.links["next"]["url"]
    assert len(seen) == len(set(seen))
    assert {f"reddit:{post_id}" for post_id, _ in [*first, *twins]} <= set(seen)
    assert {key for key in seen if "late" in key}
    assert not {key for key in seen if "new" in key}


def test_a_search_that_takes_long_gives_short_pages_that_come_to_the_same(
    get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = keys(get("posts", label="neutral", from_=NOW - timedelta(days=3))["rows"])
    monkeypatch.setattr(post_list, "SECONDS", -1.0)
    page = get("posts", label="neutral", from_=NOW - timedelta(days=3))
    assert (page["rows"], page["next"] is None) == ([], False)
    seen = []
    while page["next"]:
        page = get("posts", label="neutral", from_=NOW - timedelta(days=3), cursor=page["next"])
        seen += keys(page["rows"])
    assert seen == whole == ["reddit:old"]


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


# Milliseconds, which is what posts keep.
TIMES = st.integers(978_307_200_000, 4_070_908_800_000).map(
    lambda milliseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)


@given(TIMES, TIMES, st.text(), st.text())
def test_a_cursor_comes_back_as_it_went(
    since: datetime, at: datetime, source: str, post_id: str
) -> None:
    """With the beginning of its range: one that goes by the clock must not move between pages."""
    assert place_of(cursor_of(since, (at, source, post_id))) == (since, (at, source, post_id))


@given(st.text() | st.binary().map(lambda octets: octets.decode("latin-1")))
def test_what_is_no_cursor_is_refused_in_one_line(cursor: str) -> None:
    with pytest.raises(UsageError, match="cursor: not one of ours"):
        place_of(cursor)


@given(TIMES, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_slices_cover_the_range_once(since: datetime, length: timedelta) -> None:
    end = since + length
    found = list(slices(since, (end, "", "")))
    assert len(found) < 10 + length / LONGEST_SLICE
    for start, (upper, _, _) in found:
        assert upper == end
        end = start
    assert end == since


def test_text_is_told_to_the_letter_and_links_lead_to_the_web_only(get: Get) -> None:
    (row,) = get("posts", source="weibo")["rows"]
    assert row["text"] == f"Acme Globex {HOSTILE}"
    assert row["url"] == ""


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("posts?limit=0", "limit: "),
        ("posts?limit=501", "limit: "),
        ("posts?limit=x", "limit: "),
        ("posts?label=bad", "label: Input should be '', 'negative', 'neutral' or 'positive'"),
        ("posts?cursor=xyz", "cursor: not one of ours"),
        ("posts?brnd=Acme", "brnd: no such parameter; there are from, to, brand"),
        ("posts?since=2026-01-01T00:00:00Z", "since: no such parameter"),
        ("posts?brand=a&brand=b", "brand: is given twice"),
        ("posts?from=yesterday", "from: a time looks like 2026-"),
        ("posts?from=2026-01-01T00:00:00", "from: a time looks like 2026-"),
        ("posts?from=2026-01-01T00:00:00+01:00", "(+ is written %2B)"),
        ("posts?from=1e99", "from: a time looks like"),
        ("posts?from=99999999999999999999", "from: a time looks like"),
        ("posts?from=7258118400000", "from: must lie between 2000 and 2100"),
        ("posts?from=1795802400000&to=1795802400000", "from: must be before to"),
        ("posts?format=xml", "format: json or csv"),
        ("me?format=csv", "format: no such parameter; there are none"),
        ("scores", "brand: is needed; as in brands.yaml"),
        ("scores?brand=", "brand: "),
        ("scores?brand=Nobody", "brand: no such brand; there are Acme, Globex"),
        ("scores?brand=Acme&topic=nothing", "topic: the brand has no such topic"),
        ("scores?brand=Acme&step=90", "step: "),
        ("scores?brand=Acme&rule=none", "rule: no rule in force is called so"),
        ("topics?brand=Acme&topic=battery", "topic: no such parameter"),
        ("breakdown?brand=Acme&by=author", "by: Input should be 'source' or 'lang'"),
        ("brands?hours=1000", "hours: "),
    ],
)
def test_a_wrong_parameter_is_named_with_the_fix(web: TestClient, path: str, reason: str) -> None:
    answer = web.get(f"/api/v1/{path}")
    assert answer.status_code == 422, answer.text
    told = answer.json()["error"]
    assert reason in told
    assert "\n" not in told
