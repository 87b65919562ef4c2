"""``--cluster existing`` on a real cluster, with an account of the printed role, while connections and servers break."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from fleetbench import phases
from fleetbench.ids import ObjectId
from fleetbench.measure.roots import root_objects
from fleetbench.repo import read_repository
from fleetbench.runs.files import read_run
from tests.kind.rig import FLEETBENCH, PLANTED, measure, rows, start, wait_for_line

SERVICES = ("a", "b", "c", "flux-system")
RELEASE = ObjectId("HelmRelease", "flux-system", "c")


@pytest.fixture(scope="session")
def account(cluster):
    """An account with the role that --print-rbac prints, and no more."""
    printed = subprocess.run(
        [*FLEETBENCH, "measure", "--print-rbac"], capture_output=True, text=True, check=True
    ).stdout
    cluster.kubectl("apply", "-f", "-", input=printed)
    return {"KUBECONFIG": str(cluster.account("viewer", yaml.safe_load(printed)["metadata"]["name"]))}


@pytest.fixture(scope="session")
def bootstrap(cluster, account):
    """A bootstrap watched by that account, with the API server restarted and the connections cut in the middle."""
    run = cluster.folder / "bootstrap"
    fleet = read_repository(cluster.fleet, "clusters/dev").fleet
    served_entry(cluster)
    process = start(
        "--cluster",
        "existing",
        "--repo",
        cluster.fleet,
        "--cluster-path",
        "clusters/dev",
        "-o",
        run,
        "--timeout",
        "5m",
        env=account,
    )
    wait_for_line(process, "waiting for Kustomization/flux-system/flux-system")
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(root_objects(fleet, cluster.url, {})))
    wait_for_line(process, "flux-system/a Ready")
    cluster.restart_api_server()
    time.sleep(5)
    cluster.proxy.cut()
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return run, out, err


def served_entry(cluster):
    """Let the entry render the address that is served, as a repository does that is really there."""
    sync = cluster.fleet / "clusters" / "dev" / "sync.yaml"
    source, root = yaml.safe_load_all(sync.read_text())
    source["spec"] = {"interval": "1m", "url": cluster.url, "ref": {"branch": "main"}}
    sync.write_text(yaml.safe_dump_all([source, root]))
    from fleetbench.measure.served import commit_all, git

    commit_all(cluster.fleet, "Point at what is served")
    git(cluster.fleet, "push", "--quiet", str(cluster.folder / "served.git"), "HEAD:refs/heads/main")


def live(cluster):
    """The Flux objects as they are now."""
    listed = json.loads(cluster.kubectl("get", "kustomizations,helmreleases,gitrepositories", "-A", "-o", "json"))
    return {ObjectId(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]): o for o in listed["items"]}


def test_the_role_that_is_printed_suffices(bootstrap):
    _, out, err = bootstrap
    assert "5 of 5 Ready" in out and "no permission" not in err, err
    assert "memory and CPU of the controllers: not measured (no permission to get nodes/proxy" in out


def test_an_api_server_restart_and_a_cut_connection_lose_no_transition(cluster, bootstrap):
    run, _, _ = bootstrap
    read = read_run(run)
    assert read.cut is None and read.timeline.complete
    for id, obj in live(cluster).items():
        last = read.timeline.by_object[id][-1]
        condition = next(c for c in obj["status"]["conditions"] if c["type"] == "Ready")
        assert (last.status, last.reason, last.observed) == (
            condition["status"],
            condition["reason"],
            obj["status"]["observedGeneration"],
        )
    assert {"disconnected"} <= {n["watch"]["why"] for n in read.meta["notes"] if "watch" in n}


def test_nor_double_one(bootstrap):
    run, _, _ = bootstrap
    for events in read_run(run).timeline.by_object.values():
        shown = [event[2:] for event in events]
        assert all(one != following for one, following in pairwise(shown))


def test_ready_times_agree_with_the_apis_own_stamps(bootstrap):
    run, _, _ = bootstrap
    seen = [
        r
        for r in rows(run)
        if r.get("status") == "True" and r["object"].startswith(("Kustomization", "HelmRelease")) and "api_time" in r
    ]
    assert len(seen) >= 5
    from datetime import datetime

    offsets = [datetime.fromisoformat(r["api_time"]).timestamp() - r["t_s"] for r in seen]
    gaps = [r["note"]["watch"].get("lasted_s", 0.0) for r in rows(run) if "watch" in r.get("note", {})]
    # Stamps are cut to whole seconds; what happened while nothing could be seen is seen when the watch is back.
    assert max(offsets) - min(offsets) < 1.5 + max(gaps, default=0.0)


def test_the_next_commit_is_timed_though_its_watch_is_cut(cluster, bootstrap, account, tmp_path):
    run = tmp_path / "commit"
    process = start("--cluster", "existing", "-o", run, "--timeout", "4m", env=account)
    wait_for_line(process, "everything is Ready: waiting for a new revision")
    deployment = cluster.fleet / "apps" / "a" / "d.yaml"
    deployment.write_text(deployment.read_text().replace("minReadySeconds: 3", "minReadySeconds: 4"))
    commit = cluster.push("Second")
    assert cluster.proxy.cut() > 0
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    read = read_run(run)
    assert read.commit is not None and read.commit.revision == f"main@sha1:{commit}"
    times = {id.name: at for id, at in read.ready_s().items() if id.kind == "Kustomization"}
    assert all(times[name] is not None for name in SERVICES) and times["a"] < times["b"]
    assert read.ready_s()[RELEASE] == 0.0 and read.timeline.complete  # left alone: Ready all along


def test_a_commit_that_changes_a_release_is_timed_until_that_is_upgraded(cluster, bootstrap, account, tmp_path):
    run = tmp_path / "upgrade"
    process = start("--cluster", "existing", "-o", run, "--timeout", "4m", env=account)
    wait_for_line(process, "everything is Ready: waiting for a new revision")
    release = cluster.fleet / "apps" / "c" / "hr.yaml"
    release.write_text(release.read_text() + "    more: 1\n")
    cluster.push("Third")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    read = read_run(run)
    assert read.timeline.complete and read.commit.touched == (RELEASE,)
    shown = [e.step or e.reason for e in read.timeline.by_object[RELEASE] if e.t_s > read.commit.artifact_s]
    assert phases.UPGRADING in shown and shown[-1] == phases.UPGRADE_SUCCEEDED
    times = read.ready_s()
    assert 0.0 < times[RELEASE] <= times[ObjectId("Kustomization", "flux-system", "c")]  # which waits for it


def test_the_fleet_and_its_durations_are_read_from_the_cluster(cluster, bootstrap, account, tmp_path):
    graph = subprocess.run(
        [*FLEETBENCH, "graph", "--from-cluster", "--format", "json"],
        env={**os.environ, **account},
        capture_output=True,
        text=True,
        check=False,
    )
    assert graph.returncode == 0, graph.stderr
    document = json.loads(graph.stdout)
    assert [k["id"] for k in document["kustomizations"]] == [f"flux-system/{name}" for name in SERVICES]
    context = yaml.safe_load(Path(account["KUBECONFIG"]).read_text())["current-context"]
    profile = tmp_path / "profile.yaml"
    done = subprocess.run(
        [*FLEETBENCH, "calibrate", "--context", context, "-o", profile],
        env={**os.environ, **account},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    learned = yaml.safe_load(profile.read_text())["objects"]
    assert 3 <= learned["Kustomization/flux-system/a"][0] <= 12 and "HelmRelease/flux-system/c" in learned
    assert not [value for value in PLANTED if value in graph.stdout + profile.read_text()]


def test_an_account_without_the_role_is_told_what_it_lacks(cluster, bootstrap):
    file = cluster.account("nobody", None)
    done = measure("--cluster", "existing", "-o", cluster.folder / "nobody", env={"KUBECONFIG": str(file)})
    assert (
        done.returncode == 3
        and "kustomizations.kustomize.toolkit.fluxcd.io" in done.stderr
        and "--print-rbac" in done.stderr
    )
    assert not (cluster.folder / "nobody").exists()


def test_an_account_that_may_only_read_cannot_apply_and_is_told_what_it_lacks(cluster, bootstrap, account):
    folder = cluster.folder / "applied"
    entry = ("--repo", cluster.fleet, "--cluster-path", "clusters/dev")
    done = measure("--cluster", "existing", "--apply", *entry, "-o", folder, env=account)
    assert done.returncode == 3, done.stderr
    assert "no permission to create gitrepositories.source.toolkit.fluxcd.io in namespace flux-system" in done.stderr
    assert not folder.exists()


def test_nothing_in_the_cluster_is_changed_by_watching(cluster, bootstrap, account, tmp_path):
    before = {id: o["metadata"]["resourceVersion"] for id, o in live(cluster).items()}
    process = start("--cluster", "existing", "-o", tmp_path / "run", env=account)
    wait_for_line(process, "everything is Ready")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and str(tmp_path / "run") in out and "did not come" in out
    after = live(cluster)
    managers = {m["manager"] for o in after.values() for m in o["metadata"].get("managedFields", [])}
    assert set(after) == set(before) and not {m for m in managers if "ython" in m or "fleetbench" in m}


def test_kill_minus_9_leaves_a_trace_that_validate_reads(cluster, bootstrap, account, tmp_path):
    run = tmp_path / "killed"
    process = start("--cluster", "existing", "-o", run, "--timeout", "4m", env=account)
    wait_for_line(process, "everything is Ready")
    cluster.kubectl(
        "-n",
        "flux-system",
        "annotate",
        "--overwrite",
        "kustomization/a",
        f"reconcile.fluxcd.io/requestedAt={time.time()}",
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and len(rows(run)) < 12:
        time.sleep(0.2)
    process.kill()
    process.communicate()
    read = read_run(run)
    assert read.cut == "the commit that was to be timed did not come (the recording was cut short)"
    assert len(read.timeline.events) >= 10
    done = subprocess.run([*FLEETBENCH, "validate", run, "--samples", "5"], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr


def test_a_full_disk_is_told_and_what_is_there_can_be_read(cluster, bootstrap, account, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        sys.platform != "linux"
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", disk], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("cannot mount a small tmpfs here")
    try:
        process = start("--cluster", "existing", "-o", disk / "run", "--timeout", "2m", env=account)
        end = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < end:
            cluster.kubectl(
                "-n",
                "flux-system",
                "annotate",
                "--overwrite",
                "kustomization/a",
                f"reconcile.fluxcd.io/requestedAt={time.time()}",
            )
            time.sleep(0.5)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 3 and "no space left" in err, err
        read_run(disk / "run")
    finally:
        subprocess.run(["umount", disk], check=True)
