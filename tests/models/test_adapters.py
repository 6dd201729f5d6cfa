"""Adapters of the peft library: trained, merged or kept, loaded again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import ModelRefused, Passage, load_classifier
from models.recipe import TrainConfig
from models.train import train

pytest.importorskip("peft", reason="needs the extra train")

WORDS = {"negative": "bad", "neutral": "so so", "positive": "great!"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    rows = [
        {"text": f"{word} {i}", "label": label, "source": "made"}
        for i in range(60)
        for label, word in WORDS.items()
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def trained(tiny_path: Path, data: Path, **settings: Any) -> Path:
    out = data.parent / "out"
    config = TrainConfig(
        data=data, base=tiny_path, out=out, repeats={"made": 8}, batch=16, learning_rate=5e-3,
        **settings,
    )  # fmt: skip
    train(config, lambda line: None)
    return out


def accuracy(path: Path) -> float:
    passages = [Passage(f"{word} {i}") for i in range(60, 80) for word in WORDS.values()]
    found = load_classifier(path).score(passages).argmax(axis=1)
    return float((found == np.tile([0, 1, 2], 20)).mean())


def test_lora_learns_and_leaves_an_ordinary_model(tiny_path: Path, data: Path) -> None:
    out = trained(tiny_path, data, peft="lora")
    assert accuracy(out) > 0.9
    assert not (out / "adapter").exists()


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (
            {
                "peft_type": "ADALORA",
                "target_modules": ["query", "value"],
                "init_r": 8,
                "target_r": 4,
            },
            False,
        ),
        ({"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 8}, True),
        ({"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 4}, True),
    ],
    ids=lambda value: value["peft_type"] if isinstance(value, dict) else "",
)
def test_other_kinds_learn_by_their_configuration(
    tiny_path: Path, data: Path, kind: dict[str, Any], kept: bool
) -> None:
    """They need not learn much on a random network, but more than to guess; what cannot be merged
    is kept beside the weights, is covered by the hash, and counts when the model is loaded."""
    file = data.parent / "peft.json"
    file.write_text(json.dumps(kind))
    out = trained(tiny_path, data, peft_config=file)
    assert accuracy(out) > 0.45
    assert (out / "adapter" / "adapter_model.safetensors").exists() is kept
    if kept:
        assert str(data.parent) not in (out / "adapter" / "adapter_config.json").read_text()
        with_adapter = load_classifier(out)
        (out / "adapter" / "adapter_model.safetensors").write_bytes(b"")
        with pytest.raises(ModelRefused, match="SHA-256"):
            load_classifier(out)
        assert with_adapter.model_hash != load_classifier(tiny_path).model_hash


@pytest.mark.parametrize(
    ("text", "words"),
    [("{}", "peft_type"), ("[", "cannot be read"), ('{"peft_type": "NONE"}', "makes no adapter")],
)
def test_a_wrong_configuration_is_refused(
    tiny_path: Path, data: Path, text: str, words: str
) -> None:
    file = data.parent / "peft.json"
    file.write_text(text)
    with pytest.raises(ModelRefused, match=words):
        trained(tiny_path, data, peft_config=file)
