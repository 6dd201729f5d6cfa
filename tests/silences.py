"""How often usual silences are told in vain, and how soon a voice that stops is missed.

usage: python -m tests.silences [--voices 10] [--draws 16]

Voices of several kinds speak for twelve weeks: four are learnt from, eight are watched, the habit
learnt anew each day. `--voices` is how many are watched at once: each may be told in vain once in
that many times four weeks. The figures of docs/alerts.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated

import numpy as np
import typer

from stream.alerting.habit import SLOT, Counts, Habit, learn

Draw = np.random.Generator

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = 288  # slots
LEARNT, WATCHED = 28 * DAY, 56 * DAY
_LENGTH = LEARNT + WATCHED


def _by_day() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    hours = np.arange(_LENGTH) / 12 % 24
    found: np.ndarray[tuple[int], np.dtype[np.float64]]
    found = 1 + 0.9 * np.sin((hours - 9) / 24 * 2 * np.pi)
    return found


def by_chance(a_day: float, draw: Draw) -> Counts:
    """Ten times as loud in the afternoon as in the night."""
    return draw.poisson(a_day / DAY * _by_day())


def in_bursts(a_day: float, draw: Draw) -> Counts:
    """The same, swelling and ebbing within six hours by a factor of e."""
    keeps, swell = np.exp(-1 / 72), 0.0
    level = np.zeros(_LENGTH)
    for slot, step in enumerate(draw.normal(0, np.sqrt(1 - keeps**2), _LENGTH)):
        swell = keeps * swell + step
        level[slot] = swell
    return draw.poisson(a_day / DAY * _by_day() * np.exp(level - 0.5))


def crawled(every: int, draw: Draw) -> Counts:
    """All at once, each so many slots, give or take a tenth."""
    counts, at = np.zeros(_LENGTH, np.int64), 0.0
    while at < _LENGTH:
        counts[int(at)] += 1 + draw.poisson(30)
        at += every * max(0.2, 1 + 0.1 * draw.normal())
    return counts


def on_and_off(draw: Draw) -> Counts:
    """Half an hour of talk, one and a half of silence, on average."""
    counts, at = np.zeros(_LENGTH, np.int64), 0
    while at < _LENGTH:
        end = at + 1 + int(draw.exponential(6))
        counts[at:end] = 1 + draw.poisson(20, len(counts[at:end]))
        at = end + 1 + int(draw.exponential(18))
    return counts


def by_daylight(draw: Draw) -> Counts:
    """Never at night."""
    hours = np.arange(_LENGTH) / 12 % 24
    return draw.poisson(np.where((hours > 7) & (hours < 20), 3.0, 0.0))


KINDS: Mapping[str, Callable[[Draw], Counts]] = {
    **{f"{rate} a day": partial(by_chance, rate) for rate in (3, 20, 200, 5000, 100_000)},
    **{f"{rate} a day, in bursts": partial(in_bursts, rate) for rate in (20, 200, 2000)},
    "crawled each hour": partial(crawled, 12),
    "crawled each 6 hours": partial(crawled, 72),
    "half an hour on, 1.5 off": on_and_off,
    "by daylight only": by_daylight,
}


def missed_after(habit: Habit, since: datetime, false_alarms: float) -> timedelta:
    """How long it must be silent from then on, to five minutes; a month is as never."""
    bar, until = habit.tail.exceeded(false_alarms), since
    while habit.missed(since, until).hearings < bar and until - since < timedelta(days=30):
        until += SLOT
    return until - since


def watch(counts: Counts, false_alarms: float) -> tuple[int, list[timedelta]]:
    """Silences told in vain in eight weeks, and how soon one is missed that begins at 14:00."""
    heard = np.flatnonzero(counts)
    silences = [(a + 1, b) for a, b in itertools.pairwise(heard) if b - a > 2]
    told, delays = 0, []
    for now in range(LEARNT, _LENGTH, DAY):
        habit = learn(counts[now - LEARNT : now], MONDAY + (now - LEARNT) * SLOT, timedelta(days=7))
        if habit is None:
            continue
        bar = habit.tail.exceeded(false_alarms)
        for since, until in silences:
            if now <= until < now + DAY:
                times = MONDAY + int(since) * SLOT, MONDAY + int(until) * SLOT
                told += habit.missed(*times).hearings >= bar
        if now // DAY % 14 == 0:
            delays.append(missed_after(habit, MONDAY + (now + 14 * 12) * SLOT, false_alarms))
    return told, delays


def main(
    voices: Annotated[int, typer.Option(help="Watched at once.")] = 10,
    draws: Annotated[int, typer.Option(help="Of each kind.")] = 16,
) -> None:
    """Print a line a kind: told in vain in four weeks against what is asked for, and the delay."""
    for kind, speak in KINDS.items():
        runs = [watch(speak(np.random.default_rng(seed)), 1 / voices) for seed in range(draws)]
        told = sum(one for one, _ in runs) / (2 * draws) * voices
        delay = float(np.median([d / timedelta(hours=1) for _, delays in runs for d in delays]))
        typer.echo(f"{kind:26} {told:5.2f} times as asked; missed after {delay:5.1f} h")


if __name__ == "__main__":
    typer.run(main)
