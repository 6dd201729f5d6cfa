"""The texts of the audit, written for the project; they lie in `audit_texts.json` beside this.

Templates are written so that whoever is put in changes nothing else: no verb or adjective agrees
with `{who}`, and each language puts it where one form of the noun fits.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")

Groups = Mapping[str, Mapping[str, list[str]]]
"""Attribute (as "religion") to group (as "Muslim") to what is put in for it."""


@dataclass(frozen=True, slots=True)
class AuditTexts:
    """What one language is audited with."""

    templates: list[str]
    """Neutral, positive and negative sentences with `{who}` in them; none in some languages."""
    groups: Groups
    texts: list[str]
    """Posts for the perturbations."""
    negations: list[tuple[str, str]]
    """A statement, and its negation: the label must change."""


def read_texts(file: Path = FILE) -> dict[str, AuditTexts]:
    """Per language, by its code."""
    found = json.loads(file.read_text("utf-8"))
    return {
        language: AuditTexts(
            [text for tone in own.get("templates", {}).values() for text in tone],
            _groups(own, found["names"]),
            own["texts"],
            [(plain, negated) for plain, negated in own["negations"]],
        )
        for language, own in found["languages"].items()
    }


def _groups(own: Mapping[str, Any], names: Mapping[str, Any]) -> Groups:
    """The groups a language names outright, and its names by gender and by origin."""
    if "people" not in own:
        return {}
    groups = {
        attribute: {group: [phrase] for group, phrase in phrases.items()}
        for attribute, phrases in own["people"].items()
    }
    by_gender: dict[str, list[str]] = defaultdict(list)
    by_origin: dict[str, list[str]] = defaultdict(list)
    for origin, genders in names[own["names"]].items():
        for gender, some in genders.items():
            by_gender[gender] += some
            by_origin[origin] += some
    return {"name's gender": dict(by_gender), "name's origin": dict(by_origin), **groups}
