"""The boards as files that Grafana provisions."""

from __future__ import annotations

from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.brand import of_brand
from dashboards.compare import compare
from dashboards.incident import of_incident
from dashboards.operations import operations
from dashboards.overview import overview
from dashboards.variables import BOARD

LIVE_BOARD = "http://127.0.0.1:8080"
FOLDER = Path(__file__).parent / "json"

_BOARDS = {
    "overview": overview,
    "brand": of_brand,
    "incident": of_incident,
    "compare": compare,
    "operations": operations,
}


def written(live_board: str = LIVE_BOARD) -> dict[str, str]:
    """File names and their contents. `live_board` is its address as readers reach it."""
    files = {}
    for name, board in _BOARDS.items():
        made = board().build()
        # What Grafana tells panels apart by, and the queries of one.
        for number, panel in enumerate(made.panels or [], start=1):
            panel.id_val = number
            for letter, target in zip(ascii_uppercase, getattr(panel, "targets", ()), strict=False):
                target.ref_id = letter
        for variable in made.templating.list_val or []:
            if variable.name == BOARD:
                variable.query = live_board
        files[f"{name}.json"] = JSONEncoder(sort_keys=True, indent=2).encode(made) + "\n"
    return files
