"""A fleet of which ResourceSets make a part, read from a repository."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.engine.plan import compile_plan
from fleetbench.engine.reachable import never_ready
from fleetbench.graph.checks import check
from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.model.parameters import Parameters
from fleetbench.repo import Reading
from fleetbench.repo.made import MAX_GATES
from tests.builders import scenario
from tests.unit.repo.conftest import Read, Write
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


def child(name: str, namespace: str = "flux-system", path: str = "./infra", **spec: Any) -> dict[str, Any]:
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


KIND = {KUSTOMIZATION: "kustomize.toolkit.fluxcd.io/v1", "ResourceSet": "fluxcd.controlplane.io/v1"}


def waits_for(name: str, kind: str = KUSTOMIZATION, api: str | None = None, **rest: Any) -> dict[str, Any]:
    """An entry of ``spec.dependsOn`` of a ResourceSet."""
    return {"apiVersion": api or KIND[kind], "kind": kind, "name": name, "namespace": "flux-system", **rest}


def _reading(read: Read, *objects: str) -> Reading:
    return read(
        {"clusters/c/all.yaml": both(git(), flux("infra", "./infra"), *objects), "infra/m.yaml": config_map("m", "x")}
    )


def _after(reading: Reading, name: str) -> tuple[str, ...]:
    k = reading.fleet.kustomization(ks_id(name))
    assert k is not None and k.made is not None
    return tuple(id.name for id in k.made.after)


@pytest.mark.parametrize(
    ("depends_on", "after"),
    [
        ([], ()),
        ([waits_for("infra")], ()),
        ([waits_for("infra", ready=True)], ("infra",)),
        ([waits_for("infra", ready=True, readyExpr="status.observedGeneration >= 0")], ("infra",)),
        ([waits_for("none", "ResourceSet", ready=True)], ()),
        ([waits_for("late", "ResourceSet", ready=True)], ("infra",)),
        ([waits_for("late", "ResourceSet")], ()),
        ([waits_for("late-app")], ("infra",)),
        ([waits_for("waiting", "ResourceSet", ready=True)], ("infra", "waited")),
        ([waits_for("inner", "ResourceSet")], ("infra",)),
    ],
)
def test_what_a_resourceset_waits_for_comes_before_what_it_makes(
    read: Read, depends_on: list[dict[str, Any]], after: tuple[str, ...]
) -> None:
    gate = [waits_for("infra", ready=True)]
    inner = {
        "apiVersion": "fluxcd.controlplane.io/v1",
        "kind": "ResourceSet",
        "spec": {"resources": [child("in-inner")]},
    }
    reading = _reading(
        read,
        rset("none", resources=[child("free")]),
        rset("late", dependsOn=gate, resources=[child("late-app")]),
        rset("waiting", dependsOn=gate, wait=True, resources=[child("waited")]),
        rset("outer", dependsOn=gate, resources=[{**inner, "metadata": {"name": "inner", "namespace": "flux-system"}}]),
        rset("asked", dependsOn=depends_on, resources=[child("app")]),
    )
    assert _after(reading, "app") == after
    assert _after(reading, "in-inner") == ("infra",)
    assert not [f for f in reading.findings if f.code in ("FB120", "FB302", "FB319")]


def test_a_step_comes_after_all_of_the_steps_before_it(read: Read) -> None:
    steps = [{"name": n, "resources": [child(n)]} for n in ("a", "b", "c")]
    reading = _reading(read, rset("steps", dependsOn=[waits_for("infra", ready=True)], steps=steps))
    assert [_after(reading, n) for n in "abc"] == [("infra",), ("a", "infra"), ("a", "b", "infra")]
    made = [k.made.waited for k in reading.fleet.kustomizations if k.made is not None]
    assert made == [True, True, False]


def test_what_waits_for_what_exists_nowhere_is_an_error_and_never_made(read: Read) -> None:
    reading = _reading(read, rset("late", dependsOn=[waits_for("infar", ready=True)], resources=[child("app")]))
    [finding] = [f for f in reading.findings if f.code == "FB120"]
    assert "Kustomization" not in finding.message and "flux-system/infar, which exists nowhere" in finding.message
    assert never_ready(compile_plan(scenario(reading.fleet))) == {ks_id("app")}


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (waits_for("db", "Deployment", "apps/v1", ready=True), "Deployment/flux-system/db"),
        (waits_for("db", "Deployment", "apps/v1"), None),
        (waits_for("m", "ConfigMap", "v1", ready=True), None),
        (
            waits_for("certificates.cert-manager.io", "CustomResourceDefinition", "apiextensions.k8s.io/v1"),
            "certificates",
        ),
        (waits_for("helmreleases.helm.toolkit.fluxcd.io", "CustomResourceDefinition", "apiextensions.k8s.io/v1"), None),
    ],
)
def test_a_wait_whose_end_is_not_predicted_is_a_warning(read: Read, wait: dict[str, Any], said: str | None) -> None:
    reading = _reading(read, rset("late", dependsOn=[wait], resources=[child("app")]))
    found = [f.message for f in reading.findings if f.code == "FB319"]
    assert (said is None) is (not found) and (said is None or said in found[0])
    assert _after(reading, "app") == ()


def test_a_wait_for_more_than_can_be_followed_is_a_warning(read: Read) -> None:
    inputs = [{"n": n} for n in range(MAX_GATES + 1)]
    reading = _reading(
        read,
        rset("many", inputs=inputs, wait=True, resources=[child("a<< inputs.n >>", path="./infra")]),
        rset("late", dependsOn=[waits_for("many", "ResourceSet", ready=True)], resources=[child("app")]),
    )
    assert [f.message for f in reading.findings if f.code == "FB319"] == [
        f"waits for {MAX_GATES + 1} objects, which is not modelled: what it makes is predicted sooner than it can be"
    ]


def test_resourcesets_that_wait_for_each_other_make_nothing(read: Read) -> None:
    ring = [
        rset(name, dependsOn=[waits_for(other, "ResourceSet", ready=True)], wait=True, resources=[child(f"in-{name}")])
        for name, other in (("a", "b"), ("b", "a"))
    ]
    reading = _reading(read, *ring)
    assert never_ready(compile_plan(scenario(reading.fleet))) == {ks_id("in-a"), ks_id("in-b")}
    assert [f.code for f in check(reading.fleet) if f.code.startswith("FB1")] == ["FB111"]


def test_what_the_api_server_refuses_keeps_back_its_resourceset_alone(read: Read) -> None:
    reading = _reading(read, flux("sets", "./sets"), rset("bad", resources=[child("web"), child("api", wiat=True)]))
    [finding] = [f for f in reading.findings if f.code == "FB114"]
    assert "ResourceSet/flux-system/bad applies nothing beside" in finding.fix
    assert all(k.refused is None for k in reading.fleet.kustomizations)
    assert {ks_id("web"), ks_id("api")} < never_ready(compile_plan(scenario(reading.fleet)))


def test_what_only_some_releases_refuse_keeps_back_its_resourceset_where_one_of_them_runs(read: Read) -> None:
    chart = thing(
        "source.toolkit.fluxcd.io/v1beta2", "OCIRepository", "web", "web",
        spec={"interval": "5m", "url": "oci://example.test/web"},
    )  # fmt: skip
    reading = _reading(read, flux("sets", "./sets"), rset("old", resources=[chart, child("web")]))
    old, newer = (scenario(reading.fleet, parameters=Parameters(flux_version=version)) for version in ("2.7", "2.9"))
    assert ks_id("web") not in never_ready(compile_plan(old))
    assert ks_id("web") in never_ready(compile_plan(newer))
    made = [reading.fleet.under(version, False).made(ks_id("web")) for version in ("2.7", "2.9")]
    assert [m is not None and m.by in m.after for m in made] == [False, True]


def test_a_fleet_of_resourcesets_is_simulated_from_end_to_end(write: Write) -> None:
    if shutil.which("kustomize") is None and shutil.which("kubectl") is None:
        pytest.skip("needs kustomize or kubectl")
    files = dict(FILES)
    files["tenants/late.yaml"] = rset(
        "late",
        dependsOn=[
            {
                "apiVersion": KIND[KUSTOMIZATION],
                "kind": KUSTOMIZATION,
                "name": "apps",
                "namespace": "web",
                "ready": True,
            }
        ],
        resources=[child("after", path="./after")],
    )
    files["after/m.yaml"] = config_map("after", "flux-system")
    repo = str(write(files))
    arguments = ["--repo", repo, "--cluster-path", "clusters/c", "--samples", "5"]
    done = CliRunner().invoke(cli, ["simulate", *arguments, "--strategy", "fine", "--format", "json"])
    assert done.exit_code == 0, done.output
    objects = {o["id"]: o for o in json.loads(done.stdout)["strategies"]["fine"]["objects"]}
    assert set(objects) == {
        "flux-system/flux-system", "flux-system/tenants", "web/apps", "api/apps", "web/redis", "api/redis", "flux-system/after"
    }  # fmt: skip
    assert objects["web/apps"]["ready_s_p50"] < objects["flux-system/after"]["started_s"]
    shown = CliRunner().invoke(cli, ["graph", *arguments[:4]], env={"COLUMNS": "200"})
    assert "ResourceSet/flux-system/late makes flux-system/after once web/apps is Ready." in shown.output


def test_a_resourceset_that_is_not_expanded_may_bring_the_crds_that_nothing_else_brings(read: Read) -> None:
    unread = rset("charts", inputsFrom=[{"name": "x"}], resources=[child("<< inputs.x >>")])
    route = obj("gateway.networking.k8s.io/v1", "HTTPRoute", "r", namespace="x", spec={})
    found = [f for f in _reading(read, unread, route).findings if f.code in ("FB315", "FB316")]
    assert [f.code for f in found] == ["FB316"] and "ResourceSet/flux-system/charts" in found[0].message
