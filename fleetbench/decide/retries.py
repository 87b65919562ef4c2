"""Kustomizations that try again late: without a retryInterval a failure costs the whole interval.

Source: kustomize-controller v1.9.4 api/v1/kustomization_types.go GetRetryInterval (unset: the interval) and GetTimeout
(which it has no part in).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from fleetbench import phases
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import run_sample
from fleetbench.graph.fleet import changed
from fleetbench.ids import ObjectId, say, some
from fleetbench.model.scenario import Scenario
from fleetbench.timeline.events import Event

RETRY_S = 120.0
"""``retryInterval`` tried: what finding FB213 advises."""
RETRY_TEXT = "2m"

TRIED_MORE_OFTEN = (
    f"what fails is tried every {RETRY_TEXT}, its health check holds a worker as often, and alerts tell of each failure"
)
"""What a short retryInterval changes for the cluster."""

_FAILED = (phases.BUILD_FAILED, phases.RECONCILIATION_FAILED, phases.HEALTH_CHECK_FAILED)
"""Reasons after which kustomize-controller waits for GetRetryInterval (internal/controller/kustomization_controller.go
Reconcile)."""


@dataclass(frozen=True)
class SetRetryInterval:
    """``retryInterval`` on Kustomizations that state none."""

    ids: tuple[ObjectId, ...]

    @property
    def title(self) -> str:
        """``retryInterval 2m on loki``."""
        return f"retryInterval {RETRY_TEXT} on {some([say(id) for id in self.ids], 3)}"

    def applied(self, scenario: Scenario) -> Scenario:
        """With it."""
        short = {id: (lambda k: replace(k, retry_interval_s=RETRY_S)) for id in self.ids}
        return replace(scenario, fleet=changed(scenario.fleet, short))


def late_retries(scenario: Scenario, samples: int, never: Collection[ObjectId] = ()) -> tuple[ObjectId, ...]:
    """Kustomizations that fail on their way to Ready in any of so many samples, and whose next try takes their interval.

    Args:
        scenario: as it is.
        samples: rollouts to look at.
        never: what never turns Ready: the sooner it is tried, the more it is tried in vain.

    Returns:
        Those that fail in most samples first.
    """
    late = {
        k.id
        for k in scenario.fleet.kustomizations
        if k.retry_interval_s is None and k.interval_s > RETRY_S and k.id not in never
    }
    failed: Counter[ObjectId] = Counter()
    plan = compile_plan(scenario)
    for number in range(samples if late else 0):
        timeline = run_sample(plan, number, record=True).timeline
        assert timeline is not None
        failed.update(late.intersection(event.object for event in timeline.events if _is_failure(event)))
    return tuple(sorted(failed, key=lambda id: (-failed[id], id)))


def _is_failure(event: Event) -> bool:
    return event.status == phases.FALSE and event.reason in _FAILED
