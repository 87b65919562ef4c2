"""How the total and each object's Ready changed between two predictions of the same draws, and whether that is worse.

Worse is any of three things, each beyond the tolerance and :data:`FLOOR_S` and beyond noise: the median of the paired
differences is above zero; the quantile that the user names got later; more samples got much later than much sooner
(:mod:`.spread`). The total is one question; of many objects some would get later by luck, so the last two are asked of
each the more sharply, the more objects there are (Bonferroni).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fleetbench.decide.paired import CONFIDENCE, Paired, interval, paired, signed, span
from fleetbench.decide.signs import SURE
from fleetbench.decide.spread import MUCH_S, Moved, Pair, Shares, moved, shares
from fleetbench.decide.trial import series, total_difference, total_pairs
from fleetbench.ids import ObjectId
from fleetbench.prediction.predict import Prediction
from fleetbench.timeline.stats import lower_quantile
from fleetbench.units import counted, format_duration

FLOOR_S = 5.0
"""Nothing later by less than this fails, whatever its share: one health poll of kustomize-controller."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user asks of the rollout."""

    target_s: float | None = None
    quantile: float = 0.5
    """Of the total, that must not exceed the target, nor get later than the baseline's."""
    tolerance: float = 0.05
    min_parallel: int | None = None

    def floor_s(self, before_s: float) -> float:
        """What was Ready then may be later by so much."""
        return max(FLOOR_S, self.tolerance * (before_s if math.isfinite(before_s) else 0.0))


@dataclass(frozen=True, slots=True)
class Change:
    """An object's Ready (or the total, with no object) before and now: medians, None = never, and their difference."""

    object: ObjectId | None
    before_s: float | None
    now_s: float | None
    difference: Paired
    """Of the median sample, so to say: its median says nothing of the others, :attr:`at` and :attr:`shares` do."""
    worse: bool
    better: bool
    at: Moved
    """The quantile that the policy names."""
    shares: Shares
    reasons: tuple[str, ...] = ()
    """Why it is worse, each a sentence's part."""
    both: Paired | None = None
    """Of the total: the difference over the samples in which all turns Ready on both sides; None = there are none."""


def object_changes(base: Prediction, now: Prediction, policy: Policy) -> list[Change]:
    """How every object's Ready that is in both differs, the latest against before first; not of what is suspended."""
    before, after = series(base), series(now)
    asleep = base.left_out | now.left_out
    asked = [id for id in after if id in before and id not in asleep]
    found = []
    for id in asked:
        pairs = list(zip(before[id], after[id], strict=True))
        found.append(_change(id, pairs, paired(before[id], after[id]), policy, len(asked)))
    return sorted(found, key=lambda c: (-c.difference.p50_s, -c.shares.later, c.object or now.scenario.fleet.root))


def total_change(base: Prediction, now: Prediction, policy: Policy) -> Change:
    """How the total differs; a sample in which less turns Ready than before is later than any that is late."""
    whole = [(a, b) for a, b in zip(base.whole_totals, now.whole_totals, strict=True) if a < math.inf and b < math.inf]
    both = paired([a for a, _ in whole], [b for _, b in whole]) if whole else None
    pairs = total_pairs(base, now)
    difference = total_difference(base, now)
    if both is not None and math.isfinite(difference.p50_s):
        difference = both  # about as much turns Ready as before: how much later, the whole samples tell
    # The medians are those that every other command says.
    medians = tuple(lower_quantile(list(p.totals), 0.5) for p in (base, now))
    return _change(None, pairs, difference, policy, 1, both, medians)


def _change(
    object: ObjectId | None,
    pairs: list[Pair],
    difference: Paired,
    policy: Policy,
    of: int,
    both: Paired | None = None,
    medians: tuple[float | None, ...] | None = None,
) -> Change:
    """``of``: how many are asked the same."""
    before, after = medians or tuple(lower_quantile([pair[side] for pair in pairs], 0.5) for side in (0, 1))
    floor = policy.floor_s(before or 0.0)
    at = moved(pairs, policy.quantile, 1 - (1 - CONFIDENCE) / of)
    much = shares(pairs, policy.tolerance)
    reasons = []
    if difference.p50_s > floor and difference.later:
        reasons.append(_median(object, before, after, difference, both, len(pairs)))
    if at.by_s > policy.floor_s(at.before_s) and at.low_s > 0 and not (reasons and policy.quantile == 0.5):
        reasons.append(said_quantile(at))
    if much.leads(SURE / of) and not (reasons and math.isinf(difference.p50_s)):
        reasons.append(said_shares(much))
    better = not reasons and -difference.p50_s > floor and difference.sooner
    return Change(object, before, after, difference, bool(reasons), better, at, much, tuple(reasons), both)


def _median(
    object: ObjectId | None,
    before_s: float | None,
    now_s: float | None,
    difference: Paired,
    both: Paired | None,
    samples: int,
) -> str:
    was = f"was {format_duration(before_s)}"
    if object is None:
        return f"p50 {format_duration(now_s)}, {was}; {said_pairs(difference, both, samples)}"
    if math.isinf(difference.p50_s):
        return f"never in half of the samples or more, {was}"
    return f"{format_duration(now_s)}, {was} ({signed(difference.p50_s)}, 95 % interval {interval(difference)})"


def said_pairs(difference: Paired, both: Paired | None, samples: int) -> str:
    """``the same draw then and now: +1m35s in the median of the 43 of 50 samples that have both (95 % interval ...)``.

    It is no difference of two medians: those may be of different samples.
    """
    if math.isinf(difference.p50_s):
        less = "less turns Ready than before, or not all any more,"
        return f"{less if difference.p50_s > 0 else 'more turns Ready than before'} in half of the samples or more"
    if both is None:
        return "in no sample all turns Ready on both sides"
    of = counted(samples, "sample")
    where = f"all {of}" if both.samples == samples else f"the {both.samples} of {of} that have both"
    return (
        f"the same draw before and now: {signed(both.p50_s)} in the median of {where} (95 % interval {interval(both)})"
    )


def said_quantile(at: Moved) -> str:
    """``p90 12m33s, was 2m52s: +9m41s (95 % interval +8m0s to +9m50s)``."""
    name = f"p{round(at.quantile * 100)}"
    now, was = (format_duration(None if math.isinf(s) else s) for s in (at.now_s, at.before_s))
    if math.isinf(at.by_s):
        return f"{name} {now}, was {was}"
    return f"{name} {now}, was {was}: {signed(at.by_s)} (95 % interval {span(at.low_s, at.high_s)})"


def said_shares(much: Shares) -> str:
    """``later by more than 1m00s and 25 % (or never) in 24 of 50 samples, sooner by as much in none``."""
    limit = f"more than {format_duration(MUCH_S)} and {100 * much.share:.0f} %"
    return f"later by {limit}, or never, in {much.later} of {counted(much.samples, 'sample')}, sooner by as much in {much.sooner or 'none'}"
