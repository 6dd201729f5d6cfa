"""Labelled rows: reading them, holding some out for dev, choosing what is trained on.

One JSON object a line: `text`, `label` (negative, neutral, positive), and optionally `target`,
`source` (name of the data set), `lang`.
"""

import gzip
import hashlib
import random
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import DataRefused
from models.lines import BadLines, parse_lines
from models.passage import Passage

LABELS = ("negative", "neutral", "positive")


@dataclass(frozen=True, slots=True)
class Row:
    """A passage whose answer is known."""

    passage: Passage
    label: int
    source: str = ""
    lang: str = ""


def read_rows(path: Path, bad: BadLines | None = None) -> list[Row]:
    """All rows of a JSON-lines file, gzipped or not; blank lines are passed over.

    Raises DataRefused naming the file, the line and what is wrong with it, unless `bad` passes
    such lines over.
    """
    bad = bad or BadLines(skip=False)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
            return list(parse_lines(lines, f"{path}:", _row, bad))
    except (OSError, EOFError, zlib.error) as error:  # the last two: a torn gzip file
        raise DataRefused(f"{path}: cannot be read ({error}); give a JSON-lines file") from error


def passage_of(value: Mapping[str, Any]) -> Passage:
    """The passage of one line's object. Raises DataRefused where text or target is no string."""
    text, target = value.get("text"), value.get("target")
    if not isinstance(text, str):
        raise DataRefused('no string "text"; write {"text": …, "target"?: …}')
    if not isinstance(target, str | None):
        raise DataRefused('"target" is not a string; leave it out where there is none')
    return Passage(text, target, find_target(text, target))


def _row(value: Mapping[str, Any]) -> Row:
    passage, label = passage_of(value), value.get("label")
    if label not in LABELS:
        raise DataRefused(f'"label" is {label!r:.60}; use one of {", ".join(LABELS)}')
    return Row(
        passage,
        LABELS.index(label),
        str(value.get("source") or ""),
        str(value.get("lang") or ""),
    )


def find_target(text: str, target: str | None) -> int:
    """Offset of the target's first occurrence, any case; 0 where it does not occur as written."""
    return max(0, text.lower().find(target.lower())) if target else 0


def hold_out(rows: Sequence[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """(rest, held out): `share` of the rows, by text, so that all targets of a sentence stay
    together, and by hash, so that the same rows are held out in every run with this seed."""
    bound = int(share * 2**32)

    def held(row: Row) -> bool:
        text = f"{seed}:{row.passage.text}".encode("utf-8", "replace")
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") < bound

    rest: list[Row] = []
    out: list[Row] = []
    for row in rows:
        (out if held(row) else rest).append(row)
    return rest, out


def choose(
    rows: Iterable[Row], caps: Mapping[str, int], repeats: Mapping[str, int], seed: int
) -> list[Row]:
    """The rows to train on, shuffled: at most `caps[source]` of a source (drawn evenly from its
    languages' rows), each `repeats[source]` times; sources that are not named come once, whole."""
    by_source: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append(row)
    chance = random.Random(seed)
    chosen: list[Row] = []
    for source in sorted(by_source):
        own = by_source[source]
        if len(own) > caps.get(source, len(own)):
            own = chance.sample(own, caps[source])
        chosen.extend(own * repeats.get(source, 1))
    chance.shuffle(chosen)
    return chosen


def count_by_source(rows: Iterable[Row]) -> dict[str, int]:
    """Rows per source, sorted by name; for the record kept beside the weights."""
    return dict(sorted(Counter(row.source for row in rows).items()))
