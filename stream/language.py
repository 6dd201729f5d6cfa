"""The language of a text, where the message does not name it.

A script that one language writes names it; else the identifier is py3langid (a bundled table of
n-grams, no network). Posts are short, so links, names and tags that say nothing about the language
are left out first.
"""

from __future__ import annotations

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNDETERMINED = "und"
_CHARACTERS_LOOKED_AT = 1000
_NOISE = re.compile(r"https?://\S+|[@#]\w+")
_LETTERS = re.compile(r"[^\W\d_]+")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
_KANA = re.compile("[\u3041-\u30ff]+")
_OWN = {"ko": re.compile("[\uac00-\ud7a3]+"), "th": re.compile("[\u0e01-\u0e5b]+")}
_OF_LATIN = 3  # letters that a syllable or a word sign is worth, beside names of brands
_JAPANESE = 0.1  # of kana among the signs; Chinese borrows one at times


def primary(tag: str) -> str:
    """The primary language of a BCP-47 tag, in lower case: `zh-Hant-TW` → `zh`.

    Windows are kept per language; regions and scripts would only scatter them.
    """
    return tag.split("-", 1)[0].lower()


def detect(text: str) -> str:
    """ISO 639 code of the text's language, `und` where it has no letters."""
    start = text[:_CHARACTERS_LOOKED_AT]
    words = _NOISE.sub(" ", start)
    if not _LETTERS.search(words):
        words = start
        if not _LETTERS.search(words):
            return UNDETERMINED
    return _by_script(words) or str(_identifier().classify(words)[0])


def _by_script(words: str) -> str | None:
    """The language whose own script most of the letters are in."""
    if words.isascii():
        return None
    letters = _count(_LETTERS, words)

    def prevails(signs: int) -> bool:
        return signs * _OF_LATIN > letters - signs

    kana = _count(_KANA, words)
    signs = kana + _count(_HAN, words)
    if prevails(signs):
        return "ja" if kana > _JAPANESE * signs else "zh"
    return next((lang for lang, own in _OWN.items() if prevails(_count(own, words))), None)


def _count(characters: re.Pattern[str], text: str) -> int:
    return sum(map(len, characters.findall(text)))


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE)
