"""What may be loaded and what is refused, with a reason that helps."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from models import BackendMissing, ModelError, ModelRefused, Passage, load_classifier
from models.directory import inspect_directory
from models.save import write_checksums


@pytest.fixture
def copy(tiny_path: Path, tmp_path: Path) -> Path:
    """A model directory to spoil."""
    return shutil.copytree(tiny_path, tmp_path / "model")


def set_config(path: Path, **changes: Any) -> None:
    file = path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    write_checksums(path)


def refused(path: Path, *words: str) -> None:
    """Refused in one line that names the path and has the words."""
    with pytest.raises(ModelRefused) as caught:
        load_classifier(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    for word in words:
        assert word in message


def test_import_does_not_import_torch() -> None:
    code = "import models, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_loads_without_touching_a_socket(tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was looked for on the network")

    monkeypatch.setattr(socket, "socket", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    assert load_classifier(tiny_path).labels == ("negative", "neutral", "positive")


def test_equal_files_have_equal_hashes_wherever_they_lie(tiny_path: Path, copy: Path) -> None:
    assert inspect_directory(copy).model_hash == inspect_directory(tiny_path).model_hash
    (copy / "README.md").write_text("prose is not part of the model")
    assert inspect_directory(copy).model_hash == inspect_directory(tiny_path).model_hash
    set_config(copy, calibration_temperature=2.0)
    assert inspect_directory(copy).model_hash != inspect_directory(tiny_path).model_hash


def test_marks_change_the_score_and_the_hash(tiny_path: Path, copy: Path) -> None:
    set_config(copy, target_marks=True)
    assert inspect_directory(copy).model_hash != inspect_directory(tiny_path).model_hash
    passage = Passage("an ant or a nut", "nut", 12)
    marked = load_classifier(copy, device="cpu").score([passage])
    assert abs(marked - load_classifier(tiny_path, device="cpu").score([passage])).max() > 1e-4


def test_marks_a_network_cannot_take_are_refused(copy: Path) -> None:
    set_config(copy, target_marks=True, type_vocab_size=1)
    refused(copy, "config.json", "target_marks", "false")
    set_config(copy, target_marks="yes")
    refused(copy, "config.json", "target_marks", "true or false")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "head.pkl", "a.ckpt"])
def test_pickles_are_refused_even_beside_safetensors(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"\x80\x04.")
    refused(copy, name, "pickle", "safetensors")


def test_a_pickle_given_as_the_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"")
    refused(tmp_path / "m.pt", "pickle")


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "no such model directory")


def test_a_directory_without_weights_or_tokenizer(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    refused(copy, "tokenizer.json")
    for file in copy.glob("*.safetensors"):
        file.unlink()
    refused(copy, "safetensors")


NAMELESS = {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}


@pytest.mark.parametrize(
    "labels",
    [
        {"0": "negative", "1": "positive"},
        {"0": "negative", "1": "neutral", "2": "positive", "3": "mixed"},
        {"0": "negative", "1": "neutral", "5": "positive"},
        None,
    ],
)
def test_another_number_of_labels_is_refused(copy: Path, labels: Any) -> None:
    set_config(copy, id2label=labels)
    refused(copy, "config.json", "only a model of these three classes")


def test_other_names_are_refused_with_the_way_to_map_them(copy: Path) -> None:
    set_config(copy, id2label=NAMELESS)
    refused(copy, "config.json", '--labels "LABEL_0=negative,LABEL_1=neutral,LABEL_2=positive"')


@pytest.mark.parametrize(
    ("labels", "columns"),
    [
        ("LABEL_0=negative,LABEL_1=neutral,LABEL_2=positive", (0, 1, 2)),
        (" label_2 = Negative, label_0=neutral ,LABEL_1=POSITIVE", (2, 0, 1)),
        ("positive,negative,neutral", (1, 2, 0)),
        ("2=negative,1=neutral,0=positive", (2, 1, 0)),
    ],
)
def test_labels_of_other_names_are_mapped(
    copy: Path, labels: str, columns: tuple[int, int, int]
) -> None:
    """By name in any case, or by column."""
    set_config(copy, id2label=NAMELESS)
    assert inspect_directory(copy, labels).columns == columns


def test_names_that_are_ours_already_need_no_mapping(copy: Path) -> None:
    set_config(copy, id2label={"0": "NEG", "1": "neutral", "2": "positive"})
    assert inspect_directory(copy, "NEG=negative").columns == (0, 1, 2)


def test_another_mapping_is_another_model(copy: Path, tiny_path: Path) -> None:
    """What was scored under one hash was scored alike; what changes nothing keeps the hash."""
    plain = inspect_directory(tiny_path)
    turned = inspect_directory(tiny_path, "positive,neutral,negative")
    assert turned.columns == (2, 1, 0)
    assert turned.model_hash != plain.model_hash
    assert inspect_directory(tiny_path, "negative,neutral,positive") == plain
    set_config(copy, id2label=NAMELESS)
    one, two = "negative,neutral,positive", "neutral,negative,positive"
    assert inspect_directory(copy, one).model_hash != inspect_directory(copy, two).model_hash


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ("LABEL_0=negative,LABEL_1=neutral", "not one each"),
        ("LABEL_0=negative,LABEL_1=neutral,LABEL_2=neutral", "not one each"),
        ("LABEL_0=bad", "'LABEL_0=bad' is not NAME=negative"),
        ("LABEL_9=negative", "has no 'LABEL_9', but LABEL_0, LABEL_1, LABEL_2"),
        ("a,b,c", "is not NAME=negative"),
        ("", "is not NAME=negative"),
    ],
)
def test_a_mapping_that_is_none_is_refused(copy: Path, labels: str, says: str) -> None:
    set_config(copy, id2label=NAMELESS)
    with pytest.raises(ModelRefused, match=says):
        load_classifier(copy, labels=labels)


def test_code_in_the_directory_is_refused(copy: Path) -> None:
    set_config(copy, auto_map={"AutoModel": "evil.Model"})
    refused(copy, "auto_map", "never run")


def test_an_altered_file_is_refused(copy: Path) -> None:
    weights = next(copy.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    refused(copy, weights.name, "SHA-256")


def test_a_file_the_checksums_do_not_name_is_refused(copy: Path) -> None:
    (copy / "added_tokens.json").write_text("{}")
    refused(copy, "added_tokens.json", "SHA256SUMS")


def test_a_file_the_checksums_name_must_be_there(copy: Path) -> None:
    (copy / "training.json").unlink()
    refused(copy, "training.json", "missing")


def test_without_checksums_nothing_is_compared(copy: Path) -> None:
    (copy / "SHA256SUMS").unlink()
    load_classifier(copy)


@pytest.mark.parametrize("broken", [b"", b"[1]", b"{", b"\xff"])
def test_a_config_that_is_none(copy: Path, broken: bytes) -> None:
    (copy / "config.json").write_bytes(broken)
    write_checksums(copy)
    refused(copy, "config.json")


@pytest.mark.parametrize("value", [0, -1, "hot", True, 1e9])
def test_a_temperature_that_is_none(copy: Path, value: Any) -> None:
    set_config(copy, calibration_temperature=value)
    refused(copy, "calibration_temperature")


def test_weights_that_do_not_fit_are_refused(copy: Path) -> None:
    """An encoder without head would answer at random."""
    set_config(copy, num_hidden_layers=3)
    refused(copy, "weights lack", "fine-tune")
    set_config(copy, num_hidden_layers=2, intermediate_size=96)
    refused(copy, "weights lack")


def test_weights_that_are_no_safetensors_are_refused(copy: Path) -> None:
    for file in copy.glob("*.safetensors"):
        file.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    write_checksums(copy)
    refused(copy, "cannot be loaded")


def test_backends_and_devices_that_are_not_there(tiny_path: Path) -> None:
    with pytest.raises(BackendMissing, match="'tflite' is none; choose auto"):
        load_classifier(tiny_path, backend="tflite")
    with pytest.raises(BackendMissing, match="choose auto, cpu or cuda"):
        load_classifier(tiny_path, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="cuda is not available here; choose cpu"):
            load_classifier(tiny_path, device="cuda")
