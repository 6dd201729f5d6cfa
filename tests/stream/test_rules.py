"""Rules: what is wrong is refused with its place and the fix, and no secret shows."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stream.errors import UsageError
from stream.receivers import Receiver
from stream.rules import Rule, Rules
from stream.rules_file import RulesFile, load_rules

SECRET = "whsec_" + base64.b64encode(b"canary-" * 4).decode()
OLD = "whsec_" + base64.b64encode(b"older--" * 4).decode()
HOOK = "receivers: [{name: a, url: 'https://x.example/h', %s}]"


def load(tmp_path: Path, text: str, **environ: str) -> Rules:
    file = tmp_path / "alerts.yaml"
    file.write_text(text, encoding="utf-8")
    return load_rules(file, environ)


def refusal(tmp_path: Path, text: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text, **environ)
    message = str(caught.value)
    assert "\n" not in message
    assert "alerts.yaml" in message
    assert "canary" not in message
    return message


def test_the_shipped_rules_load() -> None:
    rules = load_rules(Path(__file__).parents[2] / "config" / "alerts.yaml", {})
    assert rules.rules[0] == Rule(name="mood")


def test_rules_are_built_without_a_file() -> None:
    receiver = Receiver(name="a", url="http://127.0.0.1:1/x", secrets=[SECRET], allow_private=True)
    rules = Rules(rules=[Rule(name="r", granularity="1m", receivers=["a"])], receivers=[receiver])
    assert rules.receiver("a") == receiver
    assert rules.receiver("b") is None
    assert rules.rules[0].granularity == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("rule", "place", "fix"),
    [
        ("{name: r, granularity: 7m}", "rules[0].granularity", "divide an hour"),
        ("{name: r, granularity: soon}", "rules[0].granularity", "5m"),
        ("{name: r, sensitivty: 1}", "rules[0].sensitivty", "no such field"),
        ("{name: r, minimum: {authors: 0}}", "rules[0].minimum.authors", "greater than or equal"),
        ("{brands: [Acme]}", "rules[0].name", "required"),
        ("{name: r, severities: {high: 9, critical: 3}}", "rules[0].severities", "above high"),
        (
            "{name: r, granularity: 5m, history: 1h, warm_up: 1h}",
            "rules[0]",
            "24 times the granularity",
        ),
        ("{name: r, warm_up: 1000h}", "rules[0]", "longer than history"),
        ("{name: r, receivers: [nobody]}", "rules[0].receivers[0]", "known: none"),
        (
            "{name: r, escalation: {after: 1h, receivers: [boss]}}",
            "rules[0].escalation[0].receivers[0]",
            "called 'boss'",
        ),
        (
            "{name: r, escalation: {after: 0m, receivers: [a]}}",
            "rules[0].escalation[0].after",
            "greater",
        ),
        (
            "{name: r, escalation: [{after: 2h, receivers: [a]}, {after: 1h, receivers: [b]}]}",
            "rules[0]",
            "after the one before",
        ),
        ("{name: r, quiet_hours: {from: 9}}", "rules[0].quiet_hours[0].until", "required"),
        (
            "{name: r, quiet_hours: {from: 22:00, until: 7:00, time_zone: Mars}}",
            "rules[0].quiet_hours[0].time_zone",
            "Europe/Berlin",
        ),
        ("{name: r, sources: []}", "rules[0].sources", "at least 1"),
        ("{name: r}, {name: r}", "rules[1].name", "given twice"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place_and_the_fix(
    tmp_path: Path, rule: str, place: str, fix: str
) -> None:
    message = refusal(tmp_path, f"rules: [{rule}]")
    assert f".yaml:1: {place}" in message
    assert fix in message


def test_the_line_of_what_is_wrong_is_told(tmp_path: Path) -> None:
    text = "# ours\nrules:\n  - name: mood\n    granularity: 1m\n    receivers:\n      - nobody\n"
    assert ".yaml:6: rules[0].receivers[0]: no receiver" in refusal(tmp_path, text)
    assert ".yaml:3: cannot be read as YAML" in refusal(tmp_path, "a: 1\n\n- b\n")


def test_a_changed_file_is_seen_and_a_wrong_one_leaves_the_rules_as_they_were(
    tmp_path: Path,
) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text("rules: [{name: a}]")
    file = RulesFile(path)
    assert not file.changed()
    path.write_text("rules: [{name: bb}]")
    assert file.changed()
    assert not file.changed()
    path.write_text("rules: [{name: c, x: 1}]")
    with pytest.raises(UsageError, match="no such field"):
        file.changed()
    assert not file.changed()  # told once
    assert "no such field" in file.refused  # … and for as long as it is so, to whoever asks
    assert [rule.name for rule in file.rules.rules] == ["bb"]
    path.unlink()
    with pytest.raises(UsageError, match="no such file"):
        file.changed()
    path.write_text("# a comment more\nrules: [{name: bb}]")
    assert not file.changed()  # nothing in it means anything else
    assert file.refused == ""


def test_a_secret_written_anew_is_taken_without_a_touch_to_the_rules(tmp_path: Path) -> None:
    path, secret = tmp_path / "alerts.yaml", tmp_path / "ours.secret"
    secret.write_text(OLD)
    path.write_text(HOOK % "secret_file: ours.secret")
    file = RulesFile(path)
    assert not file.changed()
    secret.write_text(SECRET + "\n")
    assert file.changed()
    assert file.rules.receivers[0].secrets[0].get_secret_value() == SECRET
    secret.unlink()
    with pytest.raises(UsageError, match=r"ours\.secret"):
        file.changed()
    assert file.rules.receivers[0].secrets[0].get_secret_value() == SECRET
    assert not file.changed()
    secret.write_text(OLD)
    assert file.changed()


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("- a", "keys rules and receivers"),
        ("rules: {", "cannot be read as YAML"),
        (HOOK % "secret_env: NOT_SET", "export NOT_SET="),
        (HOOK % "secret_file: nowhere.txt", "nowhere.txt: No such file"),
        (HOOK % "allow_private: true", "receivers[0]: no secret"),
        (HOOK % "secret: whsec_canary", "24 to 64 bytes"),
        (HOOK % f"secret: {SECRET[6:]}", "whsec_ followed by"),
        (HOOK % f"secret: {SECRET}, allowed_subnets: [10.0.0.1/8]", "allowed_subnets"),
        ("receivers: [a]", "receivers[0]"),
        (f"receivers: [{{name: a, url: 'ftp://x/canary', secret: {SECRET}}}]", "receivers[0].url"),
        (f"receivers: [{{name: a, url: 'https://u:canary@x/', secret: {SECRET}}}]", "user name"),
        (f"receivers: [{{name: a, url: 'https://x:99999/', secret: {SECRET}}}]", "must be https"),
        (f"receivers: [{{name: a, url: 'http://x.example/', secret: {SECRET}}}]", "allow_private"),
    ],
)
def test_a_wrong_file_is_refused_without_showing_secrets(
    tmp_path: Path, text: str, fix: str
) -> None:
    assert fix in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("fields", "fix"),
    [
        ("format: pager", "receivers[0].format"),
        ("format: alertmanager", "receivers[0]: no secret"),
        ("format: slack, secret: SECcanary", "secrets[0]: must be whsec_"),
        (f"format: feishu, secret: {SECRET}", "feishu signs with the bot's own secret"),
        ("format: dingtalk, secret: [SECcanary, SECcanary2]", "dingtalk knows one secret only"),
        ("format: dingtalk, secret: 'SEC canary'", "receivers[0].secrets[0]: must be printable"),
        ("format: wecom, language: de", "receivers[0].language"),
        ("format: wecom, time_zone: Beijing", "no time zone is called 'Beijing'"),
    ],
)
def test_each_format_has_secrets_of_its_own(tmp_path: Path, fields: str, fix: str) -> None:
    assert fix in refusal(tmp_path, HOOK % fields)


@pytest.mark.parametrize(
    "fields",
    [
        "format: slack",
        "format: teams, language: zh",
        f"format: wecom, secret: {SECRET}",
        "format: feishu",
        "format: feishu, secret: AbC123",
        "format: dingtalk, secret: SEC0123",
        f"format: alertmanager, secret: [{SECRET}, {OLD}]",
    ],
)
def test_a_format_takes_what_its_product_knows(tmp_path: Path, fields: str) -> None:
    [receiver] = load(tmp_path, HOOK % fields).receivers
    assert receiver.format in fields


def test_the_receivers_shown_in_the_example_can_be_taken_from_it(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "config" / "alerts.yaml"
    shown = "# receivers:" + example.read_text(encoding="utf-8").split("\n# receivers:")[1]
    text = "\n".join(line.removeprefix("# ") for line in shown.splitlines())
    rules = load(tmp_path, text, FEISHU_SECRET="abc", UNDERTONE_OURS_SECRET=SECRET)
    assert [one.format for one in rules.receivers] == ["slack", "feishu", "generic"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.yaml: no such file; copy config/alerts\.yaml"):
        load_rules(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (f"secret: {SECRET}", 1),
        (f"secret: [{SECRET}, {OLD}]", 2),
        ("secret_env: HOOK", 1),
        ("secret_env: [HOOK, OLD_HOOK]", 2),
        ("secret_file: hook.secret", 1),
    ],
)
def test_secrets_come_from_file_environment_or_inline_and_never_show(
    tmp_path: Path, given: str, count: int
) -> None:
    (tmp_path / "hook.secret").write_text(f"{SECRET}\n")
    rules = load(tmp_path, HOOK % given, HOOK=SECRET, OLD_HOOK=OLD)
    secrets = rules.receivers[0].secrets
    assert [s.get_secret_value() for s in secrets] == [SECRET, OLD][:count]
    shown = repr(rules) + str(rules) + rules.model_dump_json() + rules.receivers[0].shown
    assert SECRET not in shown
    assert "/h" not in shown.replace("https://", "")
    assert rules.receivers[0].shown == "https://x.example/…"


@pytest.mark.parametrize(
    ("fields", "brand", "topic", "covered"),
    [
        ({}, "Acme", "", True),
        ({}, "Acme", "battery", False),
        ({"topics": ["*"]}, "Acme", "battery", True),
        ({"topics": ["*"]}, "Acme", "", False),
        ({"topics": ["", "*"]}, "Acme", "", True),
        ({"brands": ["Bolt"]}, "Acme", "", False),
        ({"brands": ["Bolt", "Acme"], "topics": ["battery"]}, "Acme", "battery", True),
    ],
)
def test_a_rule_covers_its_brands_and_topics(
    fields: dict[str, Any], brand: str, topic: str, covered: bool
) -> None:
    assert Rule(name="r", **fields).covers(brand, topic) is covered
