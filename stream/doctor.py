"""`undertone doctor`: looks at every dependency and says what to fix, in the operator's words."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from stream import generations, kafka, schema
from stream.catalogue import load_catalogue
from stream.database import connect
from stream.errors import UndertoneError
from stream.rules import load_rules
from stream.service import load_scorer, schema_target
from stream.settings import Settings

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `says` names what was found and, unless all is well, the fix."""

    name: str
    state: State
    says: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def check_all(load: Callable[[], Settings]) -> list[Finding]:
    """Run every check; one that fails does not hide the others."""
    findings = [Finding("python", "ok", f"{platform.python_version()} on {sys.platform}")]
    try:
        settings = load()
    except UndertoneError as error:
        return [*findings, Finding("settings", "fail", str(error))]
    findings.append(Finding("settings", "ok", "every name and value is known"))
    checks: list[tuple[str, Callable[[Settings], Iterator[tuple[State, str]]]]] = [
        ("brands", _brands),
        ("alerts", _alerts),
        ("model", _model),
        ("kafka", _kafka),
        ("clickhouse", _clickhouse),
    ]
    for name, check in checks:
        try:
            findings += [Finding(name, state, says) for state, says in check(settings)]
        except UndertoneError as error:
            findings.append(Finding(name, "fail", str(error)))
    return findings


def _brands(settings: Settings) -> Iterator[tuple[State, str]]:
    catalogue = load_catalogue(settings.brands.file)
    terms = sum(len(brand.terms) for brand in catalogue.brands)
    yield "ok", f"{len(catalogue.brands)} brands, {terms} names"
    for brand in catalogue.brands:
        for term in brand.terms:
            if term.isascii() and len(term) < 3:  # "ai" is inside nothing, but means many things
                yield "warn", f"{brand.name}: the name {term!r} is very short and will match noise"


def _alerts(settings: Settings) -> Iterator[tuple[State, str]]:
    rules = load_rules(settings.alerts.file)
    yield "ok", f"{len(rules.rules)} rules, {len(rules.receivers)} receivers"
    if not rules.receivers:
        yield "warn", f"{settings.alerts.file}: no receiver: incidents show on the board only"


def _model(settings: Settings) -> Iterator[tuple[State, str]]:
    scorer = load_scorer(settings)
    yield "ok", f"loaded, hash {scorer.model_hash[:12]}"


def _kafka(settings: Settings) -> Iterator[tuple[State, str]]:
    if not settings.kafka.bootstrap_servers:
        from stream.embedded.broker import find_binary

        yield "ok", f"embedded broker {find_binary().name}, data in {settings.kafka.path}"
        return
    client = kafka.consumer(settings.kafka)
    try:
        with kafka.errors_sorted():
            topics = client.topics()
            for topic in (settings.kafka.topic, settings.kafka.dlq_topic):
                if topic not in topics:
                    yield "fail", f"topic {topic} is missing: create it"
                else:
                    number = len(client.partitions_for_topic(topic) or ())
                    yield "ok", f"topic {topic}: {number} partitions"
    finally:
        client.close(autocommit=False)


def _clickhouse(settings: Settings) -> Iterator[tuple[State, str]]:
    client = connect(settings.clickhouse, "")
    target = schema_target(settings)
    try:
        version = client.query("SELECT version()").result_rows[0][0]
        yield "ok", f"{settings.clickhouse.interface} {version}"
        missing = schema.pending(client, target)
        if missing and settings.clickhouse.interface == "chdb":
            yield "ok", f"{len(missing)} schema steps will be applied at the first start"
        elif missing:
            yield "fail", f"{len(missing)} schema steps pending: `undertone schema --apply`"
        else:
            yield from _generation(settings)
    finally:
        client.close()


def _generation(settings: Settings) -> Iterator[tuple[State, str]]:
    client = connect(settings.clickhouse)
    try:
        current = generations.active(client)
    finally:
        client.close()
    yield "ok", f"tables are up to date, generation {current[0] if current else 'none yet'}"
