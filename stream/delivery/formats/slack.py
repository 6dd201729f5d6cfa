"""Slack: Block Kit for an incoming webhook.

Foreign text stands in plain-text and rich-text elements only, which know no markup: `<!channel>`,
`<http://x|y>` and `*` are letters there. The fallback `text` is mrkdwn, and escaped.
Limits: 50 blocks, 150 characters of a header, 3,000 of a text (docs.slack.dev, Block Kit).
"""

from __future__ import annotations

from typing import Any

from stream.delivery.notice import Notice
from stream.delivery.plain import one_line
from stream.delivery.wording import Message, message
from stream.receivers import Receiver

LARGEST = 30_000  # bytes; the limits of the blocks bite before
_HEADER = 150

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def body(notice: Notice, receiver: Receiver) -> dict[str, Any]:
    """A header, the facts, and each post as a quotation with its link."""
    told = message(notice, receiver.language, receiver.time_zone)
    title = one_line(told.title, _HEADER)
    return {
        "text": told.title.translate(_ESCAPES),
        "blocks": [
            {
                "type": "header",
                "text": {"type": "plain_text", "text": title, "emoji": False},
            },
            {"type": "rich_text", "elements": _facts(told) + _posts(told)},
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _facts(told: Message) -> list[dict[str, Any]]:
    runs = [_text(told.headline + "\n")] if told.headline else []
    for label, value in told.facts:
        runs += [_text(label, bold=True), _text(value + "\n")]
    if told.url:
        runs.append({"type": "link", "url": told.url, "text": told.open_board})
    return [{"type": "rich_text_section", "elements": runs}]


def _posts(told: Message) -> list[dict[str, Any]]:
    elements = []
    for post in told.posts:
        runs = [_text(post.text)]
        if post.by:
            runs.append(_text("\n— " + post.by))
        if post.url:
            runs += [_text("\n"), {"type": "link", "url": post.url, "text": told.open_post}]
        elements.append({"type": "rich_text_quote", "elements": runs})
    return elements


def _text(text: str, *, bold: bool = False) -> dict[str, Any]:
    run: dict[str, Any] = {"type": "text", "text": text}
    return run | {"style": {"bold": True}} if bold else run
