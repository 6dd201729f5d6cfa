"""The page in a real browser: hostile posts, both widths, both themes, the keyboard, the stream."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.stream.board.browsing import FOREIGN, HOSTILE, ROW, needs_browser

pytestmark = needs_browser


@pytest.fixture
def told(seed: Any, evidence_posts: Any) -> Any:
    """A board with every hostile text in every place where a stranger's words may stand."""
    rows = []
    for number, text in enumerate(HOSTILE):
        brands = {"Acme": "negative", "<img src=x onerror=alert(2)>": "positive"}
        rows.append(
            seed.post(
                f"{number}<b>",
                text,
                brands,
                created_at=seed.now - timedelta(seconds=number),
                author_name=text[:512],
                lang='en" onload="alert(3)',
                url=["javascript:alert(4)", "https://evil.example/<script>", "data:x"][number % 3],
                followers=2**60,
                **{"mentions.topics": [["<i>topic</i>"], [text[:90]]]},
            )
        )
    seed.store(*rows)
    seed.progress()
    evidence = {"posts": evidence_posts(rows[:3]), "mentions": 44, "minutes": 30, "negative": 31}
    seed.alert("open", evidence, brand="Acme")
    seed.alert(
        "<b>past</b>", brand="<img src=x onerror=alert(5)>", topic="<script>", state="resolved"
    )
    seed.delivery("open", "failed", receiver="<b onclick=alert(6)>x</b>", attempt=2)
    return seed


def test_hostile_posts_stay_text_at_every_width_and_theme(told: Any, open_page: Any) -> None:
    """T27: no dialog, no foreign node, no request elsewhere, nothing wider than the window."""
    for scheme, width in (("light", 1440), ("dark", 360)):
        opened = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page = opened.page
        page.wait_for_selector(f".post:nth-child({len(HOSTILE)})")
        page.wait_for_selector(".alert.open .telling")
        assert page.evaluate(FOREIGN) == []
        assert not opened.overflows()
        outward = 'main a:not([href^="#/"], [download])'
        links = page.eval_on_selector_all(outward, "all => all.map((a) => [a.href, a.rel])")
        assert links
        assert {(link[:21], rel) for link, rel in links} == {
            ("https://evil.example/", "noopener noreferrer nofollow")
        }
        shown = page.eval_on_selector_all(".post .text", "all => all.map((p) => p.textContent)")
        assert set(HOSTILE[:5]) <= set(shown)
        assert page.locator(".post mark", has_text=re.compile("^Acme$")).count() >= 20
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (dark == "rgb(20, 23, 27)") == (scheme == "dark")
        assert opened.wrong == []


def test_a_stored_post_shows_and_a_deleted_one_goes(seed: Any, open_page: Any) -> None:
    seed.progress()
    opened = open_page()
    page = opened.page
    page.wait_for_selector(".posts .empty >> text=undertone demo", timeout=ROW)
    seed.store(
        seed.post("1", "Acme battery is bad", {"Acme": "negative"}, url="https://a.example/")
    )
    row = page.wait_for_selector(".post.negative >> text=battery is bad", timeout=ROW)
    assert row.query_selector("mark").text_content() == "Acme"
    page.wait_for_selector(".brand >> text=100% negative", timeout=ROW)
    seed.store(seed.post("1", "Acme battery is good", updated_at=seed.now))
    page.wait_for_selector(".post.positive >> text=battery is good", timeout=ROW)
    assert page.locator(".post").count() == 1
    seed.store(seed.post("1", deleted=True))
    page.wait_for_selector(".post", state="detached", timeout=ROW)
    assert opened.wrong == []


def test_filters_and_pause_by_keyboard(seed: Any, open_page: Any) -> None:
    seed.progress()
    seed.store(
        seed.post("1", "Acme one", {"Acme": "negative"}),
        seed.post("2", "Acme two", {"Acme": "positive"}),
        seed.post("3", "Globex three", {"Globex": "negative"}),
    )
    page = open_page().page
    page.wait_for_selector(".brand")
    keys = page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(30):
            keys.press("Tab")
            if page.evaluate(f"document.activeElement.matches('{selector}')"):
                return
        pytest.fail(f"the keyboard does not reach {selector}")

    texts = lambda: page.locator(".post .text").all_text_contents()  # noqa: E731
    keys.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to(".brand button")
    keys.press("Enter")
    assert texts() == ["Acme two", "Acme one"]
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    tab_to("#filter-brand")
    tab_to('input[name="label"]')
    keys.press("ArrowRight")
    assert texts() == ["Acme one"]
    tab_to("#filter-text")
    keys.type("zzz")
    page.wait_for_selector(".posts .empty")
    tab_to("#pause")
    keys.press("Enter")
    tab_to(".posts .empty button")
    keys.press("Enter")
    assert len(texts()) == 3
    seed.store(seed.post("4", "Acme four"))
    page.wait_for_selector("#pause >> text=1 new", timeout=ROW)
    assert len(texts()) == 3
    page.click("#pause")
    assert texts()[0] == "Acme four"


def test_alerts_say_what_fired_and_are_announced(seed: Any, open_page: Any) -> None:
    seed.progress()
    opened = open_page()
    page = opened.page
    page.wait_for_selector(".alerts .empty >> text=No incident", timeout=ROW)
    evidence = {
        "authors": 12,
        "texts": 3,
        "carried_by": {"few_authors": True, "authors": 1, "authors_share": 0.6},
        "source_shares": [{"name": "<i>wb", "share": 0.8, "usual_share": 0.1, "z": 4}],
    }
    seed.alert("a", {"negative": 31, "mentions": 44, "minutes": 30} | evidence)
    page.wait_for_selector("text=31 negative of 44 mentions in 30 mins, expected 4", timeout=ROW)
    assert "60% of it by one author" in page.text_content(".alert")
    assert "80% from <i>wb, usually 10%" in page.text_content(".alert")
    assert "New alert for Acme" in page.text_content("#announcer")
    page.wait_for_selector(".brand.incident >> text=Acme", timeout=ROW)
    seed.alert("a", step=1, state="resolved", transition="resolved", observed=0.0)
    page.wait_for_selector(".past >> text=31 negative of 44", state="attached", timeout=ROW)
    assert page.text_content("#announcer") == "Resolved: Acme"
    assert page.get_attribute("#announcer", "aria-live") == "polite"
    assert page.locator("#posts[aria-live]").count() == 0


def test_a_brand_is_not_called_quiet_while_its_source_is_silent(seed: Any, open_page: Any) -> None:
    seed.store(seed.post("1", created_at=seed.now - timedelta(hours=3)))
    seed.progress()
    page = open_page().page
    page.wait_for_selector(".brand >> text=no mentions in the last hour", timeout=ROW)
    silent = {"summary": "nothing from weibo since 24 Nov 11:55 UTC"}
    seed.alert("b", silent, kind="no_data", brand="", topic="source:weibo")
    page.wait_for_selector(".alert.open >> text=nothing from weibo since", timeout=ROW)
    assert page.text_content(".alert h3") == "source:weibo"
    assert page.locator(".alert .bars").count() == 0
    page.wait_for_selector(".brand >> text=the last hour is not known", timeout=ROW)
    assert page.text_content("#announcer").startswith("New alert for source:weibo: nothing from")


def test_no_data_is_said_and_the_language_is_remembered(seed: Any, open_page: Any) -> None:
    seed.store(seed.post("1", created_at=seed.now - timedelta(hours=3)))
    seed.progress(seed.now - timedelta(hours=2))
    opened = open_page()
    page = opened.page
    page.wait_for_selector("#notice >> text=unknown, not calm", timeout=ROW)
    page.wait_for_selector(".brand >> text=no data")
    assert page.locator("text=No incident").count() == 0
    page.click("#language")
    page.wait_for_selector("h2 >> text=告警")
    page.click("#theme")
    page.reload()
    page.wait_for_selector(".brand >> text=无数据", timeout=ROW)
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert opened.wrong == []
