"""What holds for every board and panel, whatever the data."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dashboards import palette
from dashboards.files import FOLDER, written
from dashboards.reading import boards, panels, statements
from stream import metrics

ROOT = Path(__file__).parents[2]
BOARDS = boards()
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, board in BOARDS.items()
    for panel in panels(board)
]
UIDS = {board["uid"] for board in BOARDS.values()}
MOODS = {"negative": palette.NEGATIVE, "neutral": palette.NEUTRAL, "positive": palette.POSITIVE}


def test_the_files_are_what_the_code_writes() -> None:
    on_disk = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    assert on_disk == written(), "run `python -m dashboards`"


def test_the_live_board_is_where_it_is_said_to_be_and_no_address_can_change_that() -> None:
    told = json.loads(written("https://undertone.example.com")["brand.json"])
    (variable,) = [one for one in told["templating"]["list"] if one["name"] == "board"]
    assert (variable["type"], variable["query"]) == ("constant", "https://undertone.example.com")


def test_boards_are_told_apart_and_lead_to_each_other() -> None:
    assert len(UIDS) == len(BOARDS) == len({board["title"] for board in BOARDS.values()}) == 5
    for board in BOARDS.values():
        assert board["uid"].startswith("undertone-") and board["schemaVersion"] == 41
        (link,) = board["links"]
        assert link["keepTime"] and link["includeVars"] and link["tags"] == board["tags"]
        assert not board["timezone"] or board["timezone"] == "browser"


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_asks_why_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"].endswith("?")
    assert len(panel["description"]) > 10 and panel["description"].endswith(".")
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["noValue"], "an empty panel must say why"
    assert panel["type"] not in ("text", "alertlist")  # text may hold HTML
    letters = [target["refId"] for target in panel["targets"]]
    assert letters and len(set(letters)) == len(letters)


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_their_own_ids_titles_and_places(name: str) -> None:
    shown = panels(BOARDS[name])
    for kind in ("id", "title"):
        assert max(Counter(panel[kind] for panel in shown).values()) == 1
    for one, two in combinations([panel["gridPos"] for panel in shown], 2):
        apart = (
            one["x"] + one["w"] <= two["x"]
            or two["x"] + two["w"] <= one["x"]
            or one["y"] + one["h"] <= two["y"]
            or two["y"] + two["h"] <= one["y"]
        )
        assert apart, (one, two)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in shown)


@pytest.mark.parametrize("panel", PANELS)
def test_links_keep_the_range_and_carry_names_only_encoded(panel: dict[str, Any]) -> None:
    for url in re.findall(r'"url": "([^"]+)"', json.dumps(panel)):
        assert not re.search(r"text|comment|author|url\.", url), "no words of others in addresses"
        carried = re.findall(r"\$\{__(?:data|field|value)\b[^}]*\}", url)
        assert all(one.endswith(":percentencode}") for one in carried)
        if url.startswith("/d/"):
            assert url.split("?")[0].removeprefix("/d/") in UIDS
            assert "${__url_time_range}" in url or "from=" in url
        else:
            assert url.startswith("${board:raw}/#/")


@pytest.mark.parametrize("name", BOARDS)
def test_what_is_used_of_variables_is_there(name: str) -> None:
    board = BOARDS[name]
    known = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{(?!__)(\w+)", json.dumps(board)))
    assert used <= known
    assert known <= used | {"board"}, "a choice that changes nothing"


@pytest.mark.parametrize("panel", PANELS)
def test_a_colour_has_one_meaning(panel: dict[str, Any]) -> None:
    for override in panel["fieldConfig"].get("overrides", []):
        mood = MOODS.get(override["matcher"]["options"])
        for change in override["properties"]:
            if mood and change["id"] == "color" and "fixedColor" in change["value"]:
                assert change["value"]["fixedColor"] == mood
    if panel["type"] == "timeseries" and "alerts" not in json.dumps(panel["targets"]):
        sql = " ".join(target.get("rawSql", "") for target in panel["targets"])
        for mood in MOODS:
            if re.search(rf"AS {mood}\b(?=[,\n])", sql) and "UNION" not in sql:
                assert mood in [o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]]


def test_colours_are_those_of_the_live_board_in_the_dark() -> None:
    css = (ROOT / "stream/board/static/board.css").read_text(encoding="utf-8")
    dark = dict(re.findall(r"--([\w-]+): light-dark\(#\w{6}, (#\w{6})\)", css))
    assert {mood: dark[mood] for mood in MOODS} == MOODS
    assert (dark["ink"], dark["ink-soft"], dark["line"]) == (
        palette.INK,
        palette.SOFT,
        palette.LINE,
    )


def test_every_metric_that_is_asked_for_is_one_of_ours() -> None:
    ours = {name for family in metrics.REGISTRY.collect() for name in _series(family)}
    asked = {
        name
        for board in BOARDS.values()
        for panel in panels(board)
        for target in panel["targets"]
        for name in re.findall(r"\bundertone_\w+", target.get("expr", ""))
    }
    assert asked and asked <= ours


def _series(family: Any) -> set[str]:
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {family.name + end for end in ends.get(family.type, ("",))}


def test_no_statement_sets_settings_which_a_reader_may_not() -> None:
    for name, board in BOARDS.items():
        for asked in statements(name, board):
            assert "SETTINGS" not in asked.sql, str(asked)


def test_there_is_one_system_of_alerts() -> None:
    assert not [name for name, board in BOARDS.items() if '"alert"' in json.dumps(board)]
