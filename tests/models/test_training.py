"""Training end to end on a tiny model."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models import DataRefused, Passage, load_classifier, resume
from models.calibrate import fit_temperature
from models.mixture import agreed, class_weights, compose, key_of, split
from models.recipe import TrainConfig
from models.rows import Row
from models.run_log import RunLog
from models.train import bf16_pays, train

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


def config_of(**settings: Any) -> TrainConfig:
    return TrainConfig(**{"batch": 16, "learning_rate": 2e-3} | settings)


def test_training_learns_and_leaves_a_model_that_loads(
    tiny_path: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    config = config_of(data=data, base=tiny_path, out=out, repeats={"made": 6})
    train(config, lambda line: None)
    found = load_classifier(out).score([Passage(f"{word} 77") for word in WORDS.values()])
    assert found.argmax(axis=1).tolist() == [0, 1, 2]

    record = json.loads((out / "training.json").read_text())
    assert record["checksums"] == {data.name: hashlib.sha256(data.read_bytes()).hexdigest()}
    assert record["config"]["learning_rate"] == 2e-3
    assert record["dev"]["accuracy"] == 1
    # dev was held out: only what is left of the 180 rows was repeated
    assert record["rows"]["made"] == 6 * (180 - record["dev"]["rows"]) < 6 * 180
    assert str(tmp_path) not in (out / "training.json").read_text()


def test_training_learns_to_listen_to_the_target(
    tiny_path: Path, data: Path, tmp_path: Path
) -> None:
    """One text, two targets, two labels: no text alone can tell."""
    lines = [
        {"text": f"{a} good, {b} bad", "target": target, "label": label, "source": "pairs"}
        for a, b in itertools.permutations("abcdefgh", 2)
        for target, label in ((a, "positive"), (b, "negative"))
    ]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "out"
    train(config_of(data=data, base=tiny_path, out=out, epochs=30), lambda line: None)
    found = load_classifier(out).score(
        [Passage("c good, h bad", "c", 0), Passage("c good, h bad", "h", 8)]
    )
    assert found.argmax(axis=1).tolist() == [2, 0]


@pytest.mark.parametrize(
    "settings",
    [
        {"embeddings": True, "token_dropout": 0.1, "noise": 0.5},
        {"optimizer": "adam", "accumulate": 2, "class_balance": 1.0},
    ],
)
def test_a_run_that_was_cut_off_goes_on_to_the_same_weights(
    tiny_path: Path, data: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    settings = {"data": data, "base": tiny_path, "checkpoint_minutes": 0, "epochs": 1} | settings
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config_of(out=whole, **settings), lambda line: None)

    told: list[str] = []

    def stop_on_the_way(line: str) -> None:
        told.append(line)
        if len([t for t in told if "dev {" in t]) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config_of(out=cut, **settings), stop_on_the_way)
    load_classifier(cut)  # what a run leaves on its way is a whole model
    train(config_of(out=cut, resume=True, **settings), told.append)
    assert any("goes on at step" in line for line in told)
    assert (
        load_file(cut / "model.safetensors").keys() == load_file(whole / "model.safetensors").keys()
    )
    for name, tensor in load_file(whole / "model.safetensors").items():
        assert torch.equal(tensor, load_file(cut / "model.safetensors")[name]), name
    assert not resume.directory(cut).exists()


def test_a_run_is_not_resumed_with_other_settings(
    tiny_path: Path, data: Path, tmp_path: Path
) -> None:
    settings = {"data": data, "base": tiny_path, "out": tmp_path / "out", "checkpoint_minutes": 0}

    def stop(line: str) -> None:
        if "dev {" in line and resume.directory(tmp_path / "out").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config_of(**settings), stop)
    with pytest.raises(DataRefused, match="learning_rate"):
        train(config_of(**settings | {"resume": True, "learning_rate": 1e-5}), lambda line: None)


def test_training_ends_with_its_time_and_leaves_a_model(
    tiny_path: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    train(config_of(data=data, base=tiny_path, out=out, minutes=1e-6), lambda line: None)
    assert json.loads((out / "training.json").read_text())["step"] == 1
    load_classifier(out)


def test_training_needs_no_dev(tiny_path: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train(config_of(data=data, base=tiny_path, out=out, held_out=0), lambda line: None)
    assert json.loads((out / "training.json").read_text())["dev"]["rows"] == 0
    load_classifier(out)


def test_training_stops_early_and_keeps_the_best(
    tiny_path: Path, data: Path, tmp_path: Path
) -> None:
    """A rate of nearly nothing makes no look better than the first."""
    settings = {"checkpoint_minutes": 0, "patience": 2, "learning_rate": 1e-12}
    out = tmp_path / "out"
    told: list[str] = []
    train(config_of(data=data, base=tiny_path, out=out, **settings), told.append)
    assert len([line for line in told if "dev {" in line]) == 3
    assert json.loads((out / "training.json").read_text())["step"] == 1


def test_curves_are_written_for_tensorboard(tiny_path: Path, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra train")
    curves = RunLog(tmp_path / "curves", None, {})
    config = config_of(data=data, base=tiny_path, out=tmp_path / "out", say_seconds=0)
    train(config, lambda line: None, log=curves)
    curves.close()
    (events,) = (tmp_path / "curves").iterdir()
    content = events.read_bytes()
    for name in (b"train/loss", b"rows/s", b"dev/macro_f1"):
        assert name in content


def test_doubtful_rows_stay_where_the_teacher_says_the_same(tiny_path: Path) -> None:
    texts = [f"text {i}" for i in range(60)]
    given = load_classifier(tiny_path).score([Passage(text) for text in texts]).argmax(axis=1)
    rows = [
        Row(Passage(text), i % 3, source, lang)
        for source, lang in (("good", "hi"), ("bad", "hi"), ("bad", "en"))
        for i, text in enumerate(texts)
    ]
    kept = agreed(rows, ["bad/hi"], tiny_path)
    alike = [texts[i] for i in range(60) if given[i] == i % 3]
    assert 0 < len(alike) < 60
    assert [r.passage.text for r in kept if (r.source, r.lang) == ("bad", "hi")] == alike
    assert [r for r in kept if (r.source, r.lang) != ("bad", "hi")] == rows[:60] + rows[120:]


def test_doubt_without_a_teacher_is_refused(data: Path, tmp_path: Path) -> None:
    config = config_of(data=data, base=tmp_path, out=tmp_path, doubtful=["made"])
    with pytest.raises(DataRefused, match="doubtful: needs a teacher"):
        compose(split(config)[0], config)


def test_corrections_stand_in_place_of_the_labels_given(data: Path, tmp_path: Path) -> None:
    """In the rows trained on and in those held out, and for no other text."""
    file = tmp_path / "labels.tsv"
    wrong = [f"bad {i}" for i in range(30)]
    file.write_text("".join(f"{key_of(text)}\tpositive\n" for text in wrong))
    rest, dev = split(config_of(data=data, base=data, out=data, corrections=file, held_out=0.3))
    labels = {row.passage.text: row.label for row in rest + dev}
    assert {text for text in labels if text.startswith("bad") and labels[text] == 2} == set(wrong)
    assert sum(label == 0 for label in labels.values()) == 30
    assert any(row.passage.text in wrong for row in dev)


@pytest.mark.parametrize("line", ["0123456789abcdef positive", "0123\tgood", "\t", ""])
def test_a_correction_without_a_label_is_refused_by_line(
    line: str, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "labels.tsv"
    file.write_text(f"0123456789abcdef\tneutral\n{line}\n")
    with pytest.raises(DataRefused) as caught:
        split(config_of(data=data, base=data, out=data, corrections=file))
    assert str(caught.value).startswith(f"{file}:2: label ")


def test_plain_posts_are_trained_on_as_often_as_asked(data: Path, tmp_path: Path) -> None:
    """A tenth of them is held out, and none where the recipe asks for none."""
    none = config_of(data=data, base=data, out=data)
    twice = config_of(data=data, base=data, out=data, posts=2, pair_share=0)
    rest, dev = split(twice)
    held = {row.passage.text for row in dev if row.source == "posts"}
    seen = Counter(row.passage.text for row in compose(rest, twice) if row.source == "posts")
    assert set(seen.values()) == {2}
    assert not held & set(seen)
    assert 0.05 < len(held) / (len(held) + len(seen)) < 0.15
    assert not [r for r in [*split(none)[1], *compose(rest, none)] if r.source == "posts"]


def test_bf16_is_taken_only_where_it_pays() -> None:
    """And never where the processor has to emulate it."""
    found = bf16_pays(torch.device("cpu"))
    assert isinstance(found, bool)
    assert not found or torch.cpu._is_avx512_bf16_supported()


def test_class_weights_make_labels_weigh_alike() -> None:
    rows = [Row(Passage(""), label) for label in (0, 0, 0, 0, 1, 1, 2)]
    assert class_weights(rows, 0).tolist() == [1, 1, 1]
    weights = class_weights(rows, 1)
    assert (weights * torch.tensor([4, 2, 1])).tolist() == pytest.approx([7 / 3] * 3)


def test_the_rate_rises_and_falls(tmp_path: Path) -> None:
    config = config_of(data=tmp_path, base=tmp_path, out=tmp_path, warmup=0.1)
    assert [config.rate(done) for done in (0, 0.05, 0.1, 0.55, 1)] == pytest.approx(
        [0, 1e-3, 2e-3, 1e-3, 0]
    )


@pytest.mark.parametrize("true", [0.5, 1.0, 2.0])
def test_the_temperature_that_made_the_labels_is_found(true: float) -> None:
    chance = np.random.default_rng(1)
    logits = chance.normal(0, 2, (20_000, 3)).astype(np.float32)
    odds = np.exp(logits / true)
    draws = chance.random((len(logits), 1))
    labels = (draws > np.cumsum(odds / odds.sum(1, keepdims=True), axis=1)).sum(1).clip(0, 2)
    assert fit_temperature(logits, labels) == pytest.approx(true, rel=0.08)
    assert fit_temperature(logits[:0], labels[:0]) == 1.0
