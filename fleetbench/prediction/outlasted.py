"""What a wait that outlasts its timeout is spent on: a workload time that is only a guess, or something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from fleetbench.engine.simulate import Sample
from fleetbench.ids import ObjectId, say
from fleetbench.model.scenario import Scenario
from fleetbench.timeline.causes import TIMEOUT, WORKLOAD, Piece
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.why import Explanation
from fleetbench.units import format_duration

MOST_PLAYED = 6
"""Samples that are simulated again, with their rows, to see what waits were spent on."""


class Spent(NamedTuple):
    """What most of a wait was spent on."""

    guessed: bool
    """Workload times that are a guess."""
    cause: str
    """One of :mod:`fleetbench.timeline.causes`."""
    object: ObjectId
    """Whose."""
    seconds: float

    @property
    def said(self) -> str:
        """``9m28s of retry at flux-system/b``, for people."""
        return f"{format_duration(self.seconds)} of {self.cause} at {say(self.object)}"


def explained(scenario: Scenario, sample: Sample) -> Explanation:
    """A recorded sample, to be asked what any wait in it was spent on."""
    assert sample.timeline is not None
    ready_s = dict(zip((obj.id for obj in scenario.fleet.services()), sample.ready_s, strict=True))
    return Explanation(Rollout(scenario.fleet, sample.timeline, scenario.parameters, ready_s=ready_s))


def given_up_on(explanation: Explanation, id: ObjectId, is_guess: Callable[[ObjectId], bool]) -> Spent | None:
    """What the first health check of an object that ran into its timeout was spent on; None = none did."""
    first = next((s for s in explanation.life(id) if s.cause == TIMEOUT), None)
    return None if first is None else spent_on(explanation.wait(id, first.from_s, first.to_s), is_guess)


def spent_on(pieces: Sequence[Piece], is_guess: Callable[[ObjectId], bool]) -> Spent | None:
    """What most of a wait's seconds went into, all that is guessed taken together; None = it had none."""
    seconds: dict[tuple[bool, str, ObjectId | None], float] = {}
    for piece in pieces:
        guessed = piece.cause == WORKLOAD and is_guess(piece.object)
        key = guessed, piece.cause, None if guessed else piece.object
        seconds[key] = seconds.get(key, 0.0) + piece.seconds
    if not seconds:
        return None
    (guessed, cause, of), most = max(seconds.items(), key=lambda found: found[1])
    longest = max((p for p in pieces if p.cause == cause), key=lambda p: p.seconds)
    return Spent(guessed, cause, longest.object if of is None else of, most)


def samples_to_play(wanted: Mapping[ObjectId, Collection[int]]) -> list[int]:
    """Few samples that show each object in one of its own, as far as :data:`MOST_PLAYED` do."""
    left = {id: set(numbers) for id, numbers in wanted.items()}
    played: list[int] = []
    while left and len(played) < MOST_PLAYED:
        shown = Counter(number for numbers in left.values() for number in numbers)
        played.append(min(shown, key=lambda n: (-shown[n], n)))
        left = {id: numbers for id, numbers in left.items() if played[-1] not in numbers}
    return played


def usual(seen: Sequence[Spent]) -> Spent:
    """Of what an object's waits were spent on in several samples the longest, of guesses where those are half or more."""
    guessed = 2 * sum(spent.guessed for spent in seen) >= len(seen)
    return max((spent for spent in seen if spent.guessed == guessed), key=lambda spent: spent.seconds)
