"""Writes the boards as Grafana reads them: `python -m dashboards`."""

from __future__ import annotations

from dashboards.files import FOLDER, written

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in written().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)
