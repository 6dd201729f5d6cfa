"""Generations: which analysis (model, catalogue, matcher) a row was made with (DESIGN §3).

A number is given out by `undertone activate`, or by the first start on an empty table, never by a
consumer by itself: two replicas with different catalogues must not overwrite each other in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

from stream.database import Client, errors_sorted
from stream.errors import StopService
from stream.match import MATCHER_VERSION

_FIRST = 1
_LAST = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Analysis:
    """One whole way of reading a post."""

    model_hash: str
    catalogue_hash: str
    matcher_version: int = MATCHER_VERSION


def active(client: Client) -> tuple[int, Analysis] | None:
    """The highest generation and what it is; None before the first."""
    return _latest(client, _LAST)


def analysis_of(client: Client, generation: int) -> Analysis | None:
    """What a generation is; None where it is not known."""
    found = _latest(client, generation)
    return found[1] if found and found[0] == generation else None


def _latest(client: Client, up_to: int) -> tuple[int, Analysis] | None:
    with errors_sorted():
        rows = client.query(
            "SELECT generation, model_hash, catalogue_hash, matcher_version FROM model_runs FINAL "
            "WHERE generation <= {up_to:UInt16} ORDER BY generation DESC LIMIT 1",
            parameters={"up_to": up_to},
        ).result_rows
    if not rows:
        return None
    generation, model_hash, catalogue_hash, matcher_version = rows[0]
    return int(generation), Analysis(model_hash, catalogue_hash, int(matcher_version))


def activate(client: Client, analysis: Analysis) -> int:
    """Make this analysis the current generation; its number. The current one stays as it is."""
    current = active(client)
    if current and current[1] == analysis:
        return current[0]
    generation = current[0] + 1 if current else _FIRST
    if generation > _LAST:
        raise StopService(f"model_runs: all {_LAST} generations are used")
    with errors_sorted():
        client.insert(
            "model_runs",
            [
                (
                    generation,
                    analysis.model_hash,
                    analysis.catalogue_hash,
                    analysis.matcher_version,
                )
            ],
            column_names=["generation", "model_hash", "catalogue_hash", "matcher_version"],
        )
    return generation


def admit(client: Client, analysis: Analysis) -> int:
    """The generation a consumer with this analysis writes.

    Raises StopService when another analysis is the active one: it says which part differs.
    """
    current = active(client)
    if current is None:
        return activate(client, analysis)
    if changed := what_changed(current, analysis):
        raise StopService(changed)
    return current[0]


def what_changed(current: tuple[int, Analysis], analysis: Analysis) -> str:
    """Which parts of `analysis` are not those of the active generation, and the fix; '' if none."""
    generation, known = current
    differing = [
        name
        for name, ours, theirs in (
            ("the model", analysis.model_hash, known.model_hash),
            ("brands.yaml", analysis.catalogue_hash, known.catalogue_hash),
            ("the matcher", analysis.matcher_version, known.matcher_version),
        )
        if ours != theirs
    ]
    if not differing:
        return ""
    return (
        f"{' and '.join(differing)} changed since generation {generation}: run "
        "`undertone activate` with the new configuration, then start every consumer again"
    )
