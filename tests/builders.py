"""Small fleets and scenarios for tests, written the way one would say them."""

from __future__ import annotations

from typing import Any

from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Workload
from fleetbench.graph.root import with_root
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, ObjectId
from fleetbench.model.distributions import Fixed
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import Scenario
from fleetbench.model.steps import Steps, no_steps
from fleetbench.model.workload_time import WorkloadTime

NS = "flux-system"
ROOT = ObjectId(KUSTOMIZATION, NS, "flux-system")


def ks_id(name: str) -> ObjectId:
    return ObjectId(KUSTOMIZATION, NS, name)


def hr_id(name: str) -> ObjectId:
    return ObjectId(HELM_RELEASE, NS, name)


def ks(name: str, *depends_on: str, parent: str | None = None, **fields: Any) -> Kustomization:
    """A Kustomization that waits and depends on others by name."""
    given = {"wait": True, "timeout_s": 600.0, "retry_interval_s": 60.0, **fields}
    return Kustomization(
        ks_id(name),
        path=f"./apps/{name}",
        parent=None if parent is None else ks_id(parent),
        depends_on=tuple(Dependency(ks_id(d)) for d in depends_on),
        workloads=(Workload(ObjectId("Deployment", "default", name)),),
        applies=1,
        **given,
    )


def hr(name: str, parent: str, *depends_on: str, **fields: Any) -> HelmRelease:
    return HelmRelease(
        hr_id(name),
        parent=ks_id(parent),
        depends_on=tuple(Dependency(hr_id(d)) for d in depends_on),
        source=ObjectId(GIT_REPOSITORY, NS, "flux-system"),
        workloads_known=True,
        **fields,
    )


def fleet(*objects: Kustomization | HelmRelease) -> Fleet:
    kustomizations = [o for o in objects if isinstance(o, Kustomization)]
    return with_root(kustomizations, [o for o in objects if isinstance(o, HelmRelease)], [], None)


def scenario(
    of: Fleet,
    durations: dict[str, float] | None = None,
    *,
    steps: Steps | None = None,
    parameters: Parameters | None = None,
    **fields: Any,
) -> Scenario:
    """A scenario whose controllers take no time of their own unless ``steps`` says so; durations by name, in seconds."""
    times = {}
    for obj in of.services():
        seconds = (durations or {}).get(obj.id.name, 0.0)
        times[obj.id] = WorkloadTime(obj.id, "test", total=Fixed(seconds))
    if "changed" in fields:
        fields["commit"] = Commit(fields.pop("changed"))
    return Scenario(of, parameters or Parameters(interval_jitter=0.0), steps or no_steps(), times, **fields)
