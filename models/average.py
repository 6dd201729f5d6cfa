"""The mean of several models' weights: steadier than any one of them (Wortsman et al. 2022).

The models must come from one run, or from one another: what two separate runs call their third
neuron is not the same.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from models.calibrate import fit_temperature
from models.directory import inspect_directory
from models.errors import ModelRefused
from models.load import load_classifier
from models.rows import Row
from models.save import write_checksums


def average(models: Sequence[tuple[Path, float]], out: Path, rows: Sequence[Row]) -> None:
    """Writes the weighted mean of `models` to `out`, with the temperature that fits `rows`.

    Tokenizer and configuration are the first one's. `training.json` holds the records of them all.
    Raises ModelRefused where one cannot be loaded or its weights have other names or shapes.
    """
    total = sum(weight for _, weight in models)
    mean: dict[str, torch.Tensor] = {}
    for path, weight in models:
        inspect_directory(path)
        own = {name: t.float() * (weight / total) for name, t in _weights(path).items()}
        if mean and {n: t.shape for n, t in own.items()} != {n: t.shape for n, t in mean.items()}:
            raise ModelRefused(f"{path}: its weights are not those of {models[0][0]}; average kin")
        mean = {name: t + mean[name] if mean else t for name, t in own.items()}

    first = models[0][0]
    shutil.copytree(first, out)
    for file in out.glob("*.safetensors"):
        kept = load_file(file)
        save_file(
            {name: mean[name].to(t.dtype).contiguous() for name, t in kept.items()},
            file,
            metadata={"format": "pt"},
        )
        file.chmod(0o644)  # the writer of safetensors leaves 0600
    record = [{"weight": weight / total} | _record(path) for path, weight in models]
    (out / "training.json").write_text(
        json.dumps({"averaged": record}, indent=1, ensure_ascii=False) + "\n"
    )
    write_checksums(out)
    if rows:
        logits = load_classifier(out).logits([row.passage for row in rows])
        gold = np.array([row.label for row in rows], np.int64)
        config = json.loads((out / "config.json").read_text("utf-8"))
        config["calibration_temperature"] = fit_temperature(logits, gold)
        (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        write_checksums(out)


def _weights(path: Path) -> dict[str, torch.Tensor]:
    return {n: t for file in sorted(path.glob("*.safetensors")) for n, t in load_file(file).items()}


def _record(path: Path) -> dict[str, object]:
    file = path / "training.json"
    record: dict[str, object] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return record
