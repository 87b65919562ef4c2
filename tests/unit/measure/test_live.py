import pytest
import yaml
from click.testing import CliRunner

from fleetbench.calibration.document import as_yaml
from fleetbench.cli.main import cli
from fleetbench.errors import EnvironmentLacks
from fleetbench.findings import EVENTS_REFUSED
from fleetbench.graph.checks import check
from fleetbench.graph.objects import CPU_LIMIT
from fleetbench.ids import ObjectId
from fleetbench.measure.clock import SystemClock
from fleetbench.measure.fleet import fleet_from
from fleetbench.measure.history import learn_from
from fleetbench.measure.kinds import BY_KIND, WATCHED
from fleetbench.measure.learned_profile import profile_of, remarks_of
from fleetbench.measure.permissions import cluster_role, readable
from fleetbench.measure.protocols import Forbidden, NotServed
from fleetbench.measure.usage import UsageSampler
from fleetbench.model.assemble import Choice, in_force
from fleetbench.model.profile import load_profile
from tests.builders import ROOT, hr_id, ks_id
from tests.unit.measure.players import ready

BY_ROOT = {"kustomize.toolkit.fluxcd.io/name": "flux-system", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
SECRET = "hunter2-planted"


def made_at(second):
    return f"2026-01-01T00:00:{second:02d}Z"


def named(name, labels=None, namespace="flux-system", **rest):
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels or {}, "generation": 1}, **rest}


def flux(name, labels=None, spec=None, **status):
    source = {"sourceRef": {"kind": "GitRepository", "name": "flux-system"}, "interval": "10m", "path": f"./{name}"}
    return named(name, labels, spec={**source, **(spec or {})}, status={**ready("True"), **status})


def once(duration, **changes):
    return {
        "totalReconciliations": 1,
        "lastReconciledStatus": "ReconciliationSucceeded",
        "lastReconciledDuration": duration,
        **changes,
    }


def inventory(*ids):
    return {"entries": [{"id": id, "v": "v1"} for id in ids]}


def pod(name, owner, created, ready_at, restarts=0):
    status = {
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": made_at(ready_at)}],
        "containerStatuses": [{"restartCount": restarts}],
    }
    found = named(name, namespace="apps", status=status)
    found["metadata"] |= {
        "creationTimestamp": made_at(created),
        "ownerReferences": [{"controller": True, "kind": owner[0], "name": owner[1]}],
    }
    return found


def workload(name, labels, **spec):
    template = {
        "spec": {"containers": [{"name": "c", "image": "ghcr.io/x/web:v1", "env": [{"name": "P", "value": SECRET}]}]}
    }
    return named(name, labels, "apps", spec={"template": template, **spec})


def owned(name):
    return {"kustomize.toolkit.fluxcd.io/name": name, "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}


def a_cluster():
    return {
        BY_KIND["Kustomization"]: [
            flux("flux-system", BY_ROOT, inventory=inventory("flux-system_web_kustomize.toolkit.fluxcd.io_Kustomization")),
            flux("web", BY_ROOT, {"wait": True}, history=[once("40s")], inventory=inventory("apps_web_apps_Deployment")),
            flux("db", BY_ROOT, {"wait": True, "dependsOn": [{"name": "web"}], "postBuild": {"substitute": {"P": SECRET}}}, history=[once("1m5s"), once("2s", totalReconciliations=9), once("9m", lastReconciledStatus="HealthCheckFailed")], inventory=inventory("apps_pg_postgresql.cnpg.io_Cluster")),
            flux("old", BY_ROOT, {"wait": True}, history=[once("1s", totalReconciliations=400)], inventory=inventory("apps_old_apps_Deployment")),
        ],
        BY_KIND["HelmRelease"]: [
            named("chart", owned("web"), spec={"chart": {"spec": {"chart": "redis", "sourceRef": {"kind": "HelmRepository", "name": "r"}}}, "values": {"password": SECRET}}, status={**ready("True"), "lastAttemptedReleaseAction": "install", "lastAttemptedReleaseActionDuration": "1m30.5s"}),
        ],
        BY_KIND["GitRepository"]: [named("flux-system", BY_ROOT, spec={"interval": "1m", "url": "ssh://x"}, status=ready("True"))],
        BY_KIND["Deployment"]: [
            workload("web", owned("web"), minReadySeconds=2, replicas=2),
            workload("old", owned("old")),
            named("kustomize-controller", spec={"template": {"spec": {"containers": [{"args": ["--concurrent=20", "--log-level=info"]}]}}}),
        ],
        BY_KIND["Pod"]: [
            pod("web-5c-a", ("ReplicaSet", "web-5c"), 10, 15),
            pod("web-5c-b", ("ReplicaSet", "web-5c"), 10, 19),
            pod("old-7d-a", ("ReplicaSet", "old-7d"), 10, 50, restarts=3),
        ],
    }  # fmt: skip


NODES = [
    {
        "status": {
            "nodeInfo": {"containerRuntimeVersion": "containerd://2.0"},
            "images": [{"names": ["ghcr.io/x/web:v1", "ghcr.io/x/web@sha256:0"], "sizeBytes": 50_000_000}],
        }
    }
]


def test_the_fleet_is_what_the_live_objects_say():
    fleet, findings = fleet_from(a_cluster(), "prod")
    assert fleet.root == ROOT and findings == []
    assert fleet.kustomization(ks_id("db")).parent == ROOT
    assert [d.target for d in fleet.kustomization(ks_id("db")).depends_on] == [ks_id("web")]
    (web,) = fleet.kustomization(ks_id("web")).workloads
    assert (web.images, web.replicas, web.replaced_at_once) == (("ghcr.io/x/web:v1",), 2, 1)
    assert (
        fleet.helmrelease(hr_id("chart")).parent == ks_id("web") and fleet.helmrelease(hr_id("chart")).chart == "redis"
    )
    assert {(f.controller, f.flag): f.value for f in fleet.flags} == {
        ("kustomize-controller", "concurrent"): "20",
        ("kustomize-controller", CPU_LIMIT): "none",  # its pod states none, and Flux as it installs has one
    }


def test_what_the_cluster_says_is_not_laid_to_a_repository():
    cluster = a_cluster()
    container = cluster[BY_KIND["Deployment"]][-1]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "ghcr.io/fluxcd/kustomize-controller:v1.7.3"
    fleet, _ = fleet_from(cluster, "prod")
    _, origins, _ = in_force(fleet, Choice())
    where = "Deployment/flux-system/kustomize-controller"
    assert (origins["kustomize_concurrent"], origins["flux_version"]) == (where, where)


def posting(**notification):
    """A cluster whose controllers post their events, with a notification-controller of that spec and status, if any."""
    cluster = a_cluster()
    deployments = cluster[BY_KIND["Deployment"]]
    controller = deployments[-1]["spec"]["template"]["spec"]["containers"][0]
    controller["args"] = ["--events-addr=http://notification-controller.$(RUNTIME_NAMESPACE).svc.cluster.local./"]
    if notification:
        deployments.append(named("notification-controller", spec={"template": {}}, **notification))
        deployments[-1]["spec"] |= notification.get("spec", {})
    return cluster


@pytest.mark.parametrize(
    ("notification", "never", "told"),
    [
        ({}, True, "no notification-controller runs there"),
        ({"status": {"availableReplicas": 1}}, False, None),
        ({"status": {"unavailableReplicas": 1}}, False, "no pod of it is available at the moment"),
    ],
)
def test_events_that_nobody_takes_count_only_where_nobody_is_to_take_them(notification, never, told):
    fleet, findings = fleet_from(posting(**notification), "x")
    assert bool(in_force(fleet, Choice())[0].events_refused_s) is never
    found = [f.message for f in [*findings, *check(fleet)] if f.code == EVENTS_REFUSED]
    assert len(found) == (told is not None) and all(told in message for message in found)


def test_the_chart_of_an_oci_repository_and_the_flux_that_runs_are_known():
    objects = a_cluster()
    objects[BY_KIND["OCIRepository"]] = [
        named("kps", spec={"interval": "1h", "url": "oci://x/kube-prometheus-stack", "ref": {"tag": "70.0.0"}})
    ]
    objects[BY_KIND["HelmRelease"]] = [named("kps", spec={"chartRef": {"kind": "OCIRepository", "name": "kps"}})]
    container = objects[BY_KIND["Deployment"]][-1]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "ghcr.io/fluxcd/kustomize-controller:v1.7.3"
    fleet, _ = fleet_from(objects, "prod")
    release = fleet.helmrelease(hr_id("kps"))
    assert (release.chart, release.chart_version) == ("kube-prometheus-stack", "70.0.0")
    assert fleet.flux.version == "v2.7"


def test_no_value_of_the_live_objects_gets_into_the_fleet_or_the_profile():
    learned = learn_from(a_cluster(), NODES, "prod")
    assert SECRET not in repr(learned) and SECRET not in as_yaml(profile_of(learned))


def test_a_cluster_without_kustomizations_is_refused():
    with pytest.raises(EnvironmentLacks, match="holds no Kustomization"):
        fleet_from({}, "empty")


def test_several_roots_get_one_assumed_above_them():
    objects = {BY_KIND["Kustomization"]: [flux("one"), flux("two")]}
    fleet, findings = fleet_from(objects, "x")
    assert fleet.kustomization(fleet.root).assumed and [f.code for f in findings] == ["FB305"]


def test_pods_tell_best_how_long_a_deployment_took_with_min_ready_seconds_on_top():
    learned = learn_from(a_cluster(), NODES, "prod")
    assert learned.durations[ks_id("web")] == (11.0,) and learned.found_in[ks_id("web")] == "its pods"


def test_without_pods_the_reconciles_that_ran_once_tell():
    learned = learn_from(a_cluster(), NODES, "prod")
    assert learned.durations[ks_id("db")] == (65.0,)


def test_a_release_tells_how_long_its_install_took():
    assert learn_from(a_cluster(), NODES, "prod").durations[hr_id("chart")] == (90.5,)


def test_nothing_is_guessed_of_pods_that_restarted_and_reconciles_that_were_overwritten():
    learned = learn_from(a_cluster(), NODES, "prod")
    assert learned.nothing_found == (ks_id("old"),)
    assert any("Kustomization/flux-system/old" in line for line in remarks_of(learned))


def test_what_has_no_workload_is_counted_too():
    said = remarks_of(learn_from(a_cluster(), NODES, "prod"))
    assert said == [
        "3 of 5 objects: a time was found",
        "nothing found for Kustomization/flux-system/old",
        "no workload of its own, so no time to find: Kustomization/flux-system/flux-system",
    ]


@pytest.mark.parametrize(("policy", "took_s"), [("OrderedReady", 17.0), ("Parallel", 10.0)])
def test_stateful_pods_start_in_turn_unless_their_policy_is_parallel(policy, took_s):
    pg = workload("pg", owned("db"), podManagementPolicy=policy)
    cluster = {
        BY_KIND["Kustomization"]: [flux("db", inventory=inventory("apps_pg_apps_StatefulSet"))],
        BY_KIND["StatefulSet"]: [pg],
        BY_KIND["Pod"]: [pod("pg-0", ("StatefulSet", "pg"), 0, 10), pod("pg-1", ("StatefulSet", "pg"), 10, 17)],
    }
    assert learn_from(cluster, [], "x").durations[ks_id("db")] == (took_s,)


def test_pods_of_a_custom_resource_are_found_through_the_inventory():
    cluster = a_cluster()
    cluster[BY_KIND["Pod"]] = [pod("pg-1", ("Cluster", "pg"), 0, 30)]
    assert learn_from(cluster, [], "x").durations[ks_id("db")] == (30.0,)


def test_what_was_learned_is_a_profile_that_simulate_reads(tmp_path):
    file = tmp_path / "learned.yaml"
    file.write_text(as_yaml(profile_of(learn_from(a_cluster(), NODES, "prod"))))
    profile = load_profile(file)
    assert profile.objects[ks_id("web")].quantile(0.5) == 11.0
    assert profile.images["ghcr.io/x/web"].megabytes.quantile(0.5) == 50.0


def test_sizes_of_other_runtimes_than_containerd_are_left_out_as_they_are_unpacked():
    nodes = [{"status": {**NODES[0]["status"], "nodeInfo": {"containerRuntimeVersion": "cri-o://1.33"}}}]
    assert learn_from(a_cluster(), nodes, "x").image_bytes == {}


class Api:
    def __init__(self, **errors):
        self.errors = errors

    def list(self, kind):
        if kind.plural in self.errors:
            raise self.errors[kind.plural]
        return [], "1"


def test_a_missing_permission_that_nothing_goes_without_is_named_with_all_others():
    with pytest.raises(EnvironmentLacks) as refused:
        readable(Api(kustomizations=Forbidden("x"), pods=Forbidden("x")))
    assert (
        "kustomizations.kustomize.toolkit.fluxcd.io, pods" in refused.value.message
        and "--print-rbac" in refused.value.hint
    )


def test_a_missing_permission_that_only_adds_detail_is_told_and_left_out():
    found, lacking = readable(Api(events=Forbidden("x"), externalartifacts=NotServed("x")))
    assert lacking == ["no permission to list and watch events.events.k8s.io: left out"]
    assert len(found) == len(WATCHED) - 2


def test_reading_the_kubelets_is_a_rule_to_be_taken_in_by_hand():
    printed = CliRunner().invoke(cli, ["measure", "--print-rbac"]).stdout
    commented = [line for line in printed.splitlines() if line.startswith("# -") or line.startswith("#  ")]
    whole = yaml.safe_load(
        "\n".join(line.removeprefix("# ") if line in commented else line for line in printed.splitlines())
    )
    assert whole["rules"][:-1] == cluster_role()["rules"]
    assert whole["rules"][-1] == {"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}
    assert "logs of any pod" in printed


def test_without_that_rule_one_line_says_why_there_are_no_figures():
    class Nodes:
        def nodes(self):
            return [{"metadata": {"name": "n"}}]

        def stats_summary(self, node):
            raise Forbidden("get nodes/proxy")

    with UsageSampler(Nodes(), SystemClock()) as sampler:
        sampler._thread.join(5)
    assert sampler.to_json()["lacks"].startswith("no permission to get nodes/proxy: `fleetbench measure --print-rbac`")


class Held(Api):
    """A cluster that shows what an account may read of it."""

    def list(self, kind):
        found = super().list(kind)[0]
        return a_cluster().get(kind, found), "1"


@pytest.fixture
def some_rights(monkeypatch):
    api = Held(helmreleases=Forbidden("x"), deployments=Forbidden("x"), pods=Forbidden("x"), events=Forbidden("x"))
    api.close = lambda: None
    monkeypatch.setattr("fleetbench.measure.api.KubernetesApi", lambda *_: api)


@pytest.mark.parametrize("command", [["graph"], ["simulate", "--samples", "2"]])
def test_what_may_not_be_read_of_a_live_fleet_is_told(some_rights, command):
    done = CliRunner().invoke(cli, [*command, "--from-cluster"])
    said = [line for line in done.stderr.splitlines() if line.startswith("Warning: no permission")]
    assert said == [
        "Warning: no permission to list and watch helmreleases.helm.toolkit.fluxcd.io: left out",
        "Warning: no permission to list and watch deployments.apps: left out",
    ]


def test_the_gate_does_not_pass_a_cluster_that_it_cannot_read_whole(some_rights):
    done = CliRunner().invoke(cli, ["check", "--from-cluster", "--samples", "2"])
    assert done.exit_code == 3 and "helmreleases.helm.toolkit.fluxcd.io" in done.stderr
    assert "--print-rbac" in done.stderr


def test_a_cluster_without_flux_is_told():
    with pytest.raises(EnvironmentLacks, match=r"serves no kustomizations\.kustomize\.toolkit\.fluxcd\.io"):
        readable(Api(kustomizations=NotServed("x")))


def test_the_printed_role_reads_what_is_watched_and_no_secret():
    role = yaml.safe_load(CliRunner().invoke(cli, ["measure", "--print-rbac"]).stdout)
    assert role == cluster_role()
    granted = {(g, r) for rule in role["rules"] for g in rule["apiGroups"] for r in rule["resources"]}
    assert granted >= {(k.group, k.plural) for k in WATCHED}
    assert not {"secrets", "configmaps", "nodes/proxy", "pods/log", "*"} & {r for _, r in granted}
    assert {v for rule in role["rules"] for v in rule["verbs"]} == {"get", "list", "watch"}


def test_an_object_that_no_inventory_can_name_does_not_stop_the_reading():
    objects = {
        BY_KIND["Kustomization"]: [
            flux(
                "x",
                inventory={"entries": [{"id": "odd"}, {"id": "_crd_apiextensions.k8s.io_CustomResourceDefinition"}]},
            )
        ]
    }
    fleet, _ = fleet_from(objects, "x")
    assert fleet.kustomization(ks_id("x")).objects == (ObjectId("CustomResourceDefinition", "", "crd"),)
