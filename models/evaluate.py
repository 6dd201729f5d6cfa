"""How good is a model? Figures per source and language, as dataclasses; printing is the caller's.

python -m models.evaluate DATA.jsonl.gz --model DIR [--json]
"""

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.classify import Classifier
from models.errors import ModelError
from models.load import load_classifier
from models.rows import LABELS, Row, read_rows


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one group of rows; all of 0..1.

    Means are over the labels that occur among the answers sought: in a source of two classes a
    neutral answer is wrong and costs recall, but is no class of its own. There `accuracy` is the
    two-class accuracy of published work.
    """

    source: str
    lang: str
    """Empty for a whole source."""
    support: dict[str, int]
    accuracy: float
    macro_f1: float
    macro_recall: float

    @property
    def two_class(self) -> bool:
        """No neutral row among them."""
        return not self.support["neutral"]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one evaluation."""

    rows: int
    rows_per_second: float
    sources: list[Figures]
    """One per source, then one per source and language where a source has several."""

    def mean_over_languages(self, source: str) -> float:
        """Mean macro-F1 of a source's languages, each counted alike (UMSAB's figure)."""
        own = [f for f in self.sources if f.source == source]
        parts = [f for f in own if f.lang] or own
        return float(np.mean([f.macro_f1 for f in parts]))


def evaluate(
    classifier: Classifier,
    rows: Sequence[Row],
    progress: Callable[[int], None] = lambda done: None,
    batch: int = 512,
) -> Report:
    """Scores every row and counts; `progress` is called with the number of rows done."""
    began = time.perf_counter()
    predicted = np.zeros(len(rows), np.int64)
    # by length, so that the batches of each call are full of rows of one length
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].passage.text))
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        predicted[part] = classifier.score([rows[i].passage for i in part]).argmax(axis=1)
        progress(start + len(part))
    seconds = time.perf_counter() - began
    gold = np.array([row.label for row in rows], np.int64)

    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        groups[row.source, row.lang].append(i)
    figures = []
    for source in sorted({source for source, _ in groups}):
        own = {lang: i for (name, lang), i in sorted(groups.items()) if name == source}
        whole = [i for part in own.values() for i in part]
        only = next(iter(own)) if len(own) == 1 else ""
        figures.append(figures_of(source, only, gold[whole], predicted[whole]))
        if len(own) > 1:
            figures += [figures_of(source, lang, gold[i], predicted[i]) for lang, i in own.items()]
    return Report(len(rows), round(len(rows) / max(seconds, 1e-9), 1), figures)


def figures_of(
    source: str, lang: str, gold: NDArray[np.int64], predicted: NDArray[np.int64]
) -> Figures:
    """Figures of one group from its gold and predicted label numbers."""
    f1s, recalls = [], []
    for label in np.unique(gold):
        hits = int(((gold == label) & (predicted == label)).sum())
        sought, given = int((gold == label).sum()), int((predicted == label).sum())
        recalls.append(hits / sought)
        f1s.append(2 * hits / (sought + given))
    return Figures(
        source,
        lang,
        {name: int((gold == i).sum()) for i, name in enumerate(LABELS)},
        round(float((gold == predicted).mean()), 4),
        round(float(np.mean(f1s)), 4),
        round(float(np.mean(recalls)), 4),
    )


def sample(rows: Sequence[Row], each: int, seed: int = 7) -> list[Row]:
    """At most `each` rows of every source and language, drawn with a fixed seed."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.source, row.lang].append(row)
    chance = random.Random(seed)
    return [
        row
        for key in sorted(groups)
        for row in (chance.sample(groups[key], each) if len(groups[key]) > each else groups[key])
    ]


def table(report: Report) -> str:
    """The report as a Markdown table."""
    lines = [
        "| source | language | rows | macro-F1 | macro-recall | accuracy |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for f in report.sources:
        rows = sum(f.support.values())
        note = " (two classes)" if f.two_class else ""
        lines.append(
            f"| {f.source} | {f.lang or 'all'} | {rows} | {100 * f.macro_f1:.1f} "
            f"| {100 * f.macro_recall:.1f} | {100 * f.accuracy:.1f}{note} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--each", type=int, help="at most so many rows per source and language")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        rows = read_rows(given.data)
        if given.each:
            rows = sample(rows, given.each)
        report = evaluate(load_classifier(given.model), rows)
    except ModelError as error:
        parser.error(str(error))
    print(
        json.dumps(asdict(report))
        if given.json
        else f"{table(report)}\n\n{report.rows_per_second} rows/s"
    )


if __name__ == "__main__":
    main()
