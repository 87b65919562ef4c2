"""What objects cannot do without, and who brings it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleetbench.repo.needs.providers import crd_charts, groups_of_base
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, codes, config_map, flux, git, ks_id, obj, release

CRD = obj(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "widgets.example.test",
    spec={
        "group": "example.test",
        "names": {"kind": "Widget", "plural": "widgets"},
        "scope": "Namespaced",
        "versions": [],
    },
)
WIDGET = obj("example.test/v1", "Widget", "w", namespace="x", spec={})
CLUSTER = obj("postgresql.cnpg.io/v1", "Cluster", "db", namespace="x", spec={"instances": 3})
NAMESPACE = obj("v1", "Namespace", "x")


def _needs(read: Read, files: dict[str, str], of: str = "b") -> list[str]:
    reading = read({"clusters/c/all.yaml": both(flux("a", "./a"), flux("b", "./b")), **files})
    k = reading.fleet.kustomization(ks_id(of))
    assert k is not None
    return [f"{n.blocks}: {n.what} for {n.wanted_by} by {n.provided_by}" for n in k.needs]


def test_a_custom_resource_needs_the_kustomization_that_brings_its_crd(read: Read) -> None:
    assert _needs(read, {"a/crd.yaml": CRD, "b/w.yaml": WIDGET}) == [
        "apply: CustomResourceDefinition widgets.example.test for Widget/x/w by Kustomization/flux-system/a"
    ]


def test_a_crd_in_the_same_kustomization_is_there_in_time(read: Read) -> None:
    assert _needs(read, {"a/m.yaml": config_map("m", "x"), "b/w.yaml": both(CRD, WIDGET)}) == []


def test_a_known_charts_release_brings_its_crds(read: Read) -> None:
    operator = release("cnpg", namespace="cnpg-system", chart="cloudnative-pg")
    assert _needs(read, {"a/r.yaml": operator, "b/c.yaml": CLUSTER}) == [
        "apply: CustomResourceDefinition Cluster.postgresql.cnpg.io for Cluster/x/db by HelmRelease/cnpg-system/cnpg"
    ]


def test_beside_the_release_that_brings_its_crd_it_is_a_need_all_the_same(read: Read) -> None:
    operator = release("cnpg", namespace="x", chart="cloudnative-pg")
    assert _needs(read, {"a/m.yaml": config_map("m", "x"), "b/c.yaml": both(operator, CLUSTER)}) == [
        "apply: CustomResourceDefinition Cluster.postgresql.cnpg.io for Cluster/x/db by HelmRelease/x/cnpg"
    ]


def test_a_remote_base_of_a_known_repository_brings_its_crds_before_a_chart_does(read: Read) -> None:
    base = "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.3.0/experimental-install.yaml"
    route = obj("gateway.networking.k8s.io/v1", "HTTPRoute", "r", namespace="x", spec={})
    entry = both(flux("a", "./a"), flux("b", "./b"), flux("envoy", "./envoy"))
    files = {
        "clusters/c/all.yaml": entry,
        "a/kustomization.yaml": f"resources: [{base}]",
        "envoy/r.yaml": release("envoy-gateway", namespace="x", chart="gateway-helm"),
        "b/route.yaml": route,
    }
    assert _needs(read, files) == [
        "apply: CustomResourceDefinition HTTPRoute.gateway.networking.k8s.io for HTTPRoute/x/r by Kustomization/flux-system/a"
    ]


def test_what_a_helmfile_installs_is_there_before_flux(read: Read) -> None:
    operator = release("cnpg", namespace="x", chart="cloudnative-pg")
    helmfile = "releases:\n  - name: cloudnative-pg\n    chart: oci://example.test/charts/cloudnative-pg\n"
    files = {"a/m.yaml": config_map("m", "x"), "b/c.yaml": both(operator, CLUSTER), "bootstrap/helmfile.yaml": helmfile}
    assert _needs(read, files) == []


def test_a_chart_that_holds_only_crds_is_preferred(read: Read) -> None:
    monitor = obj("monitoring.coreos.com/v1", "ServiceMonitor", "m", namespace="x", spec={})
    charts = both(release("stack", chart="kube-prometheus-stack"), release("crds", chart="prometheus-operator-crds"))
    assert _needs(read, {"a/r.yaml": charts, "b/m.yaml": monitor}) == [
        "apply: CustomResourceDefinition ServiceMonitor.monitoring.coreos.com for ServiceMonitor/x/m by HelmRelease/apps/crds"
    ]


def test_a_namespace_that_another_creates(read: Read) -> None:
    assert _needs(read, {"a/ns.yaml": NAMESPACE, "b/m.yaml": config_map("m", "x")}) == [
        "apply: Namespace x for ConfigMap/x/m by Kustomization/flux-system/a"
    ]


def test_a_namespace_that_nothing_here_creates_is_taken_to_be_there(read: Read) -> None:
    assert _needs(read, {"a/m.yaml": config_map("m", "y"), "b/m.yaml": config_map("m", "x")}) == []


def test_what_an_ancestor_applies_is_there_before_its_child(read: Read) -> None:
    files = {
        "a/all.yaml": both(NAMESPACE, CRD, flux("child", "./child")),
        "child/w.yaml": WIDGET,
        "b/m.yaml": config_map("m", "y"),
    }
    assert _needs(read, files, of="child") == []


def test_variables_from_another_kustomization_block_the_build(read: Read) -> None:
    taker = flux("taker", "./deep", postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]})
    files = {
        "a/m.yaml": config_map("vars", "flux-system", A="1"),
        "b/t.yaml": taker,
        "deep/m.yaml": config_map("m", "y"),
    }
    assert _needs(read, files, of="taker") == [
        "build: ConfigMap flux-system/vars for Kustomization/flux-system/taker by Kustomization/flux-system/a"
    ]


@pytest.mark.parametrize(
    ("where", "made"),
    [
        ({"namespaceSelectors": [{}]}, True),
        ({"namespaces": ["x", "flux-system"]}, True),
        ({"namespaces": ["x"]}, False),
        ({}, False),
        ({"namespaceSelector": {"matchLabels": {"team": "any"}}}, True),
        ({"namespaceSelectors": [{"matchLabels": {"kubernetes.io/metadata.name": "x"}}]}, False),
        (
            {
                "namespaceSelectors": [
                    {
                        "matchExpressions": [
                            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["flux-system"]}
                        ]
                    }
                ]
            },
            False,
        ),
    ],
)
def test_a_cluster_external_secret_makes_a_secret_in_the_namespaces_that_it_selects(
    read: Read, where: dict[str, Any], made: bool
) -> None:
    store = {"kind": "ClusterSecretStore", "name": "vault"}
    spec = {"externalSecretSpec": {"target": {"name": "vars"}, "secretStoreRef": store}, **where}
    files = {
        "clusters/c/all.yaml": both(
            *(flux(name, f"./{name}") for name in "as"),
            flux("b", "./b", postBuild={"substituteFrom": [{"kind": "Secret", "name": "vars"}]}),
        ),
        "a/e.yaml": obj("external-secrets.io/v1", "ClusterExternalSecret", "e", spec=spec),
        "s/store.yaml": obj("external-secrets.io/v1", "ClusterSecretStore", "vault", spec={}),
        "b/m.yaml": config_map("m", "y", a="${A}"),
    }
    user, maker = "Kustomization/flux-system/b", "Kustomization/flux-system/a"
    assert (
        _needs(read, files)
        == [
            f"build: Secret flux-system/vars for {user} by {maker}",
            "build: ClusterSecretStore vault for ExternalSecret/flux-system/e by Kustomization/flux-system/s",
        ]
        * made
    )
    reading = read(files)
    assert ("FB309" in codes(reading)) is not made
    (told,) = [f.message for f in reading.findings if f.code == "FB304"]
    assert ("ClusterExternalSecret/e makes Secret flux-system/vars in the cluster" in told) is made


def test_a_cluster_external_secret_that_can_only_follow_who_takes_the_secret_did_not_make_the_first_one(
    read: Read,
) -> None:
    """Of one for all namespaces: those that the operator itself is built with are there before it, by hand."""
    everywhere = {"externalSecretSpec": {"target": {"name": "vars"}}, "namespaceSelectors": [{}]}
    taken = {"postBuild": {"substituteFrom": [{"kind": "Secret", "name": "vars"}]}}
    files = {
        "clusters/c/all.yaml": both(flux("b", "./b", **taken), flux("a", "./a", dependsOn=[{"name": "b"}], **taken)),
        "a/e.yaml": obj("external-secrets.io/v1", "ClusterExternalSecret", "e", spec=everywhere),
        "b/m.yaml": config_map("m", "y", a="${A}"),
    }
    assert _needs(read, files) == [] and _needs(read, files, "a") == []
    assert not {"FB111", "FB309"} & set(codes(read(files)))
    files["clusters/c/all.yaml"] = flux("b", "./b", **taken)
    files["b/below.yaml"] = flux("a", "./a", **taken)
    assert _needs(read, files) == []


def test_variables_that_only_its_own_apply_would_bring(read: Read) -> None:
    taker = flux("taker", "./deep", postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]})
    files = {
        "a/m.yaml": config_map("m", "y"),
        "b/t.yaml": taker,
        "deep/m.yaml": config_map("vars", "flux-system", A="1"),
    }
    assert _needs(read, files, of="taker") == [
        "build: ConfigMap flux-system/vars for Kustomization/flux-system/taker by Kustomization/flux-system/taker"
    ]


def test_secrets_stores_and_accounts_block_the_workload(read: Read) -> None:
    pod = {
        "serviceAccountName": "runner",
        "volumes": [
            {"name": "v", "secret": {"secretName": "made"}},
            {"name": "o", "configMap": {"name": "gone", "optional": True}},
        ],
        "containers": [{"envFrom": [{"configMapRef": {"name": "settings"}}]}],
    }
    web = obj("apps/v1", "Deployment", "web", namespace="y", spec={"template": {"spec": pod}})
    external = obj(
        "external-secrets.io/v1",
        "ExternalSecret",
        "made",
        namespace="y",
        spec={"secretStoreRef": {"kind": "ClusterSecretStore", "name": "vault"}},
    )
    store = obj("external-secrets.io/v1", "ClusterSecretStore", "vault", spec={})
    account = obj("v1", "ServiceAccount", "runner", namespace="y")
    files = {"a/all.yaml": both(store, account, config_map("settings", "y"), external), "b/web.yaml": web}
    assert sorted(_needs(read, files)) == [
        "workload: ConfigMap y/settings for Deployment/y/web by Kustomization/flux-system/a",
        "workload: Secret y/made for Deployment/y/web by Kustomization/flux-system/a",
        "workload: ServiceAccount y/runner for Deployment/y/web by Kustomization/flux-system/a",
    ]


def test_a_release_needs_its_values_and_its_target_namespace(read: Read) -> None:
    helm = release("r", namespace="y", targetNamespace="x", valuesFrom=[{"kind": "Secret", "name": "values"}])
    secret = obj("v1", "Secret", "values", namespace="y", stringData={"values.yaml": "a: 1"})
    reading = read(
        {
            "clusters/c/all.yaml": both(flux("a", "./a"), flux("b", "./b")),
            "a/all.yaml": both(secret, NAMESPACE),
            "b/r.yaml": helm,
        }
    )
    assert [(n.blocks, n.what, str(n.provided_by)) for n in reading.fleet.helmreleases[0].needs] == [
        ("build", "Secret y/values", "Kustomization/flux-system/a"),
        ("apply", "Namespace x", "Kustomization/flux-system/a"),
    ]


STORE = obj("external-secrets.io/v1", "ClusterSecretStore", "vault", spec={})
DATABASE = obj(
    "external-secrets.io/v1",
    "ExternalSecret",
    "app-db",
    namespace="y",
    spec={"secretStoreRef": {"kind": "ClusterSecretStore", "name": "vault"}},
)
WANTS_STORE = [("workload", "ClusterSecretStore vault", "ExternalSecret/y/app-db", "Kustomization/flux-system/a")]


def _release_needs(read: Read, **spec: object) -> list[tuple[str, str, str, str]]:
    app = release("app", namespace="y", **spec)
    reading = read(
        {
            "clusters/c/all.yaml": both(flux("a", "./a"), flux("b", "./b")),
            "a/store.yaml": STORE,
            "b/app.yaml": both(app, DATABASE),
        }
    )
    needs = reading.fleet.helmreleases[0].needs
    return [(n.blocks, n.what, str(n.wanted_by), str(n.provided_by)) for n in needs]


@pytest.mark.parametrize(
    "values",
    [
        {"controllers": {"main": {"containers": {"app": {"envFrom": [{"secretRef": {"name": "app-db"}}]}}}}},
        {"envFrom": [{"secretRef": {"name": "{{ .Release.Name }}-db"}}]},
        {"auth": {"existingSecret": "app-db"}},
        {"env": {"PASSWORD": {"valueFrom": {"secretKeyRef": {"name": "app-db", "key": "password"}}}}},
    ],
)
def test_a_release_waits_for_the_store_of_the_external_secret_that_its_values_name(
    read: Read, values: dict[str, object]
) -> None:
    assert _release_needs(read, values=values) == WANTS_STORE


@pytest.mark.parametrize(
    "values",
    [
        {"envFrom": [{"secretRef": {"name": "app-db", "optional": True}}]},
        {"envFrom": [{"secretRef": {"name": "another"}}]},
        {"image": {"name": "app-db"}},
        {"secrets": {"own": {"stringData": {"NAME": "app-db"}}}},
        {"controllers": {"old": {"enabled": False, "envFrom": [{"secretRef": {"name": "app-db"}}]}}},
        {"controllers": {"backup": {"type": "cronjob", "envFrom": [{"secretRef": {"name": "app-db"}}]}}},
        {"ingress": {"main": {"tls": [{"hosts": ["app.example.test"], "secretName": "app-db"}]}}},
    ],
)
def test_what_a_release_only_may_use_or_does_not_mean_as_a_secret_holds_nothing_up(
    read: Read, values: dict[str, object]
) -> None:
    assert _release_needs(read, values=values) == []


@pytest.mark.parametrize("enabled", [True, False])
def test_an_order_that_a_route_in_the_values_leans_on_is_needed_at_run_time(read: Read, enabled: bool) -> None:
    route = {"enabled": enabled, "parentRefs": [{"name": "public", "namespace": "gateways"}]}
    reading = read(
        {
            "clusters/c/all.yaml": both(flux("a", "./a"), flux("b", "./b")),
            "a/gateway.yaml": obj("gateway.networking.k8s.io/v1", "Gateway", "public", namespace="gateways", spec={}),
            "b/app.yaml": release("app", namespace="y", values={"httpRoute": route}),
        }
    )
    assert [(n.blocks, n.what) for n in reading.fleet.helmreleases[0].needs] == [
        ("run-time", "Gateway gateways/public")
    ] * enabled


def test_a_store_that_follows_the_release_did_not_make_its_first_secret(read: Read) -> None:
    app = release("app", namespace="y", values={"auth": {"existingSecret": "app-db"}})
    entry = both(flux("a", "./a", dependsOn=[{"name": "between"}]), flux("b", "./b"))
    reading = read(
        {
            "clusters/c/all.yaml": both(entry, flux("between", "./between", dependsOn=[{"name": "b"}])),
            "a/store.yaml": STORE,
            "b/app.yaml": both(app, DATABASE),
            "between/m.yaml": config_map("m", "y"),
        }
    )
    assert reading.fleet.helmreleases[0].needs == ()


def test_values_from_an_external_secret_cannot_be_read_before_its_store_is_there(read: Read) -> None:
    values_from = [{"kind": "Secret", "name": "app-db"}]
    assert _release_needs(read, valuesFrom=values_from) == [("build", *WANTS_STORE[0][1:])]


def test_of_several_providers_the_one_that_is_waited_for_counts(read: Read) -> None:
    both_bring = obj("v1", "Namespace", "x")
    reading = read(
        {
            "clusters/c/all.yaml": both(
                flux("a", "./a"), flux("c", "./c"), flux("b", "./b", dependsOn=[{"name": "c"}])
            ),
            "a/ns.yaml": both_bring,
            "c/ns.yaml": both_bring,
            "b/m.yaml": config_map("m", "x"),
        }
    )
    b = reading.fleet.kustomization(ks_id("b"))
    assert b is not None and [str(n.provided_by) for n in b.needs] == ["Kustomization/flux-system/c"]


def test_what_the_roots_first_build_needs_is_made_with_the_root(read: Read) -> None:
    root = flux("flux-system", "./clusters/c", postBuild={"substituteFrom": [{"kind": "ConfigMap", "name": "vars"}]})
    assert (
        _needs(read, {"clusters/c/root.yaml": both(root, config_map("vars", "flux-system", A="1"))}, of="flux-system")
        == []
    )


VELERO = obj("velero.io/v1", "Schedule", "daily", namespace="x", spec={})
ISSUER = obj("cert-manager.io/v1", "ClusterIssuer", "le", spec={})


@pytest.mark.parametrize(
    ("chart", "wanting", "spec", "brings"),
    [
        ("cert-manager", ISSUER, {}, False),  # its own default is off
        ("cert-manager", ISSUER, {"values": {"crds": {"enabled": True}}}, True),
        ("cert-manager", ISSUER, {"values": {"installCRDs": "${CRDS}"}}, True),
        ("cert-manager", ISSUER, {"valuesFrom": [{"kind": "Secret", "name": "unseen"}]}, True),
        ("cert-manager", ISSUER, {"values": {"crds": {"enabled": False}}}, False),
        ("cert-manager", ISSUER, {"values": {"installCRDs": False}}, False),
        ("cert-manager", ISSUER, {"values": {"installCRDs": False, "crds": {"enabled": True}}}, True),
        (
            "cert-manager",
            ISSUER,
            {"install": {"crds": "Skip"}, "values": {"installCRDs": True}},
            True,
        ),  # they are templates
        ("cloudnative-pg", CLUSTER, {"values": {"crds": {"create": False}}}, False),
        ("cloudnative-pg", CLUSTER, {"values": {"crds": {"enabled": False}}}, True),
        ("velero", VELERO, {"install": {"crds": "Skip"}}, False),
        ("velero", VELERO, {"install": {"crds": "CreateReplace"}, "upgrade": {"crds": "Skip"}}, True),
    ],
)
def test_a_release_that_is_set_not_to_bring_its_charts_crds_does_not(
    read: Read, chart: str, wanting: str, spec: dict[str, Any], brings: bool
) -> None:
    root = both(git(), flux("flux-system", "./clusters/c"), flux("a", "./a"), flux("b", "./b"))
    files = {"a/r.yaml": release("op", chart=chart, **spec), "b/w.yaml": wanting}
    reading = read({"clusters/c/all.yaml": root, **files})
    b = reading.fleet.kustomization(ks_id("b"))
    assert b is not None and [str(n.provided_by) for n in b.needs] == ["HelmRelease/apps/op"] * brings
    elsewhere = [f.message for f in reading.findings if f.code == "FB315"]
    assert len(elsewhere) == (not brings) and all(
        "HelmRelease/apps/op does not bring it as it is set" in m for m in elsewhere
    )


def test_values_from_a_configmap_may_switch_the_crds_off(read: Read) -> None:
    values = config_map("values", "apps", **{"values.yaml": "crds: {create: false}"})
    operator = release("op", chart="cloudnative-pg", valuesFrom=[{"kind": "ConfigMap", "name": "values"}])
    assert _needs(read, {"a/r.yaml": both(values, operator), "b/c.yaml": CLUSTER}) == []


def test_a_chart_of_the_repository_whose_crds_folder_is_skipped_brings_none_of_it(read: Read) -> None:
    reference = {
        "chart": "./chart",
        "sourceRef": {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"},
    }
    files = {
        "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        "chart/crds/crd.yaml": CRD,
        "chart/templates/m.yaml": config_map("m"),
        "b/w.yaml": WIDGET,
    }
    for install, brings in (({}, True), ({"crds": "Skip"}, False)):
        body = json.loads(release("own", install=install))
        body["spec"]["chart"] = {"spec": reference}
        assert bool(_needs(read, {**files, "a/r.yaml": json.dumps(body)})) == brings


@pytest.mark.parametrize(
    ("url", "group"),
    [
        ("https://raw.githubusercontent.com/rook/rook/v1.17.0/deploy/examples/crds.yaml", "ceph.rook.io"),
        ("https://github.com/jetstack/cert-manager/releases/download/v1.5.0/cert-manager.crds.yaml", "cert-manager.io"),
        ("https://github.com/traefik/traefik-helm-chart/traefik/crds?ref=v34.0.0", "traefik.io"),
        (
            "github.com/prometheus-community/helm-charts//charts/kube-prometheus-stack/crds?ref=x",
            "monitoring.coreos.com",
        ),
        ("https://github.com/kedacore/keda/releases/download/v2.17.0/keda-2.17.0-crds.yaml", "keda.sh"),
    ],
)
def test_the_crds_of_well_known_remote_bases_are_known(url: str, group: str) -> None:
    assert group in groups_of_base(url)


def test_the_table_of_charts_says_of_each_where_that_was_read() -> None:
    for name, chart in crd_charts().items():
        assert {"groups", "source"} <= chart.keys() <= {"groups", "source", "only", "switches", "off", "folder"}, name
        assert chart["groups"] and all("." in group for group in chart["groups"]), name


def test_the_store_that_a_kustomization_brings_itself_did_not_make_the_first_secret_that_its_build_reads(
    read: Read,
) -> None:
    secret = DATABASE.replace('"app-db"', '"cluster-secrets"').replace('"y"', '"flux-system"')
    variables = {"substituteFrom": [{"kind": "Secret", "name": "cluster-secrets"}]}
    reading = read(
        {
            "clusters/c/all.yaml": both(flux("store", "./store", postBuild=variables), flux("secrets", "./secrets")),
            "store/store.yaml": STORE,
            "secrets/secret.yaml": secret,
        }
    )
    store = next(k for k in reading.fleet.kustomizations if k.id.name == "store")
    assert {need.provided_by for need in store.needs if need.blocks == "build"} == {ks_id("secrets")}


def test_a_group_that_ends_like_fluxs_need_not_be_fluxs(read: Read) -> None:
    terraform = obj("infra.contrib.fluxcd.io/v1alpha2", "Terraform", "bucket", namespace="apps", spec={})
    generator = obj("source.extensions.fluxcd.io/v1beta1", "ArtifactGenerator", "g", namespace="apps", spec={})
    reading = read({"clusters/c/all.yaml": flux("apps", "./apps"), "apps/all.yaml": both(terraform, generator)})
    [missing] = [f for f in reading.findings if f.code == "FB315"]
    assert "Terraform" in missing.message and "ArtifactGenerator" not in missing.message


def test_the_crds_of_a_well_known_repository_that_is_applied_from_elsewhere_are_known(read: Read) -> None:
    dashboard = obj("grafana.integreatly.org/v1beta1", "GrafanaDashboard", "d", namespace="default", spec={})
    files = {
        "clusters/c/all.yaml": both(
            git("grafana", url="https://github.com/grafana/grafana-operator"),
            flux("crds", "./deploy/crds", source="grafana"),
            flux("b", "./b", dependsOn=[{"name": "crds"}]),
        ),
        "b/d.yaml": dashboard,
    }
    reading = read(files)
    (need,) = [n for k in reading.fleet.kustomizations for n in k.needs]
    assert (need.kind, need.provided_by) == ("CustomResourceDefinition", ks_id("crds"))
    assert codes(reading) == ["FB302"]
