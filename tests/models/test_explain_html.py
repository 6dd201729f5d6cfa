"""The page of an explanation: self-contained, and safe whatever a post says."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Passage
from models.explain import Explainer
from models.explain_html import page
from tests.models.planted import words_weigh

EXPLAINER = Explainer(words_weigh({"great": 2.0, "slow": -1.0}))
OURS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "p", "strong", "bdi", "span"),
    *("table", "tr", "th", "td", "footer"),
}


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


def shown(text: str, target: str | None = None) -> str:
    return page(EXPLAINER.explain(Passage(text, target)), top=5)


def test_words_are_marked_for_and_against() -> None:
    made = shown("great but slow", "Acme & Co")
    assert '<span class="f3" title="+3.00">great</span> but <span class="a2"' in made
    assert "Acme &amp; Co" in made
    assert made.index(">great</bdi>") < made.index(">slow</bdi>")
    assert "prefers-color-scheme: dark" in made


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "great' onmouseover='alert(1)",
        "</style></p><iframe src='https://a.example'>",
        "&lt;b&gt; <!-- ]]> javascript:alert(1)",
    ],
)
def test_nothing_from_a_post_becomes_part_of_the_page(hostile: str) -> None:
    made = Seen(shown(f"great {hostile}", hostile))
    assert made.tags <= OURS
    assert made.attributes <= {
        *("lang", "charset", "http-equiv", "content", "name"),
        *("class", "title", "dir"),
    }
    assert hostile in made.words  # shown as it was written


@given(st.text(max_size=60))
def test_any_text_gives_a_page_that_can_be_written(text: str) -> None:
    made = shown(f"great {text}")
    made.encode()
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", made)
    assert Seen(made).tags <= OURS


def test_nothing_is_fetched() -> None:
    made = shown("great https://a.example/x.png")
    assert "default-src 'none'" in made
    assert not {"src", "href"} & Seen(made).attributes
    assert "@import" not in made and "url(" not in made
