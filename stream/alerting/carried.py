"""Whether a rise is many people's, or carried by few authors or by one text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from pydantic import BaseModel, ConfigDict

from stream.alerting.near_copies import most_copied

FEW_AUTHORS = 3  # so few carry it …
TIMES_EACH = 3  # … who wrote this often each, on average …
MUCH = 0.5  # … and this share of the whole
LEAST_COPIES = 5  # fewer near-copies are chance


class CarriedBy(BaseModel):
    """How concentrated the negative posts are.

    `few_authors`: the busiest, at most `FEW_AUTHORS`, wrote at least `MUCH` of it, `TIMES_EACH`
    posts each on average; `authors` of them wrote the share `authors_share`.
    `one_text`: at least `MUCH` of the posts looked at, and `LEAST_COPIES`, are near-copies of one
    text: `near_copies` of `looked_at`, which is a fair sample where there are very many.
    `words` says the same, and nothing where neither holds.
    """

    model_config = ConfigDict(frozen=True)

    few_authors: bool
    authors: int
    authors_share: float
    one_text: bool
    near_copies: int
    looked_at: int
    words: str


def carried_by(posts: int, busiest: Sequence[int], texts: Sequence[str]) -> CarriedBy:
    """`busiest`: posts of the busiest authors, the busiest first, of `posts` in all; `texts`: of
    the posts, or of a sample of them, copies too."""
    authors, wrote = _authors(posts, busiest)
    few = wrote >= TIMES_EACH * authors and wrote >= MUCH * posts > 0
    copies = most_copied(texts)
    copied = copies >= max(LEAST_COPIES, MUCH * len(texts))
    words = []
    if few:
        share = f"wrote {100 * wrote / posts:.0f} % of it"
        words.append(f"{authors} author{'s' if authors > 1 else ''} {share}")
    if copied:
        of = len(texts) if len(texts) >= posts else f"{len(texts)} looked at"
        words.append(f"{copies} of {of} are near-copies of one text")
    return CarriedBy(
        few_authors=few,
        authors=authors,
        authors_share=round(wrote / posts, 4) if posts else 0.0,
        one_text=copied,
        near_copies=copies,
        looked_at=len(texts),
        words="; ".join(words),
    )


def _authors(posts: int, busiest: Sequence[int]) -> tuple[int, int]:
    """The fewest authors who wrote `MUCH` of it, or as many as can count as few; what they
    wrote."""
    sums = list(accumulate(busiest[:FEW_AUTHORS]))
    enough = next((i for i, wrote in enumerate(sums) if wrote >= MUCH * posts), len(sums) - 1)
    return enough + 1, sums[enough] if sums else 0
