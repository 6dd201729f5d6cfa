"""Which rows go through the network together: of one length, so that little padding is computed."""

import random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.encode import Tokens

CPU_TOKENS = 512
"""Tokens a batch of one core: past this nothing gets faster, and the cores end less together."""

CPU_ROWS = 64


def by_token_budget(lengths: Sequence[int], tokens: int, rows: int) -> list[list[int]]:
    """Index batches over all rows, shortest first, each of at most `rows` rows and `tokens` tokens
    with padding counted (one row longer than `tokens` goes alone)."""
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        # sorted ascending: the row to be added is the longest of its batch
        if batches and (len(batches[-1]) + 1) * lengths[i] <= tokens and len(batches[-1]) < rows:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def in_order(
    batches: Sequence[Sequence[int]], answers: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """The answers to batches, each (rows, labels), as (n, labels) by the rows' places."""
    found = np.zeros((sum(map(len, batches)), answers[0].shape[1] if answers else 3), np.float32)
    for batch, values in zip(batches, answers, strict=True):
        found[batch] = values
    return found


def by_length(lengths: Sequence[int], size: int, seed: int) -> list[list[int]]:
    """Index batches of `size` rows for training, in random order, each of rows of nearly one
    length: sorted within pools of 50 batches, so that each is still a random mix of sources."""
    chance = random.Random(seed)
    order = list(range(len(lengths)))
    chance.shuffle(order)
    pool = size * 50
    batches = []
    for start in range(0, len(order), pool):
        part = sorted(order[start : start + pool], key=lambda i: lengths[i])
        batches += [part[i : i + size] for i in range(0, len(part), size)]
    chance.shuffle(batches)
    return batches


def padded(batch: Sequence[Tokens], longest: int, pad_id: int) -> dict[str, NDArray[np.int64]]:
    """A network's arguments for one batch by name, each of shape (len(batch), longest)."""
    shape = (len(batch), longest)
    ids = np.full(shape, pad_id, np.int64)
    mask, types = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row, tokens in enumerate(batch):
        length = len(tokens.ids)
        ids[row, :length] = tokens.ids
        types[row, :length] = tokens.types
        mask[row, :length] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
