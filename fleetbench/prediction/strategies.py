"""A fleet as it is and regrouped in waves, predicted from the same draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fleetbench.errors import InputError
from fleetbench.findings import Finding
from fleetbench.graph.fleet import Dependency, Fleet, HelmRelease, Kustomization, changed
from fleetbench.graph.named import without_namespace
from fleetbench.graph.waves import is_waves, to_waves
from fleetbench.ids import ObjectId, parse_reference
from fleetbench.model.assemble import Assembled, Choice, assemble
from fleetbench.prediction.predict import InterruptedPrediction, Prediction, predict

FINE, WAVES, BOTH = "fine", "waves", "both"
STRATEGIES = (FINE, WAVES)

Progress = Callable[[int, int], None]
"""Called with (done, of) over both strategies."""


@dataclass(frozen=True)
class Simulated:
    """What one call of ``simulate`` came to."""

    assembled: Assembled
    predictions: Mapping[str, Prediction]
    findings: tuple[Finding, ...] = ()
    already_waves: bool = False
    """The fleet is itself laid out in waves, so that both strategies are the same."""
    why_of: ObjectId | None = None


class InterruptedSimulation(KeyboardInterrupt):
    """Somebody interrupted a simulation of which there is something to keep."""

    def __init__(self, simulated: Simulated):
        super().__init__()
        self.simulated = simulated
        """What was done: of both strategies as many samples as both have, or of the first one alone."""


def predict_strategies(
    fleet: Fleet,
    choice: Choice,
    strategy: str = BOTH,
    samples: int = 50,
    *,
    findings: tuple[Finding, ...] = (),
    why_of: ObjectId | None = None,
    progress: Progress | None = None,
) -> Simulated:
    """Predict one or both strategies.

    Raises:
        InputError: a value that cannot be.
        InterruptedSimulation: an interrupt, with what was done by then.
    """
    wanted = STRATEGIES if strategy == BOTH else (strategy,)
    assembled: list[Assembled] = []
    predictions: dict[str, Prediction] = {}
    try:
        for name in wanted:
            laid_out = to_waves(fleet) if name == WAVES else fleet
            if laid_out is fleet and FINE in predictions:
                predictions[name] = predictions[FINE]
                continue
            assembled.append(assemble(laid_out, choice))

            def tell(done: int, of: int, before: int = len(predictions)) -> None:
                if progress is not None:
                    progress(before * of + done, len(wanted) * of)

            predictions[name] = predict(assembled[-1].scenario, samples, progress=tell)
    except KeyboardInterrupt as stop:
        if isinstance(stop, InterruptedPrediction):
            predictions[name] = stop.prediction
        if not predictions:
            raise
        kept = _as_many(predictions)
        done = _as_interrupted(assembled[0], kept, samples)
        raise InterruptedSimulation(Simulated(done, kept, findings, is_waves(fleet), why_of)) from None
    return Simulated(assembled[0], predictions, findings, is_waves(fleet), why_of)


def _as_many(predictions: Mapping[str, Prediction]) -> dict[str, Prediction]:
    """As many samples of each strategy as all of them have: they are compared sample by sample."""
    least = min(p.samples for p in predictions.values())
    return {name: p.first(least) for name, p in predictions.items()}


def _as_interrupted(assembled: Assembled, kept: Mapping[str, Prediction], samples: int) -> Assembled:
    """With a warning for whoever reads the result that it is a part."""
    done = next(iter(kept.values())).samples
    text = f"interrupted: {done} of {samples} samples of {' and '.join(kept)} were done"
    return replace(assembled, warnings=(*assembled.warnings, text))


def with_dependencies(fleet: Fleet, changes: Mapping[ObjectId, tuple[ObjectId, ...]]) -> Fleet:
    """The fleet with other ``dependsOn`` for some objects.

    Raises:
        InputError: an object that the fleet does not hold.
    """
    for id in changes:
        if fleet.service(id) is None:
            raise InputError(f"--set-depends-on: got {id}, wanted an object of this fleet")

    def depending(obj: Kustomization | HelmRelease) -> Kustomization | HelmRelease:
        return replace(obj, depends_on=tuple(Dependency(target) for target in changes[obj.id]))

    return changed(fleet, dict.fromkeys(changes, depending))


def changed_by(fleet: Fleet, changed: str) -> frozenset[ObjectId]:
    """What a commit changes, from ``--changed``: an OBJECT, a path in the repository, or else a name without its namespace.

    A path changes every Kustomization whose own path holds it (the deepest ones), and every object that is defined in
    that file or below that folder.

    Raises:
        InputError: nothing in the fleet is touched by it.
    """
    services = {obj.id: obj for obj in fleet.services()}
    try:
        reference = parse_reference(changed)
    except ValueError:
        reference = None
    if reference in services:
        return frozenset({reference})
    path = _parts(changed)
    defined = {id for id, obj in services.items() if obj.file and _parts(obj.file)[: len(path)] == path}
    holding = [
        (len(_parts(k.path)), k.id)
        for k in fleet.kustomizations
        if path[: len(_parts(k.path))] == _parts(k.path) and k.expanded
    ]
    below = {
        k.id
        for k in fleet.kustomizations
        if k.expanded and len(_parts(k.path)) > len(path) and _parts(k.path)[: len(path)] == path
    }
    deepest = max((depth for depth, _ in holding), default=0)
    found = defined | below | {id for depth, id in holding if depth == deepest and depth > 0}
    if not found and reference is not None:
        found = set(without_namespace(reference, services))
    if not found:
        raise InputError(
            f"--changed: got {changed!r}, wanted an object of this fleet or a path that one of its Kustomizations builds",
            "`fleetbench graph` lists the objects with their paths",
        )
    return frozenset(found)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(p for p in path.split("/") if p not in ("", "."))
