"""Every expression of the boards, as Prometheus gets it and reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from dashboards.measured import as_sent, named, value
from dashboards.reading import boards, panels
from stream.metrics import REGISTRY

EXPRESSIONS = [
    target["expr"]
    for board in boards().values()
    for panel in panels(board)
    for target in panel["targets"]
    if "expr" in target
]


def test_grafana_fills_in_the_step_and_a_reach_of_four_scrapes_at_least() -> None:
    expression = "rate(x[$__rate_interval]) * $__interval_ms / 1000"
    assert as_sent(expression, 15) == "rate(x[60s]) * 15000 / 1000"
    assert as_sent(expression, 300) == "rate(x[315s]) * 300000 / 1000"


def test_a_series_is_named_by_its_labels_and_what_is_no_number_is_a_gap() -> None:
    assert named("partition {{partition}}", {"partition": "3"}) == "partition 3"
    assert (value("0.5"), value("NaN"), value("+Inf")) == (0.5, None, None)


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool, of Prometheus")
def test_prometheus_can_read_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"asked:{number}", "expr": as_sent(expression, 60)}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.yaml"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "boards", "rules": rules}]}))
    checked = subprocess.run(
        ["promtool", "check", "rules", file], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_is_counted_by_a_reason_or_system_begins_at_nothing() -> None:
    """Or the first of a kind would not be seen: Prometheus has no number before it."""
    told = generate_latest(REGISTRY).decode()
    for series in ('dead_letters_total{reason="bad_field"}', 'retries_total{system="kafka"}'):
        assert f"undertone_{series}" in told
