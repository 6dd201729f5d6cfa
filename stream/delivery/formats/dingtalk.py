"""DingTalk: Markdown for a custom bot.

Its Markdown knows no dependable escape, so foreign text is written in look-alike characters. A
mention would need the object `at`, and there is none.
Limit: 20,000 bytes a message (error 460101 beyond; open.dingtalk.com, custom robots).
"""

from __future__ import annotations

from typing import Any

from stream.delivery.formats.markdown import quotes_and_link
from stream.delivery.notice import Notice
from stream.delivery.plain import without_markup
from stream.delivery.wording import message
from stream.receivers import Receiver

LARGEST = 19_800  # bytes


def body(notice: Notice, receiver: Receiver) -> dict[str, Any]:
    """A heading, a list of facts, and each post as a quotation."""
    told = message(notice, receiver.language, receiver.time_zone)
    title = without_markup(told.title)
    lines = [f"### {title}", *(f"- {without_markup(line)}" for line in told.lines())]
    lines += quotes_and_link(told)
    # A blank line between: DingTalk joins lines that follow one another.
    return {"msgtype": "markdown", "markdown": {"title": title, "text": "\n\n".join(lines)}}
