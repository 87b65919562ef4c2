"""Whether the controllers that a repository installs take ExternalArtifacts, and whether anything fills them.

Source: the gate ExternalArtifact is off by default in every release that has it (kustomize-controller v1.7.0 to v1.9.4,
helm-controller v1.4.0 to v1.6.3, internal/features/features.go); without it a Kustomization or ``chartRef`` that names
one is AccessDenied and Stalled (kustomize-controller internal/controller/kustomization_controller.go getSource,
helm-controller internal/controller/helmrelease_controller.go getSourceFromExternalArtifact). ``flux install
--components-extra=source-watcher`` sets it (fluxcd/flux2 v2.9.4 pkg/manifestgen/install/templates.go), and so does
flux-operator where source-watcher is a component (v0.58.1 internal/builder/components.go ValidateAndPatchComponents).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fleetbench.graph.objects import ControllerFlag
from fleetbench.repo.install.arguments import GATES
from fleetbench.repo.install.controllers import run_by
from fleetbench.repo.install.instance import flux_charts, instance_spec
from fleetbench.repo.kinds import INSTANCE_GROUP
from fleetbench.repo.manifest import CONTROLLERS
from fleetbench.repo.nodes import Walk
from fleetbench.units import parse_bool

WATCHER = "source-watcher"
_GATE = "ExternalArtifact"


class ExternalArtifacts(NamedTuple):
    """What the repository says of them."""

    watcher: bool | None
    """Whether source-watcher is installed, which fills them and whose CRD is ArtifactGenerator; None = it does not say."""
    forbidden_by: frozenset[str]
    """The controllers that do not take them."""


def external_artifacts(walk: Walk, flags: Iterable[ControllerFlag]) -> ExternalArtifacts:
    """What a repository says of ExternalArtifacts; nothing where it installs no controller, or a chart does.

    Args:
        walk: what was found.
        flags: what the repository sets on the controllers.
    """
    deployed = {name for _, manifest in walk.installed() for name, _ in run_by(manifest, (*CONTROLLERS, WATCHER))}
    listed_by = list(components(walk))
    if flux_charts(walk) or not (deployed or listed_by) or None in listed_by:  # not all of their arguments are known
        return ExternalArtifacts(None, frozenset())
    watcher = WATCHER in deployed or any(WATCHER in listed for listed in listed_by if listed)
    allowed = {f.controller for f in flags if f.flag == GATES and _is_on(f.value)}
    if any(WATCHER in listed for listed in listed_by if listed):
        allowed.update(CONTROLLERS)
    installed = deployed.union(*(listed for listed in listed_by if listed))
    return ExternalArtifacts(watcher, frozenset(c for c in CONTROLLERS if c in installed and c not in allowed))


def components(walk: Walk) -> Iterator[frozenset[str] | None]:
    """What each FluxInstance installs; None where it is not known, as a release's values may come from elsewhere.

    Source: flux-operator v0.58.1 api/v1/fluxinstance_types.go GetComponents.
    """
    for node, manifest in walk.installed():
        itself = manifest.is_flux(INSTANCE_GROUP, "FluxInstance")
        spec = instance_spec(node, manifest, walk)
        listed = spec.get("components")
        if isinstance(listed, list) and listed:
            yield frozenset(map(str, listed))
        elif itself:
            yield frozenset(CONTROLLERS)
        elif spec:
            yield None


def _is_on(gates: str) -> bool:
    """Whether the gate is on in the value of ``--feature-gates``."""
    stated = dict(part.strip().partition("=")[::2] for part in gates.split(","))
    try:
        return parse_bool(stated.get(_GATE, "false"))
    except ValueError:
        return False
