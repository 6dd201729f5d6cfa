"""Writing a model directory that `models.load` accepts."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from models.directory import CHECKSUMS, files_of

SHARD = "60MB"
"""Largest weight file: code hosts refuse files above 100 MB."""


def save_model(
    model: Any,
    tokenizer: Any,
    path: Path,
    temperature: float,
    record: dict[str, Any],
    *,
    marks: bool = False,
) -> None:
    """Writes weights (fp16 safetensors shards), tokenizer, config with labels and temperature,
    the training record and the checksums of them all. The model itself stays as it is.
    """
    path.mkdir(parents=True, exist_ok=True)
    for old in path.glob("*.safetensors*"):
        old.unlink()
    model.config.calibration_temperature = temperature  # "temperature" is taken: text generation
    model.config.target_marks = marks
    halves = {name: weight.to(torch.float16).cpu() for name, weight in model.state_dict().items()}
    model.save_pretrained(path, state_dict=halves, max_shard_size=SHARD)
    tokenizer.save_pretrained(path)
    config = json.loads((path / "config.json").read_text()) | {"dtype": "float16"}
    (path / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    for file in path.iterdir():
        file.chmod(0o644)  # the writer of safetensors leaves 0600
    (path / "training.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    write_checksums(path)


def write_checksums(path: Path) -> None:
    """`SHA256SUMS` over every file that is loaded, in the form of sha256sum(1)."""
    files = [p for p in files_of(path) if p.suffix in (".json", ".safetensors")]
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(path).as_posix()}\n"
        for p in files
    ]
    (path / CHECKSUMS).write_text("".join(lines))
