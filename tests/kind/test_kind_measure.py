"""``fleetbench measure`` on Kind clusters of its own: whole rollouts, and what is left when it is broken off."""

import json
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fleetbench.ids import ObjectId
from fleetbench.measure.served import commit_all, git
from fleetbench.runs.files import read_run
from fleetbench.validation.compare import compare_run
from tests.kind.rig import PLANTED, copy_fleet, measure, start, wait_for_line


@pytest.fixture
def temporary(tmp_path):
    """A folder for temporary files and a name for the cluster of a run: what it leaves behind shows."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return Temporary(folder)


class Temporary:
    def __init__(self, folder):
        self.folder, self.name = folder, f"fleetbench-test-{secrets.token_hex(3)}"
        self.env = {"TMPDIR": str(folder)}
        self.args = ["--name", self.name]

    def left(self):
        """The run's Kind cluster and temporary files, if it left them behind."""
        return sorted(clusters() & {self.name}) + sorted(p.name for p in self.folder.iterdir())


def clusters():
    return set(subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True).stdout.split())


@pytest.fixture
def users_kubeconfig(tmp_path):
    """A kubeconfig that stands for the user's, with what it held."""
    file = tmp_path / "users-kubeconfig"
    file.write_text("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n")
    return file


def test_a_repository_is_rolled_out_timed_and_taken_away_again(tmp_path, kind_args, users_kubeconfig, temporary):
    repo = copy_fleet(tmp_path / "fleet")
    commit_all(repo, "First")
    kubeconfig = users_kubeconfig.read_text()
    run = tmp_path / "run"
    done = measure(
        "--repo",
        repo,
        "--cluster-path",
        "clusters/dev",
        *kind_args,
        *temporary.args,
        "-o",
        run,
        "--timeout",
        "4m",
        env={"KUBECONFIG": str(users_kubeconfig), **temporary.env},
    )
    assert done.returncode == 0, done.stderr
    assert "5 of 5 Ready" in done.stdout and str(run) in done.stdout
    read = read_run(run)
    times = {id.key if id.kind == "Kustomization" else str(id): at for id, at in read.ready_s().items()}
    assert all(at is not None for at in times.values()) and read.cut is None
    assert (
        times["flux-system/a"] < times["flux-system/b"]
        and times["flux-system/a"] < times["HelmRelease/flux-system/c"] < times["flux-system/c"]
    )
    root = read.fleet.root
    first = [root, read.fleet.root_source]
    assert {e.generation for id in first for e in read.timeline.by_object[id]} == {1}, "the root changed itself"
    meta = json.loads((run / "meta.json").read_text())
    assert meta["kubernetes"].startswith("v1.") and meta["flux_versions"] and meta["kind_version"] and meta["nodes"]
    assert meta["usage"]["controllers"]["kustomize-controller"]["peak_memory_mib"] > 5
    assert {p.name for p in run.iterdir()} == {
        "meta.json",
        "graph.json",
        "prediction.json",
        "ready.csv",
        "report.md",
        "trace.jsonl",
    }
    everything = "".join(p.read_text() for p in run.iterdir()) + done.stdout + done.stderr
    assert not [value for value in PLANTED if value in everything]
    assert users_kubeconfig.read_text() == kubeconfig
    assert temporary.left() == []


def test_a_commit_is_timed_on_what_runs_before_it(tmp_path, kind_args, temporary):
    repo = copy_fleet(tmp_path / "fleet")
    commit_all(repo, "First")
    git(repo, "branch", "before")
    replaced, upgraded = repo / "apps/a/d.yaml", repo / "apps/c/hr.yaml"
    replaced.write_text(
        replaced.read_text().replace("terminationGracePeriodSeconds: 0", "terminationGracePeriodSeconds: 1")
    )
    upgraded.write_text(upgraded.read_text() + "    more: 1\n")
    commit_all(repo, "Second")
    run = tmp_path / "run"
    done = measure(
        "--repo", repo, "--cluster-path", "clusters/dev", "--against", "before", *kind_args, *temporary.args, "-o", run, "--timeout", "4m",
        env=temporary.env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "pushing the commit" in done.stderr and "5 of 5 Ready" in done.stdout
    read = read_run(run)
    a, b, c = (ObjectId("Kustomization", "flux-system", name) for name in "abc")
    release = c._replace(kind="HelmRelease")
    told = read.commit.changes
    assert told.changed == {a, c, release} == {*read.commit.touched, c} and told.since.startswith("merge base ")
    times = read.ready_s()
    assert 3.0 < times[a] < times[b] < 60.0 and 0.0 < times[release] <= times[c]
    # of the release nothing is known but that its chart starts something
    off = {o.id: o.error_s for o in compare_run(read, samples=50).objects}
    assert abs(off[a]) < 2.0 and abs(off[b]) < 3.0
    everything = "".join(p.read_text() for p in run.iterdir()) + done.stdout + done.stderr
    assert not [value for value in PLANTED if value in everything]
    assert temporary.left() == []


def test_a_failing_stand_in_blocks_what_waits_for_it_and_nothing_else(tmp_path, kind_args):
    repo = copy_fleet(tmp_path / "fleet")
    commit_all(repo, "First")
    run = tmp_path / "run"
    done = measure(
        "--repo", repo, "--cluster-path", "clusters/dev", "--fail", "HelmRelease/flux-system/c", "--requeue-dependency", "5s", *kind_args, "-o", run, "--timeout", "3m"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read = read_run(run)
    never = {id.name for id, at in read.ready_s().items() if at is None}
    assert never == {"c"} and not read.timeline.complete
    assert read.flags["requeue_dependency_s"] == 5.0
    assert "not Ready: Kustomization/flux-system/c" in done.stdout


def test_ctrl_c_in_the_middle_saves_what_was_seen_and_leaves_nothing(tmp_path, kind_args, temporary):
    run = tmp_path / "run"
    process = start("--env", "dev", *kind_args, *temporary.args, "-o", run, env=temporary.env)
    wait_for_line(process, "Ready (2/")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    read = read_run(run)
    assert read.timeline.events and {"interrupted": True} in read.meta["notes"]
    assert (run / "ready.csv").exists() and (run / "report.md").exists()
    assert temporary.left() == []


def test_a_failed_install_leaves_nothing(tmp_path, kind_args, temporary):
    good = Path(os.environ["FLEETBENCH_FLUX_MANIFEST"]) if "FLEETBENCH_FLUX_MANIFEST" in os.environ else None
    text = (
        good.read_text()
        if good
        else subprocess.run(["flux", "install", "--export"], capture_output=True, text=True, check=True).stdout
    )
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        text + "\n---\napiVersion: example.com/v1\nkind: NoSuchThing\nmetadata: {name: x, namespace: flux-system}\n"
    )
    arguments = [a for i, a in enumerate(kind_args) if "--flux-manifest" not in kind_args[max(i - 1, 0) : i + 1]]
    done = measure(
        "--env", "dev", *arguments, "--flux-manifest", bad, *temporary.args, "-o", tmp_path / "run", env=temporary.env
    )
    assert done.returncode == 3 and "NoSuchThing" in done.stderr
    assert temporary.left() == []


def test_a_cluster_name_that_is_taken_is_refused(tmp_path, kind_args, cluster):
    done = measure("--env", "dev", "--name", cluster.kind.name, *kind_args, "-o", tmp_path / "run")
    assert done.returncode == 2 and f"named {cluster.kind.name} exists already" in done.stderr
    assert cluster.kind.name in clusters()


def test_a_docker_that_is_stopped_is_told(tmp_path, kind_args):
    done = measure(
        "--env", "dev", *kind_args, "-o", tmp_path / "run", env={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    )
    assert done.returncode == 3 and "docker does not answer" in done.stderr
    assert not (tmp_path / "run").exists()


def test_sigterm_while_the_cluster_is_being_made_leaves_nothing(tmp_path, kind_args, temporary):
    process = start("--env", "dev", *kind_args, *temporary.args, "-o", tmp_path / "run", env=temporary.env)
    wait_for_line(process, "creating the Kind cluster")
    time.sleep(6)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 130, err
    assert temporary.left() == []
