"""What columns of a table look like: properties of an override, to be put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, Threshold

from dashboards.panels import PERCENT


def wide(pixels: int) -> DynamicConfigValue:
    return DynamicConfigValue("custom.width", pixels)


def measured(unit: str, decimals: int | None = None) -> list[DynamicConfigValue]:
    """In a unit of its own."""
    rounded = [] if decimals is None else [DynamicConfigValue("decimals", decimals)]
    return [DynamicConfigValue("unit", unit), *rounded]


def percent() -> list[DynamicConfigValue]:
    return measured(PERCENT, 0)


def share_ends() -> dict[str, list[DynamicConfigValue]]:
    """The columns of the two ends of a share's interval."""
    return {"at least": percent(), "at most": percent()}


def hidden() -> list[DynamicConfigValue]:
    """Read by links only."""
    return [DynamicConfigValue("custom.hidden", True)]


def coloured(colours: Sequence[Threshold]) -> list[DynamicConfigValue]:
    """The cell's ground in the colour of its value."""
    return _by_value({"type": "color-background", "mode": "basic"}, colours)


def coloured_text(colours: Sequence[Threshold]) -> list[DynamicConfigValue]:
    """The value itself in its colour."""
    return _by_value({"type": "color-text"}, colours)


def words(colours: Mapping[str, str]) -> list[DynamicConfigValue]:
    """Some words in a colour, as the severities are; others plain."""
    options = {
        word: {"color": colour, "index": at} for at, (word, colour) in enumerate(colours.items())
    }
    return [
        DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
        DynamicConfigValue("mappings", [{"type": "value", "options": options}]),
    ]


def wrapped() -> DynamicConfigValue:
    """A text as text: over several lines where it is long, and never as markup."""
    return DynamicConfigValue("custom.cellOptions", {"type": "auto", "wrapText": True})


def _by_value(cell: dict[str, str], colours: Sequence[Threshold]) -> list[DynamicConfigValue]:
    return [
        DynamicConfigValue("custom.cellOptions", cell),
        DynamicConfigValue("color", {"mode": "thresholds"}),
        DynamicConfigValue("thresholds", {"mode": "absolute", "steps": list(colours)}),
    ]
