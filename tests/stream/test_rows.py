"""Step 4: the version decides by the post's own clock, and a row says what the post said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.decode import Decoded, Record
from stream.language import UNDETERMINED, detect, primary
from stream.match import Mention
from stream.post import Author, Post, Tombstone
from stream.rows import (
    COLUMNS,
    TOMBSTONE_VERSION,
    Analysed,
    first_created_at,
    text_hash,
    to_row,
    version,
)
from stream.score import ScoredMention

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
times = st.datetimes(datetime(1971, 1, 2), datetime(2250, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def decoded(
    *,
    offset: int = 0,
    at: datetime = NOON,
    post: Post | Tombstone | None = None,
    **fields: Any,
) -> Decoded:
    whole = {"post_id": "1", "source": "s", "text": "t", "created_at": NOON} | fields
    return Decoded(Record("posts", 0, offset, at, b"s:1", b""), post or Post(**whole), keyed=True)


def test_an_edit_crawled_early_and_delivered_late_wins_over_what_was_crawled_later() -> None:
    original = decoded(created_at=NOON - timedelta(hours=2), at=NOON)
    edit = decoded(
        created_at=NOON - timedelta(hours=2),
        updated_at=NOON - timedelta(hours=1),
        at=NOON + timedelta(minutes=30),
    )
    assert version(edit, 1) > version(original, 1)
    crawled_again = decoded(created_at=NOON - timedelta(hours=2), at=NOON + timedelta(hours=5))
    assert version(edit, 1) > version(crawled_again, 1)


@given(
    times, times, times, times, *[st.integers(0, 2**24 - 1)] * 2, *[st.integers(0, 2**16 - 1)] * 2
)
def test_versions_order_by_clock_then_record_then_offset_then_generation(
    own_a: datetime,
    own_b: datetime,
    at_a: datetime,
    at_b: datetime,
    offset_a: int,
    offset_b: int,
    generation_a: int,
    generation_b: int,
) -> None:
    def whole(own: datetime, at: datetime, offset: int, generation: int) -> tuple[int, ...]:
        return (
            version(decoded(created_at=own, at=at, offset=offset), generation),
            *(int(t.timestamp()) * 1000 + t.microsecond // 1000 for t in (own, at)),
            offset,
            generation,
        )

    a = whole(own_a, at_a, offset_a, generation_a)
    b = whole(own_b, at_b, offset_b, generation_b)
    assert (a[0] < b[0]) == (a[1:] < b[1:])
    assert 0 <= a[0] < TOMBSTONE_VERSION


def test_a_tombstone_beats_everything_and_leaves_no_text() -> None:
    stone = decoded(post=Tombstone(source="s", post_id="1"))
    assert version(stone, 1) == TOMBSTONE_VERSION
    row = dict(zip(COLUMNS, to_row(Analysed(stone, NOON), 3), strict=True))
    assert row["is_deleted"] == 1
    assert row["text"] == "" and row["mentions.brand"] == [] and row["author_id"] == ""
    assert first_created_at(stone) == NOON


def test_a_row_says_what_the_post_said() -> None:
    mention = ScoredMention(Mention("Acme", ("price",), ((0, 4), (9, 13))), 9000, 600, 400)
    post = decoded(text="acme bad acme", lang="en-GB", author=Author(id="a", followers=7), rating=2)
    row = dict(zip(COLUMNS, to_row(Analysed(post, NOON, [mention]), 3), strict=True))
    assert row["lang"] == "en" and row["followers"] == 7 and row["rating"] == 2
    assert row["mentions.topics"] == [["price"]] and row["mentions.spans"] == [[0, 4, 9, 13]]
    assert row["mentions.score"] == [-8600] and row["generation"] == 3


def test_copies_have_one_hash_and_others_another() -> None:
    assert text_hash("ＡＣＭＥ  is\nbad ") == text_hash("acme is bad")
    assert text_hash("acme is bad") != text_hash("acme is bad!")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("这个手机的电池真的太差了", "zh"),
        ("the battery of this phone is terrible", "en"),
        ("la batería de este teléfono es un desastre", "es"),
        ("بطارية هذا الهاتف سيئة جدا", "ar"),
        ("iPhone 手机的电池", "zh"),
        ("バッテリーがすぐ切れる", "ja"),
        ("最高の朝ごはん", "ja"),
        ("美味の店，下次还来吃火锅和烤肉", "zh"),
        ("배터리 진짜 최악이다 iPhone", "ko"),
        ("แบตหมดเร็วมาก", "th"),
        ("the word 电池 stands on the box of this phone", "en"),
        ("12345 😀", UNDETERMINED),
        ("", UNDETERMINED),
    ],
)
def test_the_language_is_detected(text: str, language: str) -> None:
    assert detect(text) == language


def test_a_language_tag_is_kept_by_its_primary_part() -> None:
    assert primary("zh-Hant-TW") == "zh"
