"""Changed spelling leaves the words what they were."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from models.noise import noisy


@given(st.text(max_size=80), st.integers())
def test_any_text_can_be_changed(text: str, seed: int) -> None:
    """And the same way again with the same seed."""
    assert noisy(text, random.Random(seed)) == noisy(text, random.Random(seed))


def test_what_is_changed_is_small() -> None:
    """Folded, a changed text has the letters of the old one, some more, or one less."""
    text = "The coffee at the station was lovely"
    letters = Counter(text.lower())
    seen = set()
    for seed in range(200):
        changed = noisy(text, random.Random(seed))
        seen.add(changed)
        folded = unicodedata.normalize("NFKC", changed).lower()
        assert (letters - Counter(folded)).total() <= 1
        assert len(text) - 1 <= len(folded) <= len(text) + 12
    assert len(seen) > 40
