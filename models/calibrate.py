"""Temperature: one number that makes the probabilities mean what they say (windows sum them)."""

import numpy as np
from numpy.typing import NDArray


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The divisor of the logits with the lowest negative log-likelihood, within 0.25..4.

    `logits` (n, 3), `labels` (n,). A search over a grid finer than the noise of any dev set; the
    order of the labels, and so every accuracy, is untouched. (Guo et al. 2017)
    """
    if not len(labels):
        return 1.0
    grid = np.exp(np.linspace(np.log(0.25), np.log(4.0), 161))
    losses = [_loss(logits / t, labels) for t in grid]
    return round(float(grid[int(np.argmin(losses))]), 4)


def _loss(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    return float((log_sum - shifted[np.arange(len(labels)), labels]).mean())
