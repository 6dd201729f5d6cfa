"""Microsoft Teams: an Adaptive Card for a webhook of Workflows.

Text stands in `TextRun`s only: unlike a `TextBlock` or a fact they know no Markdown. A mention
would need an entity of the message, and there is none.
Limit: 28 KB a message (learn.microsoft.com, Incoming Webhooks and Workflows).
"""

from __future__ import annotations

from typing import Any

from stream.delivery.notice import Notice
from stream.delivery.wording import Message, Tone, message
from stream.receivers import Receiver

LARGEST = 28_000  # bytes

_COLOURS: dict[Tone, str] = {
    "critical": "Attention",
    "high": "Attention",
    "warning": "Warning",
    "calm": "Good",
    "note": "Accent",
}


def body(notice: Notice, receiver: Receiver) -> dict[str, Any]:
    """A card of paragraphs, with a button to the board."""
    told = message(notice, receiver.language, receiver.time_zone)
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": told.title,
        "body": _paragraphs(told),
    }
    if told.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": told.open_board, "url": told.url}]
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": card,
            }
        ],
    }


def _paragraphs(told: Message) -> list[dict[str, Any]]:
    title = _run(told.title, size="Large", weight="Bolder", color=_COLOURS[told.tone])
    found = [_paragraph(title)]
    if told.headline:
        found.append(_paragraph(_run(told.headline)))
    for label, value in told.facts:
        found.append(_paragraph(_run(label, weight="Bolder"), _run(value), spacing="Small"))
    for post in told.posts:
        runs = [_run(f"“{post.text}”", italic=True), _run(f" — {post.by} ", isSubtle=True)]
        if post.url:
            opens = {"type": "Action.OpenUrl", "url": post.url}
            runs.append(_run(told.open_post, color="Accent", selectAction=opens))
        found.append(_paragraph(*runs, separator=True))
    return found


def _paragraph(*runs: dict[str, Any], **looks: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs), **looks}


def _run(text: str, **looks: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **looks}
