"""The shape of the repository: modules small enough to read in one sitting."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 300  # lines


def test_no_module_is_longer_than_can_be_read_in_one_sitting() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for folder in ("stream", "models", "dashboards", "tests")
        for kind in ("py", "js", "css", "html")
        for file in (ROOT / folder).rglob(f"*.{kind}")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert not long
