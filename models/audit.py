"""The audit of a model: who is spoken of, and how it is written, and what that does to the score.

Nothing is hidden: a bad figure is a figure. `undertone audit` prints it and writes it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models.audit_texts import AuditTexts
from models.bias import Comparison, compare
from models.passage import Passage
from models.robustness import PERTURBATIONS, Flips, Post, label_flips, negation_flips
from models.rows import find_target
from models.scorer import Scorer

BRAND = "Acme"
"""Asked about where one of our own texts names it."""


@dataclass(frozen=True, slots=True)
class Audit:
    """All figures of one audit."""

    seed: int
    bias: list[Comparison]
    robustness: list[Flips]
    """Labels should stay."""
    negation: list[Flips]
    """Labels should change."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def own_posts(texts: Mapping[str, AuditTexts]) -> list[Post]:
    """The project's own posts, for want of real rows."""
    return [
        Post(
            Passage(text, BRAND, find_target(text, BRAND)) if BRAND in text else Passage(text), code
        )
        for code, own in texts.items()
        for text in own.texts
    ]


def audit(
    scorer: Scorer,
    texts: Mapping[str, AuditTexts],
    posts: Sequence[Post],
    seed: int = 7,
    advance: Callable[[int], None] = lambda _: None,
) -> Audit:
    """Bias over the templates of `texts`, robustness over `posts`, negation over `texts`.

    `advance` is told how many of `steps(texts)` are done.
    """
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        advance(done)

    bias, robustness = [], []
    for code, own in texts.items():
        for attribute, groups in own.groups.items():
            bias.append(compare(scorer, code, attribute, own.templates, groups))
            step()
    for change in PERTURBATIONS:
        robustness += label_flips(scorer, posts, change, seed)
        step()
    negations = [(code, *pair) for code, own in texts.items() for pair in own.negations]
    negation = negation_flips(scorer, negations)
    step()
    return Audit(seed, bias, robustness, negation)


def steps(texts: Mapping[str, AuditTexts]) -> int:
    """Comparisons and changes an audit is made of."""
    return sum(len(own.groups) for own in texts.values()) + len(PERTURBATIONS) + 1


def markdown(found: Audit) -> str:
    """The report as Markdown tables, as the terminal shows it and `audit.md` holds it."""
    parts = []
    if found.bias:
        parts += [
            "## Bias",
            "Largest difference of the mean score (positive less negative, -1 to 1) between two "
            "groups of which the same sentences speak; 0 is fair. Lowest and highest group named.",
            _shifts(found.bias),
            "Mean score per group:",
            *(
                _means(found.bias, attribute)
                for attribute in _unique(c.attribute for c in found.bias)
            ),
        ]
    parts += [
        "## Robustness",
        "Labels that change with the text, % of rows (rows in brackets; a change that a script "
        f"does not have: –). They should stay. Seed {found.seed}.",
        _flips(found.robustness),
        "Negation added: here the label should change.",
        _flips(found.negation),
    ]
    return "\n\n".join(parts)


def _shifts(bias: Sequence[Comparison]) -> str:
    """Attributes down, languages across."""
    cells = {(c.attribute, c.language): f"{c.shift:.3f} ({c.lowest} < {c.highest})" for c in bias}
    return _grid("largest shift", cells)


def _means(bias: Sequence[Comparison], attribute: str) -> str:
    """Groups of one attribute down, languages across."""
    cells = {
        (group, c.language): f"{mean:+.3f}"
        for c in bias
        if c.attribute == attribute
        for group, mean in c.means.items()
    }
    return _grid(attribute, cells)


def _flips(flips: Sequence[Flips]) -> str:
    """Changes down, languages across; all together with the interval."""
    cells = {}
    for f in flips:
        if f.share is None or f.low is None or f.high is None:
            cells[f.change, f.language or "all"] = "–"
        elif f.language:
            cells[f.change, f.language] = f"{100 * f.share:.1f} ({f.rows})"
        else:
            cells[f.change, "all"] = (
                f"{100 * f.share:.1f} ({f.rows}; 95 %: {100 * f.low:.1f} to {100 * f.high:.1f})"
            )
    return _grid("change", cells)


def _grid(corner: str, cells: Mapping[tuple[str, str], str]) -> str:
    rows, columns = _unique(row for row, _ in cells), _unique(column for _, column in cells)
    lines = [[corner, *columns], ["---", *["---:"] * len(columns)]]
    lines += [[row, *(cells.get((row, column), "") for column in columns)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
