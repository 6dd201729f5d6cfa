"""Step 1 of a post's way: bytes of a Kafka message → Post or Tombstone, or a reason to refuse.

Pure: judges by the record alone (its key, value and timestamp), so that a replay judges alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from pydantic import ValidationError

from stream.errors import RejectMessage
from stream.post import MAX_CLOCK_AHEAD_SECONDS, MAX_MESSAGE_BYTES, Post, Tombstone, key_of


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka message, unread. `time` is the record's own timestamp."""

    topic: str
    partition: int
    offset: int
    time: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a record says, and whether its key is the contract's."""

    record: Record
    post: Post | Tombstone
    keyed: bool


def decode(record: Record) -> Decoded:
    """Read one record. Raises RejectMessage with the field and what is wrong with it."""
    post = _tombstone_of_key(record) if record.value is None else _parse(record.value)
    if isinstance(post, Post):
        latest = record.time + timedelta(seconds=MAX_CLOCK_AHEAD_SECONDS)
        for field in ("created_at", "updated_at"):
            time: datetime | None = getattr(post, field)
            if time is not None and time > latest:
                raise RejectMessage(
                    "from_the_future",
                    f"{field} {time.isoformat()} is more than 10 minutes after the record's own "
                    f"time {record.time.isoformat()}",
                )
    return Decoded(record, post, keyed=record.key == key_of(post))


def _tombstone_of_key(record: Record) -> Tombstone:
    try:
        source, post_id = (record.key or b"").decode().split(":", 1)
        return Tombstone(source=source, post_id=post_id)
    except (UnicodeDecodeError, ValueError):
        raise RejectMessage(
            "bad_field", "a null value needs a key source:post_id to name what was deleted"
        ) from None


def _parse(value: bytes) -> Post | Tombstone:
    if len(value) > MAX_MESSAGE_BYTES:
        raise RejectMessage("too_large", f"{len(value)} bytes; at most {MAX_MESSAGE_BYTES}")
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise RejectMessage("not_utf8", f"byte {error.start} is no UTF-8") from None
    try:
        message = _JSON.decode(text)
    except RecursionError:
        raise RejectMessage("not_json", "nested too deeply") from None
    except ValueError as error:
        raise RejectMessage("not_json", str(error)[:200]) from None
    if not isinstance(message, dict):
        raise RejectMessage("not_an_object", f"a JSON {type(message).__name__}, not an object")
    # Escapes can spell what UTF-8 cannot hold and what strings of other systems end at.
    if "\\u" in text:
        _check_characters(message)
    deleted = message.get("deleted", False)
    try:
        if deleted is True:
            return Tombstone.model_validate(message)
        return Post.model_validate(message)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "message"
        raise RejectMessage(
            "bad_field", f"{field}: {first['msg'].removeprefix('Value error, ')}"[:300]
        ) from None


def _check_characters(value: Any) -> None:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise RejectMessage("bad_character", "a lone surrogate")
        if "\0" in value:
            raise RejectMessage("bad_character", "a NUL")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_characters(key)
            _check_characters(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_characters(inner)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {twin[:64]!r} stands twice")
    return found


_JSON = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_no_twins)
