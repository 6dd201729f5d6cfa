"""The files of `config/compose` fit each other, the settings and the provisioning of Grafana.

No container is started: that they run is not held here.
"""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from dashboards.clickhouse import PLUGIN
from dashboards.prometheus import SOURCE as PROMETHEUS
from stream.board.access import access_of
from stream.cli import app
from stream.settings import load_settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "config/compose"
PROVISIONING = ROOT / "dashboards/provisioning"
SECRETS = dict.fromkeys(
    re.findall(r"^(\w+)=", (FOLDER / ".env.example").read_text(), re.MULTILINE), "s3cret " * 4
)


def given(text: str) -> str:
    """With the values of .env in the place of `${NAME}`, `${NAME:-default}`, `${NAME:?why}`."""
    return re.sub(
        r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}",
        lambda found: SECRETS[found[1]] if found[2] is None else found[2],
        text,
    )


COMPOSE: dict[str, Any] = yaml.safe_load(given((FOLDER / "docker-compose.yml").read_text()))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_bounded_and_reached_from_this_machine_only(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w/.-]+:(v?\d[\w.-]*|local)", service["image"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert ("healthcheck" in service) == (service["restart"] != "no")


def test_services_start_in_an_order_and_wait_for_what_can_be_waited_for() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    order = list(TopologicalSorter(waits).static_order())
    assert order.index("clickhouse") < order.index("schema") < order.index("watch")
    for needed in waits.values():
        for name, how in needed.items():
            ends = how["condition"] == "service_completed_successfully"
            assert ends == (SERVICES[name]["restart"] == "no")


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source, target, *mode = mount.split(":")
        if source.startswith("."):
            assert (FOLDER / source).exists() and mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]
        assert target.startswith("/")
    assert set(SERVICES[name].get("secrets", [])) <= set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_commands_and_settings_that_hold(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = SERVICES[name]
    commands = {
        one.name or one.callback.__name__ for one in app.registered_commands if one.callback
    }
    assert service["command"][0] in commands
    for key, value in service["environment"].items():
        monkeypatch.setenv(key, value)
    settings = load_settings()
    assert settings.kafka.bootstrap_servers == "kafka:9092"
    assert settings.clickhouse.host == "clickhouse" and settings.clickhouse.interface == "http"
    for port in (settings.web.probe_port, settings.web.port if name == "watch" else 0):
        assert not port or f":{port}/readyz" in " ".join(service["healthcheck"]["test"])
    if settings.web.host == "0.0.0.0" and name == "watch":
        assert not access_of(settings.web).is_open
    assert service["read_only"] and service["cap_drop"] == ["ALL"]


def test_every_secret_is_asked_for_and_none_is_given() -> None:
    text = (FOLDER / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(SECRETS)
    example = (FOLDER / ".env.example").read_text()
    assert not re.search(r"^\w+=[^\s#]", example, re.MULTILINE)


def test_the_image_runs_as_nobody_and_holds_only_what_it_copies() -> None:
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users == ["10001:10001"]
    assert all(SERVICES[name]["user"] == users[-1] for name in OURS)
    allowed = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        source
        for line in lines
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert all((ROOT / source).exists() and f"!{source}" in allowed for source in copied)


def test_grafana_finds_the_boards_and_their_data() -> None:
    grafana = SERVICES["grafana"]
    mounts = dict(mount.rsplit(":", 2)[:2][::-1] for mount in grafana["volumes"] if ".." in mount)
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/undertone.yaml").read_text())[
        "providers"
    ]
    assert (FOLDER / mounts[provider["options"]["path"]] / "overview.json").exists()
    text = (PROVISIONING / "datasources/undertone.yaml").read_text()
    sources = yaml.safe_load(text)["datasources"]
    assert {source["type"] for source in sources} == {PLUGIN, PROMETHEUS.type_val}
    assert set(re.findall(r"\$(\w+)", text)) <= set(grafana["environment"])
    assert grafana["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].startswith(f"{PLUGIN}@")


def test_grafana_may_only_read() -> None:
    users = ElementTree.parse(FOLDER / "clickhouse/users.xml").getroot()
    reader, grafana = users.find("profiles/reader"), users.find("users/grafana")
    assert reader is not None and grafana is not None
    assert reader.findtext("readonly") == "1" and grafana.findtext("profile") == "reader"
    assert [grant.text for grant in grafana.iter("query")] == ["GRANT SELECT ON undertone.*"]
    named = {place.get("from_env") for place in users.iter("password")}
    assert named <= set(SERVICES["clickhouse"]["environment"])


def test_prometheus_asks_those_who_answer() -> None:
    asked = yaml.safe_load((FOLDER / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    for job in asked:
        (where,) = job["dns_sd_configs"]
        (name,) = where["names"]
        environment = SERVICES[name]["environment"]
        ours = {environment.get(f"UNDERTONE_WEB__{kind}") for kind in ("PROBE_PORT", "PORT")}
        assert str(where["port"]) in ours
        assert job["honor_labels"], "or Prometheus renames our label `job`"
