"""How an alert that is judged again looks, on a terminal and to machines. Pure.

Ids of posts and names of brands are written by others: every line is escaped as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from stream.alerting.differences import CAUSES, Difference
from stream.alerting.recorded import Recorded
from stream.alerting.replay import Stored, Today
from stream.detector.verdict import Verdict
from stream.logs import escape

_EXAMPLES = 3  # posts named per cause on a terminal


def report(
    stored: Stored,
    recorded: Recorded,
    notes: Sequence[str],
    differing: Sequence[str],
    today: Today,
) -> str:
    """Both verdicts in words."""
    place = f"{stored.brand} / {stored.topic}" if stored.topic else stored.brand
    lines = [
        f"alert {stored.alert_id}, step {stored.step}: {stored.transition}, {stored.severity}",
        f"{place}, rule {stored.rule}, {_time(recorded.verdict.at)}",
        *(f"note: {note}" for note in notes),
        "",
        *_then(recorded, differing),
        "",
        *_today(recorded, today),
    ]
    return "\n".join(map(escape, lines))


def as_dict(
    stored: Stored,
    recorded: Recorded,
    notes: Sequence[str],
    differing: Sequence[str],
    today: Today,
) -> dict[str, Any]:
    """All of it, with every post."""
    causes = {cause: _sum(found) for cause, found in _by_cause(today)}
    return {
        "alert_id": stored.alert_id,
        "step": stored.step,
        "transition": stored.transition,
        "rule": stored.rule,
        "brand": stored.brand,
        "topic": stored.topic,
        "notes": list(notes),
        "recorded": {
            "agrees": not differing,
            "differences": list(differing),
            "detector_version": recorded.detector_version,
            "authors": recorded.authors,
            "posts": recorded.posts.total,
            "compared": len(recorded.posts.keys),
            "verdict": _verdict(recorded.verdict),
        },
        "today": {
            "authors": today.authors,
            "verdict": _verdict(today.verdict),
            "causes": causes,
            "before_the_window": dict(zip(("negative", "mentions"), today.outside, strict=True)),
            "posts": [asdict(one) for one in today.differences],
        },
    }


def _then(recorded: Recorded, differing: Sequence[str]) -> Iterator[str]:
    verdict = recorded.verdict
    if differing:
        yield "From the recorded counts: NOT the verdict that was told."
        yield from (f"  {line}" for line in differing)
    else:
        yield "From the recorded counts: the same verdict, in every bit."
    minutes = (verdict.at - verdict.since).total_seconds() / 60
    yield (
        f"  {verdict.reason}: {verdict.observed} negative of {verdict.mentions} mentions in "
        f"{minutes:.0f} min, {verdict.expected:.1f} expected, score {verdict.score:.2f}"
    )


def _today(recorded: Recorded, today: Today) -> Iterator[str]:
    then, now = recorded.verdict, today.verdict
    yield "From today's posts:"
    rows = [
        ("", "then", "today"),
        ("since", f"{then.since:%H:%M}", f"{now.since:%H:%M}"),
        ("negative", str(then.observed), str(now.observed)),
        ("mentions", str(then.mentions), str(now.mentions)),
        ("expected", f"{then.expected:.1f}", f"{now.expected:.1f}"),
        ("authors", "-" if recorded.authors is None else str(recorded.authors), str(today.authors)),
        ("score", f"{then.score:.2f}", f"{now.score:.2f}"),
        ("verdict", _alarm(then), _alarm(now)),
    ]
    yield from (f"  {name:<10}{before:>24}{after:>24}" for name, before, after in rows)
    kept, total = len(recorded.posts.keys), recorded.posts.total
    if total != then.mentions:
        yield f"  ({total} posts were stored when {then.mentions} mentions were counted)"
    if kept < total:
        yield f"Differences, of a sample of {kept} of the {total} posts:"
    else:
        yield f"Differences, of the {total} posts:"
    found = _by_cause(today)
    for cause, several in found:
        sums = _sum(several)
        named = [f"{one.source} {one.post_id}" for one in several if one.post_id][:_EXAMPLES]
        more = ", …" if len(several) > len(named) > 0 else ""
        word = "post " if len(several) == 1 else "posts"
        yield (
            f"  {cause:<10}{len(several):>5} {word}{sums['negative']:>+6} negative "
            f"{sums['mentions']:>+5} mentions   {', '.join(named)}{more}".rstrip()
        )
    if not found:
        yield "  none"
    if any(today.outside):
        negative, mentions = today.outside
        yield f"  minutes before the window: {negative:+} negative, {mentions:+} mentions"


def _by_cause(today: Today) -> list[tuple[str, list[Difference]]]:
    """Those that there are, in the order of `CAUSES`."""
    every = [(cause, [d for d in today.differences if d.cause == cause]) for cause in CAUSES]
    return [(cause, found) for cause, found in every if found]


def _sum(found: Sequence[Difference]) -> dict[str, int]:
    return {
        "posts": len(found),
        "negative": sum(one.negative for one in found),
        "mentions": sum(one.mentions for one in found),
    }


def _alarm(verdict: Verdict) -> str:
    return f"alarm ({verdict.reason})" if verdict.alarm else f"no ({verdict.reason})"


def _verdict(verdict: Verdict) -> dict[str, Any]:
    values = asdict(verdict)
    return values | {"at": verdict.at.isoformat(), "since": verdict.since.isoformat()}


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
