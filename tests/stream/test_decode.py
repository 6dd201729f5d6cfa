"""Step 1: every message is read as the contract says, or refused with its field and a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.decode import Record, decode
from stream.errors import RejectMessage
from stream.post import MAX_TEXT_CHARACTERS, Post, Tombstone, json_schema

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def record(value: bytes | None, key: bytes | None = None, time: datetime = NOW) -> Record:
    return Record("posts", 0, 7, time, key, value)


def message(**fields: Any) -> bytes:
    whole = {
        "post_id": "1",
        "source": "weibo",
        "text": "好用",
        "created_at": "2026-11-24T19:59:00+08:00",
    }
    return json.dumps({**whole, **fields}).encode()


def refused(value: bytes | None, key: bytes | None = None) -> RejectMessage:
    with pytest.raises(RejectMessage) as caught:
        decode(record(value, key))
    return caught.value


def test_a_post_is_read_with_its_time_in_utc() -> None:
    decoded = decode(record(message(), key=b"weibo:1"))
    assert isinstance(decoded.post, Post)
    assert decoded.post.created_at == datetime(2026, 11, 24, 11, 59, tzinfo=UTC)
    assert decoded.keyed


def test_another_key_is_accepted_and_told() -> None:
    assert not decode(record(message(), key=b"1")).keyed
    assert not decode(record(message(), key=None)).keyed


def test_unknown_fields_are_ignored() -> None:
    assert isinstance(decode(record(message(colour="blue", nested={"a": [1]}))).post, Post)


def test_a_tombstone_needs_only_source_and_post_id() -> None:
    value = json.dumps({"source": "weibo", "post_id": "a:b", "deleted": True}).encode()
    assert decode(record(value)).post == Tombstone(source="weibo", post_id="a:b")


def test_a_null_value_is_a_tombstone_named_by_its_key() -> None:
    assert decode(record(None, b"weibo:a:b")).post == Tombstone(source="weibo", post_id="a:b")


@pytest.mark.parametrize("key", [None, b"", b"weibo", b"\xff:1", b"WEIBO:1", b"weibo:"])
def test_a_null_value_without_a_good_key_is_refused(key: bytes | None) -> None:
    assert refused(None, key).reason == "bad_field"


def test_long_text_is_kept_up_to_its_limit() -> None:
    post = decode(record(message(text="长" * 30_000))).post
    assert isinstance(post, Post)
    assert len(post.text) == MAX_TEXT_CHARACTERS


@pytest.mark.parametrize(
    ("value", "reason", "says"),
    [
        (b"\xff\xfe", "not_utf8", "byte 0"),
        (b"{", "not_json", "line 1"),
        (b"", "not_json", "char 0"),
        (b"[" * 100_000, "not_json", "nested"),
        (b"[1]", "not_an_object", "list"),
        (b"null", "not_an_object", "NoneType"),
        (b'{"a": NaN}', "not_json", "NaN"),
        (b'{"a": 1, "a": 2}', "not_json", "twice"),
        (b" " * 1_000_001, "too_large", "1000001"),
        (message(text="a\ud800"), "bad_character", "surrogate"),
        (message(text="a\0b"), "bad_character", "NUL"),
        (message(post_id="a\0"), "bad_character", "NUL"),
        (message(post_id=""), "bad_field", "post_id"),
        (message(post_id="x" * 257), "bad_field", "post_id"),
        (message(post_id=1), "bad_field", "post_id"),
        (message(source="Weibo"), "bad_field", "source"),
        (message(source="weibo\n"), "bad_field", "source"),
        (message(source="a b"), "bad_field", "source"),
        (message(kind="story"), "bad_field", "kind"),
        (message(text=None), "bad_field", "text"),
        (message(text=5), "bad_field", "text"),
        (message(created_at="2026-11-24T12:00:00"), "bad_field", "created_at"),
        (message(created_at=1477000000), "bad_field", "RFC 3339"),
        (message(created_at="1477000000"), "bad_field", "RFC 3339"),
        (message(created_at="1900-01-01T00:00:00Z"), "bad_field", "1971"),
        (message(created_at="9999-12-31T23:59:59-14:00"), "bad_field", "1971 and 2250"),
        (message(updated_at="2026-11-24T11:00:00Z"), "bad_field", "updated_at"),
        (message(rating=9), "bad_field", "rating"),
        (message(rating="5"), "bad_field", "rating"),
        (message(rating=True), "bad_field", "rating"),
        (message(author={"id": "a", "followers": -1}), "bad_field", "author.followers"),
        (message(author={"id": "a", "followers": True}), "bad_field", "author.followers"),
        (message(engagement=[]), "bad_field", "engagement"),
        (message(lang="not a tag"), "bad_field", "lang"),
        (message(deleted="yes"), "bad_field", "deleted"),
        (message(created_at="2100-01-01T00:00:00Z"), "from_the_future", "10 minutes"),
        (message(created_at="2026-11-24T12:10:01Z"), "from_the_future", "created_at"),
        (message(updated_at="2026-11-24T12:10:01Z"), "from_the_future", "updated_at"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_name(value: bytes, reason: str, says: str) -> None:
    error = refused(value)
    assert error.reason == reason
    assert says in error.detail


def test_a_number_too_large_for_a_float_is_refused() -> None:
    assert refused(message()[:-1] + b', "rating": 1e400}').reason == "bad_field"


def test_a_post_is_judged_by_the_record_and_not_by_the_wall_clock() -> None:
    old = datetime(2016, 9, 1, tzinfo=UTC)
    value = message(created_at="2016-09-01T00:10:00Z")
    assert isinstance(decode(record(value, time=old)).post, Post)
    with pytest.raises(RejectMessage):
        decode(record(value, time=old - timedelta(seconds=1)))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_crash(value: bytes) -> None:
    try:
        decode(record(value))
    except RejectMessage as error:
        assert error.reason


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_json_in_any_field_is_read_or_refused(value: Any) -> None:
    for field in ("post_id", "text", "created_at", "author", "rating", "deleted", "lang", "url"):
        try:
            decode(record(message(**{field: value})))
        except RejectMessage as error:
            assert error.reason


def test_the_json_schema_names_both_forms() -> None:
    schema = json_schema()
    assert [part["title"] for part in schema["anyOf"]] == ["Post", "Tombstone"]
    assert {"Author", "Engagement"} <= set(schema["$defs"])
