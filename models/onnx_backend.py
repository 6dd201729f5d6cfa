"""The network on ONNX Runtime, for CPUs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.batches import padded
from models.cores import Cores, cores
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
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._pad_id = pad_id
        self._names = {given.name for given in self._session.get_inputs()}
        self._cores = Cores(threads or cores())

    def logits(self, rows: Sequence[Tokens]) -> NDArray[np.float32]:
        """(n, labels) in the order given."""
        lengths = [len(row.ids) for row in rows]

        def run(batch: list[int]) -> NDArray[np.float32]:
            given = padded([rows[i] for i in batch], lengths[batch[-1]], self._pad_id)
            (values,) = self._session.run(["logits"], {name: given[name] for name in self._names})
            return np.asarray(values, np.float32)

        return self._cores.logits(lengths, run)
