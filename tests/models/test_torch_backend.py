"""The network on torch: what CUDA does is tried on the CPU, in bfloat16 and out of memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from models import Classifier
from models.eight_bits import compared
from models.encode import Tokens
from models.torch_backend import TorchBackend

ROWS = [Tokens(list(range(1, 2 + n)), [0] * (n + 1)) for n in (3, 100, 7, 60, 12, 127, 1)]


class Scarce(torch.nn.Module):
    """A network on a device with room for so many tokens; a row's logits are its own sums."""

    config = SimpleNamespace(type_vocab_size=1)

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.seen: list[int] = []

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        if input_ids.numel() > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.seen.append(input_ids.numel())
        total = (input_ids * attention_mask).sum(1).float()
        return SimpleNamespace(logits=torch.stack([total, total + 1, total + 2], 1))


def expected() -> np.ndarray:
    return np.array([[sum(row.ids) + k for k in range(3)] for row in ROWS], np.float32)


@pytest.mark.parametrize("cores", [0, 2])
def test_where_memory_is_short_smaller_batches_give_the_same_and_stay(cores: int) -> None:
    network = Scarce(room=300)
    backend = TorchBackend(network, 0, "cpu", tokens=4096, cores=cores)
    np.testing.assert_array_equal(backend.logits(ROWS), expected())
    assert backend.tokens == 256
    network.seen.clear()
    np.testing.assert_array_equal(backend.logits(ROWS), expected())
    assert backend.tokens == 256 and len(network.seen) == 3  # at once, without a failed try


def test_a_single_row_without_room_is_an_error() -> None:
    backend = TorchBackend(Scarce(room=100), 0, "cpu", tokens=4096)
    with pytest.raises(torch.OutOfMemoryError):
        backend.logits(ROWS)


def test_bfloat16_gives_the_labels_of_fp32(shipped: Classifier) -> None:
    """The precision and the order of CUDA; computed here on the CPU."""
    network = shipped.backend.network  # type: ignore[attr-defined]
    passages = compared()[::6]
    exact = shipped.logits(passages)
    try:
        in_turn = TorchBackend(network, shipped.encoder.pad_id, "cpu", torch.bfloat16, cores=0)
        half = shipped.on(in_turn)
        assert half.backend.name == "torch, bfloat16, cpu"
        found = half.logits(passages)
    finally:
        network.to(torch.float32)
    assert (found.argmax(1) == exact.argmax(1)).mean() >= 0.95
    assert np.abs(found - exact).mean() < 0.1
