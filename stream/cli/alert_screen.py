"""How incidents, silences and rules look on a terminal. Whatever is in them, a line stays one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from stream.alerting.rule_check import Matched
from stream.logs import escape


def incidents(found: Sequence[Mapping[str, Any]]) -> str:
    """One line an incident, under a head."""
    if not found:
        return "no incident stands, and none ended in the last week"
    rows = [
        (
            one["alert_id"][:8],
            one["state"],
            one["severity"],
            _time(one["opened_at"]),
            _subject(one),
            "unknown"
            if one["kind"] == "no_data"
            else f"{one['observed']:.0f} ({one['expected']:.1f} expected)",
            one["acknowledged_by"],
        )
        for one in found
    ]
    head = ("alert", "state", "severity", "opened (UTC)", "about", "negative", "taken by")
    return table(head, rows)


def life(found: Mapping[str, Any]) -> str:
    """All that happened to one incident, in order, with its last evidence in words."""
    one, evidence = found["incident"], found["evidence"]
    lines = [
        f"{one['alert_id']}  {one['state']}, {one['severity']}",
        f"{_subject(one)}, by rule {one['rule']}",
    ]
    if "negative" in evidence:
        lines += [
            f"{evidence['negative']} negative of {evidence['mentions']} mentions in "
            f"{evidence['minutes']} min, {evidence['expected']:.1f} expected "
            f"({evidence['expected_low']:.1f} to {evidence['expected_high']:.1f})",
        ]
    lines += [evidence["summary"]] if evidence.get("summary") else []
    lines += ["terms: " + ", ".join(evidence["terms"])] if evidence.get("terms") else []
    head = ("time (UTC)", "what", "why", "who", "told", "comment")
    rows = [
        (
            _time(row["changed_at"]),
            row["transition"],
            row["reason"].replace("_", " "),
            row["actor"] or "the watcher",
            ", ".join(row["receivers"]) or "nobody",
            row["comment"],
        )
        for row in found["transitions"]
    ]
    posts = [
        f"{post['source']} {post['author']}: {post['text']}" for post in evidence.get("posts", [])
    ]
    parts = ["\n".join(map(escape, lines)), table(head, rows)]
    return "\n\n".join([*parts, "\n".join(map(escape, posts))] if posts else parts)


def silences(found: Sequence[Mapping[str, Any]]) -> str:
    """One line a silence, under a head."""
    if not found:
        return "no silence is in force"
    rows = [
        (
            one["silence_id"][:8],
            _time(one["ends_at"]),
            one["rule"],
            one["brand"],
            one["topic"] or "(as a whole)",
            one["actor"],
            one["comment"],
        )
        for one in found
    ]
    return table(("silence", "until (UTC)", "rule", "brand", "topic", "by", "comment"), rows)


def rules(found: Iterable[Matched], most: int = 20) -> str:
    """Each rule, what it matches, and what looks wrong with it."""
    return "\n\n".join(_rule(one, most) for one in found) or "the file holds no rules"


def _rule(found: Matched, most: int) -> str:
    rule = found.rule
    told = ", ".join(rule.receivers) or "nobody"
    lines = [
        f"{rule.name}: {len(found.series)} series in steps of {rule.granularity}; "
        f"{rule.sensitivity:g} false alarms a brand and week to put up with; told: {told}",
        *(f"  look again: {doubt}" for doubt in found.doubts),
    ]
    rows = [
        (
            one.brand,
            one.topic or "(as a whole)",
            "?" if one.said.mentions is None else f"{one.said.mentions:,}",
            "?" if one.said.negative is None else f"{one.said.negative:,}",
            f"{one.false_alarms:.3g}",
        )
        for one in found.series[:most]
    ]
    parts = ["\n".join(map(escape, lines))]
    if rows:
        head = ("brand", "topic", "mentions a week", "negative", "false alarms a week")
        parts.append(table(head, rows))
    if len(found.series) > most:
        parts.append(f"… and {len(found.series) - most} more (--json lists all)")
    return "\n".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as what is in them."""
    lines = [head, *([escape(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell + " " * (w - _width(cell)) for cell, w in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _subject(one: Mapping[str, Any]) -> str:
    return " / ".join(name for name in (one["brand"], one["topic"]) if name)


def _time(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M")
