"""A run put aside and taken up again, to the bit: weights in fp32, optimizers, random numbers.

Safetensors and JSON only, beside the model (`OUT.resume/`), so that nothing here can run code.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from models.errors import DataRefused

Progress = dict[str, Any]
"""Where the run stands: step, rows seen, minutes, … as JSON holds it."""


def directory(out: Path) -> Path:
    """Where the run that writes `out` keeps what it needs to go on."""
    return out.with_name(out.name + ".resume")


def put_aside(
    out: Path, model: torch.nn.Module, optimizers: list[Any], progress: Progress, run: Progress
) -> None:
    """Writes the state; `run` is what must be equal for a run to go on. The old state stays until
    the new one is whole."""
    tensors = {f"model.{name}": t.detach().clone() for name, t in model.state_dict().items()}
    numbers: dict[str, Any] = {}
    for i, optimizer in enumerate(optimizers):
        for index, values in optimizer.state_dict()["state"].items():
            for name, value in values.items():
                key = f"optimizer.{i}.{index}.{name}"
                if isinstance(value, torch.Tensor):
                    tensors[key] = value.detach().clone()
                else:
                    numbers[key] = value
    tensors["random"] = torch.get_rng_state()
    new = directory(out).with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    save_file(
        {name: t.contiguous().cpu() for name, t in tensors.items()}, new / "state.safetensors"
    )
    (new / "state.json").write_text(
        json.dumps({"progress": progress, "run": run, "numbers": numbers}, indent=1)
    )
    forget(out)
    new.rename(directory(out))


def take_up(
    out: Path, model: torch.nn.Module, optimizers: list[Any], run: Progress
) -> Progress | None:
    """Loads the state into model and optimizers; None where there is none.

    Raises DataRefused where it belongs to another run.
    """
    kept = directory(out)
    if not (kept / "state.json").exists():
        return None
    state = json.loads((kept / "state.json").read_text("utf-8"))
    if state["run"] != run:
        other = sorted(k for k in run | state["run"] if run.get(k) != state["run"].get(k))
        raise DataRefused(
            f"{kept}: is of another run ({', '.join(other)} differ); give the same settings or "
            "remove it to start anew"
        )
    tensors = load_file(kept / "state.safetensors")
    model.load_state_dict(
        {name.removeprefix("model."): t for name, t in tensors.items() if name[:6] == "model."}
    )
    for i, optimizer in enumerate(optimizers):
        values: dict[int, dict[str, Any]] = {}
        for key, value in (tensors | state["numbers"]).items():
            if key.startswith(f"optimizer.{i}."):
                _, _, index, name = key.split(".", 3)
                values.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": values})
    torch.set_rng_state(tensors["random"])
    progress: Progress = state["progress"]
    return progress


def forget(out: Path) -> None:
    """Removes the state: the run is over."""
    shutil.rmtree(directory(out), ignore_errors=True)
