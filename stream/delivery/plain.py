"""What strangers wrote, made fit to stand in a notice: one line, no tricks, only web links.

This is what every format needs; what is markup in one product only, its own format disarms.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

import httpx

CUT = "…"
LONGEST_LINK = 1000  # characters; a longer one is no link

# Joiners that letters and emoji are made with; every other invisible character goes.
_JOINERS = "\u200c\u200d"
_INVISIBLE = ("Cc", "Cf", "Cs", "Co")
# Of RFC 3986, without brackets, quotes, `|` and `\`: they end a link in some markup.
_URL_SAFE = "%/:?#&=+$,;~!*-._"

_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{1,62}")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

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
    """The URL with everything escaped that could end it early; '' for what is no plain web link.

    A product may refuse a whole message for one link that it does not like: only a host of dotted
    names passes, so that no post can keep a notice from arriving.
    """
    try:
        parts = httpx.URL(url)
        host = parts.raw_host.decode("ascii")
        target = parts.raw_path.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, TypeError, ValueError):
        return ""
    if parts.scheme not in {"http", "https"} or parts.userinfo or not _HOST.fullmatch(host):
        return ""
    if parts.port is not None and not 0 < parts.port < 65536:
        return ""
    port = f":{parts.port}" if parts.port else ""
    target += f"#{parts.fragment}" if parts.fragment else ""
    escaped = quote(_STRAY_PERCENT.sub("%25", target), safe=_URL_SAFE)
    link = f"{parts.scheme}://{host}{port}{escaped}"
    return link if len(link) <= LONGEST_LINK else ""


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
