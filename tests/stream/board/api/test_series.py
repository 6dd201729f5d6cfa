"""`scores`, `topics`, `breakdown` and `brands`: what is counted, and what is not known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.board.api import windows
from stream.board.api.scores import MOST_POINTS, step_for
from stream.board.api.shares import wilson
from stream.database import Client
from tests.stream.board.api.conftest import MINUTE, NOW, THIS_MINUTE, never_old
from tests.stream.board.conftest import Seed

Get = Callable[..., Any]


def test_a_point_is_counted_or_unknown_never_a_made_up_nought(get: Get) -> None:
    answer = get("scores", brand="Acme", from_=NOW - 3 * MINUTE, to=NOW, rule="")
    assert answer["known_to"] == _z(THIS_MINUTE)
    assert (answer["step"], answer["rule"]) == (60, None)
    *known, now = answer["points"]
    assert [(p["mentions"], p["negative"], p["positive"]) for p in known] == [
        (2, 1, 1),
        (3, 1, 2),
        (2, 1, 1),
    ]
    assert now == {"at": _z(THIS_MINUTE)} | dict.fromkeys(list(now)[1:])


def test_minutes_before_anything_was_counted_are_unknown_and_quiet_ones_are_nought(
    get: Get,
) -> None:
    points = get("scores", brand="Acme", from_=NOW - timedelta(hours=4), to=NOW, step=3600, rule="")
    counts = [point["mentions"] for point in points["points"]]
    assert counts[-1] is None
    assert sum(count or 0 for count in counts) <= 22
    quiet = get("scores", brand="Globex", from_=NOW - timedelta(minutes=40), to=NOW, rule="")
    assert quiet["points"][0]["mentions"] == 0
    assert quiet["points"][0]["net"] is None
    ago = get("scores", brand="Acme", from_=NOW - timedelta(hours=9), to=NOW - timedelta(hours=8))
    assert {point["mentions"] for point in ago["points"]} == {None}
    assert ago["known_from"] == _z(THIS_MINUTE - timedelta(hours=3))


def test_sources_and_languages_are_told_apart(get: Get) -> None:
    span = {"brand": "Acme", "from_": NOW - timedelta(minutes=30), "to": NOW}
    for narrowed, counted in (({"source": "twitter"}, 10), ({"lang": "en"}, 11)):
        points = get("scores", **span, **narrowed)["points"]
        assert sum(point["mentions"] or 0 for point in points) == counted


def test_what_a_rule_expected_is_told_where_every_step_of_it_was_judged(
    get: Get, client: Client
) -> None:
    start = (NOW - timedelta(minutes=60)).replace(minute=0, second=0)
    rows = [("five", "Globex", "", start + n * MINUTE, 4.0, 1.0, 0.25) for n in (0, 5, 10)]
    columns = ["rule", "brand", "topic", "minute", "expected", "expected_variance", "anomaly_score"]
    client.insert("expectations", rows, column_names=columns)
    span = {"brand": "Globex", "from_": start, "to": start + 20 * MINUTE}
    fine = get("scores", **span)
    assert (fine["rule"], fine["step"]) == ("five", 300)  # raised to the rule's own
    # Nothing was said of it: of no mentions none is negative.
    assert [(p["low"], p["high"], p["score"]) for p in fine["points"]] == [
        *[(0, 0, 0.25)] * 3,
        (None, None, None),
    ]
    wide = get("scores", **span, step=600)["points"]
    assert [p["high"] for p in wide] == [0, None]  # half of the second step was never judged
    values = {"brand": "Globex", "topic": "", "since": start, "until": start + 20 * MINUTE}
    fine, wide = (windows.bands(client, {**values, "step": s}, "five") for s in (300, 600))
    assert {(band.low, band.high) for band in fine.values()} == {(2, 6)}
    # Two of 4 ± 1 are 8 ± √2.
    assert (wide[start].low, wide[start].high) == (5, 11)
    assert get("scores", **span, source="weibo")["rule"] is None


@given(
    minutes=st.integers(1, 400 * 24 * 60),
    wanted=st.integers(1, 1440),
    granule=st.sampled_from([1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120, 720, 1440]),
)
def test_a_series_has_at_most_five_hundred_points(minutes: int, wanted: int, granule: int) -> None:
    step = step_for(wanted * 60, granule * 60, NOW - minutes * MINUTE, NOW)
    assert step >= wanted * 60
    assert step % (granule * 60) == 0
    assert minutes * 60 / step <= MOST_POINTS - 2


def test_topics_and_parts_come_with_the_interval_of_their_share(get: Get) -> None:
    (battery,) = get("topics", brand="Acme")
    assert battery == {
        "topic": "battery",
        "mentions": 10,
        "negative": 10,
        "neutral": 0,
        "positive": 0,
        "share": 1.0,
        "share_low": pytest.approx(0.7225, abs=1e-4),
        "share_high": 1.0,
    }
    sources = get("breakdown", brand="Acme", by="source")
    assert [(one["name"], one["mentions"]) for one in sources] == [
        ("twitter", 10),
        ("reddit", 11),
        ("weibo", 1),
    ]
    (chinese,) = get("breakdown", brand="Acme", topic="battery", by="lang")
    assert (chinese["name"], chinese["share"]) == ("zh", 1.0)


def test_shares_words_and_telling_posts_are_of_the_source_and_language_asked_for(get: Get) -> None:
    twitter = get("breakdown", brand="Acme", by="lang", source="twitter")
    assert sum(one["mentions"] for one in twitter) == 10
    english = get("breakdown", brand="Acme", by="source", lang="en")
    assert {one["name"] for one in english} == {"reddit", "weibo"}
    (battery,) = get("topics", brand="Acme", source="twitter", lang="zh")
    assert battery["negative"] == 10
    assert get("topics", brand="Acme", source="reddit") == []
    chinese = get("telling", brand="Acme", source="twitter", lang="zh")
    assert {(row["source"], row["lang"]) for row in chinese} == {("twitter", "zh")}
    assert get("telling", brand="Acme", lang="en") == []
    assert get("terms", brand="Acme", lang="en") == []


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_share_and_stays_a_share(counted: tuple[int, int]) -> None:
    hits, of = counted
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of <= high <= 1
    assert low < high


def test_telling_posts_differ_and_are_negative(get: Get) -> None:
    rows = get("telling", brand="Acme")
    assert 1 <= len(rows) <= 5
    assert {mention["label"] for row in rows for mention in row["mentions"]} == {"negative"}
    assert get("telling", brand="Acme", topic="battery", to=NOW - timedelta(hours=2)) == []


def test_terms_are_those_that_the_time_before_did_not_use(get: Get, told: Seed) -> None:
    rise = [
        told.post(
            f"rise {n}", f"Globex screen flickers {n}", {"Globex": "negative"},
            created_at=NOW - timedelta(minutes=100 + n), author_id=f"a{n}",
        )
        for n in range(12)
    ]  # fmt: skip
    before = [
        told.post(
            f"before {n}", f"Globex delivery late {n}", {"Globex": "negative"},
            created_at=NOW - timedelta(minutes=125 + n), author_id=f"a{n}",
        )
        for n in range(40)
    ]  # fmt: skip
    told.client.command("TRUNCATE TABLE passes")
    told.store(*rise, *before)
    never_old(told.client)
    span = {"from_": NOW - timedelta(minutes=115), "to": NOW - timedelta(minutes=99)}
    found = get("terms", brand="Globex", **span)
    assert {one["term"] for one in found} == {"screen", "flickers"}
    assert {one["count"] for one in found} == {12}
    assert all(one["z"] > 2 for one in found)


def test_brands_are_told_for_as_long_as_asked(get: Get) -> None:
    acme, globex = get("brands", hours=6)
    assert (acme["name"], acme["hour"]["mentions"], acme["before"]["mentions"]) == ("Acme", 21, 1)
    assert (len(acme["day"]), globex["hour"]["negative"]) == (12, 1)


def _z(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
