"""The network on torch: fp32 on CPU, bfloat16 on CUDA."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from models.adapters import put_on
from models.batches import CPU_TOKENS, by_token_budget, in_order, padded
from models.cores import Cores
from models.encode import Tokens
from models.errors import BackendMissing, ModelRefused
from models.passage import MAX_TOKENS
from models.quiet import quiet

CUDA_TOKENS = 32768
CUDA_ROWS = 1024

CUDA_PAD_TO = 8
"""Lengths are rounded up to this: few distinct shapes keep CUDA's allocator from fragmenting. On
a CPU it would add a fifth to the tokens of short posts."""


def find_device(device: str, threads: int | None) -> str:
    """cpu or cuda for auto, cpu or cuda; sets torch's threads where a number is given.

    Raises BackendMissing where CUDA is asked for and absent.
    """
    if threads:
        torch.set_num_threads(threads)
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise BackendMissing("model.device: cuda is not available here; choose cpu or auto")
    if device == "auto":
        return "cuda" if cuda else "cpu"
    return device


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of an inspected directory.

    Raises ModelRefused where it is none that can tell which characters a token stands for.
    """
    with _refused(path), quiet():
        tokenizer = AutoTokenizer.from_pretrained(
            path, local_files_only=True, trust_remote_code=False
        )
    if not tokenizer.is_fast or tokenizer.pad_token_id is None:
        raise ModelRefused(f"{path}: needs a fast tokenizer with a padding token (tokenizer.json)")
    return tokenizer


def load_network(path: Path) -> Any:
    """The network of an inspected directory, in fp32; attention is fused where it has that.

    Raises ModelRefused where the files are no whole classifier: transformers would make up a
    missing head from random numbers.
    """
    with _refused(path), quiet():
        network, report = AutoModelForSequenceClassification.from_pretrained(
            path,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    lacking = sorted([*report["missing_keys"], *(key[0] for key in report["mismatched_keys"])])
    if lacking:
        raise ModelRefused(
            f"{path}: weights lack {lacking[0]} ({len(lacking)} in all); this is no trained "
            "sequence classifier: fine-tune it first"
        )
    return put_on(network, path)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """transformers raises what it likes; all of it means this directory."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelRefused(f"{path}: cannot be loaded ({reason}); save it anew") from error


class TorchBackend:
    """Runs a sequence classifier over tokens.

    `device` is cpu or cuda, `dtype` fp32 on the one and bfloat16 on the other where it is None,
    `tokens` the most a batch may hold with its padding, `cores` how many of a CPU compute batches
    of their own (None: all of torch's threads; 0: one after another, as on CUDA).
    """

    def __init__(
        self,
        network: Any,
        pad_id: int,
        device: str,
        dtype: torch.dtype | None = None,
        tokens: int | None = None,
        cores: int | None = None,
    ) -> None:
        self._cuda = device == "cuda"
        self._device = torch.device(device)
        dtype = dtype or (torch.bfloat16 if self._cuda else torch.float32)
        self._network = network.to(self._device, dtype).eval()
        self._pad_id = pad_id
        self._tokens = tokens or (CUDA_TOKENS if self._cuda else CPU_TOKENS)
        cores = 0 if self._cuda else torch.get_num_threads() if cores is None else cores
        self._cores = Cores(cores, _take_one_core) if cores else None
        self._pad_to = CUDA_PAD_TO if self._cuda else 1
        self.name = f"torch, {str(dtype).removeprefix('torch.')}, {device}"
        # a network without token types (RoBERTa's kind) is not given any
        self._typed = getattr(network.config, "type_vocab_size", 0) > 1
        if self._cuda:  # kernels are chosen and memory is taken now, not at the first post
            self.logits([Tokens([pad_id] * MAX_TOKENS, [0] * MAX_TOKENS)] * 256)

    @property
    def network(self) -> Any:
        """The network itself, for what needs its gradients."""
        return self._network

    @property
    def typed(self) -> bool:
        """Whether the network is given token types."""
        return self._typed

    @property
    def tokens(self) -> int:
        """What a batch may hold now; halved each time the device had no memory for it."""
        return self._tokens

    def logits(self, rows: Sequence[Tokens]) -> NDArray[np.float32]:
        """(n, labels) in the order given. Rows are grouped by length; a row's logits do not depend
        on its neighbours beyond rounding (about 1e-6 in fp32: padding is masked).

        Where the device has no memory for a batch, smaller ones are tried, from then on too.
        Raises torch.OutOfMemoryError where it has none for a single row.
        """
        while True:
            try:
                return self._logits(rows)
            except torch.OutOfMemoryError:
                longest = max(self._length(row) for row in rows)
                if self._tokens <= longest:
                    raise
                self._tokens = max(self._tokens // 2, longest)
            # outside of the handler, whose traceback holds what filled the memory
            if self._cuda:
                torch.cuda.empty_cache()

    def _logits(self, rows: Sequence[Tokens]) -> NDArray[np.float32]:
        lengths = [self._length(row) for row in rows]

        def run(batch: list[int]) -> torch.Tensor:
            with torch.inference_mode():
                return self._forward([rows[i] for i in batch], lengths[batch[-1]])

        if self._cores:
            return self._cores.logits(lengths, lambda batch: _values(run(batch)), self._tokens)
        batches = by_token_budget(lengths, self._tokens, CUDA_ROWS)
        # one copy back at the end: on CUDA every earlier one would wait for the queue to drain
        answers = [run(batch) for batch in batches]
        return in_order(batches, [_values(answer) for answer in answers])

    def _length(self, row: Tokens) -> int:
        return -(-len(row.ids) // self._pad_to) * self._pad_to

    def _forward(self, batch: list[Tokens], longest: int) -> torch.Tensor:
        given = pad(batch, longest, self._pad_id, typed=self._typed)
        if self._cuda:
            # pinned memory lets the copy run beside the computation
            given = {
                name: tensor.pin_memory().to(self._device, non_blocking=True)
                for name, tensor in given.items()
            }
        logits: torch.Tensor = self._network(**given).logits
        return logits


def _take_one_core() -> None:
    torch.set_num_threads(1)  # of the thread that calls it


def _values(logits: torch.Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = logits.float().cpu().numpy()
    return values


def pad(
    batch: Sequence[Tokens], longest: int, pad_id: int, *, typed: bool
) -> dict[str, torch.Tensor]:
    """A network's arguments for one batch by name, each of shape (len(batch), longest)."""
    given = {name: torch.from_numpy(v) for name, v in padded(batch, longest, pad_id).items()}
    if not typed:
        del given["token_type_ids"]
    return given
