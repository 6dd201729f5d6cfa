"""What the bots have in common whose Markdown knows no dependable escape.

Foreign text is written in look-alike characters, so that every link is one of ours.
"""

from __future__ import annotations

from collections.abc import Iterator

from stream.delivery.plain import without_markup
from stream.delivery.wording import Message


def quotes_and_link(told: Message) -> Iterator[str]:
    """A line for each post, as a quotation with its link, and one for the board."""
    for post in told.posts:
        link = f" [{told.open_post}]({post.url})" if post.url else ""
        yield f"> “{without_markup(post.text)}” — {without_markup(post.by)}{link}"
    if told.url:
        yield f"[{told.open_board}]({told.url})"
