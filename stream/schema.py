"""The tables made, in order, by named DDL steps (DESIGN §3).

The same SQL runs embedded, on one server, and by ON CLUSTER on many: on a cluster every table is
a replicated local table behind a Distributed one of the plain name, sharded by
`cityHash64(source, post_id)` where FINAL must not have to merge across shards.
Applied steps are recorded in `schema_steps`, each in one row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stream.alert_tables import EXPECTATIONS
from stream.database import Client, errors_sorted
from stream.errors import StopService
from stream.table_steps import Added, Step
from stream.tables import POST_KEYS, POSTS, STEPS

TTL_SLACK_DAYS = 7  # rows outlive the retention, so that no window recomputed loses its posts


@dataclass(frozen=True)
class Target:
    """Where the tables are made."""

    database: str
    retention_days: int
    cluster: str | None = None


def statements(step: Step | Added, target: Target) -> list[str]:
    """The SQL of one step: of one table, or on a cluster of the local and the Distributed one."""
    if isinstance(step, Added):
        return _added(step, target)
    clauses = step.clauses.replace("{ttl_days}", str(target.retention_days + TTL_SLACK_DAYS))
    name = f"{target.database}.{step.table}"
    if target.cluster is None:
        return [
            f"CREATE TABLE IF NOT EXISTS {name} ({step.columns}\n)\nENGINE = {step.engine}{clauses}"
        ]
    on_cluster = f"ON CLUSTER '{target.cluster}'"
    local = (
        f"CREATE TABLE IF NOT EXISTS {name}_local {on_cluster} ({step.columns}\n)\n"
        f"ENGINE = {_replicated(step.engine)}{clauses}"
    )
    spread = (
        f"CREATE TABLE IF NOT EXISTS {name} {on_cluster} AS {name}_local\n"
        f"ENGINE = Distributed('{target.cluster}', {target.database}, {step.table}_local, "
        f"{step.shard_by})"
    )
    return [local, spread]


def _added(step: Added, target: Target) -> list[str]:
    where = f" ON CLUSTER '{target.cluster}'" if target.cluster else ""
    tables = [f"{step.table}_local", step.table] if target.cluster else [step.table]
    columns = ",\n".join(f"    ADD COLUMN IF NOT EXISTS {column}" for column in step.columns)
    return [f"ALTER TABLE {target.database}.{table}{where}\n{columns}" for table in tables]


def preamble(target: Target) -> list[str]:
    """What must exist before the first step: the database and the record of applied steps."""
    on_cluster = f" ON CLUSTER '{target.cluster}'" if target.cluster else ""
    engine = _replicated("MergeTree") if target.cluster else "MergeTree"
    return [
        f"CREATE DATABASE IF NOT EXISTS {target.database}{on_cluster}",
        f"CREATE TABLE IF NOT EXISTS {target.database}.schema_steps{on_cluster} (\n"
        "    name String,\n    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)\n)\n"
        f"ENGINE = {engine}\nORDER BY name",
    ]


def require(client: Client, target: Target) -> None:
    """Raises StopService where a step is not applied yet: on a server that is the operator's to
    do. Raises RetryLater too."""
    if missing := pending(client, target):
        raise StopService(
            f"clickhouse.database {target.database}: {len(missing)} schema steps are not "
            f"applied (first: {missing[0][0]}); run `undertone schema --apply`"
        )


def pending(client: Client, target: Target) -> list[tuple[str, list[str]]]:
    """What is not applied yet, as (name, statements), in order; every step on an empty server.

    Raises RetryLater, or StopService with what the server refused.
    """
    with errors_sorted():
        exists = client.query(
            "SELECT count() FROM system.tables "
            "WHERE database = {db:String} AND name = 'schema_steps'",
            parameters={"db": target.database},
        )
        if not exists.result_rows[0][0]:
            return [(step.name, statements(step, target)) for step in STEPS]
        rows = client.query(f"SELECT name FROM {target.database}.schema_steps").result_rows
        applied = {str(name) for (name,) in rows}
        return [
            (step.name, statements(step, target)) for step in STEPS if step.name not in applied
        ] + _longer_or_shorter(client, target)


def apply(client: Client, target: Target) -> list[str]:
    """Apply what is pending, in order; returns the names. Running it twice changes nothing.

    Raises RetryLater, or StopService with what the server refused.
    """
    steps = pending(client, target)
    with errors_sorted():
        for sql in preamble(target) if steps else ():
            client.command(sql)
        for name, sqls in steps:
            for sql in sqls:
                client.command(sql)
            if any(step.name == name for step in STEPS):
                client.insert(
                    "schema_steps", [[name]], column_names=["name"], database=target.database
                )
    return [name for name, _ in steps]


def _longer_or_shorter(client: Client, target: Target) -> list[tuple[str, list[str]]]:
    """A changed retention: a TTL shorter than it would delete posts that are still wanted."""
    wanted = target.retention_days + TTL_SLACK_DAYS
    changes = []
    for step in (POSTS, POST_KEYS, EXPECTATIONS):
        table = f"{step.table}_local" if target.cluster else step.table
        rows = client.query(
            "SELECT create_table_query FROM system.tables "
            "WHERE database = {db:String} AND name = {table:String}",
            parameters={"db": target.database, "table": table},
        ).result_rows
        now = re.search(r"TTL (.*?) \+ toIntervalDay\((\d+)\)", str(rows[0][0])) if rows else None
        if now and int(now[2]) != wanted:
            on_cluster = f" ON CLUSTER '{target.cluster}'" if target.cluster else ""
            changes.append(
                (
                    f"retention of {step.table}: {now[2]} to {wanted} days",
                    [
                        f"ALTER TABLE {target.database}.{table}{on_cluster} MODIFY TTL {now[1]} "
                        f"+ INTERVAL {wanted} DAY"
                    ],
                )
            )
    return changes


def _replicated(engine: str) -> str:
    return engine if engine.startswith("Replicated") else f"Replicated{engine}"
