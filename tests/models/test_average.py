"""Averaged weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models import ModelRefused, Passage, load_classifier
from models.average import average
from models.rows import Row
from models.save import write_checksums


@pytest.fixture
def other(build_model: Callable[..., Path], tmp_path: Path) -> Path:
    """The tiny model with every weight one more."""
    path = build_model(tmp_path / "other")
    file = path / "model.safetensors"
    save_file({n: t + 1 for n, t in load_file(file).items()}, file, metadata={"format": "pt"})
    write_checksums(path)
    return path


def test_weights_are_the_weighted_mean(tiny_path: Path, other: Path, tmp_path: Path) -> None:
    average([(tiny_path, 3), (other, 1)], tmp_path / "mean", [])
    load_classifier(tmp_path / "mean")
    mean = load_file(tmp_path / "mean" / "model.safetensors")
    for name, tensor in load_file(tiny_path / "model.safetensors").items():
        torch.testing.assert_close(mean[name].float(), tensor.float() + 0.25, atol=2e-3, rtol=2e-3)
        assert mean[name].dtype == tensor.dtype
    record = json.loads((tmp_path / "mean" / "training.json").read_text())
    assert [one["weight"] for one in record["averaged"]] == [0.75, 0.25]


def test_the_temperature_is_fitted(tiny_path: Path, tmp_path: Path) -> None:
    """On rows labelled by chance, the best of a large network's answers are careful ones."""
    rows = [Row(Passage(f"text {i}"), i % 3) for i in range(90)]
    average([(tiny_path, 1)], tmp_path / "mean", rows)
    config = json.loads((tmp_path / "mean" / "config.json").read_text())
    assert config["calibration_temperature"] > 1.5
    load_classifier(tmp_path / "mean")


def test_strangers_are_refused(
    tiny_path: Path, build_model: Callable[..., Path], tmp_path: Path
) -> None:
    stranger = build_model(tmp_path / "stranger")
    file = stranger / "model.safetensors"
    save_file({"one.weight": torch.zeros(2)}, file, metadata={"format": "pt"})
    write_checksums(stranger)
    with pytest.raises(ModelRefused, match="average kin"):
        average([(tiny_path, 1), (stranger, 1)], tmp_path / "mean", [])
