"""What is put before the model: a text, the brand it is asked about, and where that brand stands.

Pure functions on strings; the token side is in `models.encode`.
"""

import re
from dataclasses import dataclass

MAX_TOKENS = 128
"""Tokens the model sees of one passage, special tokens and target included (DESIGN §2)."""

WINDOW = 640
"""Characters kept on each side of the target before tokenising: 128 tokens lie well inside, and a
text of 1 MB costs what one of 1,280 characters costs."""

TARGET_CHARACTERS = 64
"""Characters of the target the model is told; names are shorter."""

_UNWANTED = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Passage:
    """One question to the model: what does `text` say (about `target`)?

    `at` is the character offset of the target's first occurrence in `text`; 0 without a target.
    Any string is accepted, NUL and lone surrogates too.
    """

    text: str
    target: str | None = None
    at: int = 0

    @property
    def span(self) -> tuple[int, int]:
        """Where the target stands in the text, [start, end) in characters; empty where it is not
        there as it is written (a hashtag, another form of the name)."""
        if self.target is None:
            return self.at, self.at
        end = self.at + len(self.target)
        there = self.text[self.at : end].casefold() == self.target.casefold()
        return self.at, end if there else self.at


def window(passage: Passage) -> Passage:
    """The passage cut to at most 2 x WINDOW characters around its target, without what no tokenizer
    accepts (NUL, lone surrogates). Offsets stay true: unwanted characters are replaced one by one.
    """
    at = min(max(passage.at, 0), len(passage.text))
    start = max(0, min(at - WINDOW, len(passage.text) - 2 * WINDOW))
    text = passage.text[start : start + 2 * WINDOW]
    target = passage.target
    if target is not None:
        target = _UNWANTED.sub(" ", target[:TARGET_CHARACTERS]).strip() or None
    return Passage(_UNWANTED.sub(" ", text), target, at - start)
