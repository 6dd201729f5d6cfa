"""A megabyte of gzip that unpacks to a gigabyte does not fill the memory (T18).

A process of its own (`bombed`) runs the real consumer on the embedded broker and database and
looks at its resident memory. Unbounded, the client alone took three times a bomb's size.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stream.settings import Kafka

MOST_MEGABYTES = 256


def grown(settings: Kafka, directory: Path, megabytes: int) -> dict[str, float]:
    """By how many megabytes the process grew at each of three bombs of this size."""
    where = [settings.bootstrap_servers, settings.topic, settings.dlq_topic, str(directory)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.stream.bombed", *where, str(megabytes)],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith('{"')]
    found: dict[str, float] = json.loads(line)
    return found


@pytest.mark.timeout(300)
def test_bombs_of_gzip_cost_no_more_than_256_megabytes(
    kafka_settings: Kafka, tmp_path: Path
) -> None:
    """An eighth of the full size: 128 MB in one record, in small records, and in all partitions in
    batches just small enough to be opened. The good posts after the last are stored; the first two
    stop their partitions."""
    found = grown(kafka_settings, tmp_path, 128)
    assert set(found) == {"one record", "many records", "many batches"}
    assert max(found.values()) <= MOST_MEGABYTES, found


@pytest.mark.faults
def test_bombs_of_a_gigabyte_cost_no_more_than_256_megabytes(
    kafka_settings: Kafka, tmp_path: Path
) -> None:
    """Under gzip bombs of 1000:1 that unpack to 1 GB the consumer grows by at most 256 MB."""
    found = grown(kafka_settings, tmp_path, 1024)
    assert max(found.values()) <= MOST_MEGABYTES, found
