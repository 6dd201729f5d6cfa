"""Posts written for this project, with what they say: training rows that anyone may have."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.passage import Passage
from models.rows import LABELS, Row, find_target

WITH_TARGETS = Path(__file__).with_name("contrast") / "texts"
"""Posts that say different things about several invented names; a file per language."""

PLAIN = Path(__file__).with_name("posts")
"""Posts that say one thing, in the words and spellings people use; a file per language."""


def written() -> list[Row]:
    """The posts of `models/contrast/texts/`, a row per target; each text's rows stand together."""
    rows = []
    for lang, post in _lines(WITH_TARGETS):
        for target, label in post["targets"].items():
            passage = Passage(post["text"], target, find_target(post["text"], target))
            rows.append(Row(passage, LABELS.index(label), "written", lang))
    return rows


def posts() -> list[Row]:
    """The posts of `models/posts/`, without target."""
    return [
        Row(Passage(post["text"]), LABELS.index(post["label"]), "posts", lang)
        for lang, post in _lines(PLAIN)
    ]


def _lines(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(language, object) of each line of each file, by name."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            yield file.stem.split("_")[0], json.loads(line)
