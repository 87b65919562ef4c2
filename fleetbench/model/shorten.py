"""The profile ``short``: the shipped priors at about a tenth, in whole seconds, for stand-in workloads.

It is derived, never edited: ``python -m fleetbench.model.shorten > fleetbench/data/profiles/short.yaml``; a test
compares the shipped file with what this makes.
"""

from __future__ import annotations

from typing import Any

import yaml

from fleetbench.model.distributions import Distribution, Fixed
from fleetbench.model.profile import DEFAULT, FORMAT_VERSION, Profile, TimePrior, load_profile, repository

FACTOR = 0.1
_ABOUT = "the shipped priors' medians (hooks, start, pulls and all) times 0.1, in whole seconds"


def shortened(default: Profile) -> dict[str, Any]:
    """The document of the short profile: every chart and kind with one whole time, nothing pulled or fetched on top."""
    return {
        "format_version": FORMAT_VERSION,
        "about": {"what": _ABOUT, "made_by": "python -m fleetbench.model.shorten"},
        "charts": {name: _short(default, prior) for name, prior in default.charts.items()},
        "kinds": {name: _short(default, prior) for name, prior in default.kinds.items() if name != DEFAULT},
        "fetch": dict.fromkeys(default.fetch, 0),
    }


def _short(default: Profile, prior: TimePrior) -> dict[str, Any]:
    seconds = _median(prior.hook) + _median(prior.total)
    if prior.ready is not None:
        seconds += _median(prior.ready) + _median(default.pod_start) + _pull_s(default, prior.images)
    found: dict[str, Any] = {"total": _whole(seconds)}
    if prior.each_more is not None:
        found["each_more"] = _whole(_median(prior.each_more) + _median(default.pod_start))
    return found


def _pull_s(default: Profile, images: tuple[str, ...]) -> float:
    if default.pull is None:
        return 0.0
    priors = [default.images.get(repository(image)) or default.images.get(DEFAULT) for image in images]
    return sum(_median(p.megabytes) for p in priors if p is not None) / _median(default.pull.bandwidth_mb_s)


def _median(distribution: Distribution | None) -> float:
    return (distribution or Fixed(0.0)).quantile(0.5)


def _whole(seconds: float) -> int:
    return max(1, round(seconds * FACTOR))


if __name__ == "__main__":
    print("# Derived from default.yaml by fleetbench.model.shorten; do not edit.")
    print(yaml.safe_dump(shortened(load_profile(DEFAULT)), sort_keys=False, default_flow_style=None, width=120), end="")
