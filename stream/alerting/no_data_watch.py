"""Looks at what is not known and tells it: progress, reports of models, and who was heard.

Thin edge around `conditions` and `no_data`. What stands is read back from `alerts` before every
look, so a restart, a failed write or a second watcher ends in the same incidents.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from stream import metrics
from stream.alerting.alert_rows import standing_incidents, write_transitions
from stream.alerting.conditions import POSTS, Condition, Known, Partition, Trouble, conditions
from stream.alerting.incidents import Incident, Transition
from stream.alerting.no_data import Told, given_up, live
from stream.alerting.silences import covering, read_silences
from stream.alerting.voices import Voices
from stream.database import Client, errors_sorted, time_limit
from stream.errors import RetryLater
from stream.rules import NO_DATA, NoData
from stream.settings import Settings

log = structlog.get_logger()

_TROUBLE_LASTS = timedelta(minutes=10)  # a consumer that starts in vain says so again until then

_PROGRESS = """
SELECT kafka_partition, partitions, read_to, toFloat64(now64(6, 'UTC') - written_at)
FROM progress FINAL WHERE topic = {topic:String}
ORDER BY kafka_partition
SETTINGS max_execution_time = {limit:UInt32}"""

_REPORTS = """
SELECT member, trouble, written_at FROM model_reports FINAL
WHERE trouble != '' AND written_at > now64(6) - toIntervalSecond({lasts:UInt32})
SETTINGS max_execution_time = {limit:UInt32}"""

_Subject = tuple[str, str]  # brand, topic


class NoDataWatcher:
    """Tells what is not known, once each. For one thread.

    `acts` tells, just before rows are written, whether they still may be. `brands` are those of the
    catalogue: of one that was taken out of it nothing can be heard. None: all that were heard.
    """

    def __init__(
        self,
        client: Client,
        rule: NoData,
        settings: Settings,
        acts: Callable[[], bool] = lambda: True,
        brands: Collection[str] | None = None,
    ) -> None:
        self._client = client
        self._rule = rule
        self._topic = settings.kafka.topic
        self._limit = time_limit(settings.clickhouse.query_timeout)
        self._acts = acts
        self._brands = brands
        self._voices = Voices(client, self._limit)
        self.forget()

    def forget(self) -> None:
        """Know nothing of incidents, as after a restart: another watcher may have acted."""
        self._data_since: dict[str, datetime | None] = {}
        self._incomplete_since: datetime | None = None

    def use(self, rule: NoData) -> None:
        """Look by this from now on."""
        self._rule = rule

    def close(self) -> None:
        self._client.close()

    def look(self, now: datetime) -> list[Transition]:
        """What changed at service time `now`; returns the transitions written.

        Raises RetryLater; the next look then finds the same.
        """
        life = self._rule.life
        found = conditions(self._known(now), self._rule) if self._rule.watch else []
        past = self._incidents(now - life.cool_down)
        silences = read_silences(self._client, now, self._limit)
        told = list(self._given_up(past, found, now))
        for one in found:
            silence = covering(silences, NO_DATA, one.brand, one.topic, now)
            incident, news = live(past.get((one.brand, one.topic)), one, life, now, silence)
            if incident:
                self._data_since[incident.alert_id] = incident.calm_since
                past[one.brand, one.topic] = incident
            told += [news] if news else []
        if not self._acts():
            return []
        metrics.NO_DATA_OPEN.set(sum(not one.resolved for one in past.values()))
        write_transitions(self._client, [(one.row, one.evidence, "") for one in told])
        return [one.row for one in told]

    def _known(self, now: datetime) -> Known:
        values = {"topic": self._topic, "limit": self._limit}
        lasts = {"lasts": int(_TROUBLE_LASTS.total_seconds()), "limit": self._limit}
        with errors_sorted():
            rows = self._client.query(_PROGRESS, parameters=values).result_rows
            reports = self._client.query(_REPORTS, parameters=lasts).result_rows
        of = max((row[1] for row in rows), default=0)
        told = [
            Partition(number, read_to, timedelta(seconds=ago))
            for number, _, read_to, ago in rows
            if number < of
        ]
        complete = bool(told) and len(told) == of
        self._incomplete_since = None if complete else self._incomplete_since or now
        known = Known(
            now=now,
            partitions=told,
            missing=of - len(told),
            incomplete_since=self._incomplete_since,
            troubles=[Trouble(*row) for row in reports],
            voices=(),
        )
        if known.read_to is None:
            return known
        try:
            voices = self._voices.listen(min(now, known.read_to), self._rule.warm_up)
        except RetryLater as error:  # the rest can be told all the same
            log.warning("voices.unread", reason=str(error))
            return known
        if self._brands is not None:
            voices = [one for one in voices if not one.brand or one.brand in self._brands]
        return replace(known, voices=voices)

    def _incidents(self, since: datetime) -> dict[_Subject, Incident]:
        """The last one of each subject that may still matter."""
        found = standing_incidents(self._client, "no_data", since, self._limit)
        found.sort(key=lambda one: (not one.resolved, one.judged_at))
        return {
            (one.brand, one.topic): replace(one, calm_since=self._data_since.get(one.alert_id))
            for one in found
        }

    def _given_up(
        self, past: dict[_Subject, Incident], found: list[Condition], now: datetime
    ) -> list[Told]:
        """What stands and is watched no more. A look that heard of nobody tells of nobody."""
        watched = {(one.brand, one.topic) for one in found}
        if found and ("", POSTS) not in watched:
            return []
        return [
            given_up(one, now)
            for subject, one in past.items()
            if subject not in watched and not one.resolved
        ]
