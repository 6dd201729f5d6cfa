"""200 hostile posts, in every place strangers write: no product finds anything live (T27)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.delivery.plain import one_line, web_link, without_markup
from stream.delivery.render import encode, render
from stream.receivers import Format
from tests.stream.delivery.notices import BOARD, attacks, receiver
from tests.stream.delivery.test_payloads import nodes

ATTACKS = attacks()
WEB_LINK = re.compile(r"https?://[A-Za-z0-9%/:?#&=+$,;~!*._-]+", re.IGNORECASE)
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
MARKUP = re.compile(r"[<>\[\]()*_`~#|!@\\&{}]|://|\.[^\W\d_]")
OUR_LINK = re.compile(r"\[Open the (?:post|board)\]\(([^\s()<>\[\]]+)\)")


def bodies(product: Format) -> list[dict[str, Any]]:
    """What 200 posts become, as a receiver reads it."""
    return [json.loads(encode(render(one, receiver(product)))) for one in ATTACKS]


def strings(value: Any) -> Iterator[str]:
    for node in nodes(value):
        for inner in node.values():
            if isinstance(inner, str):
                yield inner
            elif isinstance(inner, list):
                yield from (each for each in inner if isinstance(each, str))


def assert_plain_link(url: str) -> None:
    assert WEB_LINK.fullmatch(url)
    assert "@" not in urlsplit(url).netloc


def test_there_are_two_hundred() -> None:
    assert sum(len(one.evidence.posts) for one in ATTACKS) == 200


@pytest.mark.parametrize(
    "product", ["alertmanager", "slack", "teams", "feishu", "dingtalk", "wecom"]
)
def test_nothing_unseen_is_told(product: Format) -> None:
    """No control character, mark of direction or forged line: all line ends are our own."""
    for body in bodies(product):
        for text in strings(body):
            assert not UNSEEN.search(text.replace("\n", ""))
            assert "first\n" not in text


def test_slack_finds_no_markup() -> None:
    for body in bodies("slack"):
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", body["text"])
        assert {block["type"] for block in body["blocks"]} == {"header", "rich_text"}
        kinds = {node["type"] for node in nodes(body) if "type" in node}
        assert kinds <= {
            *("header", "plain_text", "rich_text", "rich_text_section", "rich_text_quote"),
            *("text", "link"),
        }
        assert {"mrkdwn", "user", "broadcast"}.isdisjoint(kinds)
        for node in nodes(body):
            if node.get("type") == "link":
                assert_plain_link(node["url"])


def test_teams_finds_no_markup() -> None:
    for body in bodies("teams"):
        [attachment] = body["attachments"]
        assert set(body) == {"type", "attachments"}  # no entities: nobody is mentioned
        for node in nodes(attachment["content"]["body"]):
            assert node["type"] in {"RichTextBlock", "TextRun", "Action.OpenUrl"}
        for node in nodes(body):
            if node.get("type") == "Action.OpenUrl":
                assert_plain_link(node["url"])


def test_feishu_finds_no_markup() -> None:
    for body in bodies("feishu"):
        tags = {node["tag"] for node in nodes(body) if "tag" in node}
        assert tags <= {"plain_text", "div", "hr", "button", "action"}
        for node in nodes(body):
            if "url" in node:
                assert_plain_link(node["url"])


def dingtalk(body: dict[str, Any]) -> list[str]:
    assert set(body) == {"msgtype", "markdown"}  # no `at`: nobody is mentioned
    lines = [line for line in body["markdown"]["text"].split("\n") if line]
    return [re.sub(r"^(### |- |> )", "", line) for line in lines] + [body["markdown"]["title"]]


def wecom(body: dict[str, Any]) -> list[str]:
    assert set(body) == {"msgtype", "markdown"}
    first, *rest = body["markdown"]["content"].split("\n")
    title = re.fullmatch(r'### <font color="warning">(.*)</font>', first)
    assert title
    return [title[1], *(re.sub(r"^> ", "", line) for line in rest)]


@pytest.mark.parametrize(("product", "lines"), [("dingtalk", dingtalk), ("wecom", wecom)])
def test_markdown_without_escapes_holds_no_markup(
    product: Format, lines: Callable[[dict[str, Any]], list[str]]
) -> None:
    for body in bodies(product):
        for line in lines(body):
            for url in OUR_LINK.findall(line):
                assert_plain_link(url)
            foreign = OUR_LINK.sub("", line)
            assert not MARKUP.search(foreign), foreign


def test_alertmanager_gets_no_post_and_no_markup() -> None:
    """Whoever shows its annotations may take them for Markdown or HTML."""
    for body in bodies("alertmanager"):
        told = body["commonAnnotations"]
        assert not MARKUP.search(told["summary"] + told["description"])
        assert "posts" not in body["alerts"][0]
        assert_plain_link(body["externalURL"])


def test_the_generic_format_tells_programs_what_was_written() -> None:
    for one, body in zip(ATTACKS, bodies("generic"), strict=True):
        told = [post["text"] for post in body["data"]["evidence"]["posts"]]
        assert told == [post.text for post in one.evidence.posts][: len(told)]
        assert not UNSEEN.search(body["title"] + body["text"].replace("\n", ""))
        assert body["data"]["url"].startswith(BOARD)


@given(st.text(), st.integers(1, 50))
def test_one_line_is_one_short_line(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line) <= most
    assert line == line.strip() and line.splitlines() in ([], [line])
    assert not UNSEEN.search(line)
    assert one_line(line, most) == line
    assert line.encode().decode() == line  # no lone surrogate


def test_letters_of_every_script_and_emoji_stay() -> None:
    for text in ("电池过热了，烫手！", "می‌خواهم", "👨‍👩‍👧‍👦 ❤️", "Grüße & “quotes”", "a\u0301"):
        assert one_line(text, 100) == text


@given(st.text() | st.text().map("https://x.example/".__add__))
def test_a_link_is_a_plain_web_link_or_none(url: str) -> None:
    link = web_link(url)
    if link:
        assert_plain_link(link)
        assert web_link(link) == link


@given(st.text())
def test_look_alikes_leave_no_markup(text: str) -> None:
    found = without_markup(text)
    assert not MARKUP.search(found)
    assert without_markup(found) == found


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://a b.example/",
        "https://x.example\n.evil.example/",
        "https://x.example:99999/",
        "https://-/",
        "https://.example/",
        "http://",
        "https://user@x.example/",
        "https://x.example\\@evil.example/",
    ],
)
def test_a_link_that_a_product_could_refuse_is_none(url: str) -> None:
    """One refuses the whole message for it, and no post may keep an alert from arriving."""
    assert web_link(url) == ""


def test_what_reads_well_stays_readable() -> None:
    assert web_link("https://weibo.com/1/Ab?x=1&y=电") == "https://weibo.com/1/Ab?x=1&y=%E7%94%B5"
    assert web_link("https://电.example/a%zz#x y") == "https://xn--wny.example/a%25zz#x%20y"
    assert without_markup("3.5 stars, v2.0. Fine") == "3.5 stars, v2.0. Fine"
    assert without_markup("see evil.example/x") == "see evil·example/x"
