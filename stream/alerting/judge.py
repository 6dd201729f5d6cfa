"""The watcher's judgement of closed minutes: what they say, and what is to be told.

Thin edge around pure parts: minutes from `window_scores` go through each rule's fold, `advance`
turns its verdicts into transitions, and each becomes one row of `alerts` with its evidence. What
stands is read back from `alerts` before every judgement, so a restart, a failed write or a second
watcher ends in the same incidents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stream import metrics
from stream.alerting.advance import Change, advance
from stream.alerting.alert_rows import standing_incidents, write_transitions
from stream.alerting.counted_posts import fingerprints
from stream.alerting.coverage import Coverage, minute_of
from stream.alerting.evidence import Evidence, gather
from stream.alerting.expectations import Expectations
from stream.alerting.groups import Groups
from stream.alerting.incidents import Incident, Transition, after, next_of
from stream.alerting.minutes import count_authors, first_minute, read_minutes
from stream.alerting.recorded import Grounds, record
from stream.alerting.silences import Silence, covering, read_silences
from stream.database import Client, time_limit
from stream.detector import saved_folds
from stream.detector.folds import MINUTE, Fold, Judged, Minutes, SeriesKey, settled
from stream.detector.verdict import Verdict, heard_from
from stream.rules import Rule, Rules
from stream.settings import Settings

_AT_ONCE = timedelta(days=1)  # of a past that is read for a rule without memory

_Place = tuple[str, str, str]  # rule, brand, topic


@dataclass(frozen=True, slots=True)
class Written:
    """A transition that was written, with what it was told with."""

    row: Transition
    evidence: Evidence | None
    recorded: str = ""


class AlertWatcher:
    """Judges each closed minute once, and again when late posts change it. For one thread.

    `acts` tells, just before rows are written, whether they still may be.
    """

    def __init__(
        self,
        client: Client,
        rules: Rules,
        settings: Settings,
        acts: Callable[[], bool] = lambda: True,
    ) -> None:
        self._client = client
        self._rules = {rule.name: rule for rule in rules.rules}
        self._limit = settings.clickhouse.query_timeout
        self._seconds = time_limit(self._limit)
        self._lateness = settings.alerts.lateness
        self._acts = acts
        self.forget()

    def forget(self) -> None:
        """Know nothing, as after a restart: another watcher may have acted meanwhile."""
        self._expectations = Expectations(self._client, self._seconds)
        self._folds: dict[str, Fold] = {}
        self._alarmed: dict[str, set[tuple[SeriesKey, datetime]]] = {}
        self._calm_since: dict[str, datetime | None] = {}
        self._judged_to: datetime | None = None

    def close(self) -> None:
        self._client.close()

    def use(self, rules: Rules) -> None:
        """Judge by these rules from now on. What a rule has learnt is kept where it still fits."""
        self._rules = {rule.name: rule for rule in rules.rules}
        kept = {}
        for name, fold in self._folds.items():
            rule = self._rules.get(name)
            if rule and saved_folds.version_of(rule) == saved_folds.version_of(fold.rule):
                kept[name] = fold.under(rule)
        self._folds = kept
        self._alarmed = {name: known for name, known in self._alarmed.items() if name in kept}

    def step(self, now: datetime, covered: Coverage) -> list[Written]:
        """Judge what closed since the last step; returns the transitions written.

        Raises RetryLater; the next step then judges the same minutes again.
        """
        closed = covered.closed_to
        oldest = minute_of(now - self._lateness)
        begin = max(self._judged_to or oldest, oldest) + MINUTE
        if closed is None or closed < begin:
            return []
        # 1. What stands, and what is not to be told, as the database has it.
        incidents = self._incidents(oldest)
        groups = Groups(incident for past in incidents.values() for incident in past)
        silences = read_silences(self._client, oldest, self._seconds)
        # 2. The minutes, judged by each rule, and folded in the order of time.
        found = list(self._without_rule(incidents, closed))
        alarmed = {}
        told: list[tuple[Rule, Judged]] = []
        readings: dict[object, Minutes] = {}  # one for all rules that listen to the same
        for rule in self._rules.values():
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
                    past = incidents.setdefault((rule.name, *key), [])
                    found += self._follow(rule, judged, number, recent, begin, past, silences)
        # 3. Evidence and rows; only then is it done.
        found.sort(key=lambda change: (change.row.changed_at, change.row.alert_id))
        written = [self._with_evidence(change, groups) for change in found]
        if not self._acts():
            return []  # whoever leads now judges the same minutes
        write_transitions(
            self._client,
            [
                (one.row, one.evidence.model_dump_json() if one.evidence else "", one.recorded)
                for one in written
            ],
        )
        for rule, judged in told:
            self._expectations.tell(rule, judged, begin)
        self._alarmed = alarmed
        self._judged_to = closed
        latest = (past[-1] for past in incidents.values() if past)
        metrics.INCIDENTS_OPEN.set(sum(not incident.resolved for incident in latest))
        return written

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

    def _incidents(self, oldest: datetime) -> dict[_Place, list[Incident]]:
        """Those of each place that may still matter, the oldest first."""
        cool_down = max((rule.cool_down for rule in self._rules.values()), default=timedelta(0))
        found: dict[_Place, list[Incident]] = {}
        for one in standing_incidents(self._client, "mood", oldest - cool_down, self._seconds):
            incident = replace(one, calm_since=self._calm_since.get(one.alert_id))
            found.setdefault((one.rule, one.brand, one.topic), []).append(incident)
        for several in found.values():
            several.sort(key=lambda incident: incident.judged_at)
        return found

    def _without_rule(
        self, incidents: dict[_Place, list[Incident]], closed: datetime
    ) -> Iterator[Change]:
        """What stands and is watched by no rule any more ends, or it would stand for ever."""
        for (name, *key), past in incidents.items():
            rule, incident = self._rules.get(name), past[-1]
            watched = rule is not None and rule.covers(*key)
            if not watched and not incident.resolved and incident.judged_at < closed:
                row = next_of(incident, "resolved", "rule_removed", closed, incident.told)
                past[-1] = after(incident, row)
                yield Change(row, None)

    def _follow(
        self,
        rule: Rule,
        judged: Judged,
        number: int,
        recent: int,
        begin: datetime,
        past: list[Incident],
        silences: list[Silence],
    ) -> Iterator[Change]:
        """The transitions that the last `recent` steps of a series lead to; `past`, the incidents
        of its place, is kept up.

        Of the steps judged before, which end before `begin`, only those count that alarm now and
        did not then: late posts open, and what stands is judged by the present.
        """
        key = judged.keys[number]
        known = self._alarmed.get(rule.name, set())
        for at in range(len(judged.times) - recent, len(judged.times)):
            incident = past[-1] if past else None
            stands = incident is not None and not incident.resolved
            time = judged.times[at]
            if time < begin and (
                stands or (key, time) in known or not judged.looks[at].alarm[number]
            ):
                continue
            verdict, authors = judged.verdict(at, number), None
            if verdict.alarm and not stands:
                authors = count_authors(self._client, rule, key, verdict.since, time, self._seconds)
                verdict = heard_from(verdict, authors, rule.minimum.authors)
            silence = covering(silences, rule.name, *key, time)
            now, change = advance(incident, verdict, rule, *key, silence)
            if now is not None:
                self._calm_since[now.alert_id] = now.calm_since
                if incident is not None and incident.alert_id == now.alert_id:
                    past[-1] = now
                else:
                    past.append(now)
            if change is not None:
                yield replace(change, grounds=Grounds(judged, number, authors))

    def _with_evidence(self, change: Change, groups: Groups) -> Written:
        rule = self._rules.get(change.row.rule)
        if change.verdict is None or rule is None:
            return Written(groups.joined(change.row, {}, 0, timedelta(0)), None)
        evidence = gather(self._client, change.row, change.verdict, rule, self._limit)
        row = groups.joined(change.row, evidence.brands, evidence.posts_counted, rule.cool_down)
        return Written(row, evidence, self._recorded(change.verdict, change, rule))

    def _recorded(self, verdict: Verdict, change: Change, rule: Rule) -> str:
        """What an alarm was made from, as JSON, for `undertone replay`."""
        if change.grounds is None or not change.tells_alarm:
            return ""
        posts = fingerprints(
            self._client,
            rule,
            (change.row.brand, change.row.topic),
            verdict.since,
            verdict.at,
            self._seconds,
        )
        return record(rule, change.grounds, verdict, posts).model_dump_json()


def _alarms(judged: Judged, recent: int) -> set[tuple[SeriesKey, datetime]]:
    """Which series alarm at which of the last `recent` steps."""
    first = len(judged.times) - recent
    return {
        (judged.keys[number], judged.times[first + at])
        for at, look in enumerate(judged.looks[first:])
        for number in look.alarm.nonzero()[0].tolist()
    }
