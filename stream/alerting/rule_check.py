"""What rules would match: their series with what was said of them lately, and what looks wrong.

For whoever has just edited the file: a rule that names a brand nobody knows watches silently for
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stream.alerting.minutes import LISTENED, listened_to
from stream.catalogue import Catalogue
from stream.database import Client, errors_sorted
from stream.detector.folds import SeriesKey, budgets
from stream.rules import EVERY, Rule, Rules
from stream.windows import SETTINGS

LOOK_BACK = timedelta(days=7)

_SAID = f"""
SELECT brand, topic, sum(mentions), sum(negative) FROM window_scores FINAL
WHERE window_start >= {{since:DateTime('UTC')}} AND {LISTENED}
GROUP BY brand, topic HAVING sum(mentions) > 0
{SETTINGS}"""

_HEARD = f"""
SELECT groupUniqArray(toString(source)), groupUniqArray(toString(lang)) FROM window_scores FINAL
WHERE window_start >= {{since:DateTime('UTC')}} AND mentions > 0
{SETTINGS}"""


@dataclass(frozen=True, slots=True)
class Said:
    """How much was said of a series in a week; None where nothing can be asked."""

    mentions: int | None
    negative: int | None


@dataclass(frozen=True, slots=True)
class Watched:
    """One series that a rule watches. `false_alarms` are those a week to put up with."""

    brand: str
    topic: str
    said: Said
    false_alarms: float


@dataclass(frozen=True, slots=True)
class Matched:
    """One rule with what it matches, most spoken of first, and what looks wrong with it."""

    rule: Rule
    series: list[Watched]
    doubts: list[str]


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard in a week: of each rule's series, and from where at all."""

    said: dict[str, dict[SeriesKey, tuple[int, int]]]
    sources: frozenset[str]
    languages: frozenset[str]


def listen(client: Client, rules: Rules, now: datetime, limit: int) -> Heard:
    """What the windows hold of the last week. Raises RetryLater."""
    values = {"since": now - LOOK_BACK, "limit": limit}
    said: dict[str, dict[SeriesKey, tuple[int, int]]] = {}
    with errors_sorted():
        sources, languages = client.query(_HEARD, parameters=values).result_rows[0]
        for rule in rules.rules:
            rows = client.query(_SAID, parameters=values | listened_to(rule)).result_rows
            said[rule.name] = {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}
    return Heard(said, frozenset(sources), frozenset(languages))


def check(rules: Rules, catalogue: Catalogue, heard: Heard | None) -> list[Matched]:
    """Each rule in the order of the file. `heard` is None where the database cannot be asked."""
    known = {(brand.name, "") for brand in catalogue.brands} | {
        (brand.name, topic) for brand in catalogue.brands for topic in brand.topics
    }
    return [_matched(rule, rules, known, heard) for rule in rules.rules]


def _matched(rule: Rule, rules: Rules, known: set[SeriesKey], heard: Heard | None) -> Matched:
    said = heard.said.get(rule.name, {}) if heard else {}
    keys = sorted(key for key in known | set(said) if rule.covers(*key))
    shares: Iterable[float] = budgets(rule, keys) if keys else ()
    nothing = Said(0, 0) if heard else Said(None, None)
    series = [
        Watched(*key, Said(*said[key]) if key in said else nothing, float(share))
        for key, share in zip(keys, shares, strict=True)
    ]
    series.sort(key=lambda one: (-(one.said.mentions or 0), one.brand, one.topic))
    return Matched(rule, series, list(_doubts(rule, rules, known, series, heard)))


def _doubts(
    rule: Rule,
    rules: Rules,
    known: set[SeriesKey],
    series: Sequence[Watched],
    heard: Heard | None,
) -> Iterable[str]:
    brands, topics = {brand for brand, _ in known}, {topic for _, topic in known}
    yield from _unknown("brands", rule.brands, brands, "brands.yaml names no such brand")
    yield from _unknown("topics", rule.topics, topics, "no brand in brands.yaml has such a topic")
    if heard:
        yield from _unknown("sources", rule.sources, heard.sources, "nothing from there in a week")
        yield from _unknown("languages", rule.languages, heard.languages, "unheard for a week")
    if not series:
        yield "it watches nothing"
    elif heard and not any(one.said.mentions for one in series):
        yield "nobody spoke of what it watches for a week"
    if not rule.receivers:
        yield "receivers: none; its alerts show on the board only"
    for other in rules.rules[: [one.name for one in rules.rules].index(rule.name)]:
        twice = [one for one in series if other.covers(one.brand, one.topic)]
        same = set(rule.receivers) & set(other.receivers)
        if twice and same and _listen_alike(rule, other):
            yield (
                f"{', '.join(sorted(same))} is told of {len(twice)} series by rule "
                f"{other.name!r} as well"
            )


def _unknown(field: str, named: Iterable[str], known: Iterable[str], why: str) -> Iterable[str]:
    for name in named:
        if name != EVERY and name not in known:
            yield f"{field}: {name!r}: {why}"


def _listen_alike(one: Rule, other: Rule) -> bool:
    """Whether something may be heard by both."""
    pairs = ((one.sources, other.sources), (one.languages, other.languages))
    return all(EVERY in a or EVERY in b or set(a) & set(b) for a, b in pairs)
