"""How often Python's collector of cycles looks through memory."""

from __future__ import annotations

import gc

_YOUNG = 50_000  # new containers before the youngest are looked through; usually 700 or 2,000


def look_seldom() -> None:
    """Call it once, when all that stays for good is loaded: that is not looked through again.

    A batch makes a hundred thousand containers and no cycles; their number alone makes Python look
    through everything it has, libraries included. It took a quarter of a consumer's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)
