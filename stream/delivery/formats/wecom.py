"""WeCom (企业微信): Markdown for a group bot.

Its Markdown knows no escape, and `<@userid>` mentions: foreign text is written in look-alike
characters. Limit: 4,096 bytes of content (developer.work.weixin.qq.com, group bots).
"""

from __future__ import annotations

from typing import Any

from stream.delivery.formats.markdown import quotes_and_link
from stream.delivery.notice import Notice
from stream.delivery.plain import without_markup
from stream.delivery.wording import Tone, message
from stream.receivers import Receiver

LARGEST = 4096  # bytes of the content, without the JSON around it

_COLOURS: dict[Tone, str] = {
    "critical": "warning",
    "high": "warning",
    "warning": "warning",
    "calm": "info",
    "note": "comment",
}


def body(notice: Notice, receiver: Receiver) -> dict[str, Any]:
    """A coloured title, lines of facts, and each post as a quotation."""
    told = message(notice, receiver.language, receiver.time_zone)
    title = f'### <font color="{_COLOURS[told.tone]}">{without_markup(told.title)}</font>'
    lines = [title, *(without_markup(line) for line in told.lines())]
    lines += quotes_and_link(told)
    return {"msgtype": "markdown", "markdown": {"content": "\n".join(lines)}}


def size(body: dict[str, Any]) -> int:
    """Bytes that count."""
    return len(body["markdown"]["content"].encode())
