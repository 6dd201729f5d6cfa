"""Training end to end on a tiny model, and the figures that judge one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from models import Passage, load_classifier
from models.calibrate import fit_temperature
from models.evaluate import evaluate, figures_of, sample, table
from models.rows import Row
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


def test_figures_by_hand() -> None:
    gold = np.array([0, 0, 1, 1, 2, 2])
    f = figures_of("s", "en", gold, np.array([0, 1, 1, 1, 2, 0]))
    assert f.support == {"negative": 2, "neutral": 2, "positive": 2}
    assert f.accuracy == pytest.approx(4 / 6, abs=1e-4)
    assert f.macro_recall == pytest.approx((1 / 2 + 1 + 1 / 2) / 3, abs=1e-4)
    assert f.macro_f1 == pytest.approx((1 / 2 + 4 / 5 + 2 / 3) / 3, abs=1e-4)
    assert not f.two_class


def test_in_two_classes_a_neutral_answer_is_wrong_and_no_class() -> None:
    f = figures_of("s", "zh", np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2]))
    assert f.two_class
    assert f.accuracy == 0.75
    assert f.macro_f1 == pytest.approx((2 / 3 + 1) / 2, abs=1e-4)


def test_a_report_covers_every_source_and_language(tiny_path: Path) -> None:
    rows = [
        Row(Passage(f"text {i}"), i % 3, source, lang)
        for source, lang in (("a", "en"), ("a", "de"), ("b", "en"))
        for i in range(30)
    ]
    done: list[int] = []
    report = evaluate(load_classifier(tiny_path), rows, done.append, batch=40)
    assert [(f.source, f.lang) for f in report.sources] == [
        ("a", ""),
        ("a", "de"),
        ("a", "en"),
        ("b", "en"),
    ]
    assert [sum(f.support.values()) for f in report.sources] == [60, 30, 30, 30]
    assert done == [40, 80, 90]
    mean = (report.sources[1].macro_f1 + report.sources[2].macro_f1) / 2
    assert report.mean_over_languages("a") == pytest.approx(mean)
    assert report.mean_over_languages("b") == report.sources[3].macro_f1
    assert table(report).count("\n") == 5
    assert len(sample(rows, each=10)) == 30


@pytest.mark.parametrize("true", [0.5, 1.0, 2.0])
def test_the_temperature_that_made_the_labels_is_found(true: float) -> None:
    chance = np.random.default_rng(1)
    logits = chance.normal(0, 2, (20_000, 3)).astype(np.float32)
    odds = np.exp(logits / true)
    draws = chance.random((len(logits), 1))
    labels = (draws > np.cumsum(odds / odds.sum(1, keepdims=True), axis=1)).sum(1).clip(0, 2)
    assert fit_temperature(logits, labels) == pytest.approx(true, rel=0.08)
    assert fit_temperature(logits[:0], labels[:0]) == 1.0
