"""Board 5: does it run? What is read, scored, stored, recounted and delivered, and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from grafana_foundation_sdk.builders.dashboard import Dashboard, Panel
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.dashboard import Threshold

from dashboards import palette
from dashboards.board import board_of
from dashboards.operations_tables import tables
from dashboards.panels import COUNT, PERCENT, in_colours, lines, number, stacks
from dashboards.prometheus import SOURCE, asked
from dashboards.variables import clickhouse, prometheus
from stream.errors import RejectReason

_RATE = "[$__rate_interval]"
_QUIET = "No metrics came"
_SECONDS, _A_SECOND = "s", "cps"
_MEDIAN = {"median": palette.SOFT, "19 of 20 below": palette.INK}
_REASONS = {
    reason: palette.mixed(palette.NEGATIVE, palette.LINE, part / 9)
    for part, reason in enumerate(get_args(RejectReason))
}
_BAD_FROM_A_MINUTE = palette.steps(palette.INK, (60, palette.NEGATIVE))

# Prometheus renames a label `job` of ours, unless it is told to honour labels.
_LAST_PASS = (
    'undertone_job_last_success{job="windows"} '
    'or undertone_job_last_success{exported_job="windows"}'
)


def operations() -> Dashboard:
    return board_of(
        "operations",
        "5 · Operations",
        "Does it run? What is read, scored, stored, recounted and delivered, and how fast.",
        [clickhouse(), prometheus()],
        [*_numbers(), *_reading(), *_working(), *_troubles(), *tables()],
        since="now-6h",
    )


def _numbers() -> list[Panel]:
    wrong = (
        "max(undertone_rules_refused) + max(undertone_unopened_batches)"
        " + max(undertone_no_data_open)"
    )
    return [
        _number(
            "How many messages wait?",
            "Messages of the topic that are not read yet, over all partitions.",
            asked("sum(undertone_lag)", "waiting"),
            COUNT,
        ),
        _number(
            "When did a consumer poll last?",
            "Seconds since the slowest consumer asked the broker. More than a minute is too long.",
            # A watcher, which polls nothing, tells 0.
            asked("time() - min(undertone_consumer_polled_at > 0)", "since"),
            _SECONDS,
            _BAD_FROM_A_MINUTE,
        ),
        _number(
            "How fresh are the windows?",
            "Seconds since a pass over the windows last succeeded. A pass comes every two seconds.",
            asked(f"time() - max({_LAST_PASS})", "since"),
            _SECONDS,
            _BAD_FROM_A_MINUTE,
        ),
        _number(
            "Does exactly one watcher act?",
            "Watchers that lead. 0: nobody judges and nobody is told.",
            asked("sum(undertone_leader)", "leaders"),
            COUNT,
            palette.steps(palette.NEGATIVE, (1, palette.INK), (2, palette.NEGATIVE)),
        ),
        _number(
            "Is something refused or silent?",
            "The rules file, if it is wrong and the rules before it hold; partitions that stand at "
            "a batch which cannot be opened; and sources, brands and parts of which nothing is "
            "known. 0 is well.",
            asked(wrong, "refused or silent"),
            COUNT,
            palette.BAD_FROM_ONE,
        ),
        _number(
            "Do windows and posts agree?",
            "Differences that the last nightly sweep found. 0 is well.",
            asked("max(undertone_sweep_differences)", "differences"),
            COUNT,
            palette.BAD_FROM_ONE,
        ),
    ]


def _reading() -> list[Panel]:
    return [
        _lines(
            "Does reading keep up?",
            "Messages not read yet, by partition.",
            [asked("sum by (partition) (undertone_lag)", "partition {{partition}}")],
            COUNT,
            {f"partition {number}": colour for number, colour in enumerate(palette.APART)},
        ),
        _lines(
            "How much comes, and how much is stored?",
            "Messages read, rows stored and mentions scored, a second.",
            [
                asked(f"sum(rate(undertone_messages_total{_RATE}))", "messages read"),
                asked(f"sum(rate(undertone_posts_stored_total{_RATE}))", "rows stored"),
                asked(f"sum(rate(undertone_mentions_scored_total{_RATE}))", "mentions scored"),
            ],
            _A_SECOND,
            _apart("messages read", "rows stored", "mentions scored"),
        ),
        _lines(
            "How much do copies save?",
            "The part of all passages that the cache of copies answered: they cost no pass of the "
            "model.",
            [
                asked(
                    f"sum(rate(undertone_passages_known_total{_RATE})) / "
                    f"(sum(rate(undertone_passages_known_total{_RATE})) + "
                    f"sum(rate(undertone_passages_scored_total{_RATE})))",
                    "from the cache",
                )
            ],
            PERCENT,
            _apart("from the cache"),
        ),
    ]


def _working() -> list[Panel]:
    stage = f"sum by (le, stage) (rate(undertone_stage_seconds_bucket{_RATE}))"
    return [
        _lines(
            "How large are the batches?",
            "Messages of a batch: the median, and what 19 of 20 stay below. Large ones mean that "
            "much waits.",
            _spread("undertone_batch_posts"),
            COUNT,
            _MEDIAN,
        ),
        _lines(
            "Which stage takes the time?",
            "Seconds that a batch spends in a stage: 19 of 20 stay below.",
            [asked(f"histogram_quantile(0.95, {stage})", "{{stage}}")],
            _SECONDS,
            _apart("score", "store", "look_up", "match", "decode"),
        ),
        _lines(
            "How long does a pass over the windows take?",
            "Seconds: the median, and what 19 of 20 stay below. Longer than the two seconds "
            "between passes means that alerts come late.",
            _spread("undertone_pass_seconds"),
            _SECONDS,
            _MEDIAN,
        ),
    ]


def _troubles() -> list[Panel]:
    return [
        _stacks(
            "What goes to the DLQ, and why?",
            "Messages that break the contract, by reason. They lie in the DLQ, unchanged.",
            [asked(_counted("undertone_dead_letters_total", "reason"), "{{reason}}")],
            _REASONS,
            empty="Nothing went to the DLQ",
        ),
        _stacks(
            "What else is not stored?",
            "Messages older than the retention, and those that change nothing because a newer one "
            "is stored. Those whose key is not the contract's are stored and counted here.",
            [
                asked(_counted("undertone_expired_total"), "expired"),
                asked(_counted("undertone_stale_total"), "stale"),
                asked(_counted("undertone_foreign_keys_total"), "foreign key"),
            ],
            _apart("expired", "stale", "foreign key"),
            empty="All was stored",
        ),
        _stacks(
            "What had to be done again?",
            "Calls repeated because a system was away, groups joined anew, and jobs that failed or "
            "were missed.",
            [
                asked(_counted("undertone_retries_total", "system"), "{{system}}"),
                asked(_counted("undertone_stalls_total"), "stalls"),
                asked(_counted("undertone_rebalances_total"), "rebalances"),
                asked(_counted("undertone_job_failures_total"), "failed jobs"),
            ],
            _apart("clickhouse", "kafka", "stalls", "rebalances", "failed jobs"),
            empty="Nothing failed",
        ),
    ]


def _counted(counter: str, label: str = "") -> str:
    """How often in each step, by a label. increase() would count the part of $__rate_interval that
    lies in the step before once more."""
    by = f" by ({label})" if label else ""
    return f"sum{by} (rate({counter}{_RATE})) * $__interval_ms / 1000"


def _spread(histogram: str) -> list[Dataquery]:
    """Its median, and what 19 of 20 stay below."""
    buckets = f"sum by (le) (rate({histogram}_bucket{_RATE}))"
    return [
        asked(f"histogram_quantile(0.5, {buckets})", "median"),
        asked(f"histogram_quantile(0.95, {buckets})", "19 of 20 below"),
    ]


def _number(
    title: str, why: str, query: Dataquery, unit: str, colours: Sequence[Threshold] = palette.PLAIN
) -> Panel:
    shown = number(title, why, [query], unit=unit, size=(4, 3), colours=colours, empty=_QUIET)
    return shown.datasource(SOURCE)


def _lines(
    title: str, why: str, queries: Sequence[Dataquery], unit: str, colours: Mapping[str, str]
) -> Panel:
    shown = lines(title, why, queries, unit=unit, size=(8, 7), empty=_QUIET, least="15s")
    return in_colours(shown, colours).datasource(SOURCE)


def _stacks(
    title: str, why: str, queries: Sequence[Dataquery], colours: Mapping[str, str], empty: str
) -> Panel:
    shown = stacks(title, why, queries, size=(8, 7), empty=empty, least="1m", until=True)
    return in_colours(shown, colours).datasource(SOURCE)


def _apart(*names: str) -> dict[str, str]:
    return dict(zip(names, palette.APART, strict=False))
