"""The network on ONNX Runtime, for CPUs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.batches import by_token_budget
from models.encode import Tokens
from models.errors import BackendMissing

TOKENS = 2048
"""Tokens a batch: past this nothing gets faster, and memory grows."""

ROWS = 64


class OnnxBackend:
    """Runs an ONNX file over tokens. In 8 bits every token has a scale of its own, so that a row's
    answer does not depend on the other rows beyond rounding."""

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
        for batch in by_token_budget(lengths, TOKENS, ROWS):
            given = self._padded([rows[i] for i in batch], lengths[batch[-1]])
            (values,) = self._session.run(["logits"], given)
            if found is None:
                found = np.zeros((len(rows), values.shape[1]), np.float32)
            found[batch] = values
        return found if found is not None else np.zeros((0, 3), np.float32)

    def _padded(self, batch: list[Tokens], longest: int) -> dict[str, NDArray[np.int64]]:
        given = {
            "input_ids": np.full((len(batch), longest), self._pad_id, np.int64),
            "attention_mask": np.zeros((len(batch), longest), np.int64),
            "token_type_ids": np.zeros((len(batch), longest), np.int64),
        }
        for row, tokens in enumerate(batch):
            length = len(tokens.ids)
            given["input_ids"][row, :length] = tokens.ids
            given["attention_mask"][row, :length] = 1
            given["token_type_ids"][row, :length] = tokens.types
        return {name: values for name, values in given.items() if name in self._names}
