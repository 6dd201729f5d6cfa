"""`undertone doctor`: looks at every dependency and says what to fix, in the operator's words."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from models import ModelError
from models.directory import inspect_directory
from stream import generations, kafka, schema, topics
from stream.catalogue import load_catalogue
from stream.database import connect
from stream.decode import Record, decode
from stream.errors import InUse, RejectMessage, UndertoneError, UsageError
from stream.logs import escape
from stream.post import key_of
from stream.rules_file import load_rules
from stream.service import SHIPPED_MODEL, load_scorer, reachable, schema_target
from stream.settings import Kafka, Settings

State = Literal["ok", "warn", "fail"]

_LOOKED_AT = 200  # messages of the topic


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
    broker = reachable(settings.kafka)
    if broker is None:
        from stream.embedded.broker import find_binary

        yield "ok", f"embedded broker {find_binary().name}, data in {settings.kafka.path}"
        return
    client = kafka.consumer(broker)
    try:
        with kafka.errors_sorted():
            known = client.topics()
            for topic in (broker.topic, broker.dlq_topic):
                if topic not in known:
                    yield "fail", f"topic {topic} is missing: create it"
                else:
                    number = len(client.partitions_for_topic(topic) or ())
                    yield "ok", f"topic {topic}: {number} partitions"
            leader = len(client.partitions_for_topic(settings.alerts.leader_topic) or ())
            if leader > 1:  # where it is missing, the first watcher makes it
                says = f"{leader} partitions would make {leader} leaders: make it anew with one"
                yield "fail", f"topic {settings.alerts.leader_topic}: {says}"
            if {broker.topic, broker.dlq_topic} <= set(known):
                yield from _sizes(broker)
            if broker.topic in known:
                yield from _messages(topics.newest(client, broker.topic, _LOOKED_AT))
    finally:
        client.close(autocommit=False)


def _sizes(broker: Kafka) -> Iterator[tuple[State, str]]:
    """Whether the DLQ has room for what `posts` lets through, with the headers added to it."""
    limits = kafka.message_limits(broker)
    needed = limits[broker.topic] + kafka.DLQ_HEADROOM
    if limits[broker.dlq_topic] < needed:
        yield (
            "warn",
            f"topic {broker.dlq_topic}: set its max.message.bytes to {needed}, 64 KB above that of "
            f"{broker.topic}; as it is, the largest bad messages are kept in part only",
        )


def _messages(records: Sequence[Record]) -> Iterator[tuple[State, str]]:
    """Whether the producers keep the contract, by the newest messages."""
    foreign, bad = [], []
    for record in records:
        place = f"partition {record.partition}, offset {record.offset}"
        try:
            one = decode(record)
        except RejectMessage as reason:
            bad.append(f"{place}: {reason}")
        else:
            if not one.keyed:
                found, right = _shown(record.key), _shown(key_of(one.post))
                foreign.append(f"{place}: {found} instead of {right}")
    of = f"of the newest {len(records)} messages"
    if foreign:
        yield (
            "warn",
            f"{len(foreign)} {of} have another key than source:post_id ({escape(foreign[0])}): "
            "set it in the producer, so that a post's messages stay in one partition, in order",
        )
    if bad:
        yield (
            "warn",
            f"{len(bad)} {of} break the contract ({escape(bad[0])}): mend the producer; "
            "`undertone schema --json-schema` prints the contract",
        )
    if records and not foreign and not bad:
        yield "ok", f"the newest {len(records)} messages keep the contract"


def _shown(key: bytes | None) -> str:
    return "none" if key is None else key[:80].decode("utf-8", "backslashreplace")


def _clickhouse(settings: Settings) -> Iterator[tuple[State, str]]:
    try:
        client = connect(settings.clickhouse, "")
    except InUse as error:
        yield "warn", f"not looked at: {error}"
        return
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
    if current is None:
        return
    try:
        catalogue = load_catalogue(settings.brands.file)
        model = inspect_directory(settings.model.path or SHIPPED_MODEL)
    except (UsageError, ModelError):
        return  # told under `brands` or `model`
    analysis = generations.Analysis(model.model_hash, catalogue.hash)
    if changed := generations.what_changed(current, analysis):
        yield "fail", changed
