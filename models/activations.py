"""The largest values a network's columns take, which its 8-bit form is made with.

Measured on posts of the project's own, in half a minute; kept beside a model's weights, so that
the first start of a service does not take that long.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.encode import Tokens
from models.errors import ModelRefused
from models.save import write_checksums
from models.torch_backend import pad

FILE = "activations.json"

Largest = Mapping[str, NDArray[np.float32]]
"""By the part of the network that the values enter: the largest size of each column."""


def measure(network: Any, rows: Sequence[Tokens]) -> Largest:
    """What `rows` bring to each layer's attention and to its feed-forward part."""
    largest: dict[str, torch.Tensor] = {}

    def watch(name: str) -> Any:
        def look(_module: Any, given: tuple[torch.Tensor, ...]) -> None:
            sizes = given[0].abs().flatten(0, -2).amax(dim=0)
            largest[name] = torch.maximum(largest.get(name, sizes), sizes)

        return look

    watches = [
        layers[0].register_forward_pre_hook(watch(name)) for name, layers in meeting(network)
    ]
    try:
        with torch.inference_mode():
            for row in rows:
                network(**pad([row], len(row.ids), 0, typed=network.config.type_vocab_size > 1))
    finally:
        for handle in watches:
            handle.remove()
    return {name: values.numpy() for name, values in largest.items()}


def meeting(network: Any) -> list[tuple[str, list[Any]]]:
    """Each place that values enter, and the linear layers they meet there."""
    found = []
    for number, layer in enumerate(network.base_model.encoder.layer):
        own = layer.attention.self
        found += [
            (f"layer.{number}.attention.self", [own.query, own.key, own.value]),
            (f"layer.{number}.intermediate", [layer.intermediate.dense]),
        ]
    return found


def keep(directory: Path, model_hash: str, largest: Largest) -> None:
    """Write them beside a model's weights, four digits of each, and enter the file's checksum."""
    rounded = {name: [float(f"{x:.4g}") for x in values] for name, values in largest.items()}
    (directory / FILE).write_text(json.dumps({"of": model_hash, "largest": rounded}) + "\n")
    write_checksums(directory)


def kept(directory: Path, model_hash: str, network: Any) -> Largest | None:
    """What was kept there of this very model; None where nothing was.

    Raises ModelRefused where the file is damaged.
    """
    file = directory / FILE
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text("utf-8"))
        if found["of"] != model_hash:
            return None
        largest = {str(k): np.array(v, np.float32) for k, v in found["largest"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelRefused(f"{file}: cannot be read ({error}); {_REMOVE}") from None
    shapes = {name: (layers[0].in_features,) for name, layers in meeting(network)}
    fits = {name: values.shape for name, values in largest.items()} == shapes
    if not fits or not all(np.isfinite(v).all() and (v >= 0).all() for v in largest.values()):
        raise ModelRefused(f"{file}: is not of this network; {_REMOVE}")
    return largest


_REMOVE = "remove it, and it is measured again"
