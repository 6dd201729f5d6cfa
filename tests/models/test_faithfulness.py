"""The deletion test, on scorers of which it is known what deleting a word does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from models import Passage
from models.faithfulness import deletion, main, mean_of, table
from tests.models.planted import Planted, words_weigh

FILLER = "one two three four five six seven eight nine"


def test_deleting_the_words_that_decide_moves_more_than_chance() -> None:
    """Without its one word of weight the model falls from certain to even; nine of ten choices by
    chance change nothing."""
    passages = [Passage(f"{FILLER} great")] * 20 + [Passage(f"awful {FILLER}")] * 20
    found = deletion(words_weigh({"great": 5.0, "awful": -5.0}), passages)
    assert (found.method, found.rows, found.passed_over) == ("occlusion", 40, 0)
    assert found.top.mean == pytest.approx(0.9933 - 1 / 3, abs=1e-3)
    assert found.top.low == pytest.approx(found.top.high, abs=1e-3)
    assert 0.05 < found.chance.mean < 0.25  # a fifth of the words, so 20 % of the choices hit it
    assert found.difference.low > 0.3
    assert found.stronger > 0.9


def test_a_model_that_hears_no_word_moves_for_none() -> None:
    found = deletion(Planted(lambda text: 1.0), [Passage(FILLER)] * 5)
    assert found.top.mean == found.chance.mean == found.difference.mean == found.stronger == 0


def test_a_fifth_of_the_words_goes_and_at_least_one() -> None:
    """Each word weighs the same: the fall says how many were deleted."""
    scorer = words_weigh({"w": 0.1})
    for words, deleted in [(2, 1), (7, 1), (8, 2), (10, 2), (30, 6)]:
        found = deletion(scorer, [Passage(" ".join(["w"] * words))])
        before, after = (scorer.score([Passage("w" * n)])[0, 2] for n in (words, words - deleted))
        assert found.top.mean == pytest.approx(before - after, abs=1e-3)


def test_rows_without_a_choice_are_passed_over() -> None:
    scorer = words_weigh({"great": 1.0})
    found = deletion(scorer, [Passage(""), Passage("great"), Passage("great day")])
    assert (found.rows, found.passed_over) == (1, 2)
    with pytest.raises(ValueError, match="two words"):
        deletion(scorer, [Passage("great")])


def test_the_same_seed_gives_the_same_figures() -> None:
    scorer = words_weigh({"one": 1.0, "two": -0.5, "six": 2.0})
    first, again, other = (deletion(scorer, [Passage(FILLER)] * 3, seed=s) for s in (7, 7, 8))
    assert first == again != other


def test_the_interval_holds_the_mean_and_narrows_with_rows() -> None:
    few, many = (mean_of(np.tile([0.0, 1.0], n), seed=7) for n in (10, 1000))
    assert few.low < few.mean == 0.5 < few.high
    assert many.high - many.low < 0.2 * (few.high - few.low)


def test_the_command_prints_a_table_or_json(
    tiny_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"text": f"{FILLER} {n}", "label": "neutral"} for n in range(4)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    arguments = [str(file), "--model", str(tiny_path), "--each", "3", "--method", "occlusion"]
    monkeypatch.setattr(sys, "argv", ["faithfulness", *arguments, "--json"])
    main()
    assert json.loads(capsys.readouterr().out)["rows"] == 3
    monkeypatch.setattr(sys, "argv", ["faithfulness", *arguments])
    main()
    assert "| as many by chance |" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["faithfulness", "none.jsonl"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "none.jsonl" in capsys.readouterr().err


def test_the_table_says_what_was_compared() -> None:
    made = table(deletion(words_weigh({"great": 5.0}), [Passage(f"{FILLER} great")]))
    assert "| top words | 0.660 |" in made
