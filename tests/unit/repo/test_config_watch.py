"""ConfigMaps and Secrets that a controller watches queue who takes variables or values from them."""

from __future__ import annotations

import pytest

from fleetbench.graph.objects import ControllerFlag
from fleetbench.ids import HELM_RELEASE, KUSTOMIZATION
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.needs.config_watch import FLAG, ConfigWatch, labels_of
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, git, obj

EVERYTHING = ControllerFlag("kustomize-controller", FLAG, "owner!=helm")
WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}


@pytest.mark.parametrize(
    ("flags", "kind", "labels", "queues"),
    [
        ((), KUSTOMIZATION, {}, False),
        ((), KUSTOMIZATION, WATCHED, True),
        ((EVERYTHING,), KUSTOMIZATION, {}, True),
        ((EVERYTHING,), KUSTOMIZATION, {"owner": "helm"}, False),
        ((EVERYTHING,), HELM_RELEASE, {}, False),  # the other controller's flag
        (
            (ControllerFlag("kustomize-controller", "feature-gates", "DisableConfigWatchers=true"),),
            KUSTOMIZATION,
            WATCHED,
            False,
        ),
        (
            (ControllerFlag("kustomize-controller", "feature-gates", "DisableConfigWatchers=maybe"),),
            KUSTOMIZATION,
            WATCHED,
            True,
        ),
    ],
)
def test_by_its_label_selector_and_gate(
    flags: tuple[ControllerFlag, ...], kind: str, labels: dict[str, str], queues: bool
) -> None:
    assert ConfigWatch(flags).queues(kind, labels) is queues


@pytest.mark.parametrize(
    ("kind", "spec", "metadata", "found"),
    [
        ("ConfigMap", {}, {"labels": {"a": "b"}}, {"a": "b"}),
        ("ExternalSecret", {}, {"labels": {"a": "b"}}, {"a": "b"}),
        (
            "ExternalSecret",
            {"target": {"template": {"metadata": {"labels": {"c": 1}}}}},
            {"labels": {"a": "b"}},
            {"c": "1"},
        ),
        ("SealedSecret", {"template": {"metadata": {"labels": {"c": "d"}}}}, {"labels": {"a": "b"}}, {"c": "d"}),
        ("Certificate", {"secretTemplate": {"labels": {"c": "d"}}}, {}, {"c": "d"}),
    ],
)
def test_a_secret_that_a_controller_makes_has_the_labels_of_its_template(
    kind: str, spec: dict[str, object], metadata: dict[str, object], found: dict[str, str]
) -> None:
    assert labels_of(Manifest({"kind": kind, "metadata": {"name": "x", **metadata}, "spec": spec})) == found


@pytest.mark.parametrize(("labels", "queues"), [({}, False), (WATCHED, True)])
def test_what_a_kustomization_substitutes_from_says_whether_its_coming_queues_it(
    read: Read, labels: dict[str, str], queues: bool
) -> None:
    config = obj("v1", "ConfigMap", "vars", namespace="flux-system", data={"A": "b"})
    config = config.replace('"name": "vars"', f'"name": "vars", "labels": {str(labels).replace(chr(39), chr(34))}')
    app = flux("app", "./app", postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]})
    reading = read(
        {
            "clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), app, flux("vars", "./vars")),
            "app/a.yaml": obj("v1", "ConfigMap", "a", namespace="x", data={"a": "${A}"}),
            "vars/vars.yaml": config,
        }
    )
    (need,) = next(k for k in reading.fleet.kustomizations if k.id.name == "app").needs
    assert (need.blocks, need.queues) == ("build", queues)
