"""How an alert that is judged again looks on a terminal. Pure.

Ids of posts and names of brands are written by others: every line is escaped as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from stream.logs import escape

_EXAMPLES = 3  # posts named per cause

Plain = Mapping[str, Any]


def report(told: Plain, notes: Sequence[str]) -> str:
    """Both verdicts in words; `told` is as `alerting.replay.replay` gives it."""
    place = f"{told['brand']} / {told['topic']}" if told["topic"] else told["brand"]
    at = datetime.fromisoformat(told["recorded"]["verdict"]["at"])
    lines = [
        f"alert {told['alert_id']}, step {told['step']}: {told['transition']}, {told['severity']}",
        f"{place}, rule {told['rule']}, {at:%Y-%m-%d %H:%M} UTC",
        *(f"note: {note}" for note in notes),
        "",
        *_then(told["recorded"]),
        "",
        *_today(told["recorded"], told["today"]),
        *_differences(told["recorded"], told["today"]),
    ]
    return "\n".join(map(escape, lines))


def _then(then: Plain) -> Iterator[str]:
    verdict = then["verdict"]
    if then["agrees"]:
        yield "From the recorded counts: the same verdict, in every bit."
    else:
        yield "From the recorded counts: NOT the verdict that was told."
        yield from (f"  {line}" for line in then["differences"])
    since, at = (datetime.fromisoformat(verdict[name]) for name in ("since", "at"))
    yield (
        f"  {verdict['reason']}: {verdict['observed']} negative of {verdict['mentions']} mentions "
        f"in {(at - since).total_seconds() / 60:.0f} min, {verdict['expected']:.1f} expected, "
        f"score {verdict['score']:.2f}"
    )


def _today(then: Plain, now: Plain) -> Iterator[str]:
    yield "From today's posts:"
    rows = [("", "then", "today")]
    pair = [_column(then), _column(now)]
    rows += [(name, pair[0][name], pair[1][name]) for name in pair[0]]
    yield from (f"  {name:<10}{before:>24}{after:>24}" for name, before, after in rows)


def _column(judged: Plain) -> dict[str, str]:
    verdict, authors = judged["verdict"], judged["authors"]
    return {
        "since": f"{datetime.fromisoformat(verdict['since']):%H:%M}",
        "negative": str(verdict["observed"]),
        "mentions": str(verdict["mentions"]),
        "expected": f"{verdict['expected']:.1f}",
        "authors": "-" if authors is None else str(authors),
        "score": f"{verdict['score']:.2f}",
        "verdict": f"{'alarm' if verdict['alarm'] else 'no'} ({verdict['reason']})",
    }


def _differences(then: Plain, now: Plain) -> Iterator[str]:
    total, counted = then["posts"], then["verdict"]["mentions"]
    if total != counted:
        yield f"  ({total} posts were stored when {counted} mentions were counted)"
    sample = f"a sample of {then['compared']} of " if then["compared"] < total else ""
    yield f"Differences, of {sample}the {total} posts:"
    for cause, sums in now["causes"].items():
        ids = [
            f"{post['source']} {post['post_id']}"
            for post in now["posts"]
            if post["cause"] == cause and post["post_id"]
        ]
        more = ", …" if len(ids) > _EXAMPLES else ""
        word = "post " if sums["posts"] == 1 else "posts"
        yield (
            f"  {cause:<10}{sums['posts']:>5} {word}{sums['negative']:>+6} negative "
            f"{sums['mentions']:>+5} mentions   {', '.join(ids[:_EXAMPLES])}{more}".rstrip()
        )
    if not now["causes"]:
        yield "  none"
    outside = now["before_the_window"]
    if any(outside.values()):
        yield (
            f"  minutes before the window: {outside['negative']:+} negative, "
            f"{outside['mentions']:+} mentions"
        )
