"""A fleet as it is and regrouped in waves, predicted from the same draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fleetbench.findings import Finding
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.waves import FINE, WAVES, is_waves, to_waves
from fleetbench.ids import ObjectId
from fleetbench.model.assemble import Assembled, Choice, assemble
from fleetbench.prediction.predict import InterruptedPrediction, Prediction, predict

BOTH = "both"
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
