"""Cursors: where a page of rows ended, in one word that means nothing to whoever holds it. Pure."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta

from stream.board.api.asks import parse_time
from stream.errors import UsageError

Place = tuple[datetime, str, str]
"""created_at, source and post_id of the last row."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def cursor_of(place: Place) -> str:
    at, *key = place
    told = json.dumps([(at - _EPOCH) // timedelta(milliseconds=1), *key], ensure_ascii=False)
    return base64.urlsafe_b64encode(told.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Raises UsageError on what `cursor_of` did not write."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, source, post_id = json.loads(
            base64.b64decode(padded, b"-_", validate=True).decode("utf-8", "surrogatepass")
        )
        if not (isinstance(source, str) and isinstance(post_id, str)):
            raise ValueError
        return parse_time(at), source, post_id
    except (ValueError, TypeError):
        raise UsageError(
            "cursor: not one of ours; give the `next` of the page before, or none"
        ) from None
