"""What strangers wrote, made fit to stand in a notice: one line, no tricks, only web links.

This is what every format needs; what is markup in one product only, its own format disarms.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, urlsplit

CUT = "…"
LONGEST_LINK = 1000  # characters; a longer one is no link

# Joiners that letters and emoji are made with; every other invisible character goes.
_JOINERS = "\u200c\u200d"
_INVISIBLE = ("Cc", "Cf", "Cs", "Co")
# Of RFC 3986, without brackets, quotes, `|` and `\`: they end a link in some markup.
_URL_SAFE = "%/:?#&=+$,;~!*-._"

# Look-alikes for products whose markup knows no escape. `·` keeps a host name from being a link.
_LOOK_ALIKES = str.maketrans("<>[]()*_`~#|!@\\&{}", "＜＞［］（）＊＿｀～＃｜！＠＼＆｛｝")


def one_line(text: str, most: int) -> str:
    """The text as one line of at most `most` characters.

    Without control characters, marks of direction, lone surrogates and the like; runs of white
    space are one space.
    """
    seen = "".join(_shown(char) for char in text[: 4 * most])
    line = " ".join(seen.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + CUT


def web_link(url: str) -> str:
    """The URL with everything escaped that could end it early; '' for what is no plain web link."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not host or "@" in parts.netloc:
        return ""
    try:
        escaped = quote(url, safe=_URL_SAFE)
    except UnicodeEncodeError:
        return ""
    return escaped if len(escaped) <= LONGEST_LINK else ""


def without_markup(text: str) -> str:
    """One line in which no product's Markdown finds a mention, a link or a style."""
    plain = text.translate(_LOOK_ALIKES).replace("://", "：//")
    return "".join(
        "·" if char == "." and plain[at + 1 : at + 2].isalpha() else char
        for at, char in enumerate(plain)
    )


def _shown(char: str) -> str:
    kind = unicodedata.category(char)
    if kind[0] == "Z" or char in "\t\n\r\v\f\x85":
        return " "
    return "" if kind in _INVISIBLE and char not in _JOINERS else char
