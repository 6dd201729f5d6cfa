"""All that the detector remembers of series, and how it is saved. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from stream.detector.novelty import STRETCHES, Novelty
from stream.detector.usual import Floats, Usual
from stream.detector.wander import QUARTER_SUMS, Wander

SHARE_RISES = np.array([0.6, 1.0, 1.6])[:, None]  # of the log-odds
COUNT_RISES = np.array([0.7, 1.3, 2.2])[:, None]  # of the logarithm

SILENT = -4.6  # logarithm of the count of a series never heard of
_SHARE_PRIOR, _SHARE_DOUBT = -1.1, 1.0
NOTHING = -50.0  # the logarithm of no evidence


@dataclass(slots=True)
class State:
    """All that is remembered of series; the last axis of every array is the series.

    `noise` and `quarter` are those of `Wander`; `recent`, `rises` and `told` those of `Novelty`.
    `run` describes, for each size of rise, the rise that the evidence is of: its own statistic (a
    CUSUM), steps, negative mentions, mentions, negative mentions expected.
    """

    share: Floats
    share_doubt: Floats
    count: Floats
    count_doubt: Floats
    noise: Floats
    quarter: Floats
    share_evidence: Floats
    count_evidence: Floats
    run: Floats
    over: Floats
    """CUSUMs of how much better the usual share and the usual count explain what came since."""
    heard: Floats
    """Hours of steps that were known."""
    stands: Floats
    """Hours for which the evidence has stood above the limit, 0 where it does not."""
    recent: Floats
    rises: Floats
    told: Floats

    @classmethod
    def new(cls, series: int, count: Floats | float = SILENT, heard: float = 0.0) -> State:
        """Of series never heard of. `count` is the logarithm of negative mentions a step."""
        share = Usual.unknown(np.full(series, _SHARE_PRIOR), _SHARE_DOUBT)
        counts = Usual.unknown(np.zeros(series) + count, 1.0)
        return cls(
            share=share.mean,
            share_doubt=share.doubt,
            count=counts.mean,
            count_doubt=counts.doubt,
            noise=Wander.assumed(series),
            quarter=np.zeros((QUARTER_SUMS, series)),
            share_evidence=np.full((len(SHARE_RISES), series), NOTHING),
            count_evidence=np.full((len(COUNT_RISES), series), NOTHING),
            run=np.zeros((5, len(SHARE_RISES), series)),
            over=np.zeros((2, series)),
            heard=np.full(series, heard),
            stands=np.zeros(series),
            recent=np.zeros((2, len(STRETCHES), series)),
            rises=np.zeros((2, len(STRETCHES), series)),
            told=np.zeros(series),
        )

    def packed(self) -> Floats:
        """Shape (series, numbers): what is saved, one row a series."""
        arrays = [getattr(self, field.name) for field in fields(self)]
        flat = [a.reshape(math.prod(a.shape[:-1]), a.shape[-1]) for a in arrays]
        return np.ascontiguousarray(np.concatenate(flat).T)

    @classmethod
    def unpacked(cls, rows: Floats) -> State:
        """From rows of `packed`, of one or of several series."""
        if rows.shape[1] != NUMBERS:
            raise ValueError(f"a state of {rows.shape[1]} numbers is not one of these {NUMBERS}")
        numbers, values = np.ascontiguousarray(rows.T), {}
        at = 0
        for field in fields(cls):
            shape = getattr(_SHAPES, field.name).shape[:-1]
            size = math.prod(shape)
            values[field.name] = numbers[at : at + size].reshape(*shape, len(rows)).copy()
            at += size
        return cls(**values)

    @property
    def usual(self) -> tuple[Usual, Usual]:
        """Of the share and of the count: views, which learn in place."""
        return Usual(self.share, self.share_doubt), Usual(self.count, self.count_doubt)

    @property
    def wander(self) -> Wander:
        return Wander(self.noise, self.quarter)

    @property
    def novelty(self) -> Novelty:
        return Novelty(self.recent, self.rises, self.told)


_SHAPES = State.new(1)
NUMBERS = _SHAPES.packed().shape[1]
