"""The detector's memory in the database: the states of a rule's series at full hours."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

import numpy as np

from stream.database import Client, errors_sorted
from stream.detector.detect import DETECTOR_VERSION
from stream.detector.folds import Fold, SeriesKey
from stream.rules import Rule

_LATEST = """
SELECT max(at) FROM detector_states
WHERE rule = {rule:String} AND version = {version:String} AND at <= {latest:DateTime('UTC')}
SETTINGS max_execution_time = {limit:UInt32}"""

_STATES = """
SELECT brand, topic, state, first FROM detector_states FINAL
WHERE rule = {rule:String} AND version = {version:String} AND at = {at:DateTime('UTC')}
ORDER BY brand, topic
SETTINGS max_execution_time = {limit:UInt32}"""

_COLUMNS = ("rule", "version", "at", "brand", "topic", "first", "state")


def version_of(rule: Rule) -> str:
    """What a state depends on beside the counts: another detector, step or choice of what is
    watched cannot go on from it. A brand that is added so learns from its past."""
    watched = (rule.brands, rule.topics, rule.sources, rule.languages)
    text = json.dumps([sorted(names) for names in watched])
    scope = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{DETECTOR_VERSION}/{rule.granularity // timedelta(seconds=1)}s/{scope}"


def load(client: Client, rule: Rule, latest: datetime, limit: int) -> Fold | None:
    """The newest fold of the rule settled at or before `latest`. Raises RetryLater."""
    values = {"rule": rule.name, "version": version_of(rule), "latest": latest, "limit": limit}
    with errors_sorted():
        at = client.query(_LATEST, parameters=values).result_rows[0][0]
        rows = client.query(_STATES, parameters=values | {"at": at}).result_rows
    if not rows:
        return None
    keys: list[SeriesKey] = [(brand, topic) for brand, topic, _, _ in rows]
    states = np.array([np.frombuffer(bytes.fromhex(state)) for _, _, state, _ in rows])
    return Fold(rule, at, rows[0][3], keys, states)


def save(client: Client, fold: Fold) -> None:
    """Write what is settled; the same again changes nothing. Raises RetryLater."""
    version = version_of(fold.rule)
    rows = [
        (fold.rule.name, version, fold.at, brand, topic, fold.first, row.tobytes().hex())
        for (brand, topic), row in zip(fold.keys, fold.saved(), strict=True)
    ]
    if rows:
        with errors_sorted():
            client.insert("detector_states", rows, column_names=_COLUMNS)
