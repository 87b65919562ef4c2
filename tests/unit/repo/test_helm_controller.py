"""A Flux that has no helm-controller, as far as the repository states the whole set of controllers."""

from __future__ import annotations

import pytest

from fleetbench.graph.checks import check, combined
from fleetbench.graph.objects import WITHOUT_HELM
from fleetbench.ids import ObjectId
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, git, ks_id, kustomization, obj, release

RELEASE = ObjectId("HelmRelease", "apps", "r")


def _controller(name: str, image: str | None = None, kind: str = "Deployment") -> str:
    container = {"name": "manager", "image": image or f"ghcr.io/fluxcd/{name}:v1.9.4"}
    spec = {"template": {"spec": {"containers": [container]}}}
    return obj("apps/v1", kind, name, namespace="flux-system", spec=spec)


def _crd(kind: str, group: str) -> str:
    plural = f"{kind.lower()}s"
    spec = {"group": group, "names": {"kind": kind, "plural": plural}, "scope": "Namespaced"}
    return obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{plural}.{group}", spec=spec)


def _instance(**spec: object) -> str:
    return obj("fluxcd.controlplane.io/v1", "FluxInstance", "flux", namespace="flux-system", spec=spec)


def _chart(name: str) -> str:
    return release(
        "flux", namespace="flux-system", chart=name, values={"instance": {"components": ["source-controller"]}}
    )


KUSTOMIZE, SOURCE, HELM = (_controller(f"{name}-controller") for name in ("kustomize", "source", "helm"))
CRD, HELM_CRD = _crd("Kustomization", "kustomize.toolkit.fluxcd.io"), _crd("HelmRelease", "helm.toolkit.fluxcd.io")
COPIED = _controller("hc", "registry.example.test/fluxcd-helm-controller:v1.6.3")
DELETED = {
    "patch": both(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: helm-controller, namespace: flux-system}\n$patch: delete\n"
    )
}
SOME = ["source-controller", "kustomize-controller"]


@pytest.mark.parametrize(
    ("flux_system", "errors"),
    [
        (both(KUSTOMIZE, SOURCE), ["FB116"]),
        (both(KUSTOMIZE, SOURCE, CRD, HELM_CRD), ["FB116"]),
        (both(KUSTOMIZE, SOURCE, CRD), ["FB114", "FB116"]),
        (both(KUSTOMIZE, SOURCE, CRD, HELM), []),
        (both(KUSTOMIZE, SOURCE, CRD, COPIED), []),
        (KUSTOMIZE, []),
        ("", []),
        (_instance(components=SOME), ["FB114", "FB116"]),
        (both(_instance(components=SOME), HELM_CRD), ["FB116"]),
        (_instance(components=[*SOME, "helm-controller"]), []),
        (_instance(), []),
        (both(_instance(components=SOME), _chart("flux2")), []),
        (_chart("flux-instance"), []),
    ],
)  # fmt: skip
def test_releases_are_watched_by_nobody_where_the_controllers_are_all_stated_and_none_is_for_them(
    read: Read, flux_system: str, errors: list[str]
) -> None:
    reading = read(
        {
            "clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), flux("a", "./a", wait=True)),
            "clusters/c/flux.yaml": flux_system,
            "a/r.yaml": release("r"),
        }
    )
    about = [
        f.code for f in combined(reading.findings, check(reading.fleet), reading.fleet)
        if f.severity == "error" and f.object == RELEASE and f.code != "FB106"
    ]  # fmt: skip
    assert about == errors
    r, a = reading.fleet.helmrelease(RELEASE), reading.fleet.kustomization(ks_id("a"))
    assert r is not None and a is not None
    assert r.unwatched == (WITHOUT_HELM if errors else None)
    assert (a.refused is not None) == ("FB114" in errors)


def test_a_patch_that_deletes_it_is_no_helm_controller(read: Read) -> None:
    files = {
        "clusters/c/kustomization.yaml": kustomization("all.yaml", "flux.yaml", patches=[DELETED]),
        "clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), flux("a", "./a")),
        "clusters/c/flux.yaml": both(KUSTOMIZE, SOURCE, HELM, CRD, HELM_CRD),
        "a/r.yaml": release("r"),
    }
    r = read(files).fleet.helmrelease(RELEASE)
    assert r is not None and r.obstacle == f"no controller watches {WITHOUT_HELM}"


@pytest.mark.parametrize("where", ["clusters/c", "b"])
def test_one_that_a_remote_base_or_another_kustomization_may_bring_is_not_missed(read: Read, where: str) -> None:
    bases = "https://github.com/fluxcd/flux2/releases/download/v2.9.4/install.yaml"
    child = {"b/kustomization.yaml": kustomization(bases)} if where == "b" else {"b/hc.yaml": HELM}
    extra = [bases] if where != "b" else []
    files = {
        "clusters/c/kustomization.yaml": kustomization("all.yaml", "flux.yaml", *extra),
        "clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), flux("a", "./a"), flux("b", "./b")),
        "clusters/c/flux.yaml": both(KUSTOMIZE, SOURCE),
        "a/r.yaml": release("r"),
    }
    r = read(files | child).fleet.helmrelease(RELEASE)
    assert r is not None and r.unwatched is None
