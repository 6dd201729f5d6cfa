"""Reading labelled rows, and choosing what is trained on."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from models import DataRefused, Passage
from models.batches import by_length, by_token_budget
from models.lines import BadLines
from models.rows import Row, choose, count_by_source, hold_out, read_rows

GOOD = {"text": "Love my Acme", "label": "positive", "target": "acme", "source": "s", "lang": "en"}


def test_rows_are_read_gzipped_or_not(tmp_path: Path) -> None:
    line = json.dumps(GOOD) + "\n\n"
    (tmp_path / "a.jsonl").write_text(line)
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write(line)
    expected = [Row(Passage("Love my Acme", "acme", 8), 2, "s", "en")]
    assert read_rows(tmp_path / "a.jsonl") == read_rows(tmp_path / "a.jsonl.gz") == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("[]", "an array"),
        ("null", "null"),
        ('"text"', "a string"),
        ("12", "a number"),
        ("[" * 100_000, "not JSON"),
        ('{"text": 1, "label": "neutral"}', '"text"'),
        ('{"text": "a", "label": "good"}', '"label" is'),
        ('{"text": "a", "label": ["neutral"]}', '"label" is'),
        ('{"text": "a"}', '"label" is None'),
        ('{"text": "a", "label": "neutral", "target": 3}', '"target"'),
    ],
)
def test_a_bad_line_is_named_or_passed_over_and_counted(
    tmp_path: Path, line: str, words: str
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f"{json.dumps(GOOD)}\n{line}\n{json.dumps(GOOD)}\n")
    with pytest.raises(DataRefused, match=f":2: .*{words}"):
        read_rows(file)
    bad = BadLines(skip=True)
    assert len(read_rows(file, bad)) == 2
    assert bad.count == 1
    assert ":2: " in bad.first


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(json.dumps(GOOD).encode() + b'\n{"text": "\xff", "label": "neutral"}\n')
    with pytest.raises(DataRefused, match=":2: not JSON"):
        read_rows(file)


def test_a_torn_gzip_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(GOOD).encode() * 100)[:-12])
    with pytest.raises(DataRefused, match="cannot be read"):
        read_rows(file, BadLines(skip=True))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"no\.jsonl: cannot be read"):
        read_rows(tmp_path / "no.jsonl")


def rows(source: str, count: int) -> list[Row]:
    return [Row(Passage(f"{source} {i // 2}", str(i)), i % 3, source, "en") for i in range(count)]


def test_held_out_rows_share_no_text_with_the_rest() -> None:
    rest, held = hold_out(rows("a", 2000), 0.05, seed=1)
    assert len(rest) + len(held) == 2000
    assert 50 < len(held) < 150
    assert not {r.passage.text for r in rest} & {r.passage.text for r in held}
    assert hold_out(rows("a", 2000), 0.05, seed=1) == (rest, held)
    assert hold_out(rows("a", 2000), 0.05, seed=2)[1] != held


def test_caps_and_repeats_are_per_source() -> None:
    chosen = choose(rows("a", 100) + rows("b", 10) + rows("c", 5), {"a": 20}, {"b": 3}, seed=1)
    assert count_by_source(chosen) == {"a": 20, "b": 30, "c": 5}


def test_batches_hold_every_row_once_within_the_budget() -> None:
    lengths = [(i * 37) % 120 + 8 for i in range(300)] + [500]
    batches = by_token_budget(lengths, tokens=256, rows=16)
    assert sorted(i for batch in batches for i in batch) == list(range(301))
    for batch in batches:
        assert len(batch) <= 16
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 256
    assert by_token_budget([], 10, 10) == []


def test_training_batches_hold_every_row_once() -> None:
    batches = by_length([i % 50 for i in range(1001)], 32, seed=1)
    assert sorted(i for batch in batches for i in batch) == list(range(1001))
    assert max(map(len, batches)) == 32
