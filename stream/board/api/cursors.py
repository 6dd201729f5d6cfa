"""Cursors: where a page of rows ended, in one word that means nothing to whoever holds it. Pure.

It holds the beginning of the range as well: a range that is told by the clock would else move on
from page to page.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta

from stream.board.api.asks import parse_time
from stream.errors import UsageError

Place = tuple[datetime, str, str]
"""created_at, source and post_id of the last row."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MILLISECOND = timedelta(milliseconds=1)


def cursor_of(since: datetime, place: Place) -> str:
    at, *key = place
    times = [(time - _EPOCH) // _MILLISECOND for time in (since, at)]
    told = json.dumps([*times, *key], ensure_ascii=False)
    return base64.urlsafe_b64encode(told.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, Place]:
    """Where the range begins and the page ended. Raises UsageError on what `cursor_of` did not
    write."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        since, at, source, post_id = json.loads(
            base64.b64decode(padded, b"-_", validate=True).decode("utf-8", "surrogatepass")
        )
        if not (isinstance(source, str) and isinstance(post_id, str)):
            raise ValueError
        return parse_time(since), (parse_time(at), source, post_id)
    except (ValueError, TypeError):
        raise UsageError(
            "cursor: not one of ours; give the `next` of the page before, or none"
        ) from None
