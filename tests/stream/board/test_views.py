"""The views in a real browser, over a real database: what they show and let people do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from stream.board import BoardContext, BoardServer
from stream.board.context import RulesInForce
from stream.catalogue import Catalogue
from stream.database import connect
from stream.rules import Rule, Rules
from stream.settings import ClickHouse
from tests.databases import database
from tests.stream.board.browsing import FOREIGN, ROW, Page, needs_browser
from tests.stream.board.conftest import Seed
from tests.stream.board.seeded import ALERT, BAD, BAD_ALERT, story

pytestmark = needs_browser

FEWER_ALIKE = """() => document.querySelectorAll(
    ":is(.post, .brand, tr, .telling li):nth-child(n+4)").forEach((one) => one.remove())"""
SHORT = """() => {
    const { from, to } = document.querySelector(".rules-view form").elements;
    from.valueAsNumber = to.valueAsNumber - 3_600_000;
}"""
AXE = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa"]}
VIEWS = {
    "now": "#/now",
    "brand": "#/brand/Acme",
    "incident": f"#/incident/{ALERT}",
    "post": "#/post/reddit/rise3",
    "rules": "#/rules",
    "health": "#/health",
}


CATALOGUE = Catalogue.model_validate(
    {
        "brands": [
            {"name": "Acme", "aliases": ["Acme"], "topics": {"battery": ["battery"]}},
            {"name": BAD, "aliases": [BAD]},
        ]
    }
)
PAST = {"history": timedelta(days=2), "warm_up": timedelta(hours=1)}
RULES = Rules(
    rules=(Rule(name="mood", topics=("", "*"), **PAST), Rule(name=BAD, brands=(BAD, "Nobody")))
)


@pytest.fixture(scope="module")
def seed(clickhouse_path: Any) -> Iterator[Seed]:
    with database(clickhouse_path, "test_views") as settings:
        client = connect(settings)
        seed = Seed(client)
        story(seed)
        yield seed
        client.close()


@pytest.fixture(scope="module")
def board(clickhouse_path: Any, seed: Seed) -> Iterator[BoardServer]:
    server = BoardServer(
        BoardContext(
            clickhouse=ClickHouse(path=clickhouse_path, database="test_views"),
            catalogue=CATALOGUE,
            rules_in_force=lambda: RulesInForce(RULES),
            poll_seconds=0.1,
        ),
        port=0,
    )
    server.start()
    yield server
    server.stop()


def _settled(page: Any) -> None:
    """Every part of the view has its answer."""
    page.wait_for_selector("#view:not(:has([aria-busy=true])) .panel", timeout=ROW)


@pytest.fixture(scope="module")
def desk(browser: Any, board: BoardServer) -> Iterator[Page]:
    """One window for the whole module: each test goes where it needs to be."""
    opened = Page(browser, board, viewport={"width": 1440, "height": 900})
    yield opened
    opened.context.close()


def _go(opened: Page, link: str) -> Any:
    page = opened.page
    page.evaluate("(link) => { location.hash = link; }", link)
    if link != "#/now":
        _settled(page)
    return page


def test_a_brand_shows_its_day_and_leads_on_by_topic_and_time(desk: Page) -> None:
    page = _go(desk, "#/brand/Acme")
    assert page.title() == "(2) Acme · Undertone"
    page.wait_for_selector(".figure >> text=91")
    assert page.locator(".timeline canvas").count() == 2
    assert page.locator(".timeline .flag").count() == 1
    assert page.locator(".telling li").count() == 5
    assert page.locator(".found .post").count() == 25
    page.click("button >> text=More")
    page.wait_for_selector(".found > :nth-child(50)")
    page.click(".numbers summary")
    page.wait_for_selector(".numbers td >> text=unknown", state="attached")

    page.click(".shares button >> text=battery")
    page.wait_for_url(re.compile("topic=battery"))
    page.wait_for_selector(".figure >> text=negative: 20 of 20")
    page.click(".choices >> text=1 h")
    page.wait_for_url(re.compile("topic=battery&last=1h"))
    page.click(".chosen button")
    page.wait_for_url(re.compile(r"Acme\?last=1h$"))
    page.go_back()
    page.wait_for_selector(".chosen button >> text=battery")
    page.click(".shares button >> text=reddit")
    page.wait_for_url(re.compile("source=reddit"))
    _settled(page)
    for words in ("Topics", "Words that stand out"):
        of = page.get_by_label(f"{words} as CSV").get_attribute("href")
        assert "source=reddit" in of


def test_a_range_drawn_with_the_mouse_is_a_link_that_holds(desk: Page) -> None:
    page = _go(desk, "#/brand/Acme?last=6h")
    over = page.locator(".timeline .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("from=20.+Z&to=20.+Z"))
    page.wait_for_selector(".choices:not(:has([aria-pressed=true]))")
    _settled(page)
    shown = page.text_content(".headline")
    page.reload()
    _settled(page)
    assert page.text_content(".headline") == shown


def test_what_nobody_knows_is_hatched_and_called_unknown(desk: Page, seed: Seed) -> None:
    ahead = [seed.now + timedelta(hours=hours) for hours in (1, 2)]
    since, until = (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in ahead)
    page = _go(desk, f"#/brand/Acme?from={since}&to={until}")
    page.wait_for_selector(".headline >> text=Nothing is known of this time")
    assert page.locator("#view >> text=0 mentions").count() == 0


def test_an_incident_is_acknowledged_silenced_and_told_from_the_page(
    desk: Page, seed: Seed
) -> None:
    page = _go(desk, f"#/incident/{ALERT}")
    page.wait_for_selector("text=Of 44 mentions in 30 min")
    page.wait_for_selector(".reasoning >> text=both their number and their share")
    page.wait_for_selector(".reasoning >> text=60% of it by 2 authors")
    page.wait_for_selector("td >> text=sent (200)")
    page.wait_for_selector(f".related a[href='#/incident/{BAD_ALERT}']")
    page.click("button >> text=Acknowledge")
    assert page.evaluate("document.activeElement.name") == "by"  # nobody acts without a name
    page.fill("input[name=by]", "Grace")
    page.fill("textarea", "looking into it")
    page.click("button >> text=Acknowledge")
    page.wait_for_selector(".life li >> text=Grace", timeout=ROW)
    page.wait_for_selector(".comment >> text=looking into it")
    page.wait_for_selector("button.main:disabled")
    page.click(".pair button")
    page.wait_for_selector(".in-force >> text=Grace", timeout=ROW)
    acts = seed.client.query(
        "SELECT actor, comment FROM alerts FINAL WHERE transition = 'acknowledged'"
    ).result_rows
    assert acts == [("Grace", "looking into it")]
    silences = "SELECT actor, rule, brand FROM silences FINAL WHERE ends_at > starts_at"
    assert seed.client.query(silences).result_rows == [("Grace", "mood", "Acme")]
    page.click(".in-force button")
    page.wait_for_selector("text=The silence has ended", timeout=ROW)


def test_a_post_tells_its_way(desk: Page) -> None:
    page = _go(desk, "#/post/reddit/rise3")
    page.wait_for_selector(".whole mark >> text=Acme")
    steps = page.locator(".steps h3").all_text_contents()
    assert steps[0] == "Received"
    assert {"Brands found", "Scored", "Counted"} <= set(steps)
    page.wait_for_selector(f".related a[href='#/incident/{ALERT}']")


def test_what_is_not_there_is_said(desk: Page) -> None:
    desk_wrong = list(desk.wrong)
    page = _go(desk, "#/incident/ffffffff")
    page.wait_for_selector(".failed >> text=no such alert")
    page = _go(desk, "#/post/reddit/nobody")
    page.wait_for_selector(".failed")
    page = _go(desk, "#/brand/Nobody")
    page.wait_for_selector(".failed >> text=no such brand; there are Acme")
    assert page.locator(".failed >> visible=true").count() == 1
    page.evaluate("location.hash = '#/nonsense'")
    page.wait_for_selector("text=There is no such page")
    desk.wrong[:] = desk_wrong  # the browser itself notes every refusal


def test_the_rules_say_what_they_watch_and_what_looks_wrong(desk: Page) -> None:
    page = _go(desk, "#/rules")
    page.wait_for_selector(".rule h3 >> text=mood")
    page.wait_for_selector(".rule td >> text=91")
    page.wait_for_selector(".doubts >> text=brands.yaml names no such brand")


def test_rules_are_tried_on_the_past_from_the_page(desk: Page) -> None:
    page = _go(desk, "#/rules")
    wrong = list(desk.wrong)
    page.evaluate(SHORT)
    page.fill("[name=against]", "rules: [{name: x, sensitivity: -1}]")
    page.click("button >> text=Try")
    page.wait_for_selector(".found .failed >> text=sensitivity")
    desk.wrong[:] = wrong  # the browser itself notes the refusal
    page.fill("[name=against]", "rules: [{name: calmer, sensitivity: 0.01, history: 2d}]")
    page.click("button >> text=Try")
    page.wait_for_selector(".totals th >> text=Alerts", timeout=3 * ROW)
    assert page.locator(".totals thead .number").all_text_contents() == ["in force", "other"]
    with page.expect_download() as download:
        page.click(".found [aria-label='Alerts as CSV']")
    assert download.value.path().read_text("utf-8-sig").startswith('"file","alert_id","rule"')


def test_health_says_how_fresh_it_is_and_what_it_does_not_know(desk: Page) -> None:
    page = _go(desk, "#/health")
    page.wait_for_selector(".fact.good >> text=Counted up to")
    page.wait_for_selector(".fact >> text=not known here")


@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(1440, "light", "en-GB"), (360, "dark", "zh-CN")]
)
def test_hostile_words_stay_text_in_every_view(
    browser: Any, board: BoardServer, width: int, scheme: str, language: str
) -> None:
    """T27: no dialog, no foreign node, no request elsewhere, nothing wider than the window."""
    viewport = {"width": width, "height": 800}
    opened = Page(browser, board, viewport=viewport, color_scheme=scheme, locale=language)
    page = opened.page
    brand, post_id = (page.evaluate("encodeURIComponent", bad) for bad in (BAD, f"1/{BAD}"))
    hostile = [f"#/brand/{brand}", f"#/incident/{BAD_ALERT}", f"#/post/reddit/{post_id}"]
    for link in [*VIEWS.values(), *hostile]:
        _go(opened, link)
        assert page.evaluate(FOREIGN) == [], link
        assert not opened.overflows(), link
        words = page.locator("main :is(h2, h3, button, summary, th)").all_text_contents()
        english = {"Topics", "Sources", "Posts", "Why it fired", "Acknowledge", "Its way", "Brand"}
        assert bool(english & {word.strip() for word in words}) <= (language == "en-GB"), link
    assert opened.wrong == []
    opened.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_can_be_used_by_everybody(browser: Any, board: BoardServer, scheme: str) -> None:
    """axe finds nothing serious: names, contrast, roles, languages, in either theme."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    opened = Page(browser, board, color_scheme=scheme, viewport={"width": 1000, "height": 800})
    half = list(VIEWS)[scheme == "dark" :: 2]  # each view once: axe takes its time
    for view in half:
        page = _go(opened, VIEWS[view])
        page.evaluate(FEWER_ALIKE)
        found = axe.run(page, options=AXE).response["violations"]
        assert [one for one in found if one["impact"] in ("serious", "critical")] == [], view
    opened.context.close()


def test_the_link_of_a_notice_leads_to_its_incident(desk: Page, board: BoardServer) -> None:
    desk.page.goto(f"{board.url}/?alert={ALERT}&from=2026-01-01T00:00:00Z")
    desk.page.wait_for_url(re.compile(f"/#/incident/{ALERT}$"))
    _settled(desk.page)
    assert desk.page.text_content(".what h2") == "Acme"
