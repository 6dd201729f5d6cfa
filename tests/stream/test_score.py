"""Step 3: probabilities become integers that add up, and no mention is left without a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models import Passage
from stream.match import Mention
from stream.score import MAX_PASSES_PER_POST, UNIT, score_posts, to_units


class Recording:
    """A scorer that keeps what it was asked and answers by the length of the target."""

    model_hash = "recording"

    def __init__(self) -> None:
        self.asked: list[Passage] = []

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        self.asked += passages
        weights = np.array([[len(p.target or ""), 1, 1] for p in passages], np.float32)
        return weights / weights.sum(axis=1, keepdims=True)


def test_each_mention_is_scored_at_its_first_place_with_the_words_as_written() -> None:
    scorer = Recording()
    text = "ACME is bad, bolt is fine, acme!"
    mentions = [Mention("Acme", (), ((0, 4), (27, 31))), Mention("Bolt", (), ((13, 17),))]
    (scored,) = score_posts(scorer, [(text, mentions)])
    assert scorer.asked == [Passage(text, "ACME", 0), Passage(text, "bolt", 13)]
    assert [s.mention.brand for s in scored] == ["Acme", "Bolt"]


def test_mentions_beyond_the_sixteenth_take_the_mean_and_are_flagged() -> None:
    mentions = [Mention(f"b{i}", (), ((i, i + 1),)) for i in range(MAX_PASSES_PER_POST + 3)]
    scorer = Recording()
    (scored,) = score_posts(scorer, [("x" * 40, mentions)])
    assert len(scorer.asked) == MAX_PASSES_PER_POST
    assert [s.estimated for s in scored] == [False] * MAX_PASSES_PER_POST + [True] * 3
    assert scored[-1].negative == scored[0].negative


def test_posts_without_mentions_keep_their_place() -> None:
    mention = Mention("a", (), ((0, 1),))
    scored = score_posts(Recording(), [("", []), ("a", [mention]), ("", [])])
    assert [len(s) for s in scored] == [0, 1, 0]
    assert score_posts(Recording(), []) == []


@given(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 3).filter(lambda p: sum(p) > 0.01)))
def test_units_sum_to_ten_thousand_and_stay_within_one_of_the_exact(
    rows: list[tuple[float, float, float]],
) -> None:
    array = np.array(rows, np.float32).reshape(-1, 3)
    units = to_units(array)
    assert [sum(row) for row in units] == [UNIT] * len(rows)
    if rows:
        exact = array.astype(np.float64)
        exact = exact / exact.sum(axis=1, keepdims=True) * UNIT
        assert np.abs(np.array(units) - exact).max() <= 1
