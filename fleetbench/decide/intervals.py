"""Kustomizations whose interval ends while the rollout still goes on: what is Ready is reconciled anew meanwhile.

Such a reconcile holds a worker, unpacks and builds like any other, and while its health check runs Ready is Unknown, so that
who depends on it waits for another poll.

Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go Reconcile, reconcile (the interval's end
is an ordinary reconcile), api/v1/kustomization_types.go GetRetryInterval (unset: the interval), GetTimeout (unset:
30 s less than the interval).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetbench.graph.fleet import Fleet, changed
from fleetbench.graph.objects import Kustomization
from fleetbench.ids import ObjectId, say, some
from fleetbench.model.scenario import Scenario

INTERVAL_S = 3600.0
"""``interval`` tried: that of the infrastructure in fluxcd/flux2-kustomize-helm-example."""
INTERVAL_TEXT = "1h"

CORRECTED_LATER = (
    f"drift, what changes in a ConfigMap or Secret of substituteFrom, and a remote base are looked at every {INTERVAL_TEXT}; new "
    "revisions come with their source's event as before"
)
"""What a long interval changes for the cluster."""


@dataclass(frozen=True)
class SetInterval:
    """A longer ``interval``, and what else follows from the old one stated: ``retryInterval`` and ``timeout``."""

    ids: tuple[ObjectId, ...]

    @property
    def title(self) -> str:
        """``interval 1h on loki``."""
        return f"interval {INTERVAL_TEXT} on {some([say(id) for id in self.ids], 3)}"

    def applied(self, scenario: Scenario) -> Scenario:
        """With it."""
        return replace(scenario, fleet=changed(scenario.fleet, dict.fromkeys(self.ids, with_longer)))


def with_longer(k: Kustomization) -> Kustomization:
    """A Kustomization that is reconciled less often, and retries and gives up as it did."""
    timeout_s = k.default_timeout_s if k.timeout_s is None else k.timeout_s
    return replace(k, interval_s=INTERVAL_S, retry_interval_s=k.effective_retry_s, timeout_s=timeout_s)


def short_intervals(fleet: Fleet, total_s: float) -> tuple[ObjectId, ...]:
    """Kustomizations whose interval ends within a rollout of so many seconds.

    Not the root: ``flux bootstrap`` writes its manifest anew.
    """
    ends = min(total_s, INTERVAL_S)
    return tuple(k.id for k in fleet.kustomizations if k.interval_s < ends and not k.suspend and k.id != fleet.root)
