"""Every statement of every board, as the server would get it, on what the demo leaves behind."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboards.macros import Look, expanded
from dashboards.reading import Asked, begin_of, boards, look_of, statements, step_of, usual_choice
from dashboards.sample import play
from dashboards.sql import SAID, usual_end
from stream.alerting.log_odds import log_odds
from stream.alerting.terms import LEAST_Z
from stream.database import Client, connect
from stream.detector.usual_counts import usual_counts
from stream.settings import ClickHouse, Settings
from stream.tables import STEPS
from tests.databases import database

# Lately: passes are kept for a month only.
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)
BOARDS = boards()
ASKED = [asked for name, board in BOARDS.items() for asked in statements(name, board)]
OF_PANELS = [asked for asked in ASKED if asked.panel]

HOUR = timedelta(hours=1)

WORDS = "Which words stand out in what is negative?"
# Posts are shown on these and counted on none.
SHOWS_POSTS = {
    "Which negative posts weigh most?",
    WORDS,
    "Who says it?",
    "Which posts tell it best?",
}
TABLES = {step.table for step in STEPS}


@dataclass
class Played:
    client: Client
    until: datetime
    incident: str
    answers: dict[Asked, Any] = field(default_factory=dict)

    @property
    def known_to(self) -> datetime:
        """The earliest position of the three partitions, a second apart."""
        return self.until - timedelta(seconds=2)


@pytest.fixture(scope="module")
def played(clickhouse_path: Path) -> Iterator[Played]:
    with database(clickhouse_path, "boards") as clickhouse:
        client = connect(clickhouse)
        until = play(client, Settings(clickhouse=clickhouse), START, before=timedelta(days=1))
        (incident,) = client.query(
            "SELECT argMax(alert_id, changed_at) FROM alerts WHERE topic = ''"
        ).first_row
        yield Played(client, until, incident)
        client.close()


def look(played: Played, asked: Asked, **chosen: str) -> Look:
    since = begin_of(asked.panel, played.until - timedelta(days=1), played.until)
    every = {"source": ["reddit", "twitter", "weibo"], "language": ["en", "zh"]}
    usual = usual_choice("Tavrello", played.incident)
    return Look(
        since,
        played.until,
        step_of(asked.panel, since, played.until),
        usual | chosen,
        every | {"brands": ["Tavrello", "Pakkovi"]},
    )


def answer(played: Played, asked: Asked, **chosen: str) -> Any:
    """As a user who may only read gets it, which Grafana's is."""
    sql = expanded(asked.sql, look(played, asked, **chosen))
    return played.client.query(sql, settings={"readonly": 1})


def usual_answer(played: Played, asked: Asked) -> Any:
    """Of a statement with nothing chosen, which several tests look at."""
    if asked not in played.answers:
        played.answers[asked] = answer(played, asked)
    return played.answers[asked]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_statement_has_an_answer_of_the_shape_its_panel_draws(
    played: Played, asked: Asked
) -> None:
    found = usual_answer(played, asked)
    assert found.row_count > 0
    names, kinds = found.column_names, [column.name for column in found.column_types]
    assert len(set(names)) == len(names)
    # Grafana knows no arrays, tuples or states.
    assert not [kind for kind in kinds if re.search("Array|Tuple|Map|Aggregate", kind)]
    if asked.shape == "timeSeries":
        assert names[0] == "time" and kinds[0].startswith("DateTime")
        times = list(found.result_columns[0])
        assert times == sorted(times)
        texts = [name for name, kind in zip(names, kinds, strict=True) if "String" in kind]
        assert texts in ([], [names[1]])
    if asked.panel.get("type") == "stat" and asked.shape == "table":
        assert found.row_count == 1
    if asked.name.startswith("annotation"):
        assert names[:3] == ("time", "timeEnd", "text")


@pytest.mark.parametrize("asked", OF_PANELS, ids=str)
def test_overrides_and_links_name_columns_that_are_there(played: Played, asked: Asked) -> None:
    names = set(usual_answer(played, asked).column_names)
    if asked.shape == "timeSeries":
        names |= {"sent", "retry", "disabled", "gave_up"} if "outcome" in names else set()
    overrides = asked.panel["fieldConfig"].get("overrides", [])
    for override in overrides:
        if override["matcher"]["id"] == "byName":
            assert override["matcher"]["options"] in names
    used = re.findall(r"\$\{__(?:data\.fields|field\.labels)\.(\w+)", json.dumps(asked.panel))
    assert set(used) <= names


@pytest.mark.parametrize("asked", [a for a in OF_PANELS if a.panel["type"] == "table"], ids=str)
def test_a_table_has_room_for_its_columns_and_its_times(played: Played, asked: Asked) -> None:
    found = usual_answer(played, asked)
    looks = {name: look_of(asked.panel, name) for name in found.column_names}
    for name, kind in zip(found.column_names, found.column_types, strict=True):
        assert not kind.name.startswith("Date") or looks[name]["custom.width"] == 150
    shown = [look for look in looks.values() if not look.get("custom.hidden")]
    free = asked.panel["gridPos"]["w"] * 65 - sum(look.get("custom.width", 0) for look in shown)
    sharing = sum("custom.width" not in look for look in shown)
    assert free >= sharing * 60, "of a page 1600 wide"


@pytest.mark.parametrize("asked", OF_PANELS, ids=str)
def test_counts_are_read_from_windows_and_posts_are_only_shown(asked: Asked) -> None:
    tables = set(re.findall(r"\bFROM (\w+)\b(?!\()", asked.sql))
    if "posts" in tables:
        assert asked.name in SHOWS_POSTS
        assert "LIMIT" in asked.sql
    assert tables <= TABLES | {"scored", "standing", "chosen"}


@pytest.mark.parametrize("chosen", [{"topic": "battery"}, {"source": "twitter"}], ids=str)
@pytest.mark.parametrize("asked", [a for a in OF_PANELS if a.board == "brand"], ids=str)
def test_a_brand_can_be_narrowed(played: Played, asked: Asked, chosen: dict[str, str]) -> None:
    found = answer(played, asked, **chosen)
    assert found.row_count > 0 or asked.name == WORDS, "of few mentions no word is sure"


def test_what_a_board_counts_is_what_the_windows_hold(played: Played) -> None:
    panel = _panel("brand", "How much is said, and in which mood?")
    rows = answer(played, panel).result_rows
    (expected,) = played.client.query(
        "SELECT sum(negative), sum(neutral), sum(positive) FROM window_scores FINAL "
        "WHERE brand = 'Tavrello' AND topic = '' AND window_start >= {since:DateTime('UTC')}",
        parameters={"since": played.until - timedelta(days=1)},
    ).result_rows
    assert tuple(map(sum, list(zip(*rows, strict=True))[1:])) == expected


def test_a_time_in_which_nothing_was_said_is_zero_and_one_not_read_yet_is_left_out(
    played: Played,
) -> None:
    panel = _panel("brand", "How much is said, and in which mood?")
    later = look(played, panel)
    later = replace(later, until=later.until + timedelta(hours=6), step_seconds=60)
    rows = played.client.query(expanded(panel.sql, later)).result_rows
    times = [row[0] for row in rows]
    assert max(times) <= played.known_to < max(times) + timedelta(minutes=1)
    assert {after - before for before, after in pairwise(times)} == {timedelta(minutes=1)}
    assert any(sum(row[1:]) == 0 for row in rows)


def test_a_range_that_is_not_read_yet_is_empty_and_no_error(played: Played) -> None:
    panel = _panel("overview", "How much is said, and in which mood?")
    later = look(played, panel)
    later = replace(later, since=later.until + HOUR, until=later.until + 2 * HOUR)
    assert played.client.query(expanded(panel.sql, later)).row_count == 0


def test_a_share_of_nothing_is_no_share(played: Played) -> None:
    panel = _panel("brand", "What share is negative, and what would be usual?")
    found = answer(played, panel, topic="camera")
    assert any(share is None for _, share, _, _ in found.result_rows)
    assert all(share is None or 0 <= share <= 1 for _, share, _, _ in found.result_rows)
    assert all(high is None or high <= 1 for *_, high in found.result_rows)


def test_the_hours_of_the_week_are_those_of_the_reader(played: Played) -> None:
    panel = _panel("brand", "At which hours of the week is it worst?")
    first = {}
    for zone in ("utc", "Asia/Shanghai"):  # Grafana's name for the one is no name of a zone
        narrowed = replace(look(played, panel), time_zone=zone, since=played.until - HOUR / 4)
        (_, *shares), *_ = played.client.query(expanded(panel.sql, narrowed)).result_rows
        first[zone] = next(hour for hour, share in enumerate(shares) if share is not None)
    assert (first["Asia/Shanghai"] - first["utc"]) % 24 == 8


def test_words_stand_out_by_the_statistic_of_alerts_each_language_against_itself(
    played: Played,
) -> None:
    panel = _panel("brand", WORDS)
    said = played.client.query(
        expanded(f"SELECT lang, bad, lowerUTF8(text) FROM ({SAID})", look(played, panel))
    ).result_rows
    rows = usual_answer(played, panel).result_rows
    assert rows
    for term, negative, others, z in rows:
        held: Counter[tuple[str, bool]] = Counter()
        spoken: Counter[tuple[str, bool]] = Counter()
        for lang, bad, text in said:
            spoken[lang, bad] += 1
            held[lang, bad] += term in re.findall(r"[^\W\d_]+", text)
        odds = [
            log_odds(held[lang, True], spoken[lang, True], held[lang, False], spoken[lang, False])
            for lang, bad in held
            if bad and held[lang, True]
        ]
        precise = sum(1 / variance for _, variance in odds)
        weighed = sum(difference / variance for difference, variance in odds)
        assert z == pytest.approx(weighed / sqrt(precise)) and z >= LEAST_Z
        counted = [sum(held[lang, bad] for lang, of in held if of == bad) for bad in (True, False)]
        assert [negative, others] == counted


def test_the_band_is_that_of_the_detector(played: Played) -> None:
    means = [0.0, 1e-12, 0.02, 0.2, 1.0, 3.7, 60.0, 4000.0]
    pairs = np.array([(mean, mean * times) for mean in means for times in (0.4, 0.8, 1.0, 9.0)])
    values = ", ".join(f"({mean}, {variance}, 9999)" for mean, variance in pairs)
    columns = "mean Nullable(Float64), variance Nullable(Float64), mentions UInt64"
    ends = f"{usual_end('low')}, {usual_end('high')}"
    rows = played.client.query(f"SELECT {ends} FROM VALUES('{columns}', {values})").result_rows
    assert rows == list(zip(*(end.tolist() for end in usual_counts(*pairs.T)), strict=True))
    few = f"SELECT {ends} FROM VALUES('{columns}', (NULL, NULL, 5), (3, 3, 5))"
    assert played.client.query(few).result_rows == [(None, None), (0, 5)]


def test_before_anything_was_said_no_board_fails(clickhouse_settings: ClickHouse) -> None:
    empty = connect(clickhouse_settings)
    nobody = {"brand": "", "topic": "", "rule": "", "incident": ""}
    for asked in ASKED:
        found = answer(Played(empty, START, ""), asked, **nobody)
        assert found.row_count <= 1, str(asked)
    empty.close()


def test_hostile_names_stay_within_their_quotes(played: Played) -> None:
    panel = _panel("brand", "What share of it is negative?")
    assert answer(played, panel, brand="x' OR '1'='1").row_count == 0


def _panel(board: str, title: str) -> Asked:
    return next(asked for asked in OF_PANELS if (asked.board, asked.name) == (board, title))
