"""The watcher's judgement: which minutes are closed, what they say, and what is to be told.

Thin edge around pure parts: minutes from `window_scores` go into `tallies`, `detect` judges them,
`incidents` folds the verdicts, and each transition becomes one row of `alerts` with its evidence
and its receivers. What stands is read back from `alerts` before every judgement, so a restart, a
failed write or a second watcher ends in the same incidents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from stream import metrics
from stream.database import Client, errors_sorted
from stream.detect import heard_from, judge
from stream.evidence import Evidence, count_authors, gather
from stream.incidents import Change, Incident, State, TransitionName, advance
from stream.rules import EVERY, Rule, Rules, Severity
from stream.settings import Settings
from stream.tallies import MINUTE, SeriesKey, Span, Tallies, minutes_needed

_LEARN_AGAIN_AFTER = timedelta(hours=12)  # a level that lasts this long becomes the new normal
_READ_WHOLE_EVERY = timedelta(hours=1)  # so that what came later than the lateness is learnt too

_PROGRESS = """
SELECT count(), max(partitions), min(read_to) FROM progress FINAL
WHERE topic = {topic:String} AND kafka_partition < partitions
SETTINGS max_execution_time = {limit:UInt32}"""

_MINUTES = """
SELECT brand, topic, window_start, sum(negative), sum(mentions)
FROM window_scores FINAL
WHERE window_start >= {since:DateTime('UTC')} AND window_start < {until:DateTime('UTC')}
GROUP BY brand, topic, window_start
SETTINGS max_execution_time = {limit:UInt32}, do_not_merge_across_partitions_select_final = 1"""

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
    values = {"topic": settings.kafka.topic, "limit": _seconds(settings)}
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
        self._lateness = settings.alerts.lateness
        needed = max((minutes_needed(rule) for rule in self._rules), default=1)
        self._span = needed + self._lateness // MINUTE
        self._tallies = Tallies(self._span)
        self._late: dict[SeriesKey, set[datetime]] = {}
        self._calm_since: dict[str, datetime | None] = {}
        self._judged_to: datetime | None = None
        self._read_whole_at: datetime | None = None

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
        # 1. The minutes, and which of those judged before have changed.
        self._read(closed)
        # 2. What stands, as the database has it.
        incidents = self._incidents()
        # 3. Verdicts, folded in the order of time.
        found: list[Change] = []
        for rule in self._rules:
            for key in self._series_of(rule):
                times = [*self._late_ends(key, rule, begin, oldest), *_range(begin, closed)]
                found += self._follow(rule, key, times, incidents)
        # 4. Evidence and rows; only then is it done.
        found.sort(key=lambda change: (change.incident.changed_at, change.incident.alert_id))
        transitions = [self._with_evidence(change) for change in found]
        self._write(transitions)
        self._late.clear()
        self._judged_to = closed
        latest = incidents.values()
        metrics.INCIDENTS_OPEN.set(sum(bool(i) and i[-1].state == "open" for i in latest))
        return transitions

    def _read(self, closed: datetime) -> None:
        whole = self._read_whole_at is None or closed - self._read_whole_at >= _READ_WHOLE_EVERY
        since = closed - (self._span * MINUTE if whole else self._lateness)
        values = {"since": since, "until": closed, "limit": int(self._limit.total_seconds())}
        with errors_sorted():
            rows = self._client.query(_MINUTES, parameters=values).result_rows
        for key, minutes in self._tallies.replace(rows, since, closed).items():
            self._late.setdefault(key, set()).update(minutes)
        if whole:
            self._read_whole_at = closed

    def _incidents(self) -> dict[_Place, list[Incident]]:
        """The incidents of each place, oldest first."""
        values = {"limit": int(self._limit.total_seconds())}
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

    def _series_of(self, rule: Rule) -> list[SeriesKey]:
        """Every series the rule covers: those heard of, and those it names."""
        named = {(b, t) for b in rule.brands for t in rule.topics if EVERY not in (b, t)}
        heard = {key for key in self._tallies.keys() if rule.covers(*key)}  # noqa: SIM118
        return sorted(heard | named)

    def _late_ends(
        self, key: SeriesKey, rule: Rule, begin: datetime, oldest: datetime
    ) -> list[datetime]:
        """The ends of the steps that late posts changed, of those judged before.

        Newer windows hold them too, so only the step itself is judged again.
        """
        ends = {
            oldest + ((minute - oldest) // rule.granularity + 1) * rule.granularity
            for minute in self._late.get(key, ())
            if minute >= oldest
        }
        return sorted(end for end in ends if end < begin)

    def _follow(
        self,
        rule: Rule,
        key: SeriesKey,
        times: Sequence[datetime],
        incidents: dict[_Place, list[Incident]],
    ) -> Iterator[Change]:
        """The transitions that the verdicts at `times` lead to; `incidents` is kept up."""
        past = incidents.setdefault((rule.name, *key), [])
        for at in times:
            incident = past[-1] if past else None
            stands = incident is not None and incident.state == "open"
            if stands and self._judged_to and at <= self._judged_to:
                continue  # late posts only open; what stands is judged by the present
            series = self._tallies.series(key, at, rule, [_masked(one, rule) for one in past])
            verdict = judge(series, rule)
            if verdict.alarm and not stands:
                authors = count_authors(self._client, *key, verdict.since, at, self._limit)
                verdict = heard_from(verdict, authors, rule)
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


def _masked(incident: Incident, rule: Rule) -> Span:
    """The time of an incident, which is no usual time; but a level that stays becomes one."""
    since = incident.opened_at - 12 * rule.granularity
    until = incident.opened_at + _LEARN_AGAIN_AFTER
    return since, min(until, incident.changed_at) if incident.state == "resolved" else until


def _range(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + i * MINUTE for i in range((end - begin) // MINUTE + 1)]


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)


def _seconds(settings: Settings) -> int:
    return max(1, int(settings.clickhouse.query_timeout.total_seconds()))
