"""The boards as they lie on disk, read back: panels, variables and annotations, what they ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dashboards.clickhouse import PLUGIN
from dashboards.files import FOLDER
from dashboards.macros import ALL
from dashboards.sql import WHOLE

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NICE = (
    1,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1200,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
)
_POINTS = 1000  # that a wide panel draws, where it does not say


@dataclass(frozen=True)
class Asked:
    """One statement of a board. `shape` is `table` or `timeSeries`; `panel` is empty for others."""

    board: str
    name: str
    sql: str
    shape: str
    panel: dict[str, Any] = field(compare=False)

    def __str__(self) -> str:
        return f"{self.board}: {self.name}"


def boards(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """The boards by name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """What is drawn: rows that only part a board are left out."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def statements(name: str, board: dict[str, Any]) -> Iterator[Asked]:
    """All SQL of a board."""
    for panel in panels(board):
        for target in panel["targets"]:
            if "rawSql" in target:
                yield Asked(name, panel["title"], target["rawSql"], target["queryType"], panel)
    for variable in board["templating"]["list"]:
        if variable["type"] == "query" and variable["datasource"]["type"] == PLUGIN:
            yield Asked(name, f"variable {variable['name']}", variable["query"], "table", {})
    for note in board["annotations"].get("list", []):
        target = note["target"]
        yield Asked(name, f"annotation {note['name']}", target["rawSql"], "table", {})


def look_of(panel: dict[str, Any], name: str) -> dict[str, Any]:
    """What the panel's overrides say of the column or series of this name, by property."""
    return {
        change["id"]: change["value"]
        for override in panel["fieldConfig"].get("overrides", [])
        if _is_meant(override["matcher"], name)
        for change in override["properties"]
    }


def _is_meant(matcher: dict[str, str], name: str) -> bool:
    if matcher["id"] == "byRegexp":
        return bool(re.search(matcher["options"].strip("/"), name))
    return matcher["id"] == "byName" and matcher["options"] == name


def usual_choice(brand: str, incident: str) -> dict[str, str]:
    """The variables of all boards as they stand at first, with a brand and an incident chosen."""
    return {
        "brand": brand,
        "brands": ALL,
        "topic": WHOLE,
        "source": ALL,
        "language": ALL,
        "granularity": "60",
        "rule": "mood",
        "incident": incident,
    }


def begin_of(panel: dict[str, Any], since: datetime, until: datetime) -> datetime:
    """Where the panel's range begins: with the board's at `since`, or by a length of its own."""
    own = panel.get("timeFrom")
    return until - timedelta(seconds=_seconds(own)) if own else since


def step_of(panel: dict[str, Any], since: datetime, until: datetime) -> int:
    """Seconds of a step that Grafana would take for the range: a round one, not below the panel's
    own least."""
    points = panel.get("maxDataPoints") or _POINTS
    least = panel.get("interval") or "1s"
    wanted = nice_step((until - since) / points)
    return max(_seconds(least), wanted // timedelta(seconds=1))


def nice_step(least: timedelta) -> timedelta:
    """A round step, not shorter than this; a day where it is longer than a day."""
    wanted = least / timedelta(seconds=1)
    return timedelta(seconds=next((nice for nice in _NICE if nice >= wanted), _NICE[-1]))


def _seconds(length: str) -> int:
    """Of a length as Grafana writes it: 15s, 28d."""
    return int(length[:-1]) * _UNITS[length[-1]]
