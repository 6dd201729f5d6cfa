"""What a page is told, and how it resumes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from stream.board.feed import Feed
from stream.board.shapes import PostRow, Status

STATUS: Status = {
    "now": "2026-01-01T00:00:00.000Z",
    "factor": 1.0,
    "data": "live",
    "data_to": None,
    "stored": 0,
    "posts_per_second": 0.0,
    "dead_letters": None,
    "problem": None,
}


def row(key: str, text: str = "") -> PostRow:
    post: Any = {"key": key, "text": text}
    return post


def told(data: bytes) -> list[tuple[str, Any]]:
    """The events in a piece of stream: (name, data)."""
    found = []
    for block in data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def kinds(data: bytes) -> list[str]:
    return [kind for kind, _ in told(data)]


def test_a_new_page_gets_the_snapshot() -> None:
    feed = Feed(STATUS, 10)
    feed.publish_posts({"rows": [row("a")], "removed": []})
    ((kind, snapshot),) = told(feed.since(None)[0])
    assert kind == "snapshot"
    assert [post["key"] for post in snapshot["posts"]] == ["a"]


def test_a_page_resumes_after_the_last_event_it_saw() -> None:
    """Every change of posts comes, in order; of the rest only the newest state."""
    feed = Feed(STATUS, 10)
    _, seen = feed.since(None)
    feed.publish_posts({"rows": [row("a")], "removed": []})
    feed.publish_status(STATUS)
    feed.publish_posts({"rows": [row("b")], "removed": ["a"]})
    feed.publish_status(STATUS)
    data, newest = feed.since(seen)
    assert kinds(data) == ["posts", "posts", "status"]
    assert [change["removed"] for kind, change in told(data) if kind == "posts"] == [[], ["a"]]
    assert feed.since(newest) == (b"", newest)


def test_a_page_of_an_earlier_process_or_from_long_ago_gets_the_snapshot() -> None:
    feed, other = Feed(STATUS, 10), Feed(STATUS, 10)
    _, seen = feed.since(None)
    assert kinds(other.since(seen)[0]) == ["snapshot"]
    for _ in range(700):
        feed.publish_status(STATUS)
    assert kinds(feed.since(seen)[0]) == ["status"]
    for number in range(700):
        feed.publish_posts({"rows": [row(str(number))], "removed": []})
    assert kinds(feed.since(seen)[0]) == ["snapshot"]
    for nonsense in ("", "x", "-1", f"{seen}0", "٣", seen.replace("-", "-٣")):
        assert kinds(feed.since(nonsense)[0]) == ["snapshot"]


def test_an_edit_keeps_its_place_and_the_oldest_are_forgotten() -> None:
    feed = Feed(STATUS, 2)
    feed.publish_posts({"rows": [row("a"), row("b")], "removed": []})
    feed.publish_posts({"rows": [row("a", "edited")], "removed": []})
    assert [p["text"] for p in feed.snapshot()["posts"]] == ["edited", ""]
    feed.publish_posts({"rows": [row("c")], "removed": []})
    assert [p["key"] for p in feed.snapshot()["posts"]] == ["b", "c"]


def test_what_did_not_change_is_not_told() -> None:
    feed = Feed(STATUS, 2)
    _, seen = feed.since(None)
    feed.publish_brands([])
    feed.publish_alerts([])
    feed.publish_posts({"rows": [], "removed": []})
    assert feed.since(seen)[0] == b""


def test_the_stream_beats_and_ends_when_the_feed_is_closed() -> None:
    async def listen() -> list[bytes]:
        feed = Feed(STATUS, 2)
        stream: AsyncIterator[bytes] = feed.stream(None, heartbeat=0.01)
        pieces = [await anext(stream) for _ in range(3)]
        assert feed.pages == 1
        feed.close()
        async for piece in stream:
            pieces.append(piece)
        assert feed.pages == 0
        return pieces

    pieces = asyncio.run(listen())
    assert pieces[0].startswith(b"retry: ")
    assert kinds(pieces[1]) == ["snapshot"]
    assert pieces[2].startswith(b":")
