"""The kinds of panel. Each needs a title that states or asks, why it is looked at, and a unit.

Sizes are columns of 24 and rows of about 38 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders.dashboard import FieldColor, Panel, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from dashboards.clickhouse import SOURCE, Query
from dashboards.palette import INK, PLAIN, SOFT

PERCENT, COUNT, NET_UNIT = "percentunit", "short", "none"
NOTHING_SAID = "Nothing was said"
_LEGEND = {"showLegend": True, "displayMode": "list", "placement": "bottom"}
_OWN_VALUE = {"mode": "single", "sort": "none"}
_EVERY_VALUE = {"mode": "multi", "sort": "none"}
_Size = tuple[int, int]
_Queries = Query | Sequence[Builder[Dataquery]]


def number(
    title: str, why: str, query: _Queries, *, unit: str, size: _Size, empty: str = NOTHING_SAID,
    colours: Sequence[Threshold] = PLAIN, sum_up: bool = False, names: bool = False,
) -> Panel:  # fmt: skip
    """One value, or a few in a row; with `sum_up` the sum of a series, drawn behind it."""
    return _coloured("stat", title, why, query, unit, size, empty, colours).options(
        {
            "graphMode": "area" if sum_up else "none",
            "colorMode": "value",
            "justifyMode": "auto",
            "textMode": "value_and_name" if names else "value",
            "wideLayout": True,
            "orientation": "auto",
            "reduceOptions": {
                "calcs": ["sum" if sum_up else "lastNotNull"],
                "fields": "",
                "values": False,
            },
        }
    )


def lines(
    title: str, why: str, queries: _Queries, *, unit: str,
    size: _Size, empty: str = NOTHING_SAID, least: str = "1m", points: int = 120,
) -> Panel:  # fmt: skip
    """Values over time. A time without a value is a gap: nothing is drawn across it.

    No step is shorter than `least`, and there are about `points` of them at most.
    """
    drawn: dict[str, object] = {
        "drawStyle": "line",
        "lineWidth": 2,
        "fillOpacity": 0,
        "showPoints": "auto",
        "pointSize": 4,
        "spanNulls": False,
        "insertNulls": False,
    }
    shown = _over_time(title, why, queries, unit, size, empty, drawn)
    return shown.interval(least).max_data_points(points)


def stacks(
    title: str, why: str, queries: _Queries, *, unit: str = COUNT,
    size: _Size, empty: str = NOTHING_SAID, least: str = "1m", until: bool = False,
) -> Panel:  # fmt: skip
    """Counts over time as bars that stand on each other. A count is of the step that begins at its
    time, or, with `until`, of the one that ends there."""
    drawn: dict[str, object] = {
        "drawStyle": "bars",
        "barAlignment": -1 if until else 1,
        "lineWidth": 0,
        "fillOpacity": 90,
        "stacking": {"mode": "normal", "group": "A"},
    }
    shown = _over_time(title, why, queries, unit, size, empty, drawn)
    return shown.min(0).interval(least).max_data_points(120)


def strips(
    title: str, why: str, query: Query, *, unit: str, size: _Size, named: str,
    colours: Sequence[Threshold], link: DynamicConfigValue, least: str = "5m",
    points: int = 48,
) -> Panel:  # fmt: skip
    """A row of coloured cells over time for each series, which the label `named` tells."""
    return (
        _linked("status-history", title, why, query, unit, size, colours, link)
        .display_name(f"${{__field.labels.{named}}}")
        .max_data_points(points)
        .interval(least)
        .custom({"lineWidth": 0, "fillOpacity": 100})
        .options(
            {
                "rowHeight": 0.9,
                "colWidth": 0.96,
                "showValue": "never",
                "legend": _LEGEND,
                "tooltip": _OWN_VALUE,
                "perPage": 25,
            }
        )
    )


def bars(
    title: str, why: str, query: Query, *, unit: str, size: _Size, most: float,
    link: DynamicConfigValue,
) -> Panel:  # fmt: skip
    """A bar from 0 for each row of a table: its first column names it. `most` is a full one."""
    return (
        _linked("bargauge", title, why, query, unit, size, PLAIN, link)
        .min(0)
        .max(most)
        .options(
            {
                "displayMode": "basic",
                "orientation": "horizontal",
                "valueMode": "color",
                "namePlacement": "left",
                "showUnfilled": False,
                "sizing": "auto",
                "minVizWidth": 8,
                "minVizHeight": 16,
                "maxVizHeight": 28,
                "reduceOptions": {"calcs": [], "fields": "", "values": True, "limit": 25},
            }
        )
    )


def either_way(
    title: str, why: str, query: Query, *, unit: str, size: _Size, named: str,
    colours: Sequence[Threshold], link: DynamicConfigValue,
) -> Panel:  # fmt: skip
    """A bar for each row of a table, to the one side of 0 or the other; `named` names it."""
    return (
        _linked("barchart", title, why, query, unit, size, colours, link)
        .custom({"fillOpacity": 90, "lineWidth": 0, "axisCenteredZero": True})
        .options(
            {
                "orientation": "horizontal",
                "xField": named,
                "showValue": "always",
                "stacking": "none",
                "barWidth": 0.8,
                "groupWidth": 0.7,
                "legend": _LEGEND | {"showLegend": False},
                "tooltip": _OWN_VALUE,
            }
        )
    )


def table(
    title: str, why: str, query: Query, columns: Mapping[str, Sequence[DynamicConfigValue]], *,
    unit: str = COUNT, size: _Size, empty: str = NOTHING_SAID,
) -> Panel:  # fmt: skip
    """Rows as they are told. `columns` says how those look that are not plain."""
    shown = (
        _panel("table", title, why, query, unit, size, empty)
        .custom(
            {
                "align": "auto",
                "cellOptions": {"type": "auto"},
                "filterable": False,
                # Else it is 150, and tables of many columns are to be scrolled sideways.
                "minWidth": 50,
            }
        )
        .options({"showHeader": True, "cellHeight": "sm", "footer": {"show": False}})
        # Else a single cell without a value would say what the whole panel does.
        .override_by_field_type("number", [DynamicConfigValue("noValue", "–")])
    )
    for name, look in columns.items():
        shown = shown.override_by_name(name, list(look))
    return shown


def in_colours(panel: Panel, colours: Mapping[str, str]) -> Panel:
    """Its series in colours of their own, by name."""
    for name, colour in colours.items():
        panel = panel.override_by_name(name, [_fixed(colour)])
    return panel


def with_band(panel: Panel, low: str, high: str, seen: str, colour: str = INK) -> Panel:
    """Its series `low` and `high` as one soft band around the line `seen`."""
    edge = [
        DynamicConfigValue("custom.lineWidth", 0),
        DynamicConfigValue("custom.showPoints", "never"),
    ]
    band = [
        DynamicConfigValue("custom.fillBelowTo", low),
        DynamicConfigValue("custom.fillOpacity", 22),
    ]
    return (
        panel.override_by_name(low, [_fixed(SOFT), *edge])
        .override_by_name(high, [_fixed(SOFT), *edge, *band])
        .override_by_name(seen, [_fixed(colour)])
    )


def _fixed(colour: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def _over_time(
    title: str, why: str, queries: _Queries, unit: str, size: _Size,
    empty: str, drawn: dict[str, object],
) -> Panel:  # fmt: skip
    return (
        _panel("timeseries", title, why, queries, unit, size, empty)
        .custom({"axisSoftMin": 0, **drawn})
        .options(
            {
                "legend": _LEGEND,
                "tooltip": _EVERY_VALUE,
            }
        )
    )


def _linked(
    kind: str, title: str, why: str, query: Query, unit: str, size: _Size,
    colours: Sequence[Threshold], link: DynamicConfigValue,
) -> Panel:  # fmt: skip
    """Coloured by value; a click on a value follows the link."""
    shown = _coloured(kind, title, why, query, unit, size, NOTHING_SAID, colours)
    return shown.override_by_field_type("number", [link])


def _coloured(
    kind: str, title: str, why: str, queries: _Queries, unit: str, size: _Size, empty: str,
    colours: Sequence[Threshold],
) -> Panel:  # fmt: skip
    steps = ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(list(colours))
    by_threshold = FieldColor().mode(FieldColorModeId.THRESHOLDS)
    shown = _panel(kind, title, why, queries, unit, size, empty)
    return shown.thresholds(steps).color_scheme(by_threshold)


def _panel(
    kind: str, title: str, why: str, queries: _Queries, unit: str, size: _Size, empty: str
) -> Panel:  # fmt: skip
    width, height = size
    several: Sequence[Builder[Dataquery]] = [queries] if isinstance(queries, Query) else queries
    return (
        Panel()
        .type(kind)
        .title(title)
        .description(why)
        .datasource(SOURCE)
        .targets(list(several))
        .unit(unit)
        .no_value(empty)
        .span(width)
        .height(height)
    )
