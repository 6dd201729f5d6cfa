"""Queries of Prometheus, for what only the processes know. All names are in `stream/metrics.py`."""

from __future__ import annotations

from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

SOURCE = DataSourceRef(type_val="prometheus", uid="${prometheus}")


def asked(expression: str, name: str) -> Dataquery:
    """A series, or one for each value of a label: `name` may hold it, as {{label}}."""
    return Dataquery().expr(expression).legend_format(name).range().datasource(SOURCE)
