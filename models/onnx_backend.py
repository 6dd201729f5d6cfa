"""The network on ONNX Runtime, for CPUs."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.batches import CPU_ROWS, ONE_CORE_TOKENS, by_token_budget, padded
from models.encode import Tokens
from models.errors import BackendMissing


class OnnxBackend:
    """Runs an ONNX file over tokens. In 8 bits every token has a scale of its own, so that a row's
    answer does not depend on the other rows beyond rounding.

    Each core computes batches of its own: cores that share one wait for each other after every
    product, and all of them for the one that something else has interrupted.
    """

    name = "onnx"

    def __init__(self, file: Path, pad_id: int, threads: int | None = None) -> None:
        """Raises BackendMissing where ONNX Runtime is not installed."""
        try:
            import onnxruntime
        except ImportError:
            raise BackendMissing(
                "model.backend: onnxruntime is not installed; pip install 'undertone[onnx]', "
                "or choose torch"
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._pad_id = pad_id
        self._names = {given.name for given in self._session.get_inputs()}
        self._cores = ThreadPoolExecutor(threads or _cores(), thread_name_prefix="onnx")

    def logits(self, rows: Sequence[Tokens]) -> NDArray[np.float32]:
        """(n, labels) in the order given."""
        lengths = [len(row.ids) for row in rows]
        batches = by_token_budget(lengths, ONE_CORE_TOKENS, CPU_ROWS)[::-1]  # the longest first

        def of(batch: list[int]) -> NDArray[np.float32]:
            given = padded([rows[i] for i in batch], lengths[batch[-1]], self._pad_id)
            (values,) = self._session.run(["logits"], {name: given[name] for name in self._names})
            return np.asarray(values, np.float32)

        answers = list(self._cores.map(of, batches))
        found = np.zeros((len(rows), answers[0].shape[1] if answers else 3), np.float32)
        for batch, values in zip(batches, answers, strict=True):
            found[batch] = values
        return found


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
