"""A run that was read from its trace, with the causes of its seconds."""

from __future__ import annotations

from collections.abc import Mapping

from fleetbench.ids import ObjectId
from fleetbench.model.parameters import flags_of_run
from fleetbench.runs.run import Run
from fleetbench.timeline.rollout import Rollout
from fleetbench.timeline.why import Explanation


def explained(run: Run, ready_s: Mapping[ObjectId, float | None]) -> Explanation:
    """What its rows say of why, with its :meth:`Run.ready_s`; of a commit's run, what comes after its artifact (``rollout.since_s``)."""
    since_s, revision = 0.0, None
    if run.commit is not None:
        since_s, revision = run.commit.artifact_s, run.commit.revision
    absolute = {id: None if t is None else t + since_s for id, t in ready_s.items()}
    return Explanation(Rollout(run.fleet, run.timeline, flags_of_run(run.flags), since_s, revision, absolute))
