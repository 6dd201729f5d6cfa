"""Explanations: what is planted is found, places are true, nothing crashes."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models import BackendMissing, Classifier, Passage, load_classifier
from models.directory import inspect_directory
from models.encode import Tokens, Traced
from models.explain import Explainer, Explanation, by_word
from models.torch_backend import TorchBackend
from models.words import Span
from tests.models.planted import words_weigh
from tests.models.test_classifier import HOSTILE

GREAT = words_weigh({"great": 2.0, "slow": -1.0, "差": -3.0})


def attributed(found: Explanation) -> dict[str, float]:
    return {word.text: round(word.attribution, 3) for word in found.words}


def test_the_planted_words_are_found() -> None:
    """A word's part is what the margin loses without it: here 1.5 times its weight."""
    found = Explainer(GREAT).explain(Passage("great, but slow"))
    assert (found.method, found.label, found.predicted) == ("occlusion", "positive", "positive")
    assert attributed(found) == {"great": 3.0, ",": 0.0, "but": 0.0, "slow": -1.5}
    assert [word.text for word in found.top(5)] == ["great", "slow"]
    assert [found.strength(word) for word in found.words] == [3, 0, 0, -2]


def test_another_label_may_be_asked_about() -> None:
    found = Explainer(GREAT).explain(Passage("great, but slow"), "negative")
    assert (found.label, found.predicted) == ("negative", "positive")
    assert attributed(found)["slow"] == 1.5


def test_without_a_tokenizer_chinese_is_explained_by_characters() -> None:
    found = Explainer(GREAT).explain(Passage("质量太差了"))
    assert attributed(found) == {"质": 0.0, "量": 0.0, "太": 0.0, "差": 4.5, "了": 0.0}


@pytest.fixture
def linear(tiny: Classifier, tiny_path: Path) -> Classifier:
    """A network whose logits are the sum of a number per token, for the target and for the text
    alike: what each token adds is known exactly."""
    network = Linear()
    backend = TorchBackend(network, tiny.encoder.pad_id, "cpu")
    return Classifier(tiny.encoder, backend, inspect_directory(tiny_path))


class Linear(torch.nn.Module):
    config = SimpleNamespace(type_vocab_size=1)
    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(99, 2)
        torch.nn.init.zeros_(self.table.weight)
        with torch.no_grad():
            self.table.weight[ord("+") - 28] = torch.tensor([1.0, 0.0])
            self.table.weight[ord("-") - 28] = torch.tensor([-0.5, 0.0])
            self.table.weight[0] = torch.tensor([9.0, 0.0])  # <s>

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.table

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        total = (self.table(input_ids) * attention_mask[:, :, None]).sum(dim=1)[:, :1]
        return SimpleNamespace(logits=torch.cat([-total, 0 * total, total], dim=1))


def test_gradients_find_what_is_planted_in_the_network(linear: Classifier) -> None:
    """Special tokens and the target's own copy get nothing: they stand on both sides."""
    pytest.importorskip("captum")
    found = Explainer(linear, "gradients").explain(Passage("so + and - a+b", "+", 3))
    expected = {"so": 0.0, "+": 1.5, "and": 0.0, "-": -0.75, "a": 0.0, "b": 0.0}
    assert attributed(found) == expected
    assert found.margin_without_text == pytest.approx(1.5 * (9 + 1))
    assert found.margin == pytest.approx(1.5 * (9 + 1 + 1 - 0.5 + 1))
    assert found.residual == pytest.approx(0, abs=1e-4)
    assert found.steps == 32


TEXT = "The battery of my phone died again, and again."


def test_gradients_sum_to_the_margin(tiny: Classifier) -> None:
    """Completeness, up to the residual that is stated."""
    pytest.importorskip("captum")
    found = Explainer(tiny, "gradients").explain(Passage(TEXT, "phone", 18))
    total = sum(word.attribution for word in found.words)
    assert found.margin_without_text is not None and found.residual is not None
    assert total == pytest.approx(
        found.margin - found.margin_without_text + found.residual, abs=1e-3
    )
    assert abs(found.residual) < 0.1


def test_gradients_are_taken_in_fp32_and_leave_the_classifier_as_it_is(tiny: Classifier) -> None:
    """On CUDA the network is in bfloat16, too coarse for sums of gradients."""
    pytest.importorskip("captum")
    fine = Explainer(tiny, "gradients").explain(Passage(TEXT), "negative")
    assert isinstance(tiny.backend, TorchBackend)
    tiny.backend.network.bfloat16()
    found = Explainer(tiny, "gradients").explain(Passage(TEXT), "negative")
    assert tiny.backend.network.dtype == torch.bfloat16
    assert attributed(found) == pytest.approx(attributed(fine), abs=0.1)
    assert abs(found.residual or 0) < 0.1


@pytest.mark.parametrize("method", ["gradients", "occlusion"])
@pytest.mark.parametrize("target", [None, "brand", "\0\ud800"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_text_is_explained(
    tiny: Classifier, text: str, target: str | None, method: str
) -> None:
    if method == "gradients":
        pytest.importorskip("captum")
    found = Explainer(tiny, method).explain(Passage(text, target, len(text) // 2))
    assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert all(math.isfinite(word.attribution) for word in found.words)
    assert all(text[word.start : word.end] == word.text for word in found.words)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=300), st.none() | st.text(max_size=9), st.integers(0, 400))
def test_words_stand_where_they_say(
    tiny_path: Path, text: str, target: str | None, at: int
) -> None:
    found = explainer(tiny_path).explain(Passage(text, target, at))
    start, end = found.seen
    assert 0 <= start <= end <= len(text)
    for word in found.words:
        assert text[word.start : word.end] == word.text
        assert start <= word.start < word.end <= end
    assert found.as_dict()["seen"] == [start, end]


_explainers: dict[Path, Explainer] = {}


def explainer(path: Path) -> Explainer:
    if path not in _explainers:
        _explainers[path] = Explainer(load_classifier(path, device="cpu"), "occlusion")
    return _explainers[path]


def test_of_a_long_text_the_part_around_the_target_is_explained(tiny: Classifier) -> None:
    text = f"{'dull ' * 400}Acme broke {'dull ' * 400}"
    found = Explainer(tiny, "occlusion").explain(Passage(text, "Acme", 2000))
    assert "Acme" in [word.text for word in found.words]
    assert found.seen[0] > 1800 and found.seen[1] < 2200
    assert any(f"{found.seen[0]} to {found.seen[1]} of {len(text)}" in n for n in found.notes)


def test_what_a_reader_should_know_is_said(tiny: Classifier) -> None:
    occlusion = Explainer(tiny, "occlusion")
    assert occlusion.explain(Passage("all well")).notes == ()
    assert "no word" in occlusion.explain(Passage(" \0")).notes[0]
    assert "does not stand" in occlusion.explain(Passage("all well", "Acme")).notes[0]


def test_a_token_in_several_words_is_shared_and_blanks_go_to_the_next() -> None:
    traced = Traced(
        Tokens([0] * 5, [0] * 5), [None, (10, 13), (13, 14), (14, 18), (18, 19)], (9, 20)
    )
    parts = [7.0, 0.3, 0.5, 4.0, 1.0]
    words = [Span(1, 4), Span(5, 6), Span(6, 9)]  # of the seen part: 10-13, 14-15, 15-18
    assert by_word(traced, parts, words) == pytest.approx([0.3, 0.5 + 1.0, 3.0 + 1.0])


def test_a_method_that_is_not_at_hand_is_refused_with_the_way_out(
    tiny: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendMissing, match="choose auto, gradients, occlusion"):
        Explainer(tiny, "shap")
    with pytest.raises(BackendMissing, match="choose the method occlusion"):
        Explainer(GREAT, "gradients")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BackendMissing, match="captum"):
        Explainer(tiny, "gradients")
    assert Explainer(tiny).method == "occlusion"
