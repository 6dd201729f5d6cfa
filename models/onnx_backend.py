"""The network on ONNX Runtime, for CPUs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.batches import CPU_ROWS, CPU_TOKENS, by_token_budget, padded
from models.encode import Tokens
from models.errors import BackendMissing


class OnnxBackend:
    """Runs an ONNX file over tokens. In 8 bits every token has a scale of its own, so that a row's
    answer does not depend on the other rows beyond rounding."""

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
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._pad_id = pad_id
        self._names = {given.name for given in self._session.get_inputs()}

    def logits(self, rows: Sequence[Tokens]) -> NDArray[np.float32]:
        """(n, labels) in the order given."""
        lengths = [len(row.ids) for row in rows]
        found: NDArray[np.float32] | None = None
        for batch in by_token_budget(lengths, CPU_TOKENS, CPU_ROWS):
            given = padded([rows[i] for i in batch], lengths[batch[-1]], self._pad_id)
            wanted = {name: given[name] for name in self._names}
            (values,) = self._session.run(["logits"], wanted)
            if found is None:
                found = np.zeros((len(rows), values.shape[1]), np.float32)
            found[batch] = values
        return found if found is not None else np.zeros((0, 3), np.float32)
