"""The classifier as the service uses it: passages in, probabilities out, copies scored once."""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.directory import ModelDirectory
from models.encode import Encoder, Tokens
from models.passage import Passage, window
from models.rows import LABELS

CACHE_ENTRIES = 100_000
"""Scores remembered; about 25 MB when full."""

CHUNK = 1024
"""Passages that are sorted by length together; the next ones are tokenised meanwhile."""


class Backend(Protocol):
    """What runs the network."""

    name: str
    """torch or onnx, with the precision."""

    def logits(self, rows: Sequence[Tokens]) -> NDArray[np.float32]:
        """(n, labels) for the tokens of n passages, in order."""
        ...


class Classifier:
    """Scores passages with one model. Made by `models.load_classifier`.

    Safe to call from several threads; calls run one after the other, since each already uses every
    core it may.
    """

    labels = LABELS
    """Meaning of the columns of `score`."""

    def __init__(
        self,
        encoder: Encoder,
        backend: Backend,
        model: ModelDirectory,
        cache_entries: int = CACHE_ENTRIES,
    ) -> None:
        self._encoder = encoder
        self._backend = backend
        self._model = model
        self._columns = list(model.columns)
        self._temperature = model.temperature
        self.model_hash = model.model_hash
        """Names the model: what is scored under one hash is scored alike."""
        self._cache = _Cache(cache_entries)
        self._lock = threading.Lock()
        self.why = "asked for"
        """Why it runs on this backend."""
        self.scored = 0
        """Passages that went through the network, since loading."""
        self.cache_hits = 0
        """Passages answered without it: remembered, or a copy of another one of the same call."""

    @property
    def encoder(self) -> Encoder:
        """Makes the tokens; with `backend`, `columns` and `temperature` for what looks inside."""
        return self._encoder

    @property
    def backend(self) -> Backend:
        return self._backend

    @property
    def directory(self) -> Path:
        """Where it was loaded from."""
        return self._model.path

    @property
    def columns(self) -> list[int]:
        """Where the backend's logits hold negative, neutral and positive."""
        return self._columns

    @property
    def temperature(self) -> float:
        """Divisor of the logits."""
        return self._temperature

    def on(self, backend: Backend) -> "Classifier":
        """The same classifier run by another backend, with nothing remembered."""
        return Classifier(self._encoder, backend, self._model)

    def logits(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        """What the network says, shape (n, 3), before the temperature; nothing is remembered."""
        return self._logits([window(passage) for passage in passages])

    def _logits(self, cut: Sequence[Passage]) -> NDArray[np.float32]:
        found = [self._backend.logits(tokens) for tokens in self._tokenised(cut)]
        return np.concatenate(found)[:, self._columns]

    def _tokenised(self, cut: Sequence[Passage]) -> Iterator[list[Tokens]]:
        """Tokens of a chunk after another, each made while the one before it is computed."""
        if len(cut) <= CHUNK:
            yield self._encoder.encode(cut)
            return
        with ThreadPoolExecutor(1, "tokenise") as thread:
            ahead = thread.submit(self._encoder.encode, cut[:CHUNK])
            for start in range(CHUNK, len(cut), CHUNK):
                tokens = ahead.result()
                ahead = thread.submit(self._encoder.encode, cut[start : start + CHUNK])
                yield tokens
            yield ahead.result()

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        """Probabilities, shape (n, 3), columns negative, neutral, positive, in the order given.

        Every row is finite and sums to 1, whatever the text. The model sees the 128 tokens around
        the target's first occurrence. A row's answer does not depend on the other rows.
        """
        with self._lock:
            return self._score(passages)

    def _score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        found = np.zeros((len(passages), len(LABELS)), np.float32)
        rows: dict[bytes, list[int]] = {}
        new: list[Passage] = []
        for i, passage in enumerate(passages):
            cut = window(passage)
            key = self._cache.key(cut)
            if key in rows:
                rows[key].append(i)
            elif (known := self._cache.get(key)) is not None:
                found[i] = known
            else:
                rows[key] = [i]
                new.append(cut)
        if new:
            answers = _softmax(self._logits(new) / self._temperature)
            for (key, places), scores in zip(rows.items(), answers, strict=True):
                found[places] = scores
                self._cache.put(key, scores)
        self.scored += len(new)
        self.cache_hits += len(passages) - len(new)
        return found


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


class _Cache:
    """Least recently used scores. Keys are keyed hashes with a secret of this process: they hold
    nothing of a text, and nobody can make two texts collide on purpose."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._secret = os.urandom(16)
        self._scores: OrderedDict[bytes, bytes] = OrderedDict()

    def key(self, passage: Passage) -> bytes:
        text = f"{passage.at}\0{passage.target or ''}\0{passage.text}"
        return hashlib.blake2b(text.encode(), digest_size=16, key=self._secret).digest()

    def get(self, key: bytes) -> NDArray[np.float32] | None:
        packed = self._scores.get(key)
        if packed is None:
            return None
        self._scores.move_to_end(key)
        return np.frombuffer(packed, np.float32)

    def put(self, key: bytes, scores: NDArray[np.float32]) -> None:
        self._scores[key] = scores.tobytes()
        if len(self._scores) > self._entries:
            self._scores.popitem(last=False)
