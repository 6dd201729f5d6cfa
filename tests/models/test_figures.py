"""The figures that judge a model, by hand; and that intervals mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from models import Passage
from models.figures import (
    RESAMPLES,
    Bin,
    calibration_of,
    count,
    figures_of,
    mean_interval,
    rates_of,
    resample,
)
from models.rows import Row
from models.targets import target_figures, wilson

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-4)


def test_figures_by_hand() -> None:
    gold = np.array([0, 0, 1, 1, 2, 2])
    f = figures_of("s", "en", gold, np.array([0, 1, 1, 1, 2, 0]))
    assert (f.source, f.lang, f.rows) == ("s", "en", 6)
    assert f.support == {"negative": 2, "neutral": 2, "positive": 2}
    assert f.confusion == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert f.accuracy == near(4 / 6)
    assert f.macro_recall == near((1 / 2 + 1 + 1 / 2) / 3)
    assert f.macro_f1 == near((1 / 2 + 4 / 5 + 2 / 3) / 3)
    negative, neutral, positive = f.classes.values()
    assert (negative.precision, negative.recall, negative.f1) == (0.5, 0.5, 0.5)
    assert (neutral.precision, neutral.recall, neutral.f1) == (near(2 / 3), 1, near(4 / 5))
    assert (positive.precision, positive.recall, positive.f1) == (1, 0.5, near(2 / 3))
    assert not f.two_class
    assert f.two_class_accuracy is None
    assert f.calibration is None


def test_in_two_classes_a_neutral_answer_is_wrong_and_no_class() -> None:
    f = figures_of("s", "zh", np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2]))
    assert f.two_class
    assert f.accuracy == f.two_class_accuracy == 0.75
    assert f.macro_recall == 0.75
    assert f.macro_f1 == near((2 / 3 + 1) / 2)
    assert f.classes["neutral"].support == 0


def test_calibration_by_hand() -> None:
    confidence = np.array([0.5, 0.52, 0.9, 0.92, 0.92, 1.0])
    right = np.array([True, False, True, True, False, True])
    found = calibration_of(confidence, right)
    assert found.bins == [
        Bin(0.4667, 0.5333, 2, 0.51, 0.5),
        Bin(0.8667, 0.9333, 3, 0.9133, 0.6667),
        Bin(0.9333, 1.0, 1, 1.0, 1.0),
    ]
    assert found.ece == near((2 * 0.01 + 3 * (0.9133 - 0.6667) + 0) / 6)


def test_confidence_that_is_true_has_no_calibration_error() -> None:
    chance = np.random.default_rng(1)
    confidence = chance.uniform(1 / 3, 1, 200_000)
    assert calibration_of(confidence, chance.random(200_000) < confidence).ece < 0.005
    assert calibration_of(confidence, chance.random(200_000) < confidence - 0.2).ece == near(
        pytest.approx(0.2, abs=0.005)
    )


MIXED = np.array([[24, 4, 2], [8, 20, 7], [1, 5, 29]])
"""Of 100 rows, label sought by label given: what a model is, of which rows are a sample."""


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    cells = np.random.default_rng(seed).choice(9, rows, p=MIXED.ravel() / 100)
    return cells // 3, cells % 3


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """95 of 100 samples; here of 200, which is known to ±3."""
    truth = {name: float(value) for name, value in rates_of(MIXED).items()}
    held = dict.fromkeys(truth, 0)
    for seed in range(200):
        intervals = figures_of("s", "en", *draw(400, seed)).intervals
        for name, (low, high) in intervals.items():
            held[name] += low <= truth[name] <= high
    for name, times in held.items():
        assert 180 <= times <= 198, name


def test_intervals_are_the_same_in_every_run_and_hold_the_figure() -> None:
    gold, predicted = draw(1000, 1)
    one, two = (figures_of("s", "en", gold, predicted) for _ in range(2))
    assert one == two
    for name, (low, high) in one.intervals.items():
        assert low < getattr(one, name) < high
        assert high - low < 0.08
    assert figures_of("s", "de", gold, predicted).intervals != one.intervals


def test_rows_of_one_text_are_drawn_together() -> None:
    """Each row four times tells nothing new: the interval must not get narrower."""
    gold, predicted = draw(500, 1)
    once = figures_of("s", "en", gold, predicted).intervals["accuracy"]
    gold, predicted, texts = np.repeat(gold, 4), np.repeat(predicted, 4), np.arange(2000) // 4
    assert figures_of("s", "en", gold, predicted, texts=texts).intervals["accuracy"] == once
    low, high = figures_of("s", "en", gold, predicted).intervals["accuracy"]
    assert high - low < 0.6 * (once[1] - once[0])


def test_what_is_drawn_is_as_many_texts_as_there_are() -> None:
    gold, predicted = draw(300, 2)
    texts = np.arange(300) // 3
    per_text = count(gold, predicted, texts)
    assert per_text.shape == (100, 3, 3)
    assert (per_text.sum(axis=(1, 2)) == 3).all()
    assert (resample(per_text, "s").sum(axis=(1, 2)) == 300).all()
    assert len(resample(per_text, "s")) == RESAMPLES


def test_one_row_is_enough() -> None:
    f = figures_of("", "", np.array([1]), np.array([1]), np.array([0.6]))
    assert f.accuracy == f.macro_f1 == 1
    assert f.intervals["macro_f1"] == (1, 1)


def test_the_mean_of_eight_languages_is_known_better_than_one() -> None:
    parts = [(f"s/{i}", count(*draw(400, i))) for i in range(8)]
    (low, high), (one_low, one_high) = mean_interval(parts), mean_interval(parts[:1])
    assert (high - low) == pytest.approx((one_high - one_low) / 8**0.5, rel=0.15)


def sentence(source: str, text: str, **targets: int) -> list[Row]:
    return [Row(Passage(text, target), label, source) for target, label in targets.items()]


def test_all_targets_of_a_sentence_must_be_right() -> None:
    rows = [
        *sentence("a", "both told", food=POSITIVE, staff=NEGATIVE),
        *sentence("a", "one told", food=POSITIVE, staff=NEGATIVE),
        *sentence("b", "three told", x=POSITIVE, y=NEUTRAL, z=NEGATIVE),
    ]
    given = [POSITIVE, NEGATIVE, POSITIVE, POSITIVE, POSITIVE, NEUTRAL, NEGATIVE]
    found = [(t.source, t.sentences, t.right, t.share) for t in target_figures(rows, given)]
    assert found == [("a", 2, 1, 0.5), ("b", 1, 1, 1.0), ("all", 3, 2, near(2 / 3))]


def test_sentences_that_one_answer_could_satisfy_do_not_count() -> None:
    rows = [
        *sentence("a", "alike", food=POSITIVE, staff=POSITIVE),
        *sentence("a", "alone", food=POSITIVE),
        # one target with two labels: no answer is right
        *sentence("a", "torn", food=POSITIVE, staff=NEGATIVE),
        *sentence("a", "torn", food=NEGATIVE),
        # the same text elsewhere is another sentence, and rows without target are none
        *sentence("b", "alone", staff=NEGATIVE),
        Row(Passage("alike"), NEGATIVE, "a"),
    ]
    assert target_figures(rows, [0] * len(rows)) == []


def test_a_target_named_twice_counts_once() -> None:
    rows = 2 * sentence("a", "told", food=POSITIVE, staff=NEGATIVE)
    (found,) = target_figures(rows, [POSITIVE, NEGATIVE] * 2)
    assert (found.sentences, found.right) == (1, 1)


def test_the_interval_of_a_share_by_hand() -> None:
    """Wilson 1927, as in the tables: also where none or all are right."""
    assert wilson(5, 10) == (near(0.2366), near(0.7634))
    assert wilson(0, 7) == (0, near(0.3543))
    assert wilson(7, 7) == (near(0.6457), 1)
