"""What a patch comes to: the patched repository simulated as any other, and held against the one as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fleetbench.decide.change import Change
from fleetbench.decide.effect import Effect
from fleetbench.decide.optimize import Optimized, later_objects
from fleetbench.decide.patch.verify import Patch, make_patch
from fleetbench.decide.patch.write import not_here
from fleetbench.model.assemble import Choice, assemble
from fleetbench.prediction.predict import Prediction, predict
from fleetbench.repo import Reading


@dataclass(frozen=True)
class PatchOutcome:
    """A patch and what the patched repository simulates to."""

    patch: Patch
    prediction: Prediction
    effect: Effect
    """Against the repository as it is."""
    later: tuple[Change, ...]
    """Objects that it makes later, as `fleetbench check` sees it."""


def patch_outcome(repo: Path, cluster_path: str, reading: Reading, found: Optimized, choice: Choice) -> PatchOutcome:
    """Make the patch of the combination that a search found.

    Args:
        repo: the repository's directory.
        cluster_path: what the root Kustomization points at.
        reading: the repository as read.
        found: what the search found in its fleet.
        choice: what the search's scenario was assembled with: flags and all may come out otherwise once patched.
    """
    patch = make_patch(repo, cluster_path, reading, found.best.changes, found.base.scenario)
    if found.beside is not None:
        patch = replace(patch, left=(*patch.left, not_here(found.beside)))
    patched = replace(assemble(patch.fleet, choice).scenario, until_s=found.scenario.until_s)
    prediction = predict(patched, found.base.samples)
    later = tuple(later_objects(found.base, prediction))
    return PatchOutcome(patch, prediction, found.basis.effect(found.base, prediction), later)
