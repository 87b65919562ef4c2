"""Which kinds an account may read, asked before anything is recorded, and the ClusterRole that suffices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fleetbench.errors import EnvironmentLacks
from fleetbench.measure.kinds import WATCHED, WatchedKind
from fleetbench.measure.protocols import ClusterApi, Disconnected, Forbidden, Manifest, NotServed, Unauthenticated

RBAC_HINT = "`fleetbench measure --print-rbac` prints a ClusterRole that suffices"

LOGIN_HINT = "has the token run out? Log in again; `kubectl auth whoami` says whom the cluster takes you for"


def readable(
    api: ClusterApi, kinds: Iterable[WatchedKind] = WATCHED
) -> tuple[dict[WatchedKind, list[Manifest]], list[str]]:
    """List every kind once.

    Returns:
        Kind -> its objects, for those that can be read; and what is missing, for people.

    Raises:
        EnvironmentLacks: the cluster does not answer, has no Flux, or a kind that nothing goes without may not be read.
    """
    found: dict[WatchedKind, list[Manifest]] = {}
    forbidden: list[WatchedKind] = []
    for kind in kinds:
        try:
            found[kind] = api.list(kind)[0]
        except Unauthenticated as error:
            raise EnvironmentLacks(str(error), LOGIN_HINT) from error
        except Forbidden:
            forbidden.append(kind)
        except NotServed:
            if kind.required:
                raise EnvironmentLacks(
                    f"the cluster serves no {kind.resource}", "install Flux in it: `flux install`"
                ) from None
        except Disconnected as error:
            raise EnvironmentLacks(
                f"the cluster does not answer: {error}", "is it up, and reachable from here?"
            ) from error
    if any(kind.required for kind in forbidden):
        named = ", ".join(kind.resource for kind in forbidden)
        raise EnvironmentLacks(f"no permission to list and watch in all namespaces: {named}", RBAC_HINT)
    return found, [f"no permission to list and watch {kind.resource}: left out" for kind in forbidden]


CLUSTER_ROLE = "fleetbench-measure"


def cluster_role() -> dict[str, Any]:
    """The ClusterRole that ``measure --cluster existing`` needs: reading, and no Secret or ConfigMap, nor logs."""
    rules = [
        {"apiGroups": [group], "resources": sorted(w.plural for w in WATCHED if w.group == group), "verbs": list(_READ)}
        for group in dict.fromkeys(w.group for w in WATCHED)
    ]
    rules.append({"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": CLUSTER_ROLE},
        "rules": rules,
    }


USAGE_RULE = """\
# Memory and CPU of the Flux controllers come from each kubelet's /stats/summary, for which there is no narrower right than
# this one. It is left out, as it also lets its holder read the logs of any pod, and more of what kubelets offer:
# - apiGroups:
#   - ''
#   resources:
#   - nodes/proxy
#   verbs:
#   - get
"""
"""Behind the printed role: one more rule of it, once its comment marks are taken away."""
_READ = ["get", "list", "watch"]
