"""``--cluster existing`` from the first list to the run folder, on a cluster that plays its changes."""

import csv
import dataclasses
import json
import shutil
import threading
import time
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.ids import ObjectId
from fleetbench.measure import existing
from fleetbench.measure.fleet import fleet_from
from fleetbench.measure.kinds import BY_KIND
from fleetbench.measure.protocols import MODIFIED
from fleetbench.measure.situation import BOOTSTRAP, COMMIT, JOIN_S, situation_of, strangers
from fleetbench.runs.files import read_run
from fleetbench.units import format_duration
from tests.builders import ks_id
from tests.fleets.commits import ENTRY, write_branch
from tests.unit.measure.players import ready
from tests.unit.measure.test_live import BY_ROOT, a_cluster, flux, named, owned, workload

OLD, NEW = "main@sha1:old", "main@sha1:new"
NOW_S = 1_800_000_000.0


def born(cluster, seconds_ago):
    stamp = datetime.fromtimestamp(NOW_S - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for objects in cluster.values():
        for obj in objects:
            obj["metadata"]["creationTimestamp"] = stamp
    return cluster


def kustomization(cluster, name):
    return next(o for o in cluster[BY_KIND["Kustomization"]] if o["metadata"]["name"] == name)


def test_a_cluster_in_which_all_is_ready_waits_for_a_commit():
    cluster = born(a_cluster(), 60)
    fleet, _ = fleet_from(cluster, "x")
    assert situation_of(fleet, cluster, NOW_S)[:2] == (COMMIT, {})


def test_one_without_the_root_waits_for_it():
    fleet, _ = fleet_from(a_cluster(), "x")
    assert situation_of(fleet, {}, NOW_S).scenario == BOOTSTRAP


AT_WORK = ready("Unknown", "Progressing", "Reconciliation in progress", reconciling="Building manifests")
WAITS = ready("False", "DependencyNotReady", "dependency 'flux-system/web' is not ready")
FAILED = ready("False", "HealthCheckFailed", "timeout\nwaiting", reconciling="Building manifests")


@pytest.mark.parametrize(
    ("seconds_ago", "web", "db", "scenario"),
    [
        (60, AT_WORK, WAITS, BOOTSTRAP),
        (60, {}, None, BOOTSTRAP),
        (60, AT_WORK | {"lastAppliedRevision": OLD}, None, COMMIT),
        (60, FAILED, None, COMMIT),
        (60, FAILED, WAITS, COMMIT),
        (60, FAILED, AT_WORK, BOOTSTRAP),
        (60, None, WAITS, BOOTSTRAP),
        (JOIN_S + 1, AT_WORK, WAITS, COMMIT),
        (90_000, FAILED, None, COMMIT),
    ],
)
def test_a_bootstrap_is_joined_only_while_it_is_young_and_goes_on(seconds_ago, web, db, scenario):
    cluster = born(a_cluster(), seconds_ago)
    fleet, _ = fleet_from(cluster, "x")
    down = {name: status for name, status in (("web", web), ("db", db)) if status is not None}
    for name, status in down.items():
        kustomization(cluster, name)["status"] = status
    found = situation_of(fleet, cluster, NOW_S)
    assert found.scenario == scenario and set(found.not_ready) == {ks_id(name) for name in down}
    assert (found.began_s is not None) is (scenario == BOOTSTRAP)
    if web is FAILED:
        assert found.not_ready[ks_id("web")] == "HealthCheckFailed: timeout waiting"


def test_what_the_repository_holds_and_the_cluster_does_not_and_the_other_way_round():
    cluster = born(a_cluster(), 90_000)
    fleet, _ = fleet_from(cluster, "x")
    cluster[BY_KIND["Kustomization"]].append(flux("other", BY_ROOT))
    kustomizations = [k for k in cluster[BY_KIND["Kustomization"]] if k["metadata"]["name"] != "db"]
    cluster[BY_KIND["Kustomization"]] = kustomizations
    assert situation_of(fleet, cluster, NOW_S).not_ready == {ks_id("db"): "not in the cluster"}
    assert strangers(fleet, cluster) == [ks_id("other")]


class Played:
    """An API server whose objects change as told: kind -> [(seconds from the first watch, object)]."""

    name = "context played"

    def __init__(self, cluster, changes):
        self.cluster, self.changes = cluster, changes
        self.over, self.closed = threading.Event(), False

    def list(self, kind):
        return self.cluster.get(kind, []), "1"

    def watch(self, kind, version):
        start_s = time.monotonic()
        for after_s, obj in self.changes.pop(kind, []):
            if self.over.wait(max(after_s - (time.monotonic() - start_s), 0.0)):
                return
            yield MODIFIED, obj
        self.over.wait(30)

    def end_streams(self):
        self.over.set()

    def nodes(self):
        return []

    def server_version(self):
        return "v1.34.0"

    def server_time_s(self):
        return NOW_S

    def stats_summary(self, node):
        return {}

    def close(self):
        self.closed = True


def with_revision(name, revision, status="True", reason="ReconciliationSucceeded", version=0, **meta):
    obj = flux(name, BY_ROOT, {"dependsOn": [{"name": "web"}]} if name == "db" else {})
    obj["status"] = ready(status, reason, revision=revision)
    obj["metadata"] |= {"uid": name, "resourceVersion": f"{name}{revision}{version}"} | meta
    return obj


def source(revision):
    obj = named("flux-system", BY_ROOT, spec={"interval": "1m", "url": "ssh://x"}, status=ready("True"))
    obj["status"]["artifact"] = {"revision": revision}
    obj["metadata"] |= {"uid": "source", "resourceVersion": revision}
    return obj


def running(*names, down=()):
    return {
        BY_KIND["GitRepository"]: [source(OLD)],
        BY_KIND["Kustomization"]: [
            with_revision(n, OLD, *(("False", "BuildFailed") if n in down else ())) for n in names
        ],
    }


def deployment(name, generation):
    obj = workload(name, owned(name))
    obj["metadata"] |= {"uid": f"deployment-{name}", "resourceVersion": f"{generation}", "generation": generation}
    return {**obj, "status": {"observedGeneration": generation}}


@pytest.fixture
def measure(monkeypatch, tmp_path):
    def run(cluster, changes, *arguments):
        api = Played(born(cluster, 90_000), changes)
        monkeypatch.setattr(existing, "KubernetesApi", lambda *_: api)
        done = CliRunner().invoke(cli, ["measure", "--cluster", "existing", "-o", str(tmp_path / "run"), *arguments])
        assert api.closed and not [t for t in threading.enumerate() if t.name.startswith("watch-")], "threads are left"
        return done, tmp_path / "run"

    return run


def test_a_commit_counts_from_its_artifact_however_long_it_was_waited_for(measure):
    changes = {
        BY_KIND["GitRepository"]: [(1.5, source(NEW))],
        BY_KIND["Kustomization"]: [
            (1.9, with_revision("flux-system", NEW)),
            (2.0, with_revision("web", NEW)),
            (2.9, with_revision("db", NEW)),
        ],
        BY_KIND["Deployment"]: [(2.1, deployment("db", 2)), (2.2, deployment("web", 1))],
    }
    cluster = running("flux-system", "web", "db")
    cluster[BY_KIND["Deployment"]] = [deployment("db", 1), deployment("web", 1)]
    done, folder = measure(cluster, changes)
    assert done.exit_code == 0, done.output
    run, meta = read_run(folder), json.loads((folder / "meta.json").read_text())
    times = {row["object"]: float(row["ready_s"]) for row in csv.DictReader((folder / "ready.csv").open())}
    assert times == {str(id): pytest.approx(s, abs=0.002) for id, s in run.ready_s().items()}
    assert (meta["commit"], meta["touched"]) == (NEW, ["Kustomization/flux-system/db"])
    assert run.commit.touched == (ks_id("db"),)
    assert meta["total_s"] == max(times.values()) > 0.5 and run.commit.t_s > 1.0
    last = next(line for line in done.stderr.splitlines() if "db Ready (3/3)" in line)
    assert float(last.split("s ")[0]) == pytest.approx(meta["total_s"], abs=0.06)
    said = f"the last after {format_duration(meta['total_s'])}"
    assert said in done.stdout and said in (folder / "report.md").read_text()


def test_a_live_cluster_in_which_something_is_broken_waits_for_the_next_commit(measure):
    changes = {
        BY_KIND["GitRepository"]: [(0.5, source(NEW))],
        BY_KIND["Kustomization"]: [(0.8, with_revision("flux-system", NEW)), (0.9, with_revision("db", NEW))],
    }
    cluster = running("flux-system", "web", "db", down=("web",))
    cluster[BY_KIND["Deployment"]] = [controller("--requeue-dependency=0s")]
    kustomization(cluster, "db")["spec"].pop("dependsOn")
    done, folder = measure(cluster, changes)
    assert done.exit_code == 0, done.output
    assert "not a bootstrap: Kustomization/flux-system/web is not Ready: BuildFailed" in done.stderr
    assert (
        "2 of 3 Ready" in done.stdout
        and "not Ready: Kustomization/flux-system/web (failed, BuildFailed)" in done.stdout
    )
    assert json.loads((folder / "meta.json").read_text())["not_ready_before"] == {
        "Kustomization/flux-system/web": "BuildFailed"
    }


@pytest.fixture
def repo(tmp_path):
    """A repository whose branch adds a Kustomization and a release, and takes one away."""
    if shutil.which("kustomize") is None and shutil.which("kubectl") is None:
        pytest.skip("needs kustomize or kubectl")
    return write_branch(tmp_path / "repo")


BEFORE = ("flux-system", "web", "db", "api", "tail", "rel", "old")


def against(repo):
    return "--repo", str(repo), "--cluster-path", ENTRY, "--against", "base"


def test_what_two_revisions_say_of_the_commit_is_recorded_and_what_it_brings_is_waited_for(measure, repo):
    kustomizations = [(1.2 + n / 10, with_revision(name, NEW)) for n, name in enumerate(BEFORE) if name != "old"]
    changes = {
        BY_KIND["GitRepository"]: [(0.5, source(NEW))],
        BY_KIND["Kustomization"]: [*kustomizations, (2.0, with_revision("fresh", NEW))],
        BY_KIND["HelmRelease"]: [(2.9, release("fresh"))],
    }
    cluster = running(*BEFORE) | {BY_KIND["HelmRelease"]: [release("rel")]}
    done, folder = measure(cluster, changes, *against(repo))
    assert done.exit_code == 0, done.output
    assert "everything is Ready: waiting for" in done.stderr and "9 of 9 Ready" in done.stdout
    run = read_run(folder)
    told = run.commit.changes
    assert told.added == {ks_id("fresh"), FRESH} and told.removed == (ks_id("old"),)
    assert told.since.startswith("merge base ") and run.ready_s()[FRESH] == pytest.approx(2.4, abs=0.2)


def test_where_nothing_runs_yet_there_is_no_commit_to_time(measure, repo):
    done, folder = measure({BY_KIND["Kustomization"]: [], BY_KIND["GitRepository"]: []}, {}, *against(repo))
    assert done.exit_code == 3 and "nothing yet that a commit could change" in done.stderr
    assert not folder.exists()


FRESH = ObjectId("HelmRelease", "default", "fresh")


def release(name):
    obj = flux(name, BY_ROOT)
    obj["metadata"] |= {"namespace": "default", "uid": f"hr-{name}", "resourceVersion": f"hr-{name}", "generation": 1}
    return {**obj, "kind": "HelmRelease", "spec": {"interval": "10m"}, "status": ready("True", "InstallSucceeded")}


def controller(argument):
    template = {"spec": {"containers": [{"args": [argument], "image": "x/kustomize-controller:v1.9.4"}]}}
    return named("kustomize-controller", spec={"template": template})


def test_ctrl_c_as_soon_as_it_waits_says_what_there_is_and_where(measure, monkeypatch):
    def interrupted(text):
        if "waiting for" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr("fleetbench.cli.measure_run.note", interrupted)
    done, folder = measure(running("flux-system", "web"), {})
    assert done.exit_code == 130
    assert f"run folder: {folder}" in done.stdout and "did not come: nothing was timed" in done.stdout
    assert (folder / "report.md").exists()


def test_a_root_that_never_comes_leaves_nothing_behind(measure, tmp_path):
    fleet = fleet_from(running("flux-system"), "x")[0]
    graph = tmp_path / "graph.json"
    from fleetbench.graph.document import to_document

    graph.write_text(json.dumps(to_document(dataclasses.replace(fleet, name="x"))))
    cluster = {BY_KIND["Kustomization"]: [], BY_KIND["GitRepository"]: []}
    done, folder = measure(cluster, {}, "--graph", str(graph), "--timeout", "1s")
    assert done.exit_code == 3 and "was not created within 1 s" in done.stderr
    assert not folder.exists()


def test_a_folder_that_holds_a_run_is_refused_before_the_cluster_is_asked(monkeypatch, tmp_path):
    (tmp_path / "trace.jsonl").write_text("{}\n")
    monkeypatch.setattr(existing, "KubernetesApi", lambda *_: pytest.fail("it was asked"))
    done = CliRunner().invoke(cli, ["measure", "--cluster", "existing", "-o", str(tmp_path)])
    assert done.exit_code == 2 and "holds a run already" in done.stderr
