"""Passages to token ids: the 128 tokens around the target's first occurrence.

Training and scoring both go through `Encoder`, so that the model is asked as it was taught.
"""

from collections.abc import Sequence
from typing import Any

from models.passage import MAX_TOKENS, Passage


class Encoder:
    """Turns windowed passages (see `models.passage.window`) into lists of token ids.

    `tokenizer` is a fast tokenizer of `transformers`; its Rust part is used directly, because that
    takes texts with and without a target in one call.
    """

    def __init__(self, tokenizer: Any, max_tokens: int = MAX_TOKENS) -> None:
        self.pad_id = int(tokenizer.pad_token_id)
        self._max_tokens = max_tokens
        self._tokens = tokenizer.backend_tokenizer
        self._tokens.no_truncation()
        self._tokens.no_padding()

    def encode(self, passages: Sequence[Passage]) -> list[list[int]]:
        """Ids per passage, special tokens included, never more than `max_tokens`."""
        encoded = self._tokens.encode_batch([_input(p.text, p.target) for p in passages])
        ids = [e.ids for e in encoded]
        long = [i for i, e in enumerate(encoded) if len(e.ids) > self._max_tokens]
        if long:
            cut = [self._excerpt(passages[i], encoded[i]) for i in long]
            again = self._tokens.encode_batch([_input(p.text, p.target) for p in cut])
            for i, e in zip(long, again, strict=True):
                ids[i] = self._clip(e)
        return ids

    def _excerpt(self, passage: Passage, encoding: Any) -> Passage:
        """The passage cut to the characters of the tokens around `at`."""
        spans = [
            span
            for span, part in zip(encoding.offsets, encoding.sequence_ids, strict=True)
            if part == 0
        ]
        room = max(1, self._max_tokens - (len(encoding.ids) - len(spans)))
        here = next((i for i, (_, end) in enumerate(spans) if end > passage.at), len(spans) - 1)
        first = max(0, min(here - room // 2, len(spans) - room))
        last = min(first + room, len(spans)) - 1
        start, end = spans[first][0], spans[last][1]
        return Passage(passage.text[start:end], passage.target, max(0, passage.at - start))

    def _clip(self, encoding: Any) -> list[int]:
        """The ids with the text's last tokens dropped: a cut word may split into more pieces."""
        ids: list[int] = encoding.ids
        excess = len(ids) - self._max_tokens
        if excess <= 0:
            return ids
        own = [i for i, part in enumerate(encoding.sequence_ids) if part == 0]
        drop = set(own[max(0, len(own) - excess) :])
        return [token for i, token in enumerate(ids) if i not in drop][: self._max_tokens]


def _input(text: str, target: str | None) -> str | tuple[str, str]:
    return text if target is None else (text, target)
