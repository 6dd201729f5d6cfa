"""Does the model listen to the target? Sentences that praise one and damn another tell.

A sentence counts where each of its targets has one label and not all have the same: there no single
answer, however good, can be right for all of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.figures import Interval
from models.rows import Row


@dataclass(frozen=True, slots=True)
class TargetFigures:
    """Sentences of one source (or of all, source "all") with targets of several labels."""

    source: str
    sentences: int
    right: int
    """Those whose targets were all answered right."""
    share: float
    interval: Interval
    """Wilson's, 95 %: a bootstrap of a handful of sentences that are all wrong has no width."""


def target_figures(rows: Sequence[Row], predicted: Sequence[int]) -> list[TargetFigures]:
    """One per source that has such sentences, by name, then all together; empty without any."""
    labels: dict[tuple[str, str], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    wrong = set()
    for row, given in zip(rows, predicted, strict=True):
        if row.passage.target is not None:
            sentence = (row.source, row.passage.text)
            labels[sentence][row.passage.target].add(row.label)
            if given != row.label:
                wrong.add(sentence)
    per_source: dict[str, list[bool]] = defaultdict(list)
    for sentence, targets in labels.items():
        if _tells(targets.values()):
            per_source[sentence[0]].append(sentence not in wrong)
    found = [_figures(source, right) for source, right in sorted(per_source.items())]
    if len(found) > 1:
        found.append(_figures("all", [one for right in per_source.values() for one in right]))
    return found


def _tells(labels: Iterable[set[int]]) -> bool:
    sets = list(labels)
    return all(len(one) == 1 for one in sets) and len(set().union(*sets)) > 1


def _figures(source: str, right: Sequence[bool]) -> TargetFigures:
    hits, total = sum(right), len(right)
    return TargetFigures(source, total, hits, round(hits / total, 4), wilson(hits, total))


def wilson(hits: int, total: int) -> Interval:
    """95 % interval of a share, from a count of at least 1; good at the edges and for few."""
    z = 1.959964
    share, weight = hits / total, z * z / total
    middle = (share + weight / 2) / (1 + weight)
    half = z * (share * (1 - share) / total + weight / (4 * total)) ** 0.5 / (1 + weight)
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)
