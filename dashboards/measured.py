"""What a Prometheus answers to a panel, asked as Grafana asks it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from dashboards.drawing import Answer
from dashboards.macros import Look

SCRAPE_SECONDS = 15
"""Of config/compose; the data source tells Grafana."""

_LIMIT_SECONDS = 20


def as_sent(expression: str, step_seconds: int) -> str:
    """The expression with the variables that Grafana fills in itself. Pure."""
    reach = max(step_seconds + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)
    sent = expression.replace("$__rate_interval", f"{reach}s")
    return sent.replace("$__interval_ms", str(step_seconds * 1000))


def answered(url: str, panel: dict[str, Any], look: Look) -> Answer:
    """Of a panel over time a row for each time and series; of a number the last of each."""
    rows = []
    for target in panel["targets"]:
        step = look.step_seconds
        begin, end = (time.timestamp() // step * step for time in (look.since, look.until))
        asked = {"query": as_sent(target["expr"], step), "start": begin, "end": end, "step": step}
        with urlopen(
            f"{url}/api/v1/query_range?{urlencode(asked)}", timeout=_LIMIT_SECONDS
        ) as told:
            found = json.load(told)["data"]["result"]
        for one in found:
            name = named(target["legendFormat"], one["metric"])
            rows += [
                (datetime.fromtimestamp(at, UTC), name, value(text)) for at, text in one["values"]
            ]
    if panel["type"] == "stat":
        last = {name: number for _, name, number in rows}
        return Answer(list(last), [list(last.values())] if last else [], "table", look, ())
    return Answer(["time", "name", "value"], rows, "timeSeries", look, ())


def named(legend: str, labels: Mapping[str, str]) -> str:
    """The series' name: {{label}} in the legend is the label's value. Pure."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)


def value(text: str) -> float | None:
    """None where Prometheus has nothing to divide by: a gap. Pure."""
    number = float(text)
    return number if math.isfinite(number) else None
