"""`undertone backtest`: a table, JSON, a picture, and wrong calls in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from stream.alerting.backtest_picture import ROWS, draw
from stream.alerting.raised import Outcome, Raised
from stream.alerting.tried import Tried, as_dict
from stream.cli.backtest_screen import report
from stream.database import Client
from stream.settings import ClickHouse
from tests.stream.calling import Call
from tests.stream.speaking import World, post, quiet

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ONE = Raised(
    alert_id="a1", rule="mood", brand="爱可美", topic="电池", opened_at=MONDAY + 30 * HOUR,
    ended_at=MONDAY + 33 * HOUR, observed=41.0, expected=2.25,
    rises=((MONDAY + 30 * HOUR, "high"), (MONDAY + 31 * HOUR, "critical")),
)  # fmt: skip
TWO = replace(ONE, alert_id="b1", opened_at=ONE.opened_at + 20 * MINUTE, ended_at=None)
ALONE = replace(TWO, alert_id="b2", brand="Bolt", topic="", ended_at=MONDAY + 32 * HOUR)
TALK = {("爱可美", "电池"): np.array([[1, 0, 40, 2], [9, 0, 50, 20]])}


def outcome(*raised: Raised) -> Outcome:
    return Outcome(MONDAY, MONDAY + 7 * DAY, raised, TALK)


ALONG: Tried = [("alerts.yaml", outcome(ONE)), ("calm.yaml", outcome(TWO, ALONE))]


def test_each_alert_is_a_line_and_both_sets_are_told_apart() -> None:
    lines = report(ALONG).splitlines()
    assert lines[0] == "2026-11-23 00:00 to 2026-11-30 00:00 UTC (7.0 days), 1 series"
    words = [line.split("  ") for line in lines[3:5]]
    assert [words[0][0], words[0][-1].strip()] == ["2026-11-24 06:00", "A and B, B 20 min later"]
    assert words[1][0] == "2026-11-24 06:20" and words[1][-1].strip() == "B"
    assert any(line.split() == ["raised", "by", "it", "alone", "0", "1"] for line in lines)
    assert any(line.split() == ["a", "week", "1.0", "2.0"] for line in lines)


def test_machines_get_the_same() -> None:
    told = as_dict(ALONG)
    assert [one["file"] for one in told["tried"]] == ["alerts.yaml", "calm.yaml"]
    assert told["tried"][0]["alerts"][0]["same_as"] == "b1"
    assert [one["same_as"] for one in told["tried"][1]["alerts"]] == ["a1", None]
    assert told["tried"][1]["totals"]["alerts"] == 2
    assert json.loads(json.dumps(told)) == told
    assert "nothing would have been raised" in report([("alerts.yaml", outcome())])


def bars(picture: str) -> list[tuple[str, float, float]]:
    """Severity, begin and width of each bar in the plot."""
    root = ElementTree.fromstring(picture)
    name = "{http://www.w3.org/2000/svg}"
    return [
        (bar.attrib["class"], float(bar.attrib["x"]), float(bar.attrib["width"]))
        for group in root.iter(f"{name}g")
        for bar in group.iter(f"{name}rect")
    ]


def test_the_picture_shows_each_severity_from_when_it_was_reached() -> None:
    found = bars(draw(ALONG[:1]))
    assert [severity for severity, _, _ in found] == ["high", "critical"]
    (_, begin, width), (_, rose, longer) = found
    assert rose == pytest.approx(begin + width) and longer == pytest.approx(2 * width, abs=0.2)
    assert len(bars(draw(ALONG))) == 6


def test_what_lasts_a_minute_is_seen_and_what_is_hostile_is_text() -> None:
    hostile = replace(
        ONE, brand='<script>"&\x1b', ended_at=ONE.opened_at + MINUTE, rises=ONE.rises[:1]
    )
    picture = draw([("a.yaml", outcome(hostile))])
    assert [width >= 4 for _, _, width in bars(picture)] == [True]
    assert "<script>" not in picture and "\x1b" not in picture
    assert "\x1b" not in report([("a.yaml", outcome(hostile))])


def test_more_series_than_fit_are_named_as_left_out() -> None:
    many = [replace(ONE, brand=f"b{n}", alert_id=str(n)) for n in range(ROWS + 3)]
    picture = draw([("a.yaml", outcome(*many))])
    assert len(bars(picture)) == 2 * ROWS
    assert "the 3 with the fewest alerts" in picture


@pytest.fixture
def call(
    on_database: Call,
    monkeypatch: pytest.MonkeyPatch,
    client: Client,
    clickhouse_settings: ClickHouse,
) -> Call:
    """A crisis in the database and two files of rules beside; a call of the command."""
    world = World(client, clickhouse_settings)
    storm = [post(MONDAY + i * MINUTE / 3) for i in range(60)]
    world.say([*quiet(MONDAY - 5 * HOUR, MONDAY + HOUR), *storm], MONDAY + HOUR)
    monkeypatch.setenv("UNDERTONE_ALERTS__FILE", "usual.yaml")
    rule = "rules: [{name: mood, warm_up: 3h, history: 1d, minimum: {authors: %d}}]"
    Path("usual.yaml").write_text(rule % 4, encoding="utf-8")
    Path("deaf.yaml").write_text(rule % 400, encoding="utf-8")
    Path("empty.yaml").write_text("rules: []", encoding="utf-8")
    return partial(on_database, "backtest")


def test_from_the_shell(call: Call) -> None:
    span = ("--from", "2026-11-23", "--to", "2026-11-23T01:00")
    code, out, _ = call(*span, "--against", "deaf.yaml", "--picture", "out.svg", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["from"], told["to"]) == ("2026-11-23T00:00:00Z", "2026-11-23T01:00:00Z")
    assert [one["totals"]["alerts"] for one in told["tried"]] == [1, 0]
    assert bars(Path("out.svg").read_text(encoding="utf-8"))

    for arguments, says in (
        (("--from", "yesterday"), "--from yesterday: not a date or time like 2026-11-24"),
        (("--from", "2026-11-23", "--to", "2026-11-23"), "--from 2026-11-23T00:00: not before"),
        ((*span, "--rules", "none.yaml"), "none.yaml: no such file"),
        ((*span, "--against", "empty.yaml"), "empty.yaml: holds no rules"),
        ((*span, "--picture", "no/where.svg"), "--picture no/where.svg: no is no directory"),
    ):
        code, _, err = call(*arguments)
        assert code == 2 and says in err and err.count("\n") == 1
