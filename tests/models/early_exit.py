"""Would an early exit pay? `python -m tests.models.early_exit TRAIN.jsonl.gz DEV.jsonl.gz`

A linear head on the mean of a lower layer's output, trained to answer as the whole model does,
answers where it is sure enough; the upper layers answer the rest. For each layer: the share of dev
answered early at the lowest bar that keeps macro-F1 within 0.3 points, and what that would save of
the layers' work. The network itself is not trained, so this is what can be had for nothing.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models import load_classifier
from models.batches import by_token_budget
from models.figures import macro_f1
from models.rows import Row, read_rows
from models.torch_backend import pad
from stream.service import SHIPPED_MODEL

LAYERS = (2, 4, 6, 8)
TRAIN_ROWS = 12_000
MOST_LOST = 0.3  # points of macro-F1
WORTH = 1.5

Floats = NDArray[np.float32]


def outputs(classifier: Any, rows: Sequence[Row]) -> tuple[dict[int, Floats], Floats]:
    """The mean output of each of LAYERS, shape (n, hidden), and the whole model's logits."""
    tokens = classifier.encoder.encode([row.passage for row in rows])
    lengths = [len(one.ids) for one in tokens]
    network = classifier.backend.network
    hidden = network.config.hidden_size
    found = {layer: np.zeros((len(rows), hidden), np.float32) for layer in LAYERS}
    logits = np.zeros((len(rows), 3), np.float32)
    with torch.inference_mode():
        for batch in by_token_budget(lengths, 2048, 64):
            given = pad(
                [tokens[i] for i in batch],
                lengths[batch[-1]],
                classifier.encoder.pad_id,
                typed=classifier.backend.typed,
            )
            out = network(**given, output_hidden_states=True)
            mask = given["attention_mask"][:, :, None].float()
            for layer in LAYERS:
                mean = (out.hidden_states[layer] * mask).sum(1) / mask.sum(1)
                found[layer][batch] = mean.numpy()
            logits[batch] = out.logits.numpy()
    return found, logits


def fitted(x: Floats, wanted: Floats) -> Any:
    """A linear head that answers as `wanted`, probabilities of shape (n, 3)."""
    inputs, target = torch.from_numpy(x), torch.from_numpy(wanted)
    mean, scale = inputs.mean(0), inputs.std(0) + 1e-6
    head = torch.nn.Linear(x.shape[1], 3)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=200)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(head((inputs - mean) / scale), target)
        loss = loss + 1e-3 * head.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)

    def answer(given: Floats) -> Floats:
        with torch.inference_mode():
            logits = head((torch.from_numpy(given) - mean) / scale)
            return np.asarray(logits.softmax(1).numpy(), np.float32)

    return answer


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)


def main(train_file: str, dev_file: str) -> None:
    classifier = load_classifier(SHIPPED_MODEL, device="cpu", backend="torch")
    rows = random.Random(1).sample(read_rows(Path(train_file)), TRAIN_ROWS)
    dev = read_rows(Path(dev_file))
    x, logits = outputs(classifier, rows)
    dev_x, dev_logits = outputs(classifier, dev)
    truth = np.array([row.label for row in dev])
    whole = dev_logits.argmax(1)
    full = 100 * macro_f1(truth, whole)
    print(f"the whole model: macro-F1 {full:.2f} on {len(dev)} rows of dev")
    layers = classifier.backend.network.config.num_hidden_layers
    for layer in LAYERS:
        early = fitted(x[layer], softmax(logits))(dev_x[layer])
        alone = 100 * macro_f1(truth, early.argmax(1))
        sure = early.max(1)
        share, bar = 0.0, 1.0
        for at in np.linspace(0.34, 1, 133):
            mixed = np.where(sure >= at, early.argmax(1), whole)
            if full - 100 * macro_f1(truth, mixed) <= MOST_LOST:
                share, bar = float((sure >= at).mean()), float(at)
                break
        gain = 1 / (layer / layers + (1 - share) * (1 - layer / layers))
        print(
            f"layer {layer} of {layers}: by itself {alone:.2f}; at {bar:.3f} or surer it answers "
            f"{share:.1%}; layers' work {gain:.2f} times less (worth it from {WORTH})"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
