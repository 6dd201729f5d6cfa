"""Every metric: its name, kind and meaning. Nothing else creates one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from stream.errors import RejectReason

REGISTRY = CollectorRegistry()
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# The way of a post
MESSAGES = Counter(
    "undertone_messages", "Messages read from the topic", ["partition"], registry=REGISTRY
)
DEAD_LETTERS = Counter(
    "undertone_dead_letters", "Messages sent to the DLQ, by reason", ["reason"], registry=REGISTRY
)
EXPIRED = Counter(
    "undertone_expired", "Messages older than the retention: not stored", registry=REGISTRY
)
STALE = Counter(
    "undertone_stale", "Messages whose version is not above the stored one", registry=REGISTRY
)
FOREIGN_KEYS = Counter(
    "undertone_foreign_keys", "Messages whose Kafka key is not source:post_id", registry=REGISTRY
)
POSTS_STORED = Counter(
    "undertone_posts_stored", "Rows written to posts, tombstones included", registry=REGISTRY
)
MENTIONS_SCORED = Counter(
    "undertone_mentions_scored", "Mentions that got a pass of the model", registry=REGISTRY
)


class _Passages(Collector):
    """What the classifier answered; it counts by itself and is asked at each look."""

    def __init__(self) -> None:
        self._counts: Callable[[], tuple[int, int]] = lambda: (0, 0)

    def read(self, counts: Callable[[], tuple[int, int]]) -> None:
        """`counts` gives passages that went through the network, and those the cache knew."""
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        scored, known = self._counts()
        yield CounterMetricFamily(
            "undertone_passages_scored", "Passages that went through the network", value=scored
        )
        yield CounterMetricFamily(
            "undertone_passages_known", "Passages answered from the cache of copies", value=known
        )


PASSAGES = _Passages()
REGISTRY.register(PASSAGES)
STAGE_SECONDS = Histogram(
    "undertone_stage_seconds",
    "Seconds a batch spends in a stage",
    ["stage"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
BATCH_POSTS = Histogram(
    "undertone_batch_posts",
    "Messages in a micro-batch",
    buckets=(1, 4, 16, 64, 256, 512, 1024, 2048, 4096),
    registry=REGISTRY,
)
LAG = Gauge(
    "undertone_lag",
    "Messages not read yet, by assigned partition",
    ["partition"],
    registry=REGISTRY,
)
CONSUMER_POLLED_AT = Gauge(
    "undertone_consumer_polled_at", "Unix time of the consumer's last poll", registry=REGISTRY
)
STALLS = Counter(
    "undertone_stalls",
    "Times the group was joined anew because a partition gave nothing",
    registry=REGISTRY,
)
UNOPENED = Gauge(
    "undertone_unopened_batches",
    "Assigned partitions that stand at a batch that cannot be opened",
    registry=REGISTRY,
)
REBALANCES = Counter("undertone_rebalances", "Assignments of partitions", registry=REGISTRY)
RETRIES = Counter(
    "undertone_retries", "Calls repeated because a system was away", ["system"], registry=REGISTRY
)

# A series that begins with its first event hides it: rate() and increase() need a 0 before it.
# Jobs begin theirs when they are set up.
for _reason in get_args(RejectReason):
    DEAD_LETTERS.labels(reason=_reason)
for _system in ("clickhouse", "kafka"):
    RETRIES.labels(system=_system)

# Windows and jobs
JOB_LAST_SUCCESS = Gauge(
    "undertone_job_last_success", "Unix time a job last succeeded", ["job"], registry=REGISTRY
)
JOB_FAILURES = Counter(
    "undertone_job_failures", "Runs of a job that failed or were missed", ["job"], registry=REGISTRY
)
PASS_SECONDS = Histogram(
    "undertone_pass_seconds", "Seconds of a window pass", buckets=_SECONDS, registry=REGISTRY
)
SWEEP_DIFFERENCES = Gauge(
    "undertone_sweep_differences",
    "Windows that differ from their posts, strays and doubled posts that the last sweep found",
    registry=REGISTRY,
)

# Alerts
LEADER = Gauge(
    "undertone_leader",
    "1 while this watcher acts, 0 while another does",
    registry=REGISTRY,
)
INCIDENTS_OPEN = Gauge("undertone_incidents_open", "Incidents open now", registry=REGISTRY)
RULES_REFUSED = Gauge(
    "undertone_rules_refused",
    "1 while the rules file is wrong and the rules before it hold",
    registry=REGISTRY,
)
NO_DATA_OPEN = Gauge(
    "undertone_no_data_open", "Subjects of which nothing is known now", registry=REGISTRY
)
TRANSITIONS = Counter(
    "undertone_transitions", "Incident transitions written", ["transition"], registry=REGISTRY
)
DELIVERIES = Counter(
    "undertone_deliveries", "Webhook attempts, by outcome", ["outcome"], registry=REGISTRY
)
