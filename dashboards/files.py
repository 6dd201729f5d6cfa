"""The boards as files that Grafana provisions."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.brand import of_brand
from dashboards.compare import compare
from dashboards.incident import of_incident
from dashboards.operations import operations
from dashboards.overview import overview

FOLDER = Path(__file__).parent / "json"

_BOARDS = {
    "overview": overview,
    "brand": of_brand,
    "incident": of_incident,
    "compare": compare,
    "operations": operations,
}


def written() -> dict[str, str]:
    """File names and their contents."""
    files = {}
    for name, board in _BOARDS.items():
        made = board().build()
        # Ids are needed by links to one panel, and by Grafana to keep panels apart.
        for number, panel in enumerate(made.panels or [], start=1):
            panel.id_val = number
        files[f"{name}.json"] = JSONEncoder(sort_keys=True, indent=2).encode(made) + "\n"
    return files
