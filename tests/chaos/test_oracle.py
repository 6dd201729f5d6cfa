"""The oracle is independent, knows right from wrong, and says so when it could not look (T0)."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stream.database import Client
from stream.embedded.clickhouse import EmbeddedClickHouse
from stream.settings import ClickHouse
from tests.chaos.actions import Send
from tests.chaos.compare import compare
from tests.chaos.hooks import units
from tests.chaos.oracle import Expectation, Message, expect, mentions, read
from tests.chaos.plan import BRANDS, RETENTION, START
from tests.chaos.world import World, prepare

HERE = Path(__file__).parent


@pytest.mark.parametrize("module", ["oracle.py", "compare.py"])
def test_the_oracle_shares_no_code_with_the_service(module: str) -> None:
    tree = ast.parse((HERE / module).read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    ours = {name for name in imported if name.split(".")[0] in ("stream", "models", "tests")}
    assert ours <= {"tests.chaos.oracle"}


def message(offset: int, text: str = "Acme", *, minutes: float = 0, **more: Any) -> Message:
    value = {"source": "x", "post_id": "1", "text": text, "lang": "en"}
    value |= {"created_at": (START + timedelta(minutes=minutes)).isoformat(), **more}
    return Message(0, offset, START, b"x:1", json.dumps(value).encode())


def expected(*log: Message) -> Expectation:
    now = START + timedelta(hours=1)
    return expect(log, now=now, retention=RETENTION, brands=BRANDS, generation=1, score=units)


MS = int(START.timestamp() * 1000)


def test_the_newest_edit_wins_under_the_first_date() -> None:
    edit = message(1, "Acme price", minutes=-3, updated_at=START.isoformat())
    truth = expected(message(0), edit, message(2, "Bolt")).under({("x", "1"): MS})
    row = truth.posts["x", "1"]
    # The edit and the third message have one clock and one record time: the offset decides.
    assert (row["text"], row["created_at"], row["brand"]) == ("Bolt", MS, ["Bolt"])
    assert list(truth.windows) == [(MS, "Bolt", "", "x", "en")]
    assert truth.complaints == []


def test_a_tombstone_beats_what_comes_later() -> None:
    stone = Message(0, 0, START, b"x:1", None)
    truth = expected(stone, message(1)).under({("x", "1"): MS})
    assert truth.posts == {} and truth.windows == {} and truth.complaints == []


def test_only_a_date_that_could_have_come_first_is_accepted() -> None:
    log = message(0), message(1, minutes=-2)
    assert expected(*log).under({("x", "1"): MS}).complaints == []
    assert expected(*log).under({("x", "1"): MS - 120_000}).complaints  # the second's
    assert expected(*log).under({}).complaints
    assert expected().under({("x", "1"): MS}).complaints
    elsewhere = log[1]._replace(partition=1, offset=0)  # here either may have been first
    for claim in (MS, MS - 120_000):
        assert expected(log[0], elsewhere).under({("x", "1"): claim}).complaints == []


def test_what_breaks_the_contract_is_refused() -> None:
    assert read(message(0, minutes=10)) is not None
    for bad in (
        message(0, minutes=10.1),
        message(0, updated_at=(START - timedelta(days=1)).isoformat()),
        message(0, text=None),  # type: ignore[arg-type]
        Message(0, 0, START, b"k", None),
        Message(0, 0, START, b"k", b"{"),
        Message(0, 0, START, b"k", b"[1]"),
    ):
        assert read(bad) is None


def test_brands_are_found_as_words_in_order_with_their_topics() -> None:
    assert mentions("Thunderbolt bolt and ACME PHONE, 电池 爱可美", BRANDS) == [
        ("Bolt", [], "bolt"),
        ("Acme", ["battery"], "ACME PHONE"),
        ("爱可美", [], "爱可美"),
    ]


@pytest.fixture
def world(chaos_client: Client) -> World:
    """Thirty posts in two partitions, read to their end and right."""
    world = World(chaos_client)
    fill(world)
    world.drain()
    assert world.verdict().status == "PASS"
    return world


def fill(world: World) -> None:
    for number in range(30):
        value = json.loads(message(0, minutes=-number % 3).value or b"")
        value |= {"post_id": str(number), "text": f"Acme {number}"}
        world.do(Send("produce", number % 2, f"x:{number}", json.dumps(value)))


def test_a_post_doubled_under_another_date_fails(world: World) -> None:
    """A write outside the key, as where created_at followed what the last message claims."""
    world.client.command(
        "INSERT INTO posts SELECT * REPLACE (created_at + INTERVAL 1 MINUTE AS created_at) "
        "FROM posts WHERE post_id = '7'"
    )
    found = world.verdict()
    assert found.status == "FAIL" and "posts: ('x', '7') is there twice" in str(found)


def test_a_doubled_window_fails(world: World) -> None:
    world.client.command(
        "INSERT INTO window_scores SELECT * REPLACE (mentions * 2 AS mentions, "
        "computed_at + INTERVAL 1 SECOND AS computed_at) FROM window_scores FINAL LIMIT 1"
    )
    found = world.verdict()
    assert found.status == "FAIL" and len(found.differences) == 1
    assert "mentions" in found.differences[0]


def test_a_lost_offset_fails(chaos_client: Client) -> None:
    world = World(chaos_client)
    fill(world)
    world.committed[1] = 1  # committed, and never taken
    world.drain()
    found = world.verdict()
    assert found.status == "FAIL" and "('x', '1') is missing" in str(found)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path) as front:
        yield front


def test_a_check_while_the_database_is_down_is_unverified(outside: EmbeddedClickHouse) -> None:
    """Neither passed nor failed. The database is a process of its own, ended between two checks."""
    settings = ClickHouse(interface="http", host=outside.host, port=outside.port)
    world = World(prepare(settings))
    fill(world)
    world.drain()
    assert world.verdict().status == "PASS"
    outside.kill()
    assert world.verdict().status == "UNVERIFIED"
    assert compare(world.client, expected()).status == "UNVERIFIED"  # even where nothing is awaited
