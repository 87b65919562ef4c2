"""How many pods an update replaces at one time, as Kubernetes' controllers work it out."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.graph.objects import Workload
from fleetbench.ids import ObjectId
from fleetbench.repo.workloads import stated_at_once


def rolling(**fields: Any) -> dict[str, Any]:
    return {"strategy": {"rollingUpdate": fields}, "updateStrategy": {"rollingUpdate": fields}}


@pytest.mark.parametrize(
    ("kind", "spec", "replicas", "at_once"),
    [
        ("Deployment", {}, 1, 1),
        ("Deployment", {}, 2, 1),  # 25 % are one more and none less
        ("Deployment", {}, 4, 2),
        ("Deployment", {}, 10, 5),
        ("Deployment", rolling(maxSurge=0, maxUnavailable=1), 5, 1),
        ("Deployment", rolling(maxSurge=0, maxUnavailable="10%"), 5, 1),  # both come to zero
        ("Deployment", rolling(maxSurge="100%", maxUnavailable=0), 5, 5),
        ("Deployment", {"strategy": {"type": "Recreate"}}, 5, 5),
        ("Deployment", {"strategy": "Recreate"}, 4, 2),  # of a wrong form
        ("Deployment", rolling(maxSurge="soon", maxUnavailable=True), 4, 1),
        ("Deployment", rolling(maxSurge="9" * 5000 + "%", maxUnavailable="²%"), 4, 1),
        ("Deployment", rolling(maxSurge=[], maxUnavailable=-2), 4, 1),
        ("StatefulSet", {"podManagementPolicy": "Parallel"}, 5, 1),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, 5, 0),
        ("StatefulSet", rolling(maxUnavailable=3), 5, 1),
        ("DaemonSet", {}, 1, 1),
        ("DaemonSet", rolling(maxUnavailable=3), 1, 3),
        ("DaemonSet", rolling(maxSurge=2, maxUnavailable=0), 1, 2),
        ("DaemonSet", rolling(maxUnavailable="10%"), 1, 1),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, 1, 0),
        ("Job", {}, 3, None),
        ("Pod", {}, 1, None),
    ],
)
def test_so_many_pods_are_replaced_at_one_time(
    kind: str, spec: dict[str, Any], replicas: int, at_once: int | None
) -> None:
    read = Workload(ObjectId(kind, "apps", "w"), replicas, at_once=stated_at_once(kind, spec, replicas))
    assert read.replaced_at_once == at_once


def test_a_workload_that_says_nothing_has_the_default_of_its_kind() -> None:
    web, jobs = ObjectId("Deployment", "apps", "web"), ObjectId("Job", "apps", "migrate")
    assert Workload(web, replicas=8).replaced_at_once == 4
    assert Workload(web, replicas=8, at_once=1).replaced_at_once == 1
    assert Workload(jobs, replicas=8).replaced_at_once is None
