"""Integrated gradients: what each token adds to a label's margin, along the way from no text.

The way leads from the passage with every token of its text replaced by padding to the passage as it
is; special tokens and the target asked about stay in place, so that all that is attributed is
attributed to the text. The parts sum to the difference of the two margins (Sundararajan et al.
2017), up to the error of the sum over steps: `residual`. Needs captum.
"""

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import torch

from models.classify import Classifier
from models.encode import Traced
from models.torch_backend import TorchBackend, pad

STEPS = (32, 64, 128, 256)
"""Tried in turn, until the parts sum to the whole."""

RESIDUAL = 0.02
"""Share of the margins' difference that the parts may miss it by; of 1 where it is less than 1."""

_TOKENS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class TokenParts:
    """What each token of a passage adds to one label's margin."""

    parts: list[float]
    margin_without_text: float
    steps: int
    residual: float
    """The sum of the parts, less the difference of the margins with and without the text."""


class Gradients:
    """Attributes the margins of one classifier, whose backend must be torch."""

    def __init__(self, classifier: Classifier, backend: TorchBackend) -> None:
        self._pad_id = classifier.encoder.pad_id
        self._columns = classifier.columns
        self._temperature = classifier.temperature
        self._typed = backend.typed
        self._network = backend.network
        if self._network.dtype != torch.float32:  # as on CUDA: too coarse for sums of gradients
            self._network = copy.deepcopy(self._network).float()

    def attribute(self, traced: Traced, label: int) -> TokenParts:
        """The parts of a passage's tokens in the margin of `label` (the label's logit less the mean
        of the others', see `models.scorer.margins`). Zero for tokens that are not the text's."""
        from captum.attr import LayerIntegratedGradients

        device = self._network.device
        tokens = traced.tokens
        given = pad([tokens], len(tokens.ids), self._pad_id, typed=self._typed)
        given = {name: tensor.to(device) for name, tensor in given.items()}
        ids = given.pop("input_ids")
        of_text = torch.tensor([[span is not None for span in traced.spans]], device=device)
        blank = torch.where(of_text, self._pad_id, ids)

        def margin(some_ids: Any, *rest: Any) -> Any:
            rest_of = dict(zip(given, rest, strict=True))
            logits = self._network(input_ids=some_ids, **rest_of).logits[:, self._columns]
            return (1.5 * logits[:, label] - 0.5 * logits.sum(dim=1)) / self._temperature

        with torch.no_grad():
            whole, empty = (float(margin(x, *given.values())[0]) for x in (ids, blank))
        method = LayerIntegratedGradients(margin, self._network.get_input_embeddings())
        for steps in STEPS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about versions of torch, on every call
                found = method.attribute(
                    ids,
                    baselines=blank,
                    additional_forward_args=tuple(given.values()),
                    n_steps=steps,
                    internal_batch_size=max(2, _TOKENS_AT_ONCE // len(tokens.ids)),
                )
            parts = torch.where(of_text[0], found[0].sum(dim=1), 0.0).tolist()
            residual = sum(parts) - (whole - empty)
            if abs(residual) <= RESIDUAL * max(1.0, abs(whole - empty)):
                break
        return TokenParts(parts, empty, steps, residual)
