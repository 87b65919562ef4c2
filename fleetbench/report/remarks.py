"""What is said below the totals of a prediction: waves against fine, and how far a guess is to be believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fleetbench.graph.order import checks_health
from fleetbench.ids import ObjectId, some
from fleetbench.model.resolve import PRIOR
from fleetbench.prediction.document import why_pieces
from fleetbench.prediction.outlasted import Spent, explained, given_up_on, samples_to_play, usual
from fleetbench.prediction.partly import fails_alone
from fleetbench.prediction.predict import Prediction
from fleetbench.timeline.causes import TIMEOUT

WAVES = (
    "waves: what if the same objects came in layers, one Kustomization for each layer of dependsOn that waits for the one "
    "before. --strategy fine leaves that out."
)

LEFT_OUT = "Suspended, from a suspended source, or only created by such, so left out"
"""Before the names of the services that nobody asks for (:attr:`fleetbench.model.scenario.Scenario.left_out`)."""


LEGEND = (
    "all Ready: share of the samples in which everything turns Ready. in flight: most services (Kustomizations that group no "
    "others, and HelmReleases that none of them waits for) applied and not yet Ready at one moment. workers held: most "
    "workers of one controller at work, or waiting in a health check, at one moment."
)
"""What the columns of the totals mean."""


LEARN = "Learn your times (fleetbench calibrate, then --profile) or state them (--durations) before you act on that."


SHORTEN = (
    "`--why OBJECT` tells what that was; `fleetbench optimize` tries what shortens such waits, and longer timeouts."
)


class Longer(NamedTuple):
    """Which of the two strategies takes longer, as a sentence without its end, and the factor's p5 and p95."""

    said: str
    p5: float
    p95: float


def longer(comparison: Mapping[str, Any]) -> Longer | None:
    """Of the ``comparison`` of a prediction's document; None where nothing was compared.

    >>> longer({"speed_up_p5": 0.5, "speed_up_p50": 0.8, "speed_up_p95": 1.25}).said
    'Fine-grained takes 1.25 times as long as waves'
    """
    p5, p50, p95 = (comparison.get(f"speed_up_{q}") for q in ("p5", "p50", "p95"))
    if not p50 or p5 is None or p95 is None:
        return None
    if p50 >= 1:
        return Longer(f"Waves take {p50:.2f} times as long as fine-grained", p5, p95)
    low, high = 1 / p95, 1 / p5 if p5 else float("inf")
    return Longer(f"Fine-grained takes {1 / p50:.2f} times as long as waves", low, high)


def about_waves(fine: Prediction, waves: Prediction) -> list[str]:
    """What ``waves`` is, and where it ends sooner only because less of it gets Ready, that it does."""
    lines = [WAVES]
    get_there = [sum(p.ready_fraction(id) for id in fine.services) for p in (fine, waves)]
    ends_s = [p.total_quantile(0.5) for p in (fine, waves)]
    if ends_s[0] is not None and ends_s[1] is not None and ends_s[1] < ends_s[0] and get_there[1] <= get_there[0] - 1:
        in_fine, in_waves = (f"{100 * count / len(fine.services):.0f} %" for count in get_there)
        lines.append(
            f"waves ends sooner because fewer of the objects get Ready in it ({in_waves}, {in_fine} in fine): what fails "
            "holds back every later layer."
        )
    return lines


def outlasted_timeouts(prediction: Prediction, name_of: Callable[[ObjectId], str]) -> list[str]:
    """What outlasts the timeouts for which some objects fail, or are late in the median sample: a prior, or another wait."""
    fleet = prediction.scenario.fleet

    def by_prior(id: ObjectId) -> bool:
        return _by_prior(prediction, id)

    failing = {
        id: numbers
        for id, numbers in fails_alone(prediction).items()
        if (obj := fleet.service(id)) and checks_health(obj)
    }
    if failing:
        names = {id: f"{name_of(id)} (Ready in {100 * prediction.ready_fraction(id):.0f} %)" for id in failing}
        seen: dict[ObjectId, list[Spent]] = {}
        played = samples_to_play(failing)
        for number, sample in zip(played, prediction.recorded(played), strict=True):
            explanation = explained(prediction.scenario, sample)
            for id in (id for id, numbers in failing.items() if number in numbers):
                spent = given_up_on(explanation, id, by_prior)
                seen.setdefault(id, []).extend([spent] if spent else [])
        on = {id: usual(found) for id, found in seen.items() if found}
        return _outlasted("In some samples", "what waits for it fails too", names, on)
    late = dict.fromkeys(p.object for p in why_pieces(prediction) if p.cause == TIMEOUT)
    explanation = explained(prediction.scenario, prediction.median)
    on = {id: spent for id in late if (spent := given_up_on(explanation, id, by_prior))}
    return _outlasted("In the median sample", "a retry mends it", {id: name_of(id) for id in late}, on)


def _outlasted(when: str, then: str, names: Mapping[ObjectId, str], on: Mapping[ObjectId, Spent]) -> list[str]:
    guessed = [names[id] for id in names if id in on and on[id].guessed]
    others = [f"{names[id]}: {on[id].said}" for id in names if id in on and not on[id].guessed]
    lines = []
    if guessed:
        lines.append(f"{when} a shipped prior or guess outlasts a timeout, and {then}: {some(guessed, 4)}. {LEARN}")
    if others:
        lines.append(f"{when} what outlasts a timeout is no guessed time, and {then}: {some(others, 4)}. {SHORTEN}")
    return lines


def _by_prior(prediction: Prediction, id: ObjectId) -> bool:
    """Whether the time of an object's workloads is a shipped prior; of one that has none of its own, of what is inside it."""
    times = prediction.scenario.workloads
    own = [times[id]] if id in times else [times[c] for c in prediction.scenario.fleet.inside(id) if c in times]
    return any(f"{PRIOR}: " in time.chosen_by for time in own)
