"""Flux's own benchmark, as fluxcd/flux-benchmark publishes it: its fleets, its flags, its durations.

https://github.com/fluxcd/flux-benchmark (RESULTS.md, timoni/modules, manifests/install; read at Flux 2.9.0): so many
OCIRepositories with a Kustomization each, or so many HelmReleases of one chart, all of a Deployment scaled to zero, a Service, a
ServiceAccount and an Ingress, on a machine of 16 processors.

``python -m tests.oracles.flux_benchmark [SAMPLES]`` prints what is published and what is predicted.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from fleetbench.engine.plan import compile_plan
from fleetbench.engine.simulate import run_sample
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Source, Workload
from fleetbench.graph.root import with_root
from fleetbench.ids import HELM_CHART, ObjectId
from fleetbench.model.assemble import Choice, assemble

PUBLISHED_S = {
    "Kustomization": {100: 26.0, 500: 120.0, 1000: 253.0},
    "HelmRelease": {100: 26.0, 500: 134.0, 1000: 279.0},
}
"""RESULTS.md, Flux v2.9.0. The releases 2.2 to 2.8 have 26 to 28 s, 122 to 125 s and 254 to 256 s for Kustomizations."""
FLAGS: dict[str, Any] = {
    "kustomize_concurrent": 20,
    "helm_concurrent": 10,
    "source_concurrent": 10,
    "kustomize_cpus": 2.0,
    "in_memory_builds": True,
    "cpus": 16.0,
}
NAMESPACE = "benchmark"


def kustomizations(count: int) -> Fleet:
    """Each of a source of its own; the root is only there because every fleet here has one."""
    sources = [
        Source(ObjectId("OCIRepository", NAMESPACE, f"podinfo-{n}"), interval_s=3600.0, files=1) for n in range(count)
    ]
    return with_root(
        [
            Kustomization(
                ObjectId("Kustomization", NAMESPACE, f"podinfo-{n}"),
                source=source.id,
                wait=True,
                interval_s=3600.0,
                retry_interval_s=120.0,
                timeout_s=60.0,
                workloads=(_scaled_to_zero(n),),
                applies=4,
            )
            for n, source in enumerate(sources)
        ],
        [],
        sources,
        None,
    )


def helmreleases(count: int) -> Fleet:
    """All of one chart of one repository."""
    repository = Source(ObjectId("HelmRepository", NAMESPACE, "podinfo"), static=True)
    return with_root(
        [],
        [
            HelmRelease(
                ObjectId("HelmRelease", NAMESPACE, f"podinfo-{n}"),
                source=repository.id,
                chart="rendered",  # so that its workloads count, not the shipped prior of the chart's name
                interval_s=3600.0,
                workloads=(_scaled_to_zero(n),),
                workloads_known=True,
            )
            for n in range(count)
        ],
        [repository],
        None,
    )


def _scaled_to_zero(number: int) -> Workload:
    return Workload(ObjectId("Deployment", NAMESPACE, f"podinfo-{number}"), replicas=0)


FLEETS = {"Kustomization": kustomizations, "HelmRelease": helmreleases}


def totals_s(kind: str, count: int, samples: int, **flags: Any) -> list[float]:
    """The predicted totals, in order."""
    scenario = assemble(FLEETS[kind](count), Choice(flags=FLAGS | flags)).scenario
    # The registry of the OCIRepositories stands beside the cluster; the charts come from ghcr.io.
    charts = {id: time for id, time in scenario.fetch.items() if id.kind == HELM_CHART}
    plan = compile_plan(replace(scenario, fetch=charts))
    found = [run_sample(plan, number).total_s for number in range(samples)]
    return sorted(total for total in found if total is not None)


def main(samples: int) -> None:
    """Print the table."""
    for kind, published in PUBLISHED_S.items():
        for count, seconds in published.items():
            low, *_, high = found = totals_s(kind, count, samples)
            unlimited = totals_s(kind, count, samples, controller_manager_qps=1e9)
            print(f"{count} {kind}s: published {seconds:g} s, predicted {found[len(found) // 2]:.0f} s "
                  f"({low:.0f} to {high:.0f}), without kube-controller-manager's limit {unlimited[len(unlimited) // 2]:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
