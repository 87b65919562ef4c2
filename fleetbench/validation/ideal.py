"""What the figures of a validation would come to if the predicted distributions were the true ones.

A run is one draw, so that a forecast with the true distribution is off as well (the ideal forecaster of Gneiting,
Balabdaoui and Raftery, "Probabilistic forecasts, calibration and sharpness", J. R. Stat. Soc. B 69, 2007). How far tells
an error of the model from what no model can know.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import fields, replace

from fleetbench.timeline.stats import lower_rank
from fleetbench.validation.compare import LEVELS, RunComparison
from fleetbench.validation.summary import Summary, figures, repeats

LEAST, MOST = 20, 200
"""Samples below which p5 and p95 say nothing, and draws beyond which they no longer change."""

Spread = tuple[float, float, float]
"""p5, p50, p95."""


def ideal(comparisons: Sequence[RunComparison], seed: int = 0) -> dict[str, Spread]:
    """Each figure of a :class:`Summary` where every run is replaced by a sample of its own prediction, many times.

    Runs are drawn independently of one another, repeats of a fleet too.

    Returns:
        Figure -> its p5, p50 and p95, in the figure's unit; without those that no draw has, and empty below
        :data:`LEAST` samples a run.
    """
    draws = min((c.prediction.samples for c in comparisons), default=0)
    if draws < LEAST:
        return {}
    rng = random.Random(seed)
    orders = [rng.sample(range(c.prediction.samples), min(draws, MOST)) for c in comparisons]
    repeated = repeats(comparisons)
    summaries = [
        figures([_as_if(c, number) for c, number in zip(comparisons, drawn, strict=True)], repeated)
        for drawn in zip(*orders, strict=True)
    ]
    found = {}
    for name in _FIGURES:
        values = sorted(value for s in summaries if (value := getattr(s, name)) is not None)
        if values:
            low, middle, high = (values[lower_rank(q, len(values))] for q in LEVELS)
            found[name] = (low, middle, high)
    return found


_FIGURES = [field.name for field in fields(Summary) if field.name not in ("runs", "repeats", "object_width_s")]
"""Without the counts, and without the width, which no measurement is part of."""


def _as_if(c: RunComparison, number: int) -> RunComparison:
    """The comparison, had the run been that sample of its prediction."""
    objects = tuple(replace(o, measured_s=c.prediction.ready_s(o.id, number)) for o in c.objects)
    last_s = max((o.measured_s for o in objects if o.measured_s is not None), default=None)
    return replace(c, objects=objects, total_s=None if c.run.unseen else last_s)
