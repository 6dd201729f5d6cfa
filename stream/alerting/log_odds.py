"""What makes up more of a rise than is usual: log-odds with a prior, over their error. Pure.

Monroe, Colaresi & Quinn, "Fightin' Words" (2008): both sides are drawn towards what is common to
both, so that neither rare things nor those that are everywhere stand out by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

PRIOR = 0.25  # of what was counted, as if counted before …
MOST_PRIOR = 100.0  # … but no more than this
_SHOWN = 8


class Share(BaseModel):
    """A part of the negative mentions, against its part of those before.

    `usual_share` is None where nothing was counted before. `z` is how sure it is that the part
    has grown: above 2 is notable, above 4 is beyond doubt; below 0 it has shrunk.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    negative: int
    share: float
    usual_share: float | None
    z: float


def log_odds(count: int, of: int, usual: int, usual_of: int) -> tuple[float, float]:
    """How much the odds of `count` among `of` exceed those of `usual` among `usual_of`, as a
    logarithm, and its variance."""
    prior = min(MOST_PRIOR, PRIOR * (of + usual_of))
    # Half a count keeps what is always or never there finite.
    common = prior * (count + usual + 0.5) / (of + usual_of + 1)
    now, before = count + common, usual + common
    others, others_before = of + prior - now, usual_of + prior - before
    difference = math.log(now / others) - math.log(before / others_before)
    return difference, 1 / now + 1 / others + 1 / before + 1 / others_before


def shares(
    counted: Mapping[str, int], of: int, usual: Mapping[str, int], usual_of: int
) -> list[Share]:
    """The parts of `of` negative mentions, the largest first, at most eight."""
    largest = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN]
    found = []
    for name, count in largest:
        before = usual.get(name, 0)
        difference, variance = log_odds(count, of, before, usual_of)
        found.append(
            Share(
                name=name,
                negative=count,
                share=round(count / of, 4),
                usual_share=round(before / usual_of, 4) if usual_of else None,
                z=round(difference / math.sqrt(variance), 2) if usual_of else 0.0,
            )
        )
    return found
