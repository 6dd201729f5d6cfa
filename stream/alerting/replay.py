"""Why did it fire? The verdict of an alert again, from what was recorded and from today's posts.

What was recorded must give the same verdict, bit for bit. What is stored today may give another;
`differences` tells by which posts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from stream.alerting.counted_posts import first_seen, read_counted, read_fates
from stream.alerting.differences import Difference, compare, sums
from stream.alerting.minutes import count_authors, read_minutes
from stream.alerting.recorded import Recorded, judge_again, read_recorded
from stream.database import Client, errors_sorted
from stream.detector.detect import DETECTOR_VERSION
from stream.detector.folds import Minutes
from stream.detector.verdict import Verdict, heard_from
from stream.errors import NotFound, UsageError
from stream.rules import Rule

_ALL = 1_000_000  # posts of today that are compared

_TRANSITIONS = """
SELECT alert_id, step, transition, rule, brand, topic, severity, changed_at, observed, expected,
    recorded, written_at
FROM alerts FINAL WHERE startsWith(alert_id, {prefix:String})
ORDER BY alert_id, step, transition
SETTINGS max_execution_time = {limit:UInt32}"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A transition as it was told. `recorded` is '' where no verdict made it."""

    alert_id: str
    step: int
    transition: str
    rule: str
    brand: str
    topic: str
    severity: str
    changed_at: datetime
    observed: float
    expected: float
    recorded: str
    written_at: datetime


@dataclass(frozen=True)
class Today:
    """The same judgement on what is stored today.

    `differences` are of the posts in the window, or of the sample of them that was recorded;
    `outside` counts what the minutes before the window gained (negative, mentions).
    """

    verdict: Verdict
    authors: int
    differences: tuple[Difference, ...]
    outside: tuple[int, int]


def replay(client: Client, prefix: str, step: int | None, limit: int) -> dict[str, Any]:
    """All that `undertone replay` tells, as plain values: both verdicts and every post that makes
    the difference. Raises as `find` and `disagreements` do."""
    stored = find(client, prefix, step, limit)
    recorded = read_recorded(stored.recorded)
    differing = disagreements(stored, recorded)
    today = judge_today(client, stored, recorded, limit)
    told = ("alert_id", "step", "transition", "severity", "rule", "brand", "topic")
    return {
        **{name: getattr(stored, name) for name in told},
        "recorded": {
            "agrees": not differing,
            "differences": differing,
            "detector_version": recorded.detector_version,
            "rule": recorded.rule,
            "authors": recorded.authors,
            "posts": recorded.posts.total,
            "compared": len(recorded.posts.keys),
            "verdict": _plain(recorded.verdict),
        },
        "today": {
            "authors": today.authors,
            "verdict": _plain(today.verdict),
            "before_the_window": dict(zip(("negative", "mentions"), today.outside, strict=True)),
            "causes": sums(today.differences),
            "posts": [asdict(one) for one in today.differences],
        },
    }


def _plain(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict) | {"at": verdict.at.isoformat(), "since": verdict.since.isoformat()}


def find(client: Client, prefix: str, step: int | None, limit: int) -> Stored:
    """The transition number `step` of the one alert whose id begins so; without a number the one
    that opened it. Raises NotFound where there is none, UsageError where there are several or
    nothing was recorded with it, RetryLater."""
    with errors_sorted():
        rows = client.query(_TRANSITIONS, parameters={"prefix": prefix, "limit": limit})
    found = [Stored(*row) for row in rows.result_rows]
    ids = sorted({one.alert_id for one in found})
    if not ids:
        raise NotFound(f"ALERT {prefix}: no alert's id begins so; `undertone alerts` lists them")
    if len(ids) > 1:
        named = ", ".join(ids[:3]) + (" …" if len(ids) > 3 else "")
        raise UsageError(f"ALERT {prefix}: {len(ids)} alerts begin so ({named}); give more of it")
    made = [one for one in found if one.recorded]
    for one in made:
        if step in (None, one.step):
            return one
    steps = ", ".join(f"{one.step} ({one.transition})" for one in made)
    why = (
        f"recorded are the steps {steps}"
        if made
        else "no verdict on a mood made it, or it is older than schema step 011-alerts-recorded"
    )
    if step is not None and all(one.step != step for one in found):
        raise UsageError(f"--step {step}: alert {ids[0]} has {len(found)} steps")
    raise UsageError(f"alert {ids[0]}: nothing was recorded with this step; {why}")


def disagreements(stored: Stored, recorded: Recorded) -> list[str]:
    """What the recorded counts give otherwise than was decided and told, each in words; [] where
    they agree in every bit. Raises StopService where this version cannot judge them."""
    again = judge_again(recorded, recorded.minutes())
    if recorded.authors is not None:
        again = heard_from(again, recorded.authors, recorded.rule_then().minimum.authors)
    told = {"observed": stored.observed, "expected": stored.expected, "at": stored.changed_at}
    return [
        f"{field.name}: {then} was decided, the counts give {now}"
        for field in fields(Verdict)
        if (then := getattr(recorded.verdict, field.name)) != (now := getattr(again, field.name))
    ] + [
        f"{name}: {then} was told, the counts give {now}"
        for name, then in told.items()
        if then != (now := getattr(again, name))
    ]


def outdated(told: Mapping[str, Any], rule: Rule | None, oldest: datetime) -> list[str]:
    """What is no more as it was: `told` is as `replay` gives it, `rule` the one of today, if there
    is one; posts before `oldest` are not kept."""
    found, then = [], told["recorded"]
    if datetime.fromisoformat(then["verdict"]["since"]) < oldest:
        found.append(f"posts before {oldest:%Y-%m-%d} are not kept: they count as erased")
    if then["detector_version"] != DETECTOR_VERSION:
        found.append(
            f"recorded by detector {then['detector_version']}, this is {DETECTOR_VERSION}: it may "
            "judge the same counts otherwise"
        )
    now = rule.model_dump(mode="json") if rule else {}
    changed = [
        f"{name} was {value}, is {now.get(name)}"
        for name, value in then["rule"].items()
        if rule and now.get(name) != value
    ]
    if changed:
        found.append(
            f"the rule has changed since ({'; '.join(changed)}); it is judged by the rule as it was"
        )
    return found


def judge_today(client: Client, stored: Stored, recorded: Recorded, limit: int) -> Today:
    """The judgement on today's minutes and posts, by the rule as it was. Raises RetryLater."""
    rule, verdict = recorded.rule_then(), recorded.verdict
    minutes = read_minutes(client, rule, recorded.settled_to, verdict.at, limit)
    again = judge_again(recorded, minutes)
    authors = count_authors(client, rule, recorded.series, again.since, again.at, limit)
    if recorded.authors is not None:
        again = heard_from(again, authors, rule.minimum.authors)
    reach = recorded.posts.reach
    now, _ = read_counted(
        client, rule, recorded.series, verdict.since, verdict.at, limit, _ALL, reach
    )
    before = recorded.posts.by_key().keys()
    gone = before - {post.key for post in now}
    new = [post for post in now if post.key not in before]
    fates = read_fates(client, gone, verdict.since, verdict.at, limit)
    seen = first_seen(client, new, limit)
    differences = compare(recorded.posts, now, fates, seen, stored.written_at)
    return Today(again, authors, tuple(differences), _outside(recorded, minutes))


def _outside(recorded: Recorded, now: Minutes) -> tuple[int, int]:
    """What the minutes before the window have gained."""
    until = max(recorded.verdict.since, recorded.settled_to)
    total = [
        minutes.between(recorded.settled_to, until).counts[recorded.series].sum(1)
        if recorded.series in minutes.counts
        else (0, 0)
        for minutes in (recorded.minutes(), now)
    ]
    return int(total[1][0] - total[0][0]), int(total[1][1] - total[0][1])
