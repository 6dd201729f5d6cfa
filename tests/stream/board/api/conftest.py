"""One database a module, with a day of two brands in it: to make one takes longer than most tests.

`NOW` is the board's time; everything is known to the minute before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from stream.board import BoardContext, create_app
from stream.board.access import Access
from stream.board.context import RulesInForce
from stream.catalogue import Brand, Catalogue
from stream.clock import Clock
from stream.database import Client, connect
from stream.rules import Rule, Rules
from stream.settings import ClickHouse
from tests.databases import database
from tests.stream.board.conftest import Seed

NOW = datetime.now(UTC).replace(second=30, microsecond=0)
MINUTE = timedelta(minutes=1)
THIS_MINUTE = NOW.replace(second=0)
CATALOGUE = Catalogue(
    brands=[Brand(name="Acme", topics={"battery": ["battery"]}), Brand(name="Globex")]
)
FIVE = Rule(name="five", granularity="5m", topics=["", "*"])
HOSTILE = '=HYPERLINK("http://x","y")<script>alert(1)</script>{{7*7}}\';DROP TABLE posts;--'


@pytest.fixture(scope="module")
def clickhouse_settings(clickhouse_path: Path) -> Iterator[ClickHouse]:
    with database(clickhouse_path, "board_api") as settings:
        yield settings


@pytest.fixture(scope="module")
def told(clickhouse_settings: ClickHouse) -> Iterator[Seed]:
    """Acme: two a minute for the last ten minutes, one of them negative and on its battery, from
    two sources; one post of three hours ago. Globex: nothing but one of its own."""
    client = connect(clickhouse_settings)
    seed = Seed(client, NOW)
    posts = [_post(seed, minute, negative) for minute in range(1, 11) for negative in (0, 1)]
    old = seed.post("old", moods={"Acme": "neutral"}, created_at=NOW - timedelta(hours=3))
    both = {"Acme": "positive", "Globex": "negative"}
    at = NOW - 2 * MINUTE
    hostile = seed.post("a/b?c#d", f"Acme Globex {HOSTILE}", both, created_at=at, source="weibo")
    unnamed = seed.post("unnamed", "nobody in particular", {})
    seed.keys(*posts, old, hostile, unnamed)
    seed.store(*posts, old, hostile, unnamed)
    seed.progress(NOW)
    never_old(client)
    yield seed
    client.close()


def never_old(client: Client) -> None:
    """A last pass that stays fresh, however long the tests take. None recomputes after it."""
    client.command("INSERT INTO passes (started_at, windows) SELECT now64(6) + INTERVAL 1 DAY, 1")


def _post(seed: Seed, minutes_ago: int, negative: int) -> tuple[Any, ...]:
    return seed.post(
        f"{minutes_ago}-{negative}",
        f"Acme {'battery is dead' if negative else 'is fine'} {minutes_ago}",
        {"Acme": "negative" if negative else "positive"},
        created_at=NOW - minutes_ago * MINUTE,
        source="twitter" if negative else "reddit",
        lang="zh" if negative else "en",
        author_id=f"author {minutes_ago}",
        **({"mentions.topics": [["battery"]]} if negative else {}),
    )


@pytest.fixture(scope="module")
def context(clickhouse_settings: ClickHouse) -> BoardContext:
    return BoardContext(
        clickhouse_settings,
        Clock(wall=lambda: NOW),
        catalogue=CATALOGUE,
        rules_in_force=lambda: RulesInForce(Rules(rules=[FIVE])),
        access=Access(),
    )


@pytest.fixture(scope="module")
def web(context: BoardContext, told: Seed) -> TestClient:
    """A board over `told`; its reader does not run."""
    return TestClient(create_app(context), "http://localhost")


@pytest.fixture(scope="module")
def get(web: TestClient) -> Callable[..., Any]:
    """The JSON of a path below `/api/v1/`; `from_` is `from`."""

    def ask(path: str, **params: Any) -> Any:
        named = {name.rstrip("_"): _text(value) for name, value in params.items()}
        answer = web.get(f"/api/v1/{path}", params=named)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture(scope="module")
def client(clickhouse_settings: ClickHouse) -> Iterator[Client]:
    client = connect(clickhouse_settings)
    yield client
    client.close()


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
