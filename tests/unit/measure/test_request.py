import contextlib
import os
import shutil
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.ids import ObjectId
from fleetbench.measure import kind
from fleetbench.measure.request import KindOptions, Request
from fleetbench.measure.served import commit_all, git
from fleetbench.measure.shell import ProgramFailed, need, run
from fleetbench.measure.usage import Usage, controllers_in

FAIL = frozenset({ObjectId("Kustomization", "flux-system", "a")})


@pytest.mark.parametrize(
    ("request_", "has_repo", "says"),
    [
        (Request(context="prod"), False, "--context belongs to --cluster existing"),
        (Request(apply=True), False, "--apply belongs to --cluster existing"),
        (Request(cluster="existing", kind=KindOptions(image="x")), False, "--kind-image does not go with"),
        (Request(cluster="existing", repeat=3), False, "--repeat makes fresh clusters"),
        (Request(cluster="existing", fail=FAIL), False, "Stand-in workloads need a cluster of their own"),
        (Request(workloads="real"), False, "--workloads real needs --repo"),
        (Request(strategy="waves"), True, "fleetbench convert --to waves"),
        (Request(workloads="real", fail=FAIL), True, "--fail needs --workloads stand-in"),
        (Request(repeat=2, kind=KindOptions(name="x", keep=True)), True, "leaves one cluster of that name"),
        (Request(source="remote"), False, "--source remote serves what the repository holds"),
        (Request(against="main"), False, "--against belongs to --repo"),
        (Request(cluster="existing", against="main", apply=True), True, "--apply starts a bootstrap"),
        (Request(against="main", strategy="waves"), True, "without --strategy waves"),
        (Request(against="main", source="remote"), True, "needs --source served"),
    ],
)
def test_options_that_contradict_each_other_are_refused(request_, has_repo, says):
    assert says in request_.contradiction(has_repo)


@pytest.mark.parametrize(
    ("request_", "has_repo", "real"),
    [
        (Request(), True, True),
        (Request(), False, False),
        (Request(workloads="stand-in"), True, False),
        (Request(fail=FAIL), True, False),
    ],
)
def test_a_repositorys_own_workloads_run_unless_told_otherwise(request_, has_repo, real):
    assert request_.contradiction(has_repo) is None and request_.is_real(has_repo) is real


def test_a_missing_program_is_named_with_where_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EnvironmentLacks, match="docker is not installed") as lacks:
        kind.check_docker()
    assert "get-docker" in lacks.value.hint and lacks.value.exit_code == 3
    with pytest.raises(EnvironmentLacks, match="kubectl is not installed"):
        need("kubectl")


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts shell scripts in place of programs."""

    def put(name, text):
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return put


def test_a_docker_that_does_not_answer_is_told_from_one_that_is_missing(programs):
    programs("kind", "exit 0")
    programs("docker", "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2; exit 1")
    with pytest.raises(EnvironmentLacks, match=r"docker does not answer.*Cannot connect") as lacks:
        kind.check_docker()
    assert "colima start" in lacks.value.hint


def test_a_cluster_name_that_is_taken_is_refused_and_that_cluster_left_alone(programs, tmp_path):
    programs("docker", "exit 0")
    programs("kind", f'echo "$@" >>{tmp_path}/calls; [ "$2" = clusters ] && echo mine; exit 0')
    with pytest.raises(InputError, match="named mine exists already"), kind.kind_cluster(KindOptions("mine")):
        pass
    assert "delete" not in (tmp_path / "calls").read_text()


def test_a_cluster_that_fails_to_come_up_is_deleted_with_its_kubeconfig(programs, tmp_path, monkeypatch):
    monkeypatch.setattr(kind, "LATE_CHECKS", 0)
    monkeypatch.setattr(kind.tempfile, "mkdtemp", lambda prefix: str((tmp_path / "t").mkdir() or tmp_path / "t"))
    programs("docker", "exit 0")
    programs(
        "kind", f'echo "$@" >>{tmp_path}/calls; [ "$1" = create ] && {{ echo "ERROR: no space" >&2; exit 1; }}; exit 0'
    )
    with (
        pytest.raises(ProgramFailed, match="kind create cluster: exit code 1: ERROR: no space"),
        kind.kind_cluster(KindOptions("x")),
    ):
        pass
    assert "delete cluster --name x" in (tmp_path / "calls").read_text() and not (tmp_path / "t").exists()


@pytest.mark.parametrize("broken", [False, True], ids=["after the run", "broken off while it is filled"])
def test_a_cluster_that_is_kept_is_named_with_its_kubeconfig_and_how_to_delete_it(programs, tmp_path, broken):
    programs("docker", "exit 0")
    programs("kind", f'echo "$@" >>{tmp_path}/calls; exit 0')
    said = []
    with (
        contextlib.suppress(KeyboardInterrupt),
        kind.kind_cluster(KindOptions("x", keep=True), said.append) as made,
    ):
        if broken:
            raise KeyboardInterrupt
    assert "delete" not in (tmp_path / "calls").read_text()
    assert f"its kubeconfig is {made.kubeconfig}" in said[0] and "`kind delete cluster --name x`" in said[0]
    assert "served from here is no longer" in said[1]


def test_that_a_cluster_is_being_deleted_is_said(programs):
    programs("docker", "exit 0")
    programs("kind", "exit 0")
    said = []
    with kind.kind_cluster(KindOptions("x"), said.append):
        assert said == []
    assert said == ["deleting the Kind cluster x"]


def test_an_image_whose_other_platforms_docker_lacks_is_loaded_as_an_archive_of_one(programs, tmp_path):
    programs("docker", f'echo "docker $@" >>{tmp_path}/calls; exit 0')
    programs(
        "kind",
        f'echo "kind $@" >>{tmp_path}/calls; [ "$2" = docker-image ] && {{ echo "ctr: content digest sha256:0: not found" >&2; exit 1; }}; exit 0',
    )
    kind.load_images("c", ["ghcr.io/x/y:v1"])
    calls = (tmp_path / "calls").read_text()
    assert "docker save --platform linux/" in calls and "kind load image-archive --name c" in calls


@pytest.fixture
def repo(tmp_path):
    """A repository of a small fleet, committed."""
    folder = tmp_path / "repo"
    shutil.copytree(Path(__file__).parents[2] / "fleets" / "small-real", folder)
    commit_all(folder, "First")
    return folder


@pytest.mark.parametrize(
    ("arguments", "origin", "says"),
    [
        (["--name", "mine"], None, "a Kind cluster named mine exists already"),
        (["--load-image", "ghcr.io/typo"], None, "docker holds no image ghcr.io/typo"),
        (["--source", "remote"], None, "--source remote: the repository has no remote `origin`"),
        (["--source", "remote"], "ssh://git:s3cret@example.com/x", "--source remote: got ssh://***@example.com/x"),
        (["--source", "remote"], "s3cret@example.com:x", "wanted an https URL"),
    ],
)
def test_what_cannot_work_is_told_before_a_cluster_is_made(programs, repo, tmp_path, arguments, origin, says):
    programs("docker", '[ "$1 $2" = "image inspect" ] && exit 1; exit 0')
    programs("kind", f'echo "$@" >>{tmp_path}/calls; [ "$2" = clusters ] && echo mine; exit 0')
    if origin:
        git(repo, "remote", "add", "origin", origin)
    entry = ["--repo", str(repo), "--cluster-path", "clusters/dev"]
    done = CliRunner().invoke(cli, ["measure", *entry, *arguments, "-o", str(tmp_path / "run")])
    assert done.exit_code == 2 and says in done.stderr, done.stderr
    calls = tmp_path / "calls"
    assert "s3cret" not in done.output and "create" not in (calls.read_text() if calls.exists() else "")
    assert not (tmp_path / "run").exists()


def test_an_image_that_docker_does_not_hold_is_named(programs):
    programs("docker", "exit 1")
    with pytest.raises(InputError, match=r"docker holds no image ghcr\.io/x/y:v1"):
        kind.load_images("c", ["ghcr.io/x/y:v1"])


def _ended(state: Path) -> bool:
    try:
        return state.read_text().split()[2] in "ZX"
    except OSError:
        return True


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_program_that_takes_too_long_is_ended_with_all_it_started(programs, tmp_path):
    programs("slow", f"sleep 60 & echo $! >{tmp_path}/pid; wait")
    with pytest.raises(ProgramFailed, match="slow: not done after 1 s"):
        run(["slow"], timeout_s=1)
    state = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    for _ in range(100):  # the kernel takes a moment over a killed process
        if _ended(state):
            break
        time.sleep(0.05)
    assert _ended(state)


def test_the_peak_of_a_controller_survives_its_restart():
    usage = Usage()
    for memory, cpu in ((10, 5), (30, 9), (5, 1), (7, 4)):
        usage.add(memory * 2**20, int(cpu * 1e9))
    assert usage.to_json() == {"peak_memory_mib": 30.0, "cpu_s": 3.0, "samples": 4}


def test_only_the_controllers_are_counted():
    def entry(namespace, name):
        container = {"memory": {"workingSetBytes": 1}, "cpu": {"usageCoreNanoSeconds": 2}}
        return {"podRef": {"namespace": namespace, "name": name}, "containers": [container]}

    summary = {
        "pods": [
            entry("flux-system", "helm-controller-7d9-x"),
            entry("flux-system", "web-7d9-x"),
            entry("apps", "my-controller-1-x"),
            {},
        ]
    }
    assert list(controllers_in(summary)) == [("helm-controller", 1, 2)]
