import shutil
import subprocess

import pytest
import yaml

from fleetbench.cli.measure_states import between_stand_ins
from fleetbench.graph.commit import Commit, Immutable, upgraded
from fleetbench.graph.objects import Dependency, HelmRelease, Kustomization, Source, Workload
from fleetbench.graph.root import with_root
from fleetbench.ids import ObjectId
from fleetbench.measure.manifests import repository_files, write_repository
from fleetbench.measure.roots import root_objects
from fleetbench.measure.served import point_at_served
from fleetbench.measure.standin import APPLIED, REFUSED, REPLACED, stand_in
from fleetbench.measure.subject import State, Subject
from fleetbench.repo import read_repository
from fleetbench.repo.commits.between import commit_between
from tests.builders import ROOT, hr_id, ks_id
from tests.fleets.commits import ENTRY, STEPS, write

SOURCE = ObjectId("OCIRepository", "flux-system", "flux-system")
DB = ObjectId("Kustomization", "data", "db")
POSTGRES = ObjectId("StatefulSet", "data", "postgres")


def a_fleet():
    """A root over: a with two workloads, db with its namespace and two releases, one broken, one suspended."""
    return with_root(
        [
            Kustomization(ROOT, "./clusters/dev", source=SOURCE, interval_s=300.0),
            Kustomization(ks_id("a"), "./apps/a/", ROOT, source=SOURCE, wait=True, retry_interval_s=60.0, timeout_s=90.0, workloads=(Workload(ObjectId("Deployment", "x", "one")), Workload(ObjectId("Deployment", "x", "two")))),
            Kustomization(DB, "apps/db", ROOT, (Dependency(ks_id("a"), "dep.status.ready"),), source=SOURCE, health_checks=(POSTGRES, hr_id("h")), objects=(ObjectId("Namespace", "", "data"), POSTGRES), workloads=(Workload(POSTGRES),)),
            Kustomization(ks_id("broken"), "./missing", ROOT, source=SOURCE, broken="path missing"),
            Kustomization(ks_id("asleep"), "./apps/asleep", ROOT, source=SOURCE, suspend=True),
        ],
        [HelmRelease(hr_id("h"), DB, chart="postgres", source=ObjectId("HelmRepository", "flux-system", "charts"), target_namespace="elsewhere", retries=3, depends_on=(Dependency(hr_id("i")),)), HelmRelease(hr_id("i"), DB, disable_wait=True)],
        [Source(SOURCE, interval_s=60.0)],
        ROOT,
    )  # fmt: skip


def served(**options):
    return stand_in(a_fleet(), {ks_id("a"): 12.4, DB: 3.0, hr_id("h"): 7.0}, **options)


def files(s):
    return {path: list(yaml.safe_load_all(text)) for path, text in repository_files(s)}


def test_every_object_keeps_its_path_edges_and_timing():
    written = files(served())
    by_name = {d["metadata"]["name"]: d for d in written["clusters/dev/fleetbench.yaml"]}
    assert by_name["a"]["spec"] == {
        "interval": "10m0s", "path": "./apps/a", "prune": True, "wait": True, "timeout": "1m30s", "retryInterval": "1m0s",
        "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
    }  # fmt: skip
    assert by_name["db"]["spec"]["dependsOn"] == [
        {"name": "a", "namespace": "flux-system", "readyExpr": "dep.status.ready"}
    ]
    assert by_name["db"]["spec"]["sourceRef"] == {
        "kind": "GitRepository",
        "name": "flux-system",
        "namespace": "flux-system",
    }
    assert by_name["asleep"]["spec"]["suspend"] is True


def test_a_paths_workloads_become_one_pause_of_the_profiles_duration():
    deployments = [d for d in files(served())["apps/a/fleetbench.yaml"] if d["kind"] == "Deployment"]
    assert [(d["metadata"]["name"], d["spec"]["minReadySeconds"]) for d in deployments] == [("flux-system-a", 12)]
    assert deployments[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.k8s.io/pause:3.10"


def test_the_fleet_that_is_deployed_says_so_of_itself():
    fleet = served().fleet
    (workload,) = fleet.kustomization(ks_id("a")).workloads
    assert (workload.stated_ready_s, workload.stated_by) == (12.0, "minReadySeconds")
    assert fleet.kustomization(ROOT).applies == 4
    assert {s.id.kind for s in fleet.sources} == {"GitRepository"}


def test_two_objects_that_share_a_path_get_one_each():
    fleet = with_root([Kustomization(ks_id("a"), "./apps/x/"), Kustomization(ks_id("b"), "apps/x")], [], [], None)
    paths = [k.path for k in stand_in(fleet, {}).fleet.kustomizations]
    assert paths[:2] == ["./apps/x", "./apps/x/.flux-system.b"]


def test_a_release_stays_a_release_with_a_chart_in_the_served_repository():
    s = served()
    written = files(s)
    path = next(p for p in written if p.endswith("h/templates/stand-in.yaml"))
    assert written[path][0]["spec"]["minReadySeconds"] == 7
    assert written[path][0]["metadata"]["namespace"] == "elsewhere"
    folder = s.fleet.kustomization(DB).path.removeprefix("./")
    release = next(d for d in written[f"{folder}/fleetbench.yaml"] if d["metadata"]["name"] == "h")
    assert release["spec"]["chart"]["spec"]["sourceRef"] == {"kind": "GitRepository", "name": "flux-system"}
    assert release["spec"]["dependsOn"] == [{"name": "i"}] and release["spec"]["install"] == {
        "remediation": {"retries": 3}
    }


def test_health_checks_of_workloads_become_those_of_the_pause_and_of_flux_objects_stay():
    s = served()
    assert s.fleet.kustomization(DB).health_checks == (ObjectId("Deployment", "default", "data-db"), hr_id("h"))


def test_a_health_check_of_the_source_stays_one_of_the_served_source():
    git = ObjectId("GitRepository", "flux-system", "flux-system")
    root = Kustomization(ROOT, "./clusters/dev", source=git)
    child = Kustomization(ks_id("a"), "./apps/a", ROOT, source=git, health_checks=(git,))
    written = files(stand_in(with_root([root, child], [], [Source(git)], ROOT), {}))
    [check] = written["clusters/dev/fleetbench.yaml"][0]["spec"]["healthChecks"]
    assert (check["apiVersion"], check["kind"]) == ("source.toolkit.fluxcd.io/v1", "GitRepository")


def test_the_source_has_the_files_and_folders_that_are_written():
    s = served()
    paths = list(files(s))
    folders = {path.rpartition("/")[0] for path in paths}
    assert abs(s.fleet.sources[0].files - len(paths) - len(folders)) <= 3  # what lies above them


def test_what_is_broken_has_no_path_here_either():
    assert not any(path.startswith("missing") for path in files(served()))


def test_namespaces_that_the_fleet_brings_stay_where_they_are_and_the_others_are_made_before():
    s = served()
    folder = s.fleet.kustomization(DB).path.removeprefix("./")
    assert "data" in [d["metadata"]["name"] for d in files(s)[f"{folder}/fleetbench.yaml"] if d["kind"] == "Namespace"]
    assert s.namespaces == ("elsewhere",)


def test_what_fails_runs_but_is_never_ready():
    s = served(fail=frozenset({ks_id("a")}))
    (deployment,) = files(s)["apps/a/fleetbench.yaml"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["tcpSocket"] == {"port": 1}
    assert s.failing == {ObjectId("Deployment", "default", "flux-system-a")}


def test_long_names_stay_unique_and_short():
    long = [ObjectId("Kustomization", "flux-system", "x" * 60 + end) for end in "ab"]
    fleet = with_root([Kustomization(id, f"./{id.name[-1]}") for id in long], [], [], None)
    names = {w.object.name for k in stand_in(fleet, dict.fromkeys(long, 1.0)).fleet.kustomizations for w in k.workloads}
    assert len(names) == 2 and all(len(n) <= 50 for n in names)


def test_the_root_and_its_source_are_what_is_created_at_t0():
    source, root = root_objects(served().fleet, "http://192.0.2.1/x.git", {})
    assert (source["kind"], source["spec"]["url"], source["spec"]["ref"]) == (
        "GitRepository",
        "http://192.0.2.1/x.git",
        {"branch": "main"},
    )
    assert (root["metadata"]["name"], root["spec"]["path"], root["spec"]["interval"]) == (
        "flux-system",
        "./clusters/dev",
        "5m0s",
    )


def test_kustomize_builds_every_path(tmp_path):
    s = served()
    write_repository(s, tmp_path)
    for k in s.fleet.kustomizations:
        if k.broken is None:
            done = subprocess.run(
                ["kubectl", "kustomize", tmp_path / k.path], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr


SYNC = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: "ssh://git@example.com/fleet", ref: {tag: v1}, secretRef: {name: flux-system}}
"""


@pytest.mark.parametrize("listed", [True, False], ids=["a kustomization.yaml", "plain files"])
def test_the_real_entry_renders_its_source_with_the_served_address(tmp_path, listed):
    entry = tmp_path / "clusters"
    entry.mkdir()
    (entry / "sync.yaml").write_text(SYNC)
    if listed:
        (entry / "kustomization.yaml").write_text("resources: [sync.yaml]\n")
    id = ObjectId("GitRepository", "flux-system", "flux-system")
    fleet = with_root([Kustomization(ROOT, "./clusters", source=id)], [], [Source(id, file="clusters/sync.yaml")], ROOT)
    point_at_served(tmp_path, fleet, "http://192.0.2.1/x.git")
    if listed:
        text = subprocess.run(["kubectl", "kustomize", entry], capture_output=True, text=True, check=True).stdout
    else:
        text = (entry / "sync.yaml").read_text()
    assert yaml.safe_load(text)["spec"] == {
        "interval": "1m",
        "url": "http://192.0.2.1/x.git",
        "ref": {"branch": "main"},
    }


def test_a_commit_changes_of_a_stand_in_what_it_changes_of_what_that_stands_for():
    one, two = (ObjectId("Deployment", "x", name) for name in ("one", "two"))
    pods = ObjectId("Deployment", "default", "flux-system-a")

    def changed(**of_it):
        s = served(changes=Commit(frozenset({ks_id("a")}), **of_it))
        (deployment,) = (d for d in files(s)["apps/a/fleetbench.yaml"] if d["kind"] == "Deployment")
        template = deployment["spec"]["template"]["metadata"]
        selector = deployment["spec"]["selector"]["matchLabels"]
        return s.changed[pods], *("fleetbench/commit" in part for part in (
            deployment["metadata"].get("annotations", ()), template.get("annotations", ()), selector
        ))  # fmt: skip

    assert changed(kept={one: 1, two: 1}) == (APPLIED, True, False, False)
    assert changed(kept={one: 1}) == (REPLACED, False, True, False)  # one of the two that it stands for is updated
    assert changed(kept={two: 1}, started=frozenset({one})) == (REPLACED, False, True, False)
    refused = Immutable(one, "spec.selector", ks_id("a"))
    assert changed(immutable=(refused,)) == (REFUSED, False, False, True)


def test_a_release_that_a_commit_upgrades_gets_other_values_which_its_pods_carry():
    s = served(changes=Commit(frozenset({hr_id("h")})))
    written = files(s)
    folder = s.fleet.kustomization(DB).path.removeprefix("./")
    releases = {d["metadata"]["name"]: d for d in written[f"{folder}/fleetbench.yaml"] if d["kind"] == "HelmRelease"}
    assert releases["h"]["spec"]["values"] == {"commit": "2"} and "values" not in releases["i"]["spec"]
    template = dict(repository_files(s))[".fleetbench/charts/flux-system/h/templates/stand-in.yaml"]
    assert "fleetbench/commit: '{{ .Values.commit | default 1 | quote }}'" in template


@pytest.mark.skipif(not (shutil.which("kustomize") or shutil.which("kubectl")), reason="needs kustomize or kubectl")
@pytest.mark.parametrize("number", range(1, len(STEPS) + 1), ids=STEPS)
def test_a_commit_to_a_repository_is_the_same_commit_to_its_stand_in(tmp_path, number):
    states, readings = [tmp_path / name for name in ("before", "after")], []
    for state, commits in zip(states, (number - 1, number), strict=True):
        state.mkdir()
        write(state, commits)
        readings.append(read_repository(state, ENTRY, cache=False))
    of_real = commit_between(*readings, *states)
    fleets = [reading.fleet for reading in readings]
    stand_ins = [stand_in(fleet, {}, changes=c) for fleet, c in zip(fleets, (None, of_real), strict=True)]
    found = between_stand_ins(*(State(Subject(f), s) for f, s in zip(fleets, stand_ins, strict=True)), of_real)
    fleet = fleets[1]
    assert of_real.changed - found.changed <= {ROOT} and found.changed <= of_real.changed  # no `force`, where it came
    assert found.refused == of_real.refused
    assert upgraded(found, fleet) == upgraded(of_real, fleet)
    assert (found.added, found.removed, found.since) == (of_real.added, of_real.removed, of_real.since)
