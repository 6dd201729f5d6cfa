"""What a step of the schema is: a table made, or columns that one gets later."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One named statement; `table` and `shard_by` tell how it is spread over a cluster."""

    name: str
    table: str
    columns: str
    engine: str
    clauses: str
    shard_by: str = "rand()"


@dataclass(frozen=True)
class Added:
    """A later step: columns that a table gets in addition, each `name type default`."""

    name: str
    table: str
    columns: tuple[str, ...]
