"""The manifest of `config/kubernetes` fits itself and the settings. No cluster is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.board.access import access_of
from stream.settings import load_settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config/kubernetes/undertone.yaml"
ITEMS: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["items"]
BY_NAME = {item["metadata"]["name"]: item for item in ITEMS}
WORKLOADS = [item["metadata"]["name"] for item in ITEMS if "template" in item.get("spec", {})]
SETTINGS: dict[str, str] = BY_NAME["undertone-settings"]["data"]
SECRETS = {"UNDERTONE_CLICKHOUSE__PASSWORD": "p", "UNDERTONE_WEB__TOKEN": "t" * 24}


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = BY_NAME[name]["spec"]["template"]["spec"]
    return spec


def test_the_settings_hold_and_the_board_is_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {**SETTINGS, **SECRETS}.items():
        monkeypatch.setenv(key, value)
    settings = load_settings()
    assert settings.clickhouse.interface == "http" and settings.kafka.bootstrap_servers
    assert not access_of(settings.web).is_open
    assert all(f"--from-literal={name}=" in FILE.read_text() for name in SECRETS)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_runs_as_nobody_within_limits(name: str) -> None:
    spec = pod(name)
    (container,) = spec["containers"]
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"] and container["resources"]["limits"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    assert [one.popitem()[0] for one in map(dict, container["envFrom"])] == [
        "configMapRef",
        "secretRef",
    ]


@pytest.mark.parametrize(
    ("name", "setting"), [("undertone-consume", "PROBE_PORT"), ("undertone-watch", "PORT")]
)
def test_probes_ask_where_the_process_answers(name: str, setting: str) -> None:
    (container,) = pod(name)["containers"]
    (port,) = container["ports"]
    assert str(port["containerPort"]) == SETTINGS[f"UNDERTONE_WEB__{setting}"]
    for probe, path in (
        ("startup", "/healthz"),
        ("liveness", "/healthz"),
        ("readiness", "/readyz"),
    ):
        assert container[f"{probe}Probe"]["httpGet"] == {"path": path, "port": port["name"]}


def test_selectors_find_their_pods() -> None:
    for name in ("undertone-consume", "undertone-watch"):
        spec = BY_NAME[name]["spec"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    service = BY_NAME["undertone"]["spec"]
    watch = BY_NAME["undertone-watch"]["spec"]["template"]
    assert service["selector"].items() <= watch["metadata"]["labels"].items()
    assert service["ports"][0]["targetPort"] == watch["spec"]["containers"][0]["ports"][0]["name"]
