"""Passages to tokens: the 128 around the target's first occurrence, the target's own marked.

Training and scoring both go through `Encoder`, so that the model is asked as it was taught.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.passage import MAX_TOKENS, Passage


class Tokens(NamedTuple):
    """What the network is given of one passage; both lists are of one length."""

    ids: list[int]
    types: list[int]
    """1 where a token belongs to the target, in the text or after it; all 0 without marks."""


class Traced(NamedTuple):
    """Tokens, and what of the text they stand for."""

    tokens: Tokens
    spans: list[tuple[int, int] | None]
    """Characters of the passage's text, [start, end), per token; None where a token is none of the
    text's: a special one, or the target's own after the text."""
    seen: tuple[int, int]
    """The part of the text the network was given."""


class Encoder:
    """Turns windowed passages (see `models.passage.window`) into tokens.

    `tokenizer` is a fast tokenizer of `transformers`; its Rust part is used directly, because that
    takes texts with and without a target in one call. With `marks` the target's tokens get type 1:
    the pair (text, target) alone tells a small network which brand is meant, but not where the
    text speaks of it.
    """

    def __init__(
        self, tokenizer: Any, max_tokens: int = MAX_TOKENS, *, marks: bool = False
    ) -> None:
        self.pad_id = int(tokenizer.pad_token_id)
        self._max_tokens = max_tokens
        self._marks = marks
        self._tokens = tokenizer.backend_tokenizer
        self._tokens.no_truncation()
        self._tokens.no_padding()

    def encode(self, passages: Sequence[Passage]) -> list[Tokens]:
        """Tokens per passage, special ones included, never more than `max_tokens`."""
        encoded = self._tokens.encode_batch([_input(p.text, p.target) for p in passages])
        found = [self._marked(p, e) for p, e in zip(passages, encoded, strict=True)]
        long = [i for i, tokens in enumerate(found) if len(tokens.ids) > self._max_tokens]
        if long:
            cut = [self._excerpt(passages[i], encoded[i])[0] for i in long]
            again = self._tokens.encode_batch([_input(p.text, p.target) for p in cut])
            for i, p, e in zip(long, cut, again, strict=True):
                found[i] = self._clip(self._marked(p, e), e)
        return found

    def trace(self, passage: Passage) -> Traced:
        """The tokens `encode` gives for a passage, and where in its text each comes from."""
        encoding = self._tokens.encode_batch([_input(passage.text, passage.target)])[0]
        cut, start = passage, 0
        if len(encoding.ids) > self._max_tokens:
            cut, start = self._excerpt(passage, encoding)
            encoding = self._tokens.encode_batch([_input(cut.text, cut.target)])[0]
        spans = [
            (start + first, start + end) if part == 0 else None
            for (first, end), part in zip(encoding.offsets, encoding.sequence_ids, strict=True)
        ]
        kept = self._kept(encoding)
        tokens = self._clip(self._marked(cut, encoding), encoding)
        return Traced(tokens, [spans[i] for i in kept], (start, start + len(cut.text)))

    def _marked(self, passage: Passage, encoding: Any) -> Tokens:
        types = [0] * len(encoding.ids)
        if self._marks and passage.target is not None:
            own = encoding.char_to_token(0, 1)  # where the target stands alone, after the text
            if own is not None:
                types[own:-1] = [1] * (len(types) - own - 1)
            for character in range(*passage.span):
                token = encoding.char_to_token(character, 0)
                if token is not None:
                    types[token] = 1
        return Tokens(encoding.ids, types)

    def _excerpt(self, passage: Passage, encoding: Any) -> tuple[Passage, int]:
        """The passage cut to the characters of the tokens around `at`, and where the cut begins."""
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
        return Passage(passage.text[start:end], passage.target, max(0, passage.at - start)), start

    def _clip(self, tokens: Tokens, encoding: Any) -> Tokens:
        kept = self._kept(encoding)
        return Tokens([tokens.ids[i] for i in kept], [tokens.types[i] for i in kept])

    def _kept(self, encoding: Any) -> list[int]:
        """The tokens without the text's last ones, where a cut word split into more pieces."""
        excess = max(0, len(encoding.ids) - self._max_tokens)
        own = [i for i, part in enumerate(encoding.sequence_ids) if part == 0]
        drop = set(own[max(0, len(own) - excess) :]) if excess else set()
        return [i for i in range(len(encoding.ids)) if i not in drop][: self._max_tokens]


def _input(text: str, target: str | None) -> str | tuple[str, str]:
    return text if target is None else (text, target)
