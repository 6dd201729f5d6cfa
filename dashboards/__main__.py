"""Writes the boards as Grafana reads them: `python -m dashboards`."""

from __future__ import annotations

import argparse
from pathlib import Path

from dashboards.files import FOLDER, LIVE_BOARD, written


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").strip())
    asked.add_argument("--out", type=Path, default=FOLDER, help="folder; default: the repository's")
    asked.add_argument(
        "--live-board",
        metavar="URL",
        default=LIVE_BOARD,
        help="where readers reach the live board; links to a post or an incident lead there",
    )
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, text in written(given.live_board.rstrip("/")).items():
        (given.out / name).write_text(text, encoding="utf-8")
        print(given.out / name)


if __name__ == "__main__":
    main()
