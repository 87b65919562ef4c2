"""When each object of a prediction is Ready, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from fleetbench.ids import ObjectId, some
from fleetbench.model.resolve import NOTHING_TO_WAIT_FOR
from fleetbench.model.scenario import COMMIT
from fleetbench.prediction.predict import Prediction
from fleetbench.report.inert import inert, name_of
from fleetbench.report.rows import Rows
from fleetbench.units import format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType


def ready_tables(prediction: Prediction) -> list[RenderableType]:
    """A row for each object that is asked for, in the order in which they turn Ready; what a commit leaves alone in a line."""
    parts: list[RenderableType] = [_objects(prediction, _listed(prediction))]
    untouched = [id for id in prediction.services if _is_untouched(prediction, id)]
    if untouched:
        named = some([name_of(id) for id in untouched], 5)
        parts.append(Text(f"Not changed by the commit, so Ready all along: {named}", style="dim"))
    return parts


def number_of_rows(prediction: Prediction) -> int:
    """How many objects those tables list."""
    return len(_listed(prediction))


def _listed(prediction: Prediction) -> list[ObjectId]:
    return [id for id in prediction.services if id not in prediction.left_out and not _is_untouched(prediction, id)]


def _is_untouched(prediction: Prediction, id: ObjectId) -> bool:
    """A release that a commit leaves as it is: there is nothing to wait for."""
    return prediction.scenario.kind == COMMIT and prediction.quantile(id, 1.0) == 0.0


def _objects(prediction: Prediction, listed: Sequence[ObjectId]) -> Rows:
    rows = Rows()
    rows.names("object")
    rows.numbers("median", "p5", "p95", "ready")
    rows.words("workload time from", style="dim")
    times = prediction.scenario.workloads
    order = sorted(
        listed,
        key=lambda id: (prediction.quantile(id, 0.5) is None, prediction.quantile(id, 0.5) or 0.0, id),
    )
    for id in order:
        time = times.get(id)
        rows.add(
            name_of(id),
            *(format_duration(prediction.quantile(id, q)) for q in (0.5, 0.05, 0.95)),
            f"{100 * prediction.ready_fraction(id):.0f} %",
            "" if time is None or time.chosen_by == NOTHING_TO_WAIT_FOR else inert(time.chosen_by),
        )
    return rows
