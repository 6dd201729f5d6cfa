"""Queries of the data source plugin `grafana-clickhouse-datasource`, as it keeps them (its v4).

The data source is a variable of the board: it is found by its kind, under whatever name it has.
"""

from __future__ import annotations

from textwrap import dedent

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import AnnotationTarget

PLUGIN = "grafana-clickhouse-datasource"
SOURCE = DataSourceRef(type_val=PLUGIN, uid="${clickhouse}")
_FORMATS = {"timeSeries": 0, "table": 1}


class _Target(Dataquery, AnnotationTarget):
    """One statement, as a panel's target and an annotation's."""

    def __init__(self, sql: str, shape: str) -> None:
        super().__init__()
        self.sql, self.shape, self.ref_id = sql, shape, "A"

    def to_json(self) -> dict[str, object]:
        return {
            "refId": self.ref_id,
            "datasource": SOURCE,
            "editorType": "sql",
            "queryType": self.shape,
            "format": _FORMATS[self.shape],
            "rawSql": self.sql,
        }


class Query(Builder[Dataquery]):
    """A statement whose answer is a table, or by `series` one of values over `time`.

    A series has the column `time` first; a text column after it names many series.
    """

    def __init__(self, sql: str, shape: str = "table") -> None:
        self._target = _Target(plain(sql), shape)

    def build(self) -> Dataquery:
        return self._target


def series(sql: str) -> Query:
    return Query(sql, "timeSeries")


def annotation(name: str, colour: str, sql: str) -> AnnotationQuery:
    """What is drawn over every panel with a time axis: columns `time`, `timeEnd`, `text`."""
    return (
        AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(colour)
        .target(_Built(_Target(plain(sql), "table")))
    )


class _Built(Builder[AnnotationTarget]):
    def __init__(self, target: AnnotationTarget) -> None:
        self._target = target

    def build(self) -> AnnotationTarget:
        return self._target


def plain(sql: str) -> str:
    """Without the indentation that it has in the code."""
    return dedent(sql).strip()
