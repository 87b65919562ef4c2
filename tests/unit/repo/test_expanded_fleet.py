"""A fleet of which ResourceSets make a part, read from a repository."""

from __future__ import annotations

from typing import Any

from fleetbench.ids import ObjectId
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, codes, config_map, flux, git, ks_id, obj

REF = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}


def rset(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> str:
    """A ResourceSet."""
    metadata = {"name": name, "namespace": "flux-system", "annotations": annotations or {}}
    return obj("fluxcd.controlplane.io/v1", "ResourceSet", "", metadata=metadata, spec=spec)


def thing(api_version: str, kind: str, name: str, namespace: str | None = None, **rest: Any) -> dict[str, Any]:
    """An object for a ResourceSet's templates."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def child(name: str, namespace: str = "flux-system", path: str = "./apps", **spec: Any) -> dict[str, Any]:
    """A Kustomization for a ResourceSet's templates."""
    wanted = {"interval": "10m", "path": path, "prune": True, "sourceRef": REF, **spec}
    return thing("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, namespace, spec=wanted)


TENANTS = rset(
    "tenants",
    inputs=[{"tenant": "web", "env": "${ENV}"}, {"tenant": "api", "env": "${ENV}"}],
    resources=[
        thing("v1", "Namespace", "<< inputs.tenant >>"),
        {
            **thing("v1", "ConfigMap", "info", "<< inputs.tenant >>"),
            "metadata": {
                "name": "info",
                "namespace": "<< inputs.tenant >>",
                "annotations": {"fluxcd.controlplane.io/copyFrom": "flux-system/info"},
            },
        },
        child(
            "apps", "<< inputs.tenant >>", "./apps/<< inputs.tenant >>/<< inputs.env >>",
            postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "info"}]},
        ),
        thing(
            "helm.toolkit.fluxcd.io/v2", "HelmRelease", "redis", "<< inputs.tenant >>",
            spec={"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "redis"}},
        ),
        thing(
            "source.toolkit.fluxcd.io/v1", "OCIRepository", "redis", "<< inputs.tenant >>",
            spec={"interval": "5m", "url": "oci://example.test/redis"},
        ),
    ],
)  # fmt: skip
FILES = {
    "clusters/c/all.yaml": both(
        git(),
        config_map("info", "flux-system", ENV="prod", SIZE="3"),
        flux("tenants", "./tenants", postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "info"}]}),
    ),
    "tenants/sets.yaml": TENANTS,
    "apps/web/prod/m.yaml": config_map("web", "web", size="${SIZE}"),
    "apps/api/prod/m.yaml": config_map("api", "api"),
}


def test_what_a_resourceset_makes_is_read_like_what_a_kustomization_applies_once_variables_are_filled_in(
    read: Read,
) -> None:
    reading = read(FILES, namespaces=True)
    assert not codes(reading)
    fleet = reading.fleet
    web = fleet.kustomization(ObjectId("Kustomization", "web", "apps"))
    assert web is not None and (web.parent, web.path, web.file) == (
        ks_id("tenants"),
        "./apps/web/prod",
        "tenants/sets.yaml",
    )
    assert web.expanded and [id.key for id in web.objects] == ["web/web"]
    assert [(h.id.key, h.parent, h.source) for h in fleet.helmreleases] == [
        (f"{tenant}/redis", ks_id("tenants"), ObjectId("OCIRepository", tenant, "redis")) for tenant in ("api", "web")
    ]
    assert {s.id.key for s in fleet.sources} == {"flux-system/flux-system", "api/redis", "web/redis"}
    tenants = fleet.kustomization(ks_id("tenants"))
    assert tenants is not None and ObjectId("Namespace", "", "web") in tenants.objects


def test_a_config_map_that_is_copied_has_the_variables_of_the_one_it_is_copied_from(read: Read) -> None:
    rendered = read(FILES).rendered[ObjectId("Kustomization", "web", "apps")]
    assert [m.body["data"] for m in rendered] == [{"size": 3}]


def test_a_variable_that_is_not_known_stays_one_in_what_is_made(read: Read) -> None:
    files = FILES | {
        "clusters/c/all.yaml": both(
            git(), flux("tenants", "./tenants", postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "info"}]})
        )
    }
    web = read(files).fleet.kustomization(ObjectId("Kustomization", "web", "apps"))
    assert web is not None and web.not_expanded == "its path hangs on a variable whose value is not known here"


def test_the_controllers_flags_of_a_flux_instance_that_a_resourceset_makes_hold(read: Read) -> None:
    spec = {"distribution": {"version": "<< inputs.flux >>"}, "cluster": {"size": "large"}}
    instance = thing("fluxcd.controlplane.io/v1", "FluxInstance", "flux", "flux-system", spec=spec)
    made = rset("flux", inputs=[{"flux": "2.7.x"}], resources=[instance])
    fleet = read(
        {"clusters/c/all.yaml": both(git(), made, flux("apps", "./apps")), "apps/m.yaml": config_map("m", "x")}
    ).fleet
    assert fleet.flux is not None and fleet.flux.version == "2.7.x"
    assert [f.text for f in fleet.flags if f.flag == "requeue-dependency"][:1] == ["--requeue-dependency=5s"]


def test_a_resourceset_that_is_not_expanded_is_named_with_the_reason(read: Read) -> None:
    made = rset("tenants", inputsFrom=[{"name": "x"}], resources=[child("<< inputs.x >>")])
    reading = read({"clusters/c/all.yaml": both(git(), made)})
    [finding] = [f for f in reading.findings if f.code == "FB302"]
    assert str(finding.object) == "ResourceSet/flux-system/tenants"
    assert finding.message.endswith("and its inputs come from ResourceSetInputProviders (spec.inputsFrom)")
