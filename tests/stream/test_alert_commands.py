"""The commands on incidents: what they print, do and refuse, with or without the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from stream.alerting.alert_rows import write_transitions
from stream.alerting.rule_check import check, listen
from stream.alerting.silences import Scope
from stream.board import BoardContext, create_app
from stream.catalogue import Brand, Catalogue
from stream.cli.board_client import Board
from stream.cli.incident_desk import Desk, OverBoard, OverDatabase, desk
from stream.database import Client
from stream.errors import StopService, UsageError
from stream.rules import Rule, Rules
from stream.settings import ClickHouse, Settings
from tests.stream.alerting.test_acts import OPENED
from tests.stream.calling import Call
from tests.stream.speaking import World, post

NOW = datetime.now(UTC).replace(microsecond=0)
ALERT = OPENED.alert_id
HOUR = timedelta(hours=1)


@pytest.fixture
def one(client: Client) -> Client:
    """A database with one incident that began now, and a hostile one that is over."""
    opened = replace(OPENED, opened_at=NOW, changed_at=NOW)
    old = replace(opened, alert_id="ee" * 16, brand="\x1b[31mEvil\nCorp", opened_at=NOW - HOUR)
    over = replace(old, step=2, transition="resolved", state="resolved", reason="calm")
    write_transitions(client, [(opened, "{}", ""), (old, "{}", ""), (over, "", "")])
    return client


@pytest.fixture
def call(one: Client, on_database: Call) -> Call:
    """Run `undertone` on that database."""
    return on_database


def test_what_stands_is_listed_first_and_hostile_names_stay_on_their_line(call: Call) -> None:
    code, out, _ = call("alerts")
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 3)
    assert lines[0].startswith("alert")
    assert lines[1].startswith("ab120000  open") and "Acme / battery" in lines[1]
    assert lines[2].startswith("eeeeeeee  resolved") and "\x1b" not in out
    assert call("alerts", "--since", "1s")[1].count("\n") == 2  # what ended is not of that second
    listed = json.loads(call("alerts", "--json")[1])
    assert [one["alert_id"] for one in listed] == [ALERT, "ee" * 16]


def test_taking_commenting_and_showing(call: Call) -> None:
    assert call("ack", "ab12", "--by", "Ann", "--comment", "mine")[0] == 0
    said = call("ack", "ab12", "--by", "Bob", "--comment", "thanks", "--only-comment")[1]
    assert "acknowledged" in said and "Ann" in said
    shown = call("alerts", "show", "ab12")[1]
    for told in ("acknowledged", "Ann", "mine", "commented", "Bob", "thanks", "team"):
        assert told in shown
    life = json.loads(call("alerts", "show", "ab12", "--json")[1])
    assert [row["actor"] for row in life["transitions"]] == ["", "Ann", "Bob"]


def test_what_tells_that_nothing_is_known_is_shown_like_any_other(one: Client, call: Call) -> None:
    weibo = {"kind": "no_data", "rule": "no data", "brand": "", "topic": "source:weibo"}
    row = replace(OPENED, alert_id="cd" * 16, opened_at=NOW, changed_at=NOW, **weibo)
    told = json.dumps({"condition": "silent", "summary": "nothing from weibo since noon"})
    write_transitions(one, [(row, told, "")])
    (listed,) = (line for line in call("alerts")[1].splitlines() if line.startswith("cdcd"))
    assert "source:weibo" in listed and "unknown" in listed
    assert "nothing from weibo since noon" in call("alerts", "show", "cdcd")[1]
    assert "no verdict on a mood made it" in call("replay", "cdcd")[2]


def test_a_silence_is_made_listed_and_ended(call: Call) -> None:
    assert "no silence" in call("silence", "--list")[1]
    made = json.loads(call("silence", "ab12", "--for", "2h", "--by", "Ann", "--json")[1])[0]
    assert (made["brand"], made["topic"]) == ("Acme", "battery")
    assert made["silence_id"][:8] in call("silence", "--list")[1]
    assert call("silence", "--end", made["silence_id"][:6], "--by", "Ann")[0] == 0
    assert "no silence" in call("silence", "--list")[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ack", "ab12"), "--by"),
        (("ack", "ffff", "--by", "A"), "no such alert"),
        (("ack", "eeee", "--by", "A"), "it is over"),
        (("alerts", "show", "a"), "4 characters"),
        (("alerts", "--since", "long"), "--since long"),
        (("silence", "--by", "A", "--for", "1h"), "cover everything"),
        (("silence", "--brand", "Acme", "--for", "1h"), "--by"),
        (("silence", "--brand", "Acme", "--by", "A"), "--for"),
        (("silence", "ab12", "--brand", "B", "--by", "A", "--for", "1h"), "not both"),
        (("silence", "--end", "ffff", "--by", "A"), "no silence in force"),
        (("alerts", "check", "--rules", "none.yaml"), "none.yaml: no such file"),
    ],
)
def test_a_wrong_call_is_told_the_fix(call: Call, arguments: tuple[str, ...], says: str) -> None:
    code, _, err = call(*arguments)
    assert (code, says in err) == (2, True), err


def test_the_board_gives_and_does_what_the_database_does(
    one: Client, clickhouse_settings: ClickHouse
) -> None:
    """While another process holds the database, its board is asked."""
    app = create_app(BoardContext(clickhouse_settings))
    board = OverBoard(Board(TestClient(app, "http://localhost"), "held"))  # type: ignore[arg-type]
    direct = OverDatabase(one)

    def both(see: Callable[[Desk], object]) -> None:
        assert see(board) == see(direct)

    both(lambda at: at.incidents(NOW - 2 * HOUR))
    both(lambda at: at.incidents(NOW + HOUR))
    assert board.acknowledge(ALERT, "Ann", "mine")["state"] == "acknowledged"
    assert board.comment(ALERT, "Ann", "more")["step"] == 3
    both(lambda at: at.life(ALERT))
    made = board.silence("", Scope(brand="Acme"), HOUR, "Ann", "")
    both(lambda at: at.silences())
    assert board.end_silence(made["silence_id"], "Ann")["silence_id"] == made["silence_id"]
    with pytest.raises(UsageError, match="no such alert"):
        board.life("ffff")
    with pytest.raises(UsageError, match="is no id"):
        board.life("../silences")


def test_nobody_at_the_board_is_told_with_what_was_looked_for(tmp_path: Path) -> None:
    """Also where there never was a database: the demo keeps its own elsewhere."""
    nowhere = {"path": tmp_path / "none"}
    settings = Settings(clickhouse=nowhere, web={"port": 1})  # type: ignore[arg-type]
    with (
        desk(settings) as at,
        pytest.raises(StopService, match=r"no embedded database here; no board .*WEB__PORT"),
    ):
        at.silences()
    assert not (tmp_path / "none").exists()
    refusing = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(403, json={"error": "not here"})),
        base_url="http://x",
    )
    with pytest.raises(StopService, match="refused: not here"):
        OverBoard(Board(refusing, "held")).silences()


class TestCheck:
    """`alerts check`: each rule with what it matches, and what looks wrong."""

    CATALOGUE = Catalogue(
        brands=(Brand(name="Acme", topics={"battery": ("battery",)}), Brand(name="Bolt"))
    )

    def test_a_rule_is_shown_with_its_series_and_what_was_said_of_them(
        self, client: Client, clickhouse_settings: ClickHouse
    ) -> None:
        at = NOW - timedelta(minutes=5)
        World(client, clickhouse_settings).say(
            [post(at, topics=("battery",)), post(at, "positive"), post(at, source="weibo")], NOW
        )
        rules = Rules(
            rules=(Rule(name="all", topics=("", "*")), Rule(name="w", sources=("weibo",)))
        )
        found = check(rules, self.CATALOGUE, listen(client, rules, NOW, 20))
        series = [
            [(s.brand, s.topic, s.said.mentions, s.said.negative, s.false_alarms) for s in m.series]
            for m in found
        ]
        assert series == [
            [
                ("Acme", "", 3, 2, 0.125),
                ("Acme", "battery", 1, 1, 0.125),
                ("Bolt", "", 0, 0, 0.25),
            ],
            [("Acme", "", 1, 1, 0.25), ("Bolt", "", 0, 0, 0.25)],
        ]

    def test_what_looks_wrong_is_named(self, client: Client) -> None:
        odd = Rule(name="odd", brands=("Acmee",), topics=("price",), sources=("x",))
        rules = Rules(rules=(Rule(name="a"), odd))
        unheard = check(rules, self.CATALOGUE, None)
        assert unheard[0].series[0].said.mentions is None
        assert unheard[0].doubts == ["receivers: none; its alerts show on the board only"]
        doubts = " ".join(check(rules, self.CATALOGUE, listen(client, rules, NOW, 20))[1].doubts)
        for said in ("'Acmee'", "'price'", "'x': nothing from there", "watches nothing"):
            assert said in doubts

    def test_without_the_database_the_file_is_checked_all_the_same(
        self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "brands.yaml").write_text("brands: [{name: Acme}]")
        (tmp_path / "config" / "alerts.yaml").write_text("rules: [{name: mood}]")
        assert "Acme" in call("alerts", "check")[1]
        monkeypatch.setenv("UNDERTONE_CLICKHOUSE__INTERFACE", "http")
        monkeypatch.setenv("UNDERTONE_CLICKHOUSE__PORT", "1")
        code, out, err = call("alerts", "check")
        assert (code, "Acme" in out, "cannot be told now" in err) == (0, True, True)
        listed = json.loads(call("alerts", "check", "--json")[1])
        assert listed[0]["series"][0]["mentions"] is None
