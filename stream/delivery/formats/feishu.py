"""Feishu and Lark: a card for a custom bot.

Text stands in `plain_text` elements only: `<at id=all>` and Markdown are letters there.
Limit: 20 KB a request, signature included (open.feishu.cn, custom bot).
"""

from __future__ import annotations

from typing import Any

from stream.delivery.notice import Notice
from stream.delivery.wording import Message, Tone, message
from stream.receivers import Receiver

LARGEST = 19_800  # bytes, and the signature

_COLOURS: dict[Tone, str] = {
    "critical": "red",
    "high": "orange",
    "warning": "yellow",
    "calm": "green",
    "note": "blue",
}


def body(notice: Notice, receiver: Receiver) -> dict[str, Any]:
    """A card with a coloured header, the facts, the posts, and a button to the board."""
    told = message(notice, receiver.language, receiver.time_zone)
    header = {"template": _COLOURS[told.tone], "title": _plain(told.title)}
    card = {"config": {"wide_screen_mode": True}, "header": header, "elements": _elements(told)}
    return {"msg_type": "interactive", "card": card}


def _elements(told: Message) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"tag": "div", "text": _plain("\n".join(told.lines()))}]
    for post in told.posts:
        quoted = {"tag": "div", "text": _plain(f"“{post.text}”\n— {post.by}")}
        if post.url:
            quoted["extra"] = _button(told.open_post, post.url)
        found += [{"tag": "hr"}, quoted]
    if told.url:
        found.append({"tag": "action", "actions": [_button(told.open_board, told.url)]})
    return found


def _plain(text: str) -> dict[str, Any]:
    return {"tag": "plain_text", "content": text}


def _button(label: str, url: str) -> dict[str, Any]:
    return {"tag": "button", "text": _plain(label), "type": "default", "url": url}
