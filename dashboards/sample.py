"""The demo's three days and the height of its crisis, in an empty database, as the service would
have stored them.

For tests and pictures: the posts are the demo's, each with the label that its author meant, and
windows, expectations and incidents are made of them by the service's own code, in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import Passage
from stream.alerting.coverage import Coverage, minute_of
from stream.alerting.judge import AlertWatcher, Written
from stream.catalogue import load_catalogue
from stream.database import Client
from stream.decode import Decoded, Record, decode
from stream.errors import RejectMessage
from stream.match import Matcher
from stream.post import Post
from stream.rows import COLUMNS, Analysed, Key, first_created_at, key, to_row, version
from stream.rules import Rule, Rules
from stream.scenario import messages
from stream.score import score_posts
from stream.script import Mood, Scenario, load_scenario
from stream.settings import Settings
from stream.windows import run_pass

SCENARIO = Path(__file__).parents[1] / "config/demo"
_PARTITIONS = 3
LENGTH = timedelta(hours=3, minutes=20)  # of the play: then the crisis has been told, and stands
_TURN = timedelta(minutes=40)  # of the watcher: it judges every step, whatever its turn
_SURE = {"negative": (0.9, 0.08, 0.02), "neutral": (0.1, 0.8, 0.1), "positive": (0.02, 0.08, 0.9)}


def play(
    client: Client, settings: Settings, start: datetime, before: timedelta = timedelta(days=3)
) -> datetime:
    """Fill the tables; returns the end of the play, up to which everything is known.

    `before` is how much everyday chatter there is before the start.
    """
    scenario = load_scenario(SCENARIO)
    scenario = replace(scenario, plan=scenario.plan.model_copy(update={"baseline": before}))
    end = start + LENGTH
    _store(client, scenario, start, end)
    _tell_progress(client, settings, end)
    _tell_passes(client, start, end)
    watcher = AlertWatcher(client, _rules(), settings)
    now = start
    while now <= end:
        told = watcher.step(now, Coverage(minute_of(now), timedelta(0), 0))
        _deliver(client, told)
        now += _TURN
    client.insert(
        "model_runs",
        [(1, "3f5c" * 16, "a17b" * 16, 1, start - timedelta(days=3))],
        column_names=["generation", "model_hash", "catalogue_hash", "matcher_version",
            "activated_at"],
    )  # fmt: skip
    return end


class _AsMeant:
    """Scores a text as its author meant it."""

    model_hash = "as meant"

    def __init__(self, moods: dict[str, Mood]) -> None:
        self._moods = moods

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        chances = [_SURE[self._moods.get(passage.text, "neutral")] for passage in passages]
        return np.array(chances, np.float32).reshape(-1, 3)


def _store(client: Client, scenario: Scenario, start: datetime, end: datetime) -> None:
    newest: dict[Key, Decoded] = {}
    for decoded in _decoded(scenario, start, end):
        standing = newest.get(key(decoded))
        if standing is None or version(decoded, 1) > version(standing, 1):
            newest[key(decoded)] = decoded
    matcher = Matcher(load_catalogue(SCENARIO / "brands.yaml"))
    posts = [(one, one.post.text if isinstance(one.post, Post) else "") for one in newest.values()]
    mentions = [matcher.match(text) for _, text in posts]
    moods = {text.text: text.mood for pool in scenario.pools.values() for text in pool}
    texts = [text for _, text in posts]
    scored = score_posts(_AsMeant(moods), list(zip(texts, mentions, strict=True)))
    rows = [
        to_row(Analysed(one, first_created_at(one), found), 1)
        for (one, _), found in zip(posts, scored, strict=True)
    ]
    client.insert("posts", rows, column_names=COLUMNS)
    limit = timedelta(seconds=60)
    run_pass(client, now=end, margin=limit, retention=timedelta(days=400), limit=limit)


def _decoded(scenario: Scenario, start: datetime, end: datetime) -> Iterator[Decoded]:
    played = (message for message in messages(scenario, start) if message.at <= end)
    for offset, message in enumerate(played):
        record = Record(
            "posts", offset % _PARTITIONS, offset, message.at, message.key, message.value
        )
        try:
            yield decode(record)
        except RejectMessage:
            continue  # the DLQ's


def _tell_progress(client: Client, settings: Settings, end: datetime) -> None:
    client.insert(
        "progress",
        [
            (settings.kafka.topic, part, _PARTITIONS, end - timedelta(seconds=part), 4000 + part)
            for part in range(_PARTITIONS)
        ],
        column_names=["topic", "kafka_partition", "partitions", "read_to", "next_offset"],
    )


def _tell_passes(client: Client, start: datetime, end: datetime) -> None:
    """A pass a minute: those that made the windows ran just now."""
    minutes = (end - start) // timedelta(minutes=1)
    passes = [
        (now := start + timedelta(minutes=minute), now - timedelta(seconds=40), 0,
         1 + minute % 3, 0.02)
        for minute in range(minutes)
    ]  # fmt: skip
    names = ["started_at", "looked_back_to", "moved", "windows", "seconds"]
    client.insert("passes", passes, column_names=names)


def _rules() -> Rules:
    """One for every brand, and for what a maker of phones must hear of. Steps of five minutes are
    judged five times as fast as the usual ones."""
    mood = Rule(name="mood", topics=("", "battery", "safety"), granularity=timedelta(minutes=5))
    return Rules(rules=(mood,))


def _deliver(client: Client, told: Sequence[Written]) -> None:
    """Each to one receiver, which was away for the first attempt at every third."""
    rows = []
    for number, written in enumerate(told):
        away = number % 3 == 0
        outcomes = [("retry", 503, "503 Service Unavailable")] * away + [("sent", 204, "")]
        for attempt, (outcome, code, reason) in enumerate(outcomes, start=1):
            at = written.row.changed_at + timedelta(seconds=12 * attempt)
            rows.append(
                (written.row.alert_id, written.row.step, written.row.transition, "marketing",
                "hooks.example.com", "w", attempt, outcome, code, reason, 0.2, at, at)
            )  # fmt: skip
    if rows:
        client.insert(
            "deliveries",
            rows,
            column_names=["alert_id", "step", "transition", "receiver", "endpoint", "webhook_id",
                "attempt", "outcome", "status_code", "reason", "seconds", "next_attempt_at",
                "attempted_at"],
        )  # fmt: skip
