"""Parts of the page by themselves, in a real browser: links, intervals, the server's lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from stream.alerting.conditions import Partition, Trouble, conditions
from stream.alerting.rule_check import Heard, check
from stream.board import BoardContext, BoardServer, create_app
from stream.board.api.shares import wilson
from stream.catalogue import Brand, Catalogue
from stream.health import Health
from stream.rules import NoData, Rules
from tests.databases import database
from tests.stream.alerting.test_conditions import NOON, heard, known
from tests.stream.board.browsing import Page, needs_browser
from tests.stream.board.seeded import BAD

pytestmark = needs_browser

SECRET = "whsec_" + "c2VjcmV0" * 4
CATALOGUE = Catalogue(brands=[Brand(name="Acme", topics={"battery": ["battery"]})])


@pytest.fixture(scope="module")
def context(clickhouse_path: Path) -> Iterator[BoardContext]:
    """Of a database in which nothing was said."""
    with database(clickhouse_path, "test_page_modules") as settings:
        yield BoardContext(clickhouse=settings, catalogue=CATALOGUE)


@pytest.fixture(scope="module")
def page(browser: Any, context: BoardContext) -> Iterator[Any]:
    server = BoardServer(context, port=0)
    server.start()
    opened = Page(browser, server, locale="zh-CN")
    yield opened.page
    opened.context.close()
    server.stop()


def test_a_link_holds_any_name_and_comes_back_the_same(page: Any) -> None:
    names = [BAD, "a/b", "?x=1&y", "#", "100%", "品牌 🙂", "..", " ", '"quoted"', "a+b", "%2F"]
    back = page.evaluate(
        """async (names) => {
            const { parseRoute, routeTo } = await import("/static/routes.js");
            return names.map((name) => parseRoute(routeTo("brand", [name], { topic: name })));
        }""",
        names,
    )
    assert back == [{"view": "brand", "parts": [name], "params": {"topic": name}} for name in names]


def test_the_page_and_the_api_agree_how_sure_a_share_is(page: Any) -> None:
    pairs = [[0, 1], [1, 1], [3, 7], [31, 44], [5, 1000]]
    bounds = page.evaluate(
        """async (pairs) => {
            const { wilson } = await import("/static/intervals.js");
            return pairs.map(([part, all]) => wilson(part, all));
        }""",
        pairs,
    )
    for pair, bound in zip(pairs, bounds, strict=True):
        assert bound == pytest.approx(wilson(*pair), abs=1e-4)


def _doubts() -> list[str]:
    rules = Rules.model_validate(
        {
            "receivers": [{"name": "desk", "url": "https://example.com", "secrets": [SECRET]}],
            "rules": [
                {"name": "all", "receivers": ["desk"]},
                {"name": "it's mine", "receivers": ["desk"]},
                {"name": "none", "brands": ["Nobody"], "topics": ["nothing"]},
                {"name": "far", "sources": ["mars"], "languages": ["xx"]},
            ],
        }
    )
    heard = Heard({}, frozenset(), frozenset())
    return [doubt for one in check(rules, CATALOGUE, heard) for doubt in one.doubts]


def _nothing_known() -> list[str]:
    """What is said of every way in which nothing may be known."""
    voices = [heard(900), heard(90, source="weibo"), heard(9000, brand="Acme")]
    long, failed = timedelta(hours=5), [Trouble("host-1", "no such file", NOON)] * 2
    stopped = known(behind=long, partitions=[Partition(3, NOON - long, long)])
    missing = known(partitions=[Partition(0, NOON, long)], missing=2, incomplete_since=NOON - long)
    looks = [
        *(known(one) for one in voices), known(behind=long), known(troubles=failed), stopped,
        missing, replace(missing, partitions=[]),
    ]  # fmt: skip
    said = [one.says for look in looks for one in conditions(look, NoData()) if one.stands]
    return [*said, "data is back; nothing was known for 5.0 h"]


def _troubles() -> list[str]:
    health = Health()
    health.expect("consumer", within=-1)
    starting = health.problems()
    health.beat("consumer")
    away = "ClickHouse does not answer: connection refused"
    return [*starting, *health.problems(), away, f"board: {away} (12 s)"]


def _refusals(web: TestClient) -> list[str]:
    late, early = "2026-11-27T00:00:00Z", "2026-11-26T00:00:00Z"
    by = {"by": "Ann"}
    answers = [
        *(web.get(f"/api/v1/{of}") for of in (
            "scores?brand=Nobody", "scores?brand=Acme&topic=nothing", "posts/reddit/nobody",
            "incidents/ffffffff", "incidents/f", f"posts?from={late}&to={early}",
            "posts?from=1999-01-01T00:00:00Z",
        )),
        *(web.post(f"/api/v1/{of}", json=body) for of, body in (
            ("incidents/ffffffff/comment", {}), ("incidents/ffffffff/comment", by),
            ("silences/ffffffff/end", by), ("backtest", {}),
            ("backtest", {"comment": "x" * 200_000}), ("backtest", {"from": late, "to": early}),
        )),
    ]  # fmt: skip
    assert all(answer.status_code in (404, 413, 422) for answer in answers)
    return [answer.json()["error"] for answer in answers]


def test_what_the_server_says_in_a_line_the_chinese_page_says_in_chinese(
    page: Any, context: BoardContext
) -> None:
    lines = [
        *_doubts(),
        *_nothing_known(),
        *_troubles(),
        *_refusals(TestClient(create_app(context), "http://localhost")),
    ]
    assert len(lines) > 30
    told = page.evaluate(
        """async (lines) => {
            const { translated } = await import("/static/server_lines.js");
            return lines.map(translated);
        }""",
        lines,
    )
    english = [line for line, one in zip(lines, told, strict=True) if not re.search("[一-鿿]", one)]
    assert english == []
