"""What only the shipped weights can show. Skipped where they are not in the checkout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models import Classifier, Passage
from models.evaluate import evaluate
from models.explain import Explainer
from models.rows import read_rows

CLEAR = [
    ("I love this phone, the camera is fantastic", 2),
    ("Worst service ever, I want my money back", 0),
    ("The store opens at nine on Monday", 1),
    ("Das ist das beste Handy, das ich je hatte", 2),
    ("Una vergüenza, no vuelvo a comprar aquí nunca más", 0),
    ("质量太差了，用了两天就坏了，非常失望", 0),
    ("房间很干净，服务态度很好，下次还会来", 2),
    ("خدمة سيئة جدا ولن أشتري منهم مرة أخرى", 0),
    ("C'est magnifique, je suis très content", 2),
]


def test_clear_cases_in_six_languages(shipped: Classifier) -> None:
    found = shipped.score([Passage(text) for text, _ in CLEAR]).argmax(axis=1)
    assert found.tolist() == [label for _, label in CLEAR]


def test_it_listens_to_the_target(shipped: Classifier) -> None:
    """Of 200 posts that say different things about two or three names, in six languages, it has
    every name right in more than the 45 of 100 that were asked for."""
    rows = read_rows(Path(__file__).with_name("swapped_targets.jsonl"))
    (found,) = evaluate(shipped, rows).targets
    assert found.sentences == 200
    assert found.share > 0.45


def test_a_row_does_not_move_with_its_neighbours(shipped: Classifier) -> None:
    together = shipped.score([Passage(text + " .") for text, _ in CLEAR])
    for row, (text, _) in zip(together, CLEAR, strict=True):
        alone = shipped._backend.logits(shipped._encoder.encode([Passage(text + " .")]))
        powers = np.exp(alone / shipped._temperature)
        np.testing.assert_allclose(row, (powers / powers.sum())[0], atol=1e-4)


def test_files_are_small_enough_to_ship(shipped_path: Path) -> None:
    sizes = {file.name: file.stat().st_size for file in shipped_path.iterdir()}
    assert max(sizes.values()) < 95e6
    assert sum(size for name, size in sizes.items() if name.endswith("safetensors")) <= 110e6
    assert {"SHA256SUMS", "README.md", "config.json", "tokenizer.json"} <= set(sizes)


@pytest.mark.parametrize(
    ("text", "label", "deciding"),
    [
        ("The camera of this phone is fantastic", "positive", {"fantastic"}),
        ("用了两天就坏了，非常失望", "negative", {"失望", "坏", "坏了", "非常失望"}),
    ],
)
def test_the_words_that_decide_are_named(
    shipped: Classifier, text: str, label: str, deciding: set[str]
) -> None:
    found = Explainer(shipped).explain(Passage(text))
    assert found.label == label
    assert found.top(1)[0].text in deciding


@pytest.mark.parametrize("text", ["\u0301" * 20_000, "a" * 1_000_000, "😀" * 5_000])
def test_bombs_are_answered(shipped: Classifier, text: str) -> None:
    assert np.isfinite(shipped.score([Passage(text, "brand", len(text) // 2)])).all()
