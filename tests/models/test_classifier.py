"""Promises of Classifier.score, on a tiny random model."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import Classifier, Passage, classify, load_classifier
from models.classify import Classifier as Plain
from models.directory import inspect_directory
from models.encode import Tokens

TEXTS = [
    "short",
    "a somewhat longer text about nothing",
    "!",
    "x" * 90,
    "The battery of my phone died again, and again, and again.",
    "ok then",
]

HOSTILE = {
    "empty": "",
    "blank": " \n\t ",
    "nul": "a\0b\0",
    "lone surrogates": "\ud800good\udfff",
    "combining marks": "e" + "\u0301" * 20_000,
    "one token of 1 MB": "a" * 1_000_000,
    "emoji only": "😀" * 50,
    "right to left": "\u202eabc" * 100,
    "zero width": "\u200b" * 5_000,
    "special tokens spelt out": "<s></s><pad><unk>" * 20,
}


def test_one_row_per_passage_that_sums_to_one(tiny: Classifier) -> None:
    found = tiny.score([Passage(text) for text in TEXTS])
    assert found.shape == (len(TEXTS), 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_no_passages_give_no_rows(tiny: Classifier) -> None:
    assert tiny.score([]).shape == (0, 3)


def test_order_is_kept(tiny_path: Path) -> None:
    together = load_classifier(tiny_path).score([Passage(text) for text in TEXTS])
    for text, row in zip(TEXTS, together, strict=True):
        alone = load_classifier(tiny_path).score([Passage(text)])[0]
        np.testing.assert_allclose(alone, row, atol=1e-4)
    assert len({tuple(row.round(4)) for row in together}) == len(TEXTS)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=8))
def test_a_row_does_not_move_with_its_neighbours(tiny_path: Path, others: list[str]) -> None:
    first = load_once(tiny_path).score([Passage(TEXTS[4], "phone", 18)])[0]
    fresh = load_once(tiny_path)
    found = fresh.score([*map(Passage, others), Passage(TEXTS[4], "phone", 18)])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[-1], first, atol=1e-4)


_loaded: dict[Path, Classifier] = {}


def load_once(path: Path) -> Classifier:
    """The loaded network with an empty cache."""
    known = _loaded.setdefault(path, load_classifier(path))
    return Plain(known._encoder, known._backend, inspect_directory(path))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("target", [None, "brand", "", "\0\ud800"])
def test_any_text_gets_finite_probabilities(
    tiny: Classifier, text: str, target: str | None
) -> None:
    found = tiny.score([Passage(text, target, len(text) // 2), Passage(text, target, 10**9)])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_the_target_is_heard(tiny: Classifier) -> None:
    text = "Acme is fine but Zenith is not"
    rows = tiny.score([Passage(text), Passage(text, "Acme", 0), Passage(text, "Zenith", 17)])
    assert len({tuple(row.round(4)) for row in rows}) == 3


def test_only_the_tokens_around_the_target_count(tiny: Classifier) -> None:
    far = "z" * 3000
    rows = tiny.score(
        [
            Passage(f"{far} Acme broke down {far}", "Acme", 3001),
            Passage(f"other{far} Acme broke down {far}other", "Acme", 3006),
            Passage(f"{far} Acme broke down {far}", "Acme", 0),
        ]
    )
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)
    assert np.abs(rows[0] - rows[2]).max() > 1e-3


def test_copies_are_scored_once(tiny: Classifier) -> None:
    passages = [Passage("again", "again", 0)] * 5 + [Passage("other")]
    first = tiny.score(passages)
    assert (tiny.scored, tiny.cache_hits) == (2, 4)
    assert (first[:5] == first[0]).all()
    assert (tiny.score(passages) == first).all()
    assert (tiny.scored, tiny.cache_hits) == (2, 10)


def test_text_target_and_place_are_told_apart_in_the_cache(tiny: Classifier) -> None:
    tiny.score([Passage("ab", "c"), Passage("a", "bc"), Passage("abc"), Passage("abc", "abc")])
    assert tiny.scored == 4


def test_the_cache_is_bounded_and_forgets_the_least_used(tiny: Classifier, tiny_path: Path) -> None:
    small = Plain(tiny._encoder, tiny._backend, inspect_directory(tiny_path), cache_entries=2)
    small.score([Passage("one"), Passage("two")])
    small.score([Passage("one")])
    small.score([Passage("three")])  # "two" goes
    assert len(small._cache._scores) == 2
    small.score([Passage("one")])
    assert small.scored == 3
    small.score([Passage("two")])
    assert small.scored == 4


def test_columns_are_ours_whatever_the_models_order(
    build_model: Callable[..., Path], tiny: Classifier, tmp_path: Path
) -> None:
    other = build_model(tmp_path / "other", labels=("Positive", "Negative", "Neutral"))
    passages = [Passage(text) for text in TEXTS]
    ours, theirs = load_classifier(other).score(passages), tiny.score(passages)
    np.testing.assert_allclose(ours, theirs[:, [1, 2, 0]], atol=1e-6)


def test_temperature_flattens_and_keeps_the_label(
    tiny: Classifier, tiny_path: Path, tmp_path: Path
) -> None:
    path = shutil.copytree(tiny_path, tmp_path / "hot")
    (path / "SHA256SUMS").unlink()
    config = path / "config.json"
    text = config.read_text().replace(
        '"calibration_temperature": 1.0', '"calibration_temperature": 3.0'
    )
    config.write_text(text)
    passages = [Passage(text) for text in TEXTS]
    cold, hot = tiny.score(passages), load_classifier(path).score(passages)
    assert (cold.argmax(axis=1) == hot.argmax(axis=1)).all()
    assert (hot.max(axis=1) < cold.max(axis=1)).all()


def test_many_passages_are_tokenised_ahead_in_order(
    tiny: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    passages = [Passage(f"{TEXTS[n % len(TEXTS)]} {n}") for n in range(50)]
    whole = tiny.logits(passages)
    monkeypatch.setattr(classify, "CHUNK", 7)
    np.testing.assert_allclose(tiny.logits(passages), whole, atol=1e-5)


def test_what_the_tokeniser_raises_reaches_the_caller(
    tiny: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, calls = tiny.encoder.encode, []

    def fails_at_the_third(cut: Sequence[Passage]) -> list[Tokens]:
        calls.append(cut)
        if len(calls) == 3:
            raise RuntimeError("no tokens")
        return encode(cut)

    monkeypatch.setattr(classify, "CHUNK", 7)
    monkeypatch.setattr(tiny.encoder, "encode", fails_at_the_third)
    with pytest.raises(RuntimeError, match="no tokens"):
        tiny.logits([Passage("good")] * 50)
