"""Pictures of the boards without Grafana: `python -m dashboards.preview docs/images`.

Each panel stands where Grafana puts it, under its title, and shows what its statement answers on
the demo's data, in the kinds and colours of the board. Grafana itself draws finer. Panels of
Prometheus show what one answers with `--prometheus URL`, else they name what they ask. Needs
Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from dashboards.drawing import ROW, Answer, drawn
from dashboards.macros import ALL, Look, expanded
from dashboards.measured import answered
from dashboards.palette import INK, LINE, SOFT
from dashboards.reading import begin_of, boards, panels, statements, step_of, usual_choice
from dashboards.sample import LENGTH, play
from stream import schema
from stream.database import Client, connect
from stream.settings import ClickHouse, Settings

_WIDTH, _COLUMN, _ROW, _GAP = 1600, 1568 / 24, 38, 8
_TOP = 92  # of what stands above the panels
_SMALL_PANELS = 7  # that a repeated panel is shown for
_BEFORE = timedelta(days=10)  # of everyday talk: a week has its seven days
_MEASURED_FOR = timedelta(minutes=10)  # of what Prometheus has read

_STYLE = f"""
body {{ margin: 0; background: #14171b; color: {INK}; font: 13px/1.4 "Noto Sans",
  "DejaVu Sans", sans-serif; position: relative; }}
header {{ padding: 14px 16px; }} header h1 {{ font-size: 18px; margin: 0 0 6px; font-weight: 500; }}
header span {{ background: {LINE}; border-radius: 3px; padding: 3px 8px; margin-right: 8px; }}
section {{ position: absolute; background: #1b1f25; border-radius: 4px; overflow: hidden; }}
section h2 {{ font-size: 13px; margin: 0; padding: 7px 10px 4px; font-weight: 500;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
section > div {{ position: absolute; left: 10px; right: 10px; top: 32px; bottom: 6px;
  overflow: hidden; }}
table {{ border-collapse: collapse; width: 100%; table-layout: fixed; }}
th {{ text-align: left; font-weight: 500; color: {SOFT}; font-size: 12px; }}
th, td {{ box-sizing: border-box; height: {ROW}px; padding: 0 12px 0 4px; white-space: nowrap;
  border-bottom: 1px solid {LINE}; overflow: hidden; text-overflow: ellipsis; }}
.numbers {{ display: flex; gap: 26px; align-items: end; height: 100%; padding-bottom: 8px;
  box-sizing: border-box; }}
.numbers b {{ font-size: 34px; font-weight: 500; display: block; line-height: 1.1; }}
.soft, small, .numbers i {{ color: {SOFT}; font-style: normal; }}
svg text {{ fill: {SOFT}; font-size: 11px; }}
"""


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("folder", type=Path, nargs="?", default=Path("docs/images"))
    asked.add_argument("--prometheus", metavar="URL", help="that has read an Undertone's metrics")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as place:
        settings = Settings(clickhouse=ClickHouse(path=Path(place), database="preview"))
        with closing(connect(settings.clickhouse)) as client:
            schema.apply(client, schema.Target("preview", retention_days=400))
            now = datetime.now(UTC).replace(second=0, microsecond=0)
            end = play(client, settings, now - LENGTH, before=_BEFORE)
            pages = {
                name: page(client, given.prometheus, name, board, end)
                for name, board in boards().items()
            }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, (html, height) in pages.items():
            view = browser.new_page(viewport={"width": _WIDTH, "height": height})
            view.set_content(html)
            seen = Image.open(BytesIO(view.screenshot()))
            file = given.folder / f"dashboard-{name}.png"
            seen.quantize(256).save(file, optimize=True)  # half as large, and looks the same
            print(file)
        browser.close()
    return 0


def page(
    client: Client, prometheus: str | None, name: str, board: dict[str, Any], end: datetime
) -> tuple[str, int]:
    """The board as a page, and its height."""
    look = _look(client, name, end)
    asked = {one.name: one for one in statements(name, board)}
    shaded = [
        tuple(row[:2])
        for title, one in asked.items()
        if title == "annotation Incidents"
        for row in client.query(expanded(one.sql, look)).result_rows
    ]
    sections, bottom = [], 0
    for panel, chosen in _each(panels(board), look):
        own = _own_look(panel, look, chosen)
        one = asked.get(panel["title"])
        note = f"Last {(own.until - own.since).days} days" if "timeFrom" in panel else ""
        if one:
            found = client.query(expanded(one.sql, own))
            inner = drawn(
                panel,
                Answer(found.column_names, found.result_rows, one.shape, own, shaded),
                _size(panel),
            )
        elif prometheus:
            lately = _own_look(panel, replace(look, since=end - _MEASURED_FOR), chosen)
            inner = drawn(panel, answered(prometheus, panel, lately), _size(panel))
        else:
            told = " · ".join(target["expr"] for target in panel["targets"])
            inner = f'<p class="soft">{escape(told)}</p>'
        title = panel["title"].replace("$brands", chosen.get("brands", ""))
        sections.append(_section(panel["gridPos"], title, note, inner))
        bottom = max(bottom, panel["gridPos"]["y"] + panel["gridPos"]["h"])
    chips = "".join(
        f"<span>{escape(variable.get('label') or variable['name'])} "
        f"<b>{escape(_shown(client, look, variable))}</b></span>"
        for variable in board["templating"]["list"]
        if variable["type"] != "datasource" and not variable.get("hide")
    )
    if prometheus and name == "operations":
        chips += f"<span>Metrics of the last {_MEASURED_FOR // timedelta(minutes=1)} minutes</span>"
    head = f"<header><h1>{escape(board['title'])}</h1>{chips}</header>"
    html = (
        f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style><body>{head}{''.join(sections)}"
    )
    return html, _TOP + bottom * _ROW + _GAP


def _own_look(panel: dict[str, Any], look: Look, chosen: dict[str, str]) -> Look:
    """The panel's range and step, and what is chosen for a repeated one."""
    since = begin_of(panel, look.since, look.until)
    step = step_of(panel, since, look.until)
    return replace(look, since=since, step_seconds=step, chosen={**look.chosen, **chosen})


def _look(client: Client, name: str, end: datetime) -> Look:
    incident, brands = client.query("""
        SELECT (SELECT argMax(alert_id, changed_at) FROM alerts WHERE topic = ''),
            (SELECT groupUniqArray(brand) FROM window_scores)""").result_rows[0]
    chosen = usual_choice("Tavrello", incident)
    hours = {"compare": 75, "incident": 6, "operations": 6}.get(name, 24)
    return Look(end - timedelta(hours=hours), end, 60, chosen, {"brands": sorted(brands)})


def _each(
    shown: list[dict[str, Any]], look: Look
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """The panels; a repeated one once for each of its values, side by side."""
    for panel in shown:
        if not panel.get("repeat"):
            yield panel, {}
            continue
        place, a_row = panel["gridPos"], panel["maxPerRow"]
        for number, value in enumerate(look.options[panel["repeat"]][:_SMALL_PANELS]):
            width = place["w"] // a_row
            moved = {
                **place,
                "w": width,
                "x": number % a_row * width,
                "y": place["y"] + number // a_row * place["h"],
            }
            yield {**panel, "gridPos": moved}, {panel["repeat"]: value}


def _shown(client: Client, look: Look, variable: dict[str, Any]) -> str:
    """What the reader sees of a choice: a name where its value is an id."""
    value = str(look.chosen[variable["name"]])
    known = {ALL: "All", "60": "auto"}
    if variable["name"] == "incident":
        rows = client.query(expanded(variable["query"], look)).result_rows
        known |= {str(incident): str(name) for incident, name in rows}
    return known.get(value, value)


def _size(panel: dict[str, Any]) -> tuple[float, float]:
    place = panel["gridPos"]
    return place["w"] * _COLUMN - _GAP - 20, place["h"] * _ROW - _GAP - 38


def _section(place: dict[str, int], title: str, note: str, inner: str) -> str:
    left, top = 16 + place["x"] * _COLUMN, _TOP + place["y"] * _ROW
    width, height = place["w"] * _COLUMN - _GAP, place["h"] * _ROW - _GAP
    return (
        f'<section style="left:{left:.0f}px;top:{top}px;width:{width:.0f}px;height:{height}px">'
        f"<h2>{escape(title)} <small>{escape(note)}</small></h2><div>{inner}</div></section>"
    )


if __name__ == "__main__":
    sys.exit(main())
