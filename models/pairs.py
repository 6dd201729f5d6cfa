"""Training pairs (text, target) that only the target can answer, made from rows and from clauses.

Data with targets is English and seldom holds two opinions in one text. What is made here makes a
model listen: two texts joined and asked about one half; posts that say different things about
invented names, and clauses of praise and blame to put such names in (`models/contrast/`, both
written for this project); and the rows whose targets disagree.
"""

import json
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from models.passage import Passage
from models.rows import LABELS, Row, find_target

CLAUSES = Path(__file__).with_name("contrast") / "clauses"
NEGATIVE, NEUTRAL, POSITIVE = range(len(LABELS))
WITHOUT_SPACES = ("zh", "ja", "th")


def disagreeing(rows: Sequence[Row]) -> list[Row]:
    """The rows of texts of which some target has another label than some other target."""
    labels: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if row.passage.target is not None:
            labels[row.passage.text].add(row.label)
    return [r for r in rows if r.passage.target is not None and len(labels[r.passage.text]) > 1]


def with_targets(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """Gives `share` of the rows that name no target a stretch of their own text as target, at the
    row's own label: the service always asks about a brand."""
    chance = random.Random(seed)
    changed = []
    for row in rows:
        own = row
        if row.passage.target is None and chance.random() < share:
            word, at = _stretch(row, chance)
            own = replace(row, passage=Passage(row.passage.text, word, at))
        changed.append(own)
    return changed


def joined(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """About `count` rows: two short texts of one language and two labels stand one after the other,
    asked once about something in each half."""
    chance = random.Random(seed)
    short: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if len(row.passage.text) <= 140:
            short[row.lang].append(row)
    firsts = [row for lang in sorted(short) for row in short[lang]]
    made: list[Row] = []
    for first in chance.choices(firsts, k=count // 2) if firsts else ():
        second = chance.choice(short[first.lang])
        (word, at), (other, place) = _stretch(first, chance), _stretch(second, chance)
        text = f"{first.passage.text} {second.passage.text}"
        at_other = len(first.passage.text) + 1 + place
        if first.label == second.label or not word or not other or text.find(other) != at_other:
            continue
        made.append(Row(Passage(text, word, at), first.label, "joined", first.lang))
        made.append(Row(Passage(text, other, at_other), second.label, "joined", first.lang))
    return made


def _stretch(row: Row, chance: random.Random) -> tuple[str | None, int]:
    """(the row's target or, without one, a word of its text, offset); a word is 2-4 characters in
    scripts without spaces; None where there is no word."""
    text, target = row.passage.text, row.passage.target
    if target is not None:
        return target, row.passage.at
    words = [w for w in re.findall(r"\w{2,}", text[:200]) if w not in ("http", "user")]
    if not words:
        return None, 0
    word = chance.choice(words)
    if row.lang in WITHOUT_SPACES:
        start = chance.randrange(len(word) - 1)
        word = word[start : start + chance.randint(2, 4)]
    return word, text.find(word)


def contrasting(count: int, seed: int) -> list[Row]:
    """About `count` rows about two or three invented names in one text, evenly over the languages
    of `models/contrast/clauses/`; most texts say different things about them."""
    chance = random.Random(seed)
    languages = sorted(path.stem for path in CLAUSES.glob("*.json"))
    made: list[Row] = []
    while len(made) < count:
        lang = chance.choice(languages)
        bank = _bank(lang)
        text, labels = _template(bank, chance) if chance.random() < 0.4 else _clauses(bank, chance)
        style = chance.random()
        if style < 0.6:
            text = text[0].upper() + text[1:]
            labels = {
                text[: len(n)] if text.lower().startswith(n.lower()) else n: labels[n]
                for n in labels
            }
        elif style < 0.75:
            text = text.lower()
            labels = {name.lower(): label for name, label in labels.items()}
        text = chance.choices(["", "@user "], [9, 1])[0] + text
        text += chance.choices(["", ".", "!", " http", " 😂"], [10, 6, 2, 1, 1])[0]
        if any(name in other for name in labels for other in labels if name != other):
            continue  # which one is meant?
        made += [
            Row(Passage(text, name, find_target(text, name)), label, "contrast", lang)
            for name, label in labels.items()
        ]
    return made


@cache
def _bank(lang: str) -> dict[str, Any]:
    bank: dict[str, Any] = json.loads((CLAUSES / f"{lang}.json").read_text("utf-8"))
    return bank


_TEMPLATES = {
    "better": (POSITIVE, NEGATIVE),
    "praise_beside": (POSITIVE, NEUTRAL),
    "blame_beside": (NEGATIVE, NEUTRAL),
    "both_neutral": (NEUTRAL, NEUTRAL),
}


def _template(bank: dict[str, Any], chance: random.Random) -> tuple[str, dict[str, int]]:
    kind = chance.choices(list(_TEMPLATES), [10, 5, 5, 1])[0]
    first, second = chance.sample(bank["names"], 2)
    text = chance.choice(bank[kind]).replace("{a}", first).replace("{b}", second)
    labels = dict(zip((first, second), _TEMPLATES[kind], strict=True))
    if chance.random() < 0.2:  # a further clause, so that the place in the text tells nothing
        third = chance.choice([name for name in bank["names"] if name not in labels])
        label = chance.randrange(3)
        clause = chance.choice(bank[LABELS[label]]).replace("{t}", third)
        parts = [text, clause] if chance.random() < 0.5 else [clause, text]
        text, labels = chance.choice(bank["and"]).join(parts), labels | {third: label}
    return text, labels


def _clauses(bank: dict[str, Any], chance: random.Random) -> tuple[str, dict[str, int]]:
    names = _names(bank, chance.choices([2, 3], [5, 1])[0], chance)
    wanted = [chance.randrange(3) for _ in names]
    if len(set(wanted)) == 1 and chance.random() < 0.7:
        wanted[0] = (wanted[0] + chance.choice((1, 2))) % 3
    text = ""
    for i, (name, label) in enumerate(zip(names, wanted, strict=True)):
        if i:
            opposed = {wanted[i - 1], label} == {NEGATIVE, POSITIVE} or chance.random() < 0.3
            text += chance.choice(bank["but" if opposed else "and"])
        text += chance.choice(bank[LABELS[label]]).replace("{t}", name)
    return text, dict(zip(names, wanted, strict=True))


def _names(bank: dict[str, Any], count: int, chance: random.Random) -> list[str]:
    kinds = [bank["aspects" if chance.random() < 0.3 else "names"] for _ in range(count)]
    names = [chance.choice(kind) for kind in kinds]
    return names if len(set(names)) == count else _names(bank, count, chance)
