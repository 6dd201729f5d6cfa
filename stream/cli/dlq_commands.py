"""Commands around the dead-letter queue: what lies there, one of it, and the way back."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.cli.options import AsJson, ConfigFile, broker_from, settings_from, stop_on_signals
from stream.cli.progress import progress_bar
from stream.errors import RetryLater, StopService, UsageError

if TYPE_CHECKING:
    from stream.dead_letter_replay import Letter
    from stream.settings import Kafka

Reason = Annotated[
    str | None, typer.Option(metavar="R", help="Only letters refused for this reason.")
]
Starts = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="PARTITION:OFFSET",
        help="Begin there in this partition of the DLQ; may be given again for another one.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register these commands as one group."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Look at messages that were refused, and send them back after a fix.\n\n"
        "Example: `undertone dlq list`, then `undertone dlq replay --dry-run`",
    )
    group.command("list")(list_letters)
    group.command()(show)
    group.command()(replay)
    app.add_typer(group, name="dlq")


def list_letters(
    config: ConfigFile = None,
    limit: Annotated[
        int | None, typer.Option(help="List at most so many; all are counted.", min=0)
    ] = None,
    reason: Reason = None,
    starts: Starts = None,
    as_json: AsJson = False,
) -> None:
    """List what was refused, one line each, in the order of the DLQ, and count it by reason.

    A line: place in the DLQ, when it was put there, reason, where it came from, bytes, detail.

    Example: `undertone dlq list --reason bad_field --limit 20`
    """
    from stream.cli import dlq_screen

    wanted = _reasons(reason)
    counts: Counter[str] = Counter()
    listed = 0
    found: list[dict[str, Any]] = []
    with _opened(config, starts or (), "--from") as dlq:
        # A bar would run through the lines where both go to one terminal.
        for letter in dlq.letters(bar=as_json or not sys.stdout.isatty()):
            counts[letter.reason] += 1
            if letter.reason not in wanted or listed == limit:
                continue
            listed += 1
            if as_json:
                found.append(dlq_screen.as_dict(letter))
            else:
                print(dlq_screen.line(letter))
    if as_json:
        print(json.dumps({"letters": found, "total": counts.total(), "reasons": counts}))
    else:
        told = dlq_screen.counted(counts)
        print(f"{counts.total()} letters" + (f": {told}" if told else ""))


def show(
    place: Annotated[
        str, typer.Argument(metavar="PARTITION:OFFSET", help="As `undertone dlq list` gives it.")
    ],
    config: ConfigFile = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the value's bytes, nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one refused message with its headers, and whether it would be taken today.

    Example: `undertone dlq show 0:12 --raw > message.json`
    """
    from stream.cli import dlq_screen

    if raw and as_json:
        raise UsageError("--raw and --json exclude each other: give one")
    partition, offset = _place(place, "PARTITION:OFFSET")
    with _opened(config, [place], "PARTITION:OFFSET") as dlq:
        topic = dlq.broker.topic
        only = replace(dlq, offsets={partition: dlq.offsets[partition][:1]})
        letter = next(only.letters(), None)
    if letter is None or letter.record.offset != offset:
        raise StopService(f"no letter lies at {place}, or no longer; see `undertone dlq list`")
    if raw:
        sys.stdout.buffer.write(letter.record.value or b"")
        sys.stdout.buffer.flush()
    elif as_json:
        print(json.dumps(dlq_screen.whole_as_dict(letter, topic)))
    else:
        print(dlq_screen.whole(letter, topic))


def replay(
    config: ConfigFile = None,
    reason: Reason = None,
    starts: Starts = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge and count; send nothing.")
    ] = False,
    limit: Annotated[int | None, typer.Option(help="Send at most so many.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Send what would be taken today back to where it came from, unchanged.

    What would be refused again stays, and so does what was sent: nothing is deleted from the DLQ.
    To call it twice does no harm: a message counts once. Exit code 0 also when some were refused.

    Example: `undertone dlq replay --reason bad_field --dry-run`
    """
    from stream import kafka, topics
    from stream.cli import dlq_screen
    from stream.dead_letter_replay import replay as send_back
    from stream.dead_letter_replay import sender

    wanted = _reasons(reason)
    with _opened(config, starts or (), "--from") as dlq:
        topic = dlq.broker.topic
        partitions = topics.spans(dlq.client, topic)  # before anything is read: is it there?
        producer = None if dry_run else kafka.producer(dlq.broker)
        try:
            report = send_back(
                (letter for letter in dlq.letters(bar=True) if letter.reason in wanted),
                topic,
                sender(producer, topic, partitions) if producer else None,
                limit=limit,
                stop=stop_on_signals(),
            )
        finally:
            if producer:
                producer.close(timeout=10)
        rest = [
            f"{partition}:{report.next_offsets.get(partition, span.start)}"
            for partition, span in dlq.offsets.items()
        ]
    if as_json:
        print(json.dumps(dlq_screen.report_as_dict(report, dry_run, rest)))
    else:
        print(dlq_screen.report(report, topic, dry_run, rest))
    if report.ended_by == "order":
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Dlq:
    """The DLQ topic, and the offsets it held when the command began."""

    broker: Kafka
    client: Any
    offsets: dict[int, range]

    def letters(self, *, bar: bool = False) -> Iterator[Letter]:
        """What lies at these offsets. What is refused meanwhile, a replayed message perhaps, comes
        after them and is not met again.
        """
        from stream import topics
        from stream.dead_letter_replay import read_letter

        total = sum(map(len, self.offsets.values()))
        with progress_bar(total, "letters") if bar else nullcontext() as advance:
            found = topics.read(self.client, self.broker.dlq_topic, self.offsets)
            for number, record in enumerate(found, 1):
                yield read_letter(record)
                if advance:
                    advance(number)


@contextmanager
def _opened(config: Path | None, given: Sequence[str], option: str) -> Iterator[_Dlq]:
    """The DLQ from the places given, or the beginning of a partition without one, to its end."""
    from stream import topics

    places = dict(_place(text, option) for text in given)
    broker = broker_from(settings_from(config))
    with _library_silent(), _reader(broker) as client:
        offsets = topics.spans(client, broker.dlq_topic)
        for partition, offset in places.items():
            held = offsets.get(partition, range(0))
            if partition not in offsets or offset > held.stop:
                holds = ", ".join(f"{p}:{o.start} to {p}:{o.stop}" for p, o in offsets.items())
                raise UsageError(
                    f"{option} {partition}:{offset}: outside of {broker.dlq_topic}, which goes "
                    f"from {holds}"
                )
            offsets[partition] = range(max(offset, held.start), held.stop)
        yield _Dlq(broker, client, offsets)


@contextmanager
def _reader(broker: Kafka) -> Iterator[Any]:
    from stream import kafka

    try:
        client = kafka.reader(broker)
    except RetryLater as error:
        raise StopService(
            f"kafka.bootstrap_servers {broker.bootstrap_servers}: no broker answers there; start "
            f"it, or mend the address ({error})"
        ) from None
    try:
        yield client
    finally:
        client.close(autocommit=False)


@contextmanager
def _library_silent() -> Iterator[None]:
    """What kafka-python logs of a broker that is away, our one line of error says."""
    log = logging.getLogger("kafka")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _place(text: str, option: str) -> tuple[int, int]:
    if not (found := re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18})", text)):
        raise UsageError(f"{option} {text}: write the place of a letter, like 0:12")
    return int(found[1]), int(found[2])


def _reasons(reason: str | None) -> Container[str]:
    """The reasons asked for."""
    from stream.dead_letter_replay import REASONS

    if reason is not None and reason not in REASONS:
        raise UsageError(f"--reason {reason}: no such reason; use one of {', '.join(REASONS)}")
    return REASONS if reason is None else (reason,)
