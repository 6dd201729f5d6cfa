"""A board that asks who reads it, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.board import BoardContext, BoardServer
from stream.board.access import Access
from stream.settings import ClickHouse
from tests.databases import database
from tests.stream.board.browsing import Page, needs_browser

pytestmark = needs_browser

TOKEN = "correct horse battery"


@pytest.fixture
def board(clickhouse_path: Path) -> Iterator[BoardServer]:
    with database(clickhouse_path, "test_sign_in") as settings:
        of = ClickHouse(path=settings.path, database=settings.database)
        access = Access(is_open=False, token=TOKEN)
        server = BoardServer(BoardContext(clickhouse=of, access=access, poll_seconds=0.1), port=0)
        server.start()
        yield server
        server.stop()


def test_somebody_signs_in_is_called_by_name_and_leaves(browser: Any, board: BoardServer) -> None:
    opened = Page(browser, board, shown=False, locale="zh-CN")
    page = opened.page
    page.fill("dialog [name=token]", "a guess")
    page.fill("dialog [name=name]", "Ann")
    page.press("dialog [name=name]", "Enter")
    page.wait_for_selector("dialog .failed >> text=令牌不正确")
    assert page.is_hidden("#leave")
    page.fill("dialog [name=token]", TOKEN)
    page.press("dialog [name=name]", "Enter")
    page.wait_for_selector("#status .light")
    page.wait_for_selector("#leave[title='已登录：Ann'] >> text=退出")
    page.click("#leave")
    page.wait_for_selector("dialog [name=token]")
    assert not page.locator("#status .light").count()
    assert opened.context.cookies() == []
    opened.context.close()


def test_where_nobody_is_asked_nobody_can_leave(browser: Any, clickhouse_path: Path) -> None:
    with database(clickhouse_path, "test_sign_in_open") as settings:
        server = BoardServer(BoardContext(clickhouse=settings, poll_seconds=0.1), port=0)
        server.start()
        opened = Page(browser, server)
        assert opened.page.is_hidden("#leave")
        opened.context.close()
        server.stop()
    assert opened.wrong == []
