"""Nobody gets 8 bits unasked where they do not agree with fp32, or where they cannot be had."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models import (
    Classifier,
    ModelRefused,
    Passage,
    activations,
    eight_bits,
    export,
    load_classifier,
)
from models.eight_bits import choose, compared
from models.save import write_checksums
from stream.cli import app

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "undertone"


def agreeing(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(eight_bits, "_compare", lambda *_: share)


def test_a_cpu_takes_the_file_that_agrees_and_loads_no_network_again(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreeing(monkeypatch, 0.99)
    first = load_classifier(tiny_path, "cpu", "auto")
    assert first.backend.name == "onnx" and "99.0%" in first.why

    def never(_path: Path) -> None:
        raise AssertionError("the network in fp32 was loaded")

    monkeypatch.setattr("models.torch_backend.load_network", never)
    monkeypatch.setattr(eight_bits, "_compare", never)
    second = load_classifier(tiny_path, "cpu", "auto")
    assert (second.score([Passage("good")]) == first.score([Passage("good")])).all()


def test_a_file_that_does_not_agree_is_not_taken_and_not_compared_again(
    tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for share in (0.9, 1.0):
        agreeing(monkeypatch, share)
        found = load_classifier(tiny_path, "cpu", "auto")
        assert found.backend.name.startswith("torch") and "90.0%" in found.why
    assert load_classifier(tiny_path, "cpu", "onnx").backend.name == "onnx"  # asked for by name


def test_what_is_kept_beside_a_file_and_cannot_be_read_is_found_again(
    tiny: Classifier, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreeing(monkeypatch, 0.98)
    file, _ = choose(tiny.model_hash, lambda: tiny)
    assert file is not None
    (kept,) = cache.glob("*.json")
    kept.write_text("{")
    assert choose(tiny.model_hash, lambda: tiny).file == file
    assert json.loads(kept.read_text()) == {"labels_equal": 0.98}


def test_without_a_place_for_the_file_it_is_torch(
    tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "undertone").write_text("in the way")
    found = load_classifier(tiny_path, "cpu", "auto")
    assert found.backend.name.startswith("torch") and "cannot be kept" in found.why


def test_the_shipped_model_agrees(shipped: Classifier) -> None:
    """On every fifth of the texts; the first start compares all of them."""
    from models.onnx_backend import OnnxBackend

    file = export.file_for(shipped, "int8")
    int8 = shipped.on(OnnxBackend(file, shipped.encoder.pad_id, 1))
    passages = compared()[::5]
    assert (int8.score(passages).argmax(1) == shipped.score(passages).argmax(1)).mean() >= 0.95


def test_what_is_compared_was_not_calibrated_on() -> None:
    texts = {passage.text for passage in compared()}
    assert len(compared()) == eight_bits.COMPARED
    assert not texts & {passage.text for passage in export.calibration()}


def prepared(tiny_path: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that keeps what it is calibrated by."""
    copy = tmp_path / "model"
    shutil.copytree(tiny_path, copy)
    export.prepare(load_classifier(copy, "cpu"))
    return copy


def test_a_model_that_keeps_its_calibration_is_not_measured_again(
    tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = prepared(tiny_path, tmp_path)
    with_it = load_classifier(copy, "cpu")
    assert with_it.model_hash == load_classifier(tiny_path, "cpu").model_hash
    monkeypatch.setattr(activations, "measure", lambda *_: pytest.fail("measured"))
    assert export.file_for(with_it, "int8").is_file()


def test_the_command_prepares_a_model_and_says_where(tiny_path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_path, copy)
    command = ["export", "--model", str(copy), "--prepare"]
    refused = CliRunner().invoke(app, [*command, "--check", "rows.jsonl"])
    assert "--prepare takes no --out" in str(refused.exception)
    found = CliRunner().invoke(app, [*command, "--json"])
    assert json.loads(found.stdout) == {"file": str(copy / activations.FILE)}
    load_classifier(copy, "cpu")  # its checksums are right


def test_a_calibration_of_other_weights_is_not_used(
    tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an average of models is copied from its first."""
    copy = prepared(tiny_path, tmp_path)
    file = copy / activations.FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | {"of": "another"}))
    write_checksums(copy)
    network = load_classifier(copy, "cpu").backend.network  # type: ignore[attr-defined]
    assert activations.kept(copy, load_classifier(copy, "cpu").model_hash, network) is None


@pytest.mark.parametrize("content", ["{", "[]", '{"of": "HASH", "largest": {"layer.0": [1]}}'])
def test_a_damaged_calibration_is_named(tiny_path: Path, tmp_path: Path, content: str) -> None:
    copy = prepared(tiny_path, tmp_path)
    tiny = load_classifier(copy, "cpu")
    (copy / activations.FILE).write_text(content.replace("HASH", tiny.model_hash))
    with pytest.raises(ModelRefused, match=r"activations\.json.*remove it"):
        export.file_for(tiny, "int8")
