"""Training end to end on a tiny model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from models import Passage, load_classifier
from models.calibrate import fit_temperature
from models.train import TrainConfig, train

WORDS = {"negative": "bad", "neutral": "so so", "positive": "great!"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    lines = [
        {"text": f"{word} {i}", "label": label, "source": "made", "lang": "en"}
        for i in range(60)
        for label, word in WORDS.items()
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_training_learns_and_leaves_a_model_that_loads(
    tiny_path: Path, data: Path, tmp_path: Path
) -> None:
    config = TrainConfig(
        data=data,
        base=tiny_path,
        out=tmp_path / "out",
        repeats={"made": 6},
        learning_rate=2e-3,
        batch=16,
        minutes=5,
    )
    classifier = load_classifier(train(config, lambda line: None))
    found = classifier.score([Passage(f"{word} 77") for word in WORDS.values()])
    assert found.argmax(axis=1).tolist() == [0, 1, 2]

    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["checksums"] == {data.name: hashlib.sha256(data.read_bytes()).hexdigest()}
    assert record["config"]["learning_rate"] == 2e-3
    assert record["dev"]["accuracy"] == 1
    # dev was held out: only what is left of the 180 rows was repeated
    assert record["rows"]["made"] == 6 * (180 - record["dev"]["rows"]) < 6 * 180


def test_checkpoints_on_the_way_are_whole_models(
    tiny_path: Path, data: Path, tmp_path: Path
) -> None:
    config = TrainConfig(
        data=data, base=tiny_path, out=tmp_path / "out", caps={"made": 96}, checkpoint_minutes=0
    )

    def stop_at_the_first(line: str) -> None:
        if "saved" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, stop_at_the_first)
    load_classifier(tmp_path / "out")


def test_training_ends_with_its_time_and_leaves_a_model(
    tiny_path: Path, data: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    out = train(
        TrainConfig(data=data, base=tiny_path, out=tmp_path / "out", minutes=1e-6), said.append
    )
    assert json.loads((out / "training.json").read_text())["step"] == 1
    load_classifier(out)


@pytest.mark.parametrize("true", [0.5, 1.0, 2.0])
def test_the_temperature_that_made_the_labels_is_found(true: float) -> None:
    chance = np.random.default_rng(1)
    logits = chance.normal(0, 2, (20_000, 3)).astype(np.float32)
    odds = np.exp(logits / true)
    draws = chance.random((len(logits), 1))
    labels = (draws > np.cumsum(odds / odds.sum(1, keepdims=True), axis=1)).sum(1).clip(0, 2)
    assert fit_temperature(logits, labels) == pytest.approx(true, rel=0.08)
    assert fit_temperature(logits[:0], labels[:0]) == 1.0
