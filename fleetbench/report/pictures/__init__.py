"""Pictures of rollouts (matplotlib): each takes plain data or a RolloutResult and returns a :class:`Picture`."""

from fleetbench.report.pictures.band import band, predicted_and_measured
from fleetbench.report.pictures.compare import compare
from fleetbench.report.pictures.dependencies import dependencies
from fleetbench.report.pictures.gantt import gantt
from fleetbench.report.pictures.matrix import failure_matrix
from fleetbench.report.pictures.style import Picture
from fleetbench.report.pictures.tornado import Change, tornado
from fleetbench.report.pictures.totals import totals

__all__ = [
    "Change",
    "Picture",
    "band",
    "compare",
    "dependencies",
    "failure_matrix",
    "gantt",
    "predicted_and_measured",
    "tornado",
    "totals",
]
