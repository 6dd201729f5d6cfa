"""Does the classifier keep its promises on a GPU? `python -m tests.models.on_cuda ROWS.jsonl.gz`

Needs CUDA, and nothing of the service. Against the same weights in fp32 on the CPU: labels equal,
macro-F1 lost, how far a score moves with its neighbours in a batch, what happens where the device
has no memory for a batch. And posts a second of each part: the network, tokenising with it, and
`transformers.pipeline` with the same weights at its best. Exit code 1 if a promise is broken.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from transformers import pipeline

import models
from models import Passage, load_classifier
from models.figures import macro_f1
from models.passage import MAX_TOKENS
from models.rows import Row, read_rows
from models.torch_backend import TorchBackend, load_network

SHIPPED = Path(models.__file__).parent / "default"
REPEATS = 5
POSTS = 20_000
CHECKED = 2_000  # rows answered on the CPU too
ROOM = 150 * 2**20  # bytes left for a batch, to see it run out
MOVED = 0.02  # of a probability, with other neighbours in the batch


def rate(count: int, run: Callable[[], Any]) -> float:
    """The median of repeats, in posts a second."""
    found = []
    for _ in range(REPEATS):
        torch.cuda.synchronize()
        began = perf_counter()
        run()
        torch.cuda.synchronize()
        found.append(count / (perf_counter() - began))
    return float(np.median(found))


def promises(rows: list[Row]) -> dict[str, float]:
    """What must hold, whatever the speed."""
    passages = [row.passage for row in rows]
    gpu = load_classifier(SHIPPED, device="cuda", backend="torch")
    cpu = load_classifier(SHIPPED, device="cpu", backend="torch")
    ours, theirs = gpu.score(passages), cpu.score(passages)
    right = np.array([row.label for row in rows])
    alone = np.concatenate([gpu.on(gpu.backend).score([one]) for one in passages[:200]])
    small = TorchBackend(load_network(SHIPPED), gpu.encoder.pad_id, "cuda", tokens=10**7)
    _, total = torch.cuda.mem_get_info()
    torch.cuda.empty_cache()
    room = torch.cuda.memory_reserved() + ROOM
    torch.cuda.set_per_process_memory_fraction(room / total)
    tokens = gpu.encoder.encode(passages[:1000] * 40)
    halved = small.logits(tokens)
    torch.cuda.set_per_process_memory_fraction(1.0)
    return {
        "labels equal": float((ours.argmax(1) == theirs.argmax(1)).mean()),
        "macro-F1 lost, points": 100
        * (macro_f1(right, theirs.argmax(1)) - macro_f1(right, ours.argmax(1))),
        "farthest a score moved from fp32": float(np.abs(ours - theirs).max()),
        "farthest a score moved with its neighbours": float(np.abs(alone - ours[:200]).max()),
        "memory ran out and it was answered": float(
            small.tokens < 10**7 and np.isfinite(halved).all()
        ),
        "tokens of a batch that found room": float(small.tokens),
    }


def speeds(texts: list[str]) -> dict[str, float]:
    """Posts a second, none twice."""
    gpu = load_classifier(SHIPPED, device="cuda", backend="torch")
    passages = [Passage(text) for text in texts]
    tokens = gpu.encoder.encode(passages)
    found = {
        "engine": rate(len(texts), lambda: gpu.on(gpu.backend).score(passages)),
        "network alone": rate(len(texts), lambda: gpu.backend.logits(tokens)),
        "tokenising alone": rate(len(texts), lambda: gpu.encoder.encode(passages)),
    }
    for dtype in (torch.float32, torch.bfloat16):
        rival = pipeline("text-classification", model=str(SHIPPED), dtype=dtype, device="cuda")
        for size in (32, 256):
            name = f"pipeline, {str(dtype).removeprefix('torch.')}, batches of {size}"
            some = texts[:4000]
            with torch.inference_mode():
                found[name] = rate(
                    len(some),
                    lambda r=rival, s=size, t=some: r(
                        t, batch_size=s, truncation=True, max_length=MAX_TOKENS
                    ),
                )
    return found


def main(file: Path) -> int:
    """Print both tables as JSON."""
    rows = read_rows(file)
    kept = promises(rows[:CHECKED])
    texts = list(dict.fromkeys(row.passage.text for row in rows))[:POSTS]
    print(json.dumps({"device": torch.cuda.get_device_name(), "torch": torch.__version__}))
    print(json.dumps(kept, indent=1))
    print(json.dumps({"posts": len(texts), **speeds(texts)}, indent=1))
    good = (
        kept["labels equal"] >= 0.99
        and kept["macro-F1 lost, points"] <= 0.5
        and kept["farthest a score moved with its neighbours"] <= MOVED
        and kept["memory ran out and it was answered"] == 1.0
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
