"""The classifier as the service runs it, against `transformers.pipeline` with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import pipeline

from models import Passage, load_classifier
from models.figures import macro_f1
from models.passage import MAX_TOKENS
from models.torch_backend import find_device
from stream.bench.figures import Bar, Part, ratio
from stream.bench.plan import Bench
from stream.service import SHIPPED_MODEL, load_scorer

POSTS = 2000
BATCH_SIZES = (1, 8, 32)
"""Of the pipeline; its best counts."""

Labels = NDArray[np.intp]


def measure(bench: Bench) -> Part:
    """Posts a second without target, one mention a post, in their order of arrival.

    The pipeline is in fp32, with the engine's threads. No text comes twice, so that nothing is
    taken from the cache. Macro-F1 is that of the labelled rows, with their targets, against the
    same model in fp32 torch.
    """
    settings = bench.settings.model
    engine = load_scorer(bench.settings)
    path = settings.path or SHIPPED_MODEL
    rival = _pipeline(path, find_device(settings.device, settings.threads))
    own = rival.model.config.label2id
    count = bench.count(POSTS)
    answers: dict[str, Labels] = {}

    def timed(name: str, run: Callable[[list[str]], Labels]) -> Callable[[int], float]:
        def once(repeat: int) -> float:
            texts = bench.corpus.texts(count, f"e{repeat}")
            began = perf_counter()
            answers[name] = run(texts)
            return count / (perf_counter() - began)

        return once

    def by_engine(texts: list[str]) -> Labels:
        answered: Labels = engine.score([Passage(text) for text in texts]).argmax(1)
        return answered

    def by_pipeline(size: int) -> Callable[[list[str]], Labels]:
        def run(texts: list[str]) -> Labels:
            with torch.inference_mode():
                found = rival(texts, batch_size=size, truncation=True, max_length=MAX_TOKENS)
            return np.array([engine.columns.index(own[one["label"]]) for one in found])

        return run

    warm = bench.corpus.texts(bench.count(64), "w")
    by_engine(warm)
    by_pipeline(8)(warm)
    ours, theirs = "engine", [f"pipeline, batches of {size}" for size in BATCH_SIZES]
    runs = {ours: timed(ours, by_engine)} | {
        name: timed(name, by_pipeline(size)) for name, size in zip(theirs, BATCH_SIZES, strict=True)
    }
    found = bench.alternate("engine", runs, "posts/s")
    best = max(theirs, key=lambda name: found[name].median)
    vnni = has_vnni()
    must, aim = (3.5, 5.0) if vnni else (2.3, 3.0)
    equal = float((answers[ours] == answers[best]).mean())
    fp32 = load_classifier(path, device="cpu", backend="torch", labels=settings.labels)
    rows = bench.rows[: bench.count(len(bench.rows))]
    right = np.array([row.label for row in rows])
    passages = [row.passage for row in rows]
    f1 = {
        scorer: 100 * macro_f1(right, classifier.score(passages).argmax(1))
        for scorer, classifier in (("engine", engine), ("fp32", fp32))
    }
    return Part(
        "engine",
        tuple(found.values()),
        (
            Bar("engine / best pipeline", ratio(found[ours], found[best]), must, aim),
            Bar("labels equal", equal, 0.975, 0.99),
            Bar(
                "macro-F1 lost",
                max(0.0, f1["fp32"] - f1["engine"]),
                0.5,
                at_most=True,
                unit="points",
            ),
        ),
        (
            f"posts: {bench.corpus.name}; {count}, one mention each, none twice",
            f"engine: {engine.backend.name} ({engine.why}); {torch.get_num_threads()} threads; "
            f"VNNI: {'yes' if vnni else 'no'}",
            f"macro-F1 of {len(rows)} labelled rows: {f1['engine']:.2f}, in fp32 {f1['fp32']:.2f}",
        ),
    )


def has_vnni(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU multiplies 8-bit numbers by instructions of their own."""
    try:
        flags = cpuinfo.read_text()
    except OSError:  # not Linux
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


def _pipeline(path: Path, device: str) -> Any:
    return pipeline("text-classification", model=str(path), dtype=torch.float32, device=device)
