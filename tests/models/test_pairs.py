"""Rows that only the target can answer."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from models import LABELS, Passage
from models.pairs import CLAUSES, contrasting, disagreeing, joined, with_targets
from models.rows import Row
from models.written import posts, written

BANKS = sorted(CLAUSES.glob("*.json"))


def test_made_up_targets_stand_in_their_text() -> None:
    texts = {"zh": "这家酒店的服务真的很好", "es": "El hotel es muy bueno", "th": "ดีมาก", "ar": "!"}
    plain = [Row(Passage(text), 2, "s", lang) for lang, text in texts.items()] * 20
    named = [Row(Passage("x y", "y", 2), 1, "s", "es")]
    changed = with_targets(plain + named, 1.0, seed=1)
    assert changed[-1:] == named
    for row in changed[:-1]:
        target, at = row.passage.target, row.passage.at
        if row.lang == "ar":
            assert target is None
        else:
            assert target
            assert row.passage.text[at : at + len(target)] == target


def test_joined_rows_ask_the_same_text_twice_and_want_two_answers() -> None:
    texts = {"zh": ["服务真的很好", "质量太差了"], "en": ["Lovely weather", "awful coffee there"]}
    short = [
        Row(Passage(text), 2 * i, "s", lang)
        for lang, pair in texts.items()
        for i, text in enumerate(pair)
    ]
    made = joined([*short, Row(Passage("x" * 500), 1, "s", "en")], 200, seed=1)
    assert 20 < len(made) <= 200
    for first, second in zip(made[::2], made[1::2], strict=True):
        assert first.passage.text == second.passage.text
        assert first.label != second.label
        for row in (first, second):
            target, at = row.passage.target, row.passage.at
            assert target
            assert row.passage.text.find(target) == at
    assert joined([], 10, seed=1) == []


def test_rows_disagree_where_their_text_has_targets_of_two_labels() -> None:
    mixed = [Row(Passage("a but b", "a"), 0), Row(Passage("a but b", "b"), 2)]
    alike = [Row(Passage("a and b", "a"), 0), Row(Passage("a and b", "b"), 0)]
    whole = [Row(Passage("a but b"), 1)]
    assert disagreeing(mixed + alike + whole) == mixed


def test_contrasting_rows_ask_about_each_name_where_it_stands() -> None:
    made = contrasting(2000, seed=3)
    assert contrasting(2000, seed=3) == made
    assert contrasting(2000, seed=4) != made
    for row in made:
        start, end = row.passage.span
        assert row.passage.text[start:end] == row.passage.target
    shares = Counter(row.label for row in made)
    assert min(shares.values()) > 0.25 * len(made)  # no label can be guessed
    assert {row.lang for row in made} == {path.stem for path in BANKS}
    texts = Counter(row.passage.text for row in made)
    assert set(texts.values()) <= {2, 3, 4, 6}
    assert len(disagreeing(made)) > 0.7 * len(made)


def test_written_posts_name_their_targets_and_say_different_things() -> None:
    posts: dict[str, list[Row]] = defaultdict(list)
    for row in written():
        start, end = row.passage.span
        assert row.passage.text[start:end] == row.passage.target
        posts[row.passage.text].append(row)
    assert len(posts) > 1000
    for rows in posts.values():
        assert len({row.label for row in rows}) > 1, rows[0].passage.text
        names = [row.passage.target or "" for row in rows]
        assert not any(a in b for a, b in itertools.permutations(names, 2)), names


def test_plain_posts_hold_all_labels_alike_and_no_text_twice() -> None:
    found = posts()
    texts = [row.passage.text for row in found]
    assert len(set(texts)) == len(texts) > 3500
    for lang in {row.lang for row in found}:
        labels = Counter(row.label for row in found if row.lang == lang)
        assert min(labels.values()) > 0.9 * max(labels.values()), lang


def test_no_written_post_is_one_of_the_tests() -> None:
    """What the model is judged by was never trained on."""
    tests = Path(__file__).with_name("swapped_targets.jsonl").read_text("utf-8").splitlines()
    texts = {json.loads(line)["text"] for line in tests}
    assert len(texts) == 200
    assert not texts & {row.passage.text for row in written() + posts()}


@pytest.mark.parametrize("bank", BANKS, ids=lambda path: path.stem)
def test_clauses_have_their_slots(bank: Path) -> None:
    clauses = json.loads(bank.read_text("utf-8"))
    for label in LABELS:
        assert all(clause.count("{t}") == 1 for clause in clauses[label])
    for kind in ("better", "praise_beside", "blame_beside", "both_neutral"):
        assert all("{a}" in text and "{b}" in text for text in clauses[kind])
    for texts in clauses.values():
        assert len(texts) == len(set(texts))
