"""What can be chosen at the top of a board. Values come from the tables, never from post texts."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import (
    ConstantVariable,
    CustomVariable,
    DatasourceVariable,
    QueryVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.clickhouse import PLUGIN, SOURCE, plain
from dashboards.sql import WHOLE

BOARD = "board"
_ALL = VariableOption(selected=True, text=["All"], value=["$__all"])

# The least part of the table that names them all: its key begins with brand and topic.
_BRANDS = "SELECT DISTINCT brand FROM window_scores WHERE topic = '' ORDER BY brand"


def clickhouse() -> DatasourceVariable:
    return DatasourceVariable("clickhouse").label("Tables").type(PLUGIN)


def prometheus() -> DatasourceVariable:
    return DatasourceVariable("prometheus").label("Metrics").type("prometheus")


def board() -> ConstantVariable:
    """Where the live board is, for links to a post or an incident. `written` gives its value.

    A constant: what can be set by an address could lead anywhere.
    """
    return ConstantVariable(BOARD).label("Live board")


def brand() -> QueryVariable:
    return _asked("brand", "Brand", _BRANDS)


def brands() -> QueryVariable:
    return _many(_asked("brands", "Brands", _BRANDS))


def topic() -> QueryVariable:
    sql = f"""
    SELECT topic FROM (
        SELECT DISTINCT if(topic = '', '{WHOLE}', topic) AS topic
        FROM window_scores WHERE brand = ${{brand:singlequote}})
    ORDER BY topic != '{WHOLE}', topic"""
    return _asked("topic", "Topic", sql, VariableSort.DISABLED)


def source() -> QueryVariable:
    return _many(_asked("source", "Source", _lately("source")))


def language() -> QueryVariable:
    return _many(_asked("language", "Language", _lately("lang")))


def granularity() -> CustomVariable:
    steps = {"auto": 60, "5 minutes": 300, "15 minutes": 900, "hour": 3600, "day": 86400}
    return (
        CustomVariable("granularity")
        .label("Step")
        .values(", ".join(f"{name} : {seconds}" for name, seconds in steps.items()))
        .options(
            [
                VariableOption(selected=name == "auto", text=name, value=str(seconds))
                for name, seconds in steps.items()
            ]
        )
        .current(VariableOption(selected=True, text="auto", value="60"))
    )


def rule() -> QueryVariable:
    """Whose expectation is drawn: a series may be watched by several rules."""
    sql = """
    SELECT DISTINCT rule FROM expectations
    WHERE brand = ${brand:singlequote} AND $__timeFilter(minute) ORDER BY rule"""
    return _asked("rule", "Expected by rule", sql)


def incident() -> QueryVariable:
    sql = """
    SELECT alert_id, concat(formatDateTime(min(opened_at), '%F %R'), ' ', any(brand),
        if(any(topic) = '', '', concat(' · ', any(topic))), ' · ', any(rule)) AS name
    FROM alerts FINAL GROUP BY alert_id ORDER BY min(opened_at) DESC LIMIT 200"""
    return _asked("incident", "Incident", sql, VariableSort.DISABLED)


def _lately(column: str) -> str:
    return (
        f"SELECT DISTINCT {column} FROM window_scores "
        f"WHERE topic = '' AND $__timeFilter(window_start) ORDER BY {column}"
    )


def _asked(
    name: str, label: str, sql: str, sort: VariableSort = VariableSort.ALPHABETICAL_ASC
) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(plain(sql))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(sort)
    )


def _many(variable: QueryVariable) -> QueryVariable:
    return variable.multi(True).include_all(True).current(_ALL)
