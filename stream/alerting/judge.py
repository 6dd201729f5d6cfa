"""The watcher's judgement: which minutes are closed, what they say, and what is to be told.

Thin edge around pure parts: minutes from `window_scores` go through each rule's fold, `incidents`
folds its verdicts, and each transition becomes one row of `alerts` with its evidence and its
receivers. What stands is read back from `alerts` before every judgement, so a restart, a failed
write or a second watcher ends in the same incidents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from stream import metrics
from stream.alerting.evidence import Evidence, gather
from stream.alerting.expectations import Expectations
from stream.alerting.incidents import Change, Incident, State, TransitionName, advance
from stream.alerting.minutes import count_authors, first_minute, read_minutes
from stream.database import Client, errors_sorted, time_limit
from stream.detector import saved_folds
from stream.detector.folds import MINUTE, Fold, Judged, Minutes, SeriesKey, settled
from stream.detector.verdict import heard_from
from stream.rules import Rule, Rules
from stream.settings import Settings
from stream.severities import Severity

_AT_ONCE = timedelta(days=1)  # of a past that is read for a rule without memory

_PROGRESS = """
SELECT count(), max(partitions), min(read_to) FROM progress FINAL
WHERE topic = {topic:String} AND kafka_partition < partitions
SETTINGS max_execution_time = {limit:UInt32}"""

_STORED = tuple(field.name for field in fields(Incident) if field.name != "calm_since")
_INCIDENTS = f"""
SELECT {", ".join(_STORED)} FROM alerts FINAL
ORDER BY alert_id, step DESC LIMIT 1 BY alert_id
SETTINGS max_execution_time = {{limit:UInt32}}"""

_COLUMNS = ("transition", *_STORED, "receivers", "evidence")
_Place = tuple[str, str, str]  # rule, brand, topic


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far everything was read. Minutes from `closed_to` on are unknown, not calm.

    `closed_to` is None while no partition, or not every one, has told how far it is.
    """

    closed_to: datetime | None
    behind: timedelta
    partitions_missing: int


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of `alerts`."""

    alert_id: str
    step: int
    transition: TransitionName
    rule: str
    brand: str
    topic: str
    state: State
    severity: Severity
    opened_at: datetime
    changed_at: datetime
    observed: float
    expected: float
    receivers: tuple[str, ...]
    evidence: Evidence


def coverage(client: Client, settings: Settings, now: datetime) -> Coverage:
    """Up to when minutes are closed at service time `now` (DESIGN §4). Raises RetryLater.

    Ask before the window pass whose windows are to be judged: what was read by now is in them.
    """
    values = {"topic": settings.kafka.topic, "limit": time_limit(settings.clickhouse.query_timeout)}
    with errors_sorted():
        told, partitions, read_to = client.query(_PROGRESS, parameters=values).result_rows[0]
    if told == 0 or told < partitions:
        return Coverage(None, timedelta(0), partitions - told if told else 1)
    closed = min(read_to, now - settings.alerts.closes_after)
    return Coverage(_minute(closed), max(timedelta(0), now - read_to), 0)


class AlertWatcher:
    """Judges each closed minute once, and again when late posts change it. For one thread."""

    def __init__(self, client: Client, rules: Rules, settings: Settings) -> None:
        self._client = client
        self._rules = rules.rules
        self._limit = settings.clickhouse.query_timeout
        self._seconds = time_limit(self._limit)
        self._lateness = settings.alerts.lateness
        self._expectations = Expectations(client, self._seconds)
        self._folds: dict[str, Fold] = {}
        self._alarmed: dict[str, set[tuple[SeriesKey, datetime]]] = {}
        self._calm_since: dict[str, datetime | None] = {}
        self._judged_to: datetime | None = None

    def close(self) -> None:
        self._client.close()

    def step(self, now: datetime, covered: Coverage) -> list[Transition]:
        """Judge what closed since the last step; returns the transitions written.

        Raises RetryLater; the next step then judges the same minutes again.
        """
        closed = covered.closed_to
        oldest = _minute(now - self._lateness)
        begin = max(self._judged_to or oldest, oldest) + MINUTE
        if closed is None or closed < begin or not self._rules:
            return []
        # 1. What stands, as the database has it.
        incidents = self._incidents()
        # 2. The minutes, judged by each rule, and folded in the order of time.
        found: list[Change] = []
        alarmed = {}
        told: list[tuple[Rule, Judged]] = []
        readings: dict[Any, Minutes] = {}  # one for all rules that listen to the same
        for rule in self._rules:
            fold = self._settled(rule, closed)
            what = (fold.at, rule.sources, rule.languages)
            if what not in readings:
                readings[what] = self._minutes(rule, fold.at, closed)
            judged = fold.judge(readings[what])
            told.append((rule, judged))
            recent = sum(at > oldest for at in judged.times)
            alarmed[rule.name] = _alarms(judged, recent)
            alarming = {key for key, _ in alarmed[rule.name]}
            for number, key in enumerate(judged.keys):
                # The others have nothing to tell.
                if key in alarming or (rule.name, *key) in incidents:
                    found += self._follow(rule, judged, number, recent, begin, incidents)
        # 3. Evidence and rows; only then is it done.
        found.sort(key=lambda change: (change.incident.changed_at, change.incident.alert_id))
        transitions = [self._with_evidence(change) for change in found]
        self._write(transitions)
        for rule, judged in told:
            self._expectations.tell(rule, judged, begin)
        self._alarmed = alarmed
        self._judged_to = closed
        latest = incidents.values()
        metrics.INCIDENTS_OPEN.set(sum(bool(i) and i[-1].state == "open" for i in latest))
        return transitions

    def _settled(self, rule: Rule, closed: datetime) -> Fold:
        """The rule's memory, brought up to the last hour that is final, and saved there."""
        target = settled(closed, self._lateness, rule)
        fold = self._folds.get(rule.name)
        if fold is None:
            fold = saved_folds.load(self._client, rule, target, self._seconds)
            fold = fold or self._without_memory(rule, target, closed)
        while fold.at < target:
            fold, judged = fold.advance(
                self._minutes(rule, fold.at, min(target, fold.at + _AT_ONCE))
            )
            self._expectations.settle(rule, judged, closed)
            if fold.at == target:
                saved_folds.save(self._client, fold)
        self._folds[rule.name] = fold
        return fold

    def _without_memory(self, rule: Rule, target: datetime, closed: datetime) -> Fold:
        """A rule never judged before learns from what is stored; where that is nothing, its past
        begins now."""
        since = target - rule.history
        first = first_minute(self._client, since, self._seconds) or closed
        return Fold(rule, settled(min(max(first, since), target), timedelta(0), rule), first)

    def _minutes(self, rule: Rule, since: datetime, until: datetime) -> Minutes:
        return read_minutes(self._client, rule, since, until, self._seconds)

    def _incidents(self) -> dict[_Place, list[Incident]]:
        """The incidents of each place, oldest first."""
        values = {"limit": self._seconds}
        with errors_sorted():
            rows = self._client.query(_INCIDENTS, parameters=values).result_rows
        found: dict[_Place, list[Incident]] = {}
        for row in rows:
            incident = Incident(**dict(zip(_STORED, row, strict=True)))
            calm_since = self._calm_since.get(incident.alert_id)
            place = (incident.rule, incident.brand, incident.topic)
            found.setdefault(place, []).append(replace(incident, calm_since=calm_since))
        for several in found.values():
            several.sort(key=lambda incident: incident.changed_at)
        return found

    def _follow(
        self,
        rule: Rule,
        judged: Judged,
        number: int,
        recent: int,
        begin: datetime,
        incidents: dict[_Place, list[Incident]],
    ) -> Iterator[Change]:
        """The transitions that the last `recent` steps of a series lead to; `incidents` is kept up.

        Of the steps judged before, which end before `begin`, only those count that alarm now and
        did not then: late posts open, and what stands is judged by the present.
        """
        key = judged.keys[number]
        past = incidents.setdefault((rule.name, *key), [])
        known = self._alarmed.get(rule.name, set())
        for at in range(len(judged.times) - recent, len(judged.times)):
            incident = past[-1] if past else None
            stands = incident is not None and incident.state == "open"
            time = judged.times[at]
            if time < begin and (
                stands or (key, time) in known or not judged.looks[at].alarm[number]
            ):
                continue
            verdict = judged.verdict(at, number)
            if verdict.alarm and not stands:
                authors = count_authors(self._client, rule, key, verdict.since, time, self._seconds)
                verdict = heard_from(verdict, authors, rule.minimum.authors)
            after, change = advance(incident, verdict, rule, *key)
            if after is not None:
                self._calm_since[after.alert_id] = after.calm_since
                if incident is not None and incident.alert_id == after.alert_id:
                    past[-1] = after
                else:
                    past.append(after)
            if change is not None:
                yield change

    def _with_evidence(self, change: Change) -> Transition:
        incident = change.incident
        rule = next(rule for rule in self._rules if rule.name == incident.rule)
        stored = {name: getattr(incident, name) for name in _STORED}
        return Transition(
            **stored,
            transition=change.transition,
            receivers=rule.receivers,
            evidence=gather(self._client, change, rule, self._limit),
        )

    def _write(self, transitions: Sequence[Transition]) -> None:
        if not transitions:
            return
        rows = [
            [*(getattr(one, name) for name in _COLUMNS[:-1]), one.evidence.model_dump_json()]
            for one in transitions
        ]
        with errors_sorted():
            self._client.insert("alerts", rows, column_names=_COLUMNS)


def _alarms(judged: Judged, recent: int) -> set[tuple[SeriesKey, datetime]]:
    """Which series alarm at which of the last `recent` steps."""
    first = len(judged.times) - recent
    return {
        (judged.keys[number], judged.times[first + at])
        for at, look in enumerate(judged.looks[first:])
        for number in look.alarm.nonzero()[0].tolist()
    }


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)
