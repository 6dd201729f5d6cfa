"""A model's own labels and ours: which output column means negative, neutral, positive.

Where they have other names, a person says what they mean: "LABEL_0=negative,LABEL_1=neutral,
LABEL_2=positive", or "negative,neutral,positive" for the columns in their order. Nothing is
guessed: the labels swapped would turn every alert round.
"""

from typing import Any

from models.errors import ModelRefused
from models.rows import LABELS

Columns = tuple[int, int, int]
"""Where the model's output holds negative, neutral and positive."""


def find_columns(id2label: Any, labels: str | None, place: str) -> tuple[Columns, bool]:
    """(columns, whether `labels` made them other than the model's own names would).

    `id2label` is the entry of config.json, column to name; letter case does not matter.
    Raises ModelRefused, with `place` in front, where the three labels cannot be found.
    """
    names = _names(id2label)
    own = _columns(names)
    if labels is not None:
        columns = _columns(_renamed(names, labels, place))
        if columns is None:
            raise ModelRefused(
                f"{place}: with labels {labels!r} its {_shown(names)} are not one each of "
                f"negative, neutral, positive; {_way_to_map(names)}"
            )
        return columns, columns != own
    if own is None:
        raise ModelRefused(
            f"{place}: its labels are {_shown(names)}, not negative, neutral, positive; "
            f"{_way_to_map(names)}"
        )
    return own, False


def _names(id2label: Any) -> dict[int, str]:
    """Column to name; none where the entry is not whole."""
    if not isinstance(id2label, dict):
        return {}
    names = {str(column): str(name) for column, name in id2label.items()}
    numbers = [str(column) for column in range(len(names))]
    return {int(n): names[n] for n in numbers} if sorted(names) == sorted(numbers) else {}


def _columns(names: dict[int, str]) -> Columns | None:
    """The three columns; None unless each label is named once and nothing else is."""
    found = [name.lower() for name in names.values()]
    if sorted(found) != sorted(LABELS):
        return None
    return found.index("negative"), found.index("neutral"), found.index("positive")


def _renamed(names: dict[int, str], labels: str, place: str) -> dict[int, str]:
    """The names with those that `labels` gives in place of the model's own."""
    parts = [part.strip() for part in labels.split(",")]
    if "=" not in labels:
        parts = [f"{column}={part}" for column, part in enumerate(parts)]
    renamed = dict(names)
    for part in parts:
        theirs, _, ours = (side.strip() for side in part.rpartition("="))
        if ours.lower() not in LABELS:
            raise ModelRefused(f"{place}: labels: {part!r} is not NAME=negative or the like")
        columns = [c for c, name in names.items() if name.lower() == theirs.lower()]
        columns = columns or [c for c in names if str(c) == theirs]
        if not columns:
            raise ModelRefused(f"{place}: labels: it has no {theirs!r}, but {_shown(names)}")
        renamed[columns[0]] = ours
    return renamed


def _shown(names: dict[int, str]) -> str:
    return ", ".join(names.values())[:200] or "none"


def _way_to_map(names: dict[int, str]) -> str:
    if len(names) != len(LABELS):
        return "only a model of these three classes can be used"
    pairs = ",".join(f"{name}={ours}" for name, ours in zip(names.values(), LABELS, strict=True))
    return f'map them as it is true for this model: --labels "{pairs}" (setting model.labels)'
