"""The reference fleet: what the architecture page asks of it, and that the shipped graph files are what it says."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from fleetbench.cli.fleet import fleet_findings
from fleetbench.data import shipped
from fleetbench.graph.document import read_document, to_document
from fleetbench.ids import ObjectId
from fleetbench.model.profile import load_profile
from fleetbench.model.resolve import NOTHING_TO_WAIT_FOR, resolve
from fleetbench.repo.graph_file import read_with_findings

REPO = Path(__file__).parents[2] / "graphs" / "fleet-infra"
FOUNDATION = [
    "traefik",
    "localstack",
    "cnpg-operator",
    "external-secrets-operator",
    "external-secrets-config",
    "traefik-config",
    "metrics-server",
    "scylla-operator",
]
DEPENDS_ON = {
    **{name: [] for name in FOUNDATION},
    "kube-prometheus-stack": FOUNDATION,
    "weave-gitops": FOUNDATION,
    **{name: ["kube-prometheus-stack"] for name in ("loki", "promtail", "jaeger", "opentelemetry-collector")},
    "scylla-manager": ["scylla-operator"],
    "scylla-cluster": ["scylla-manager"],
    "postgresql-cluster": ["cnpg-operator"],
    "redis-sentinel": ["external-secrets-operator"],
    "n8n": ["postgresql-cluster", "redis-sentinel"],
    "temporal": ["postgresql-cluster"],
    "pgadmin4": ["postgresql-cluster"],
    "redisinsight": ["redis-sentinel"],
}
"""The edges of the architecture's service dependency graph."""
ENVIRONMENTS = ("dev", "prod")
LAYOUTS = ("services-amer", "services-amer-waves")
GRAPHS = {
    f"fleet-infra-{env}{layout.removeprefix('services-amer')}.json": (env, layout)
    for env in ENVIRONMENTS
    for layout in LAYOUTS
}

needs_kustomize = pytest.mark.skipif(
    not (shutil.which("kustomize") or shutil.which("kubectl")), reason="needs kustomize or kubectl"
)


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def service(name, folder="base/services"):
    (document,) = documents(REPO / folder / f"{name}.yaml")
    return document


def cluster_path(env, layout):
    return f"clusters/stages/{env}/clusters/{layout}"


@pytest.fixture(scope="module", params=GRAPHS, ids=lambda name: name.removesuffix(".json"))
def reading(request):
    from fleetbench.repo.reader import read_repository

    return request.param, read_repository(REPO, cluster_path(*GRAPHS[request.param]), cache=False)


def test_the_22_services_are_the_architectures_and_have_its_edges():
    names = {path.stem for path in (REPO / "base/services").glob("*.yaml")} - {"kustomization"}
    assert names == set(DEPENDS_ON) and len(names) == 22
    for name, wanted in DEPENDS_ON.items():
        document = service(name)
        assert document["metadata"] == {"name": name, "namespace": "flux-system"}
        assert sorted(d["name"] for d in document["spec"].get("dependsOn", [])) == sorted(wanted)


@pytest.mark.parametrize("name", DEPENDS_ON)
def test_a_service_is_written_as_flux_create_exports_it(name):
    text = (REPO / f"base/services/{name}.yaml").read_text()
    assert text == "---\n" + yaml.safe_dump(service(name), sort_keys=True, default_flow_style=False)


def test_every_wave_holds_the_services_of_one_layer_without_their_edges():
    waves = sorted((REPO / "base/waves").iterdir())
    layers = [{path.stem for path in wave.glob("*.yaml")} - {"kustomization"} for wave in waves]
    done: set[str] = set()
    for layer in layers:
        assert layer == {name for name, needs in DEPENDS_ON.items() if name not in done and set(needs) <= done}
        done |= layer
    for wave, layer in zip(waves, layers, strict=True):
        for name in layer:
            fine = service(name)
            fine["spec"].pop("dependsOn", None)
            assert service(name, f"base/waves/{wave.name}") == fine


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_both_layouts_of_an_environment_have_the_same_variables(env):
    fine = REPO / cluster_path(env, LAYOUTS[0]) / "cluster-vars-patch.yaml"
    waves = REPO / cluster_path(env, LAYOUTS[1]) / "cluster-vars" / "cluster-vars-patch.yaml"
    assert fine.read_text() == waves.read_text()


def test_no_secret_lies_in_the_fleet():
    kinds = {d.get("kind") for path in REPO.rglob("*.yaml") for d in documents(path)}
    assert "Secret" not in kinds and "ExternalSecret" in kinds


def test_every_chart_is_pinned():
    for path in REPO.glob("apps/base/*/*.yaml"):
        for document in documents(path):
            spec = document.get("spec", {})
            if document["kind"] == "HelmRelease" and "chart" in spec:
                assert str(spec["chart"]["spec"]["version"])[-1].isdigit()
            if document["kind"] == "OCIRepository":
                assert spec["ref"]["tag"][0].isdigit()


@needs_kustomize
def test_a_shipped_graph_file_is_what_the_repository_says(reading):
    name, found = reading
    fresh = json.loads(json.dumps(to_document(found.fleet, found.findings)))
    kept = json.loads(shipped("graphs", name).read_text())
    env, layout = GRAPHS[name]
    command = f"fleetbench graph --repo graphs/fleet-infra --cluster-path {cluster_path(env, layout)} --format json -o graphs/{name}"
    fresh.pop("findings"), kept.pop("findings")
    assert kept == fresh, f"make it anew: {command}"


@needs_kustomize
def test_a_graph_file_of_the_fleet_has_the_findings_of_the_repository(reading, tmp_path):
    found = reading[1]
    findings = fleet_findings(found.fleet, found.findings)
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(to_document(found.fleet, findings)))
    again = fleet_findings(*read_with_findings(file))
    assert findings and [f.to_json() for f in again] == [f.to_json() for f in findings]
    kept = fleet_findings(*read_with_findings(shipped("graphs", reading[0])))
    assert [f.to_json() for f in kept] == [f.to_json() for f in findings]


@needs_kustomize
def test_the_reading_finds_no_error(reading):
    assert [finding.message for finding in reading[1].findings if finding.severity == "error"] == []


@needs_kustomize
def test_root_branch_and_sync_interval_are_the_environments(reading):
    name, found = reading
    env, layout = GRAPHS[name]
    root = found.fleet.kustomization(found.fleet.root)
    source = found.fleet.source(root.source)
    assert not root.assumed and root.path == f"./{cluster_path(env, layout)}"
    assert source.interval_s == {"dev": 60.0, "prod": 600.0}[env]
    git = documents(REPO / cluster_path(env, layout) / "flux-system/gotk-sync.yaml")[0]
    assert git["spec"]["ref"]["branch"] == {"dev": "develop", "prod": "main"}[env]


@needs_kustomize
def test_waves_are_a_chain_of_waiting_parents(reading):
    name, found = reading
    if "waves" not in name:
        pytest.skip("the fine-grained layout")
    fleet = found.fleet
    waves = sorted((k for k in fleet.kustomizations if k.id.name.startswith("wave-")), key=lambda k: k.id)
    assert [[d.target.name for d in k.depends_on] for k in waves] == [[], ["wave-1"], ["wave-2"]]
    assert all(k.wait and k.parent == fleet.root for k in waves)
    services = [k for k in fleet.kustomizations if k.id.name in DEPENDS_ON]
    assert len(services) == 22 and not any(k.depends_on for k in services)
    for k in services:
        parent = fleet.kustomization(k.parent)
        assert parent in waves and k.effective_timeout_s < parent.effective_timeout_s


@needs_kustomize
def test_a_release_has_less_time_than_the_service_that_waits_for_it(reading):
    fleet = reading[1].fleet
    for release in fleet.helmreleases:
        assert release.timeout_s < fleet.kustomization(release.parent).effective_timeout_s


PROMETHEUS = ("spec", "values", "prometheus", "prometheusSpec")
TABLE = {
    "PostgreSQL instances": ("postgresql-cluster", "Cluster", ("spec", "instances"), 1, 3),
    "PostgreSQL storage": ("postgresql-cluster", "Cluster", ("spec", "storage", "size"), "10Gi", "20Gi"),
    "Redis replicas": ("redis-sentinel", "HelmRelease", ("spec", "values", "replica", "replicaCount"), 1, 3),
    "Prometheus retention": ("kube-prometheus-stack", "HelmRelease", (*PROMETHEUS, "retention"), "7d", "30d"),
    "Prometheus storage": (
        "kube-prometheus-stack",
        "HelmRelease",
        (*PROMETHEUS, "storageSpec", "volumeClaimTemplate", "spec", "resources", "requests", "storage"),
        "20Gi",
        "50Gi",
    ),
    "Traefik replicas": ("traefik", "HelmRelease", ("spec", "values", "deployment", "replicas"), 1, 3),
    "Backup retention": ("postgresql-cluster", "Cluster", ("spec", "backup", "retentionPolicy"), "7d", "30d"),
}


@needs_kustomize
@pytest.mark.parametrize("row", TABLE)
def test_every_row_of_the_environment_table_differs_in_what_is_rendered(reading, row):
    name, found = reading
    owner, kind, path, dev, prod = TABLE[row]
    manifests = found.rendered[ObjectId("Kustomization", "flux-system", owner)]
    (value,) = [m.body for m in manifests if m.body["kind"] == kind]
    for part in path:
        value = value[part]
    assert value == {"dev": dev, "prod": prod}[GRAPHS[name][0]]


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("user", [None, "short"])
def test_every_release_and_every_database_has_a_time_of_its_own(name, user):
    """Nothing of the reference fleet falls back to the guess for any chart."""
    fleet = read_document(shipped("graphs", name).read_text(), name)
    times = resolve(fleet, None, load_profile(user) if user else None, load_profile("default"))
    for release in fleet.helmreleases:
        chosen = times[release.id].chosen_by
        assert "any chart" not in chosen and chosen != NOTHING_TO_WAIT_FOR
        assert chosen.startswith("profile short" if user else "prior: chart")
