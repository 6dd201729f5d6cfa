"""The language of a text, where the message does not name it.

The identifier is py3langid (a bundled table of n-grams, no network). Posts are short, so links,
names and tags that say nothing about the language are left out first.
"""

from __future__ import annotations

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNDETERMINED = "und"
_CHARACTERS_LOOKED_AT = 1000
_NOISE = re.compile(r"https?://\S+|[@#]\w+")


def primary(tag: str) -> str:
    """The primary language of a BCP-47 tag, in lower case: `zh-Hant-TW` → `zh`.

    Windows are kept per language; regions and scripts would only scatter them.
    """
    return tag.split("-", 1)[0].lower()


def detect(text: str) -> str:
    """ISO 639 code of the text's language, `und` where it has no letters."""
    start = text[:_CHARACTERS_LOOKED_AT]
    words = _NOISE.sub(" ", start)
    if not any(char.isalpha() for char in words):
        words = start
    if not any(char.isalpha() for char in words):
        return UNDETERMINED
    return str(_identifier().classify(words)[0])


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE)
