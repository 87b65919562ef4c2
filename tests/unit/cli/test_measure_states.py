"""``measure --against``: what runs first, what then comes as a commit, and what is refused before a cluster is made."""

import shutil
import tempfile
from pathlib import Path

import pytest
import yaml

from fleetbench.cli.against import required_base
from fleetbench.cli.fleet import FleetChoice
from fleetbench.cli.measure_states import plan_of
from fleetbench.errors import InputError
from fleetbench.ids import ObjectId
from fleetbench.measure import kind, source
from fleetbench.measure.request import Request
from fleetbench.measure.served import commit_all, git
from fleetbench.measure.source import Source
from tests.builders import ks_id
from tests.fleets.commits import ENTRY, write, write_branch

pytestmark = pytest.mark.skipif(
    not (shutil.which("kustomize") or shutil.which("kubectl")), reason="needs kustomize or kubectl"
)
REL, FRESH = (ObjectId("HelmRelease", "default", name) for name in ("rel", "fresh"))
CHART = ObjectId("HelmChart", "flux-system", "default-rel")


@pytest.fixture
def repo(tmp_path):
    """A repository whose branch brings `fresh` with a release, changes `web` and takes `old` away."""
    folder = write_branch(tmp_path / "repo")
    commit_all(folder, "After")
    return folder


def planned(repo, **options):
    choice = FleetChoice(repo, ENTRY)
    work = Path(tempfile.mkdtemp(dir=repo.parent))
    with required_base(choice, "base", None, "") as base:
        return plan_of(choice, Request(against="base", **options), work, base)


@pytest.mark.parametrize("workloads", ["real", "stand-in"])
def test_the_merge_base_runs_first_and_the_commit_is_what_head_changes(repo, workloads):
    plan = planned(repo, workloads=workloads)
    assert {ks_id("old")} == {k.id for k in plan.commit.before.fleet.kustomizations} - {
        k.id for k in plan.state.fleet.kustomizations
    }
    assert plan.commit.changes.added == {ks_id("fresh"), FRESH} and plan.commit.changes.removed == (ks_id("old"),)
    assert plan.commit.hopeless == frozenset() and plan.meta["scenario"] == "commit"
    assert plan.meta["since"].startswith("merge base ") and plan.meta["since"].endswith(" with base")
    flags = {"kustomize_concurrent": 4}
    predicted = plan.predict(plan.state.fleet, flags).document
    assert predicted["scenario"] == "commit" and predicted["commit"]["added"] == [str(FRESH), str(ks_id("fresh"))]


def test_what_fails_does_so_with_the_commit_and_not_before(repo):
    plan = planned(repo, workloads="stand-in", fail=frozenset({ks_id("web")}))
    assert plan.commit.before.stand_in.failing == frozenset() != plan.state.stand_in.failing
    assert plan.commit.hopeless == {ks_id("web"), ks_id("rel"), ks_id("fresh"), FRESH}


def test_durations_may_name_what_the_commit_brings_and_what_it_takes_away(repo, tmp_path):
    durations = tmp_path / "durations.yaml"
    durations.write_text("flux-system/fresh: 5s\nflux-system/old: 4s\n")
    plan = planned(repo, workloads="stand-in", durations=durations)
    (pods,) = plan.state.fleet.kustomization(ks_id("fresh")).workloads
    assert pods.stated_ready_s == 5.0


def test_a_stand_in_gets_another_chart_where_the_commit_raises_its_version(repo):
    chart = repo / "charts/app/Chart.yaml"
    chart.write_text(chart.read_text().replace("1.0.0", "1.1.0"))
    commit_all(repo, "Raise the chart")
    assert CHART in planned(repo, workloads="real").commit.changes.changed
    assert CHART in planned(repo, workloads="stand-in").commit.changes.changed


def test_a_failing_release_that_is_there_before_gets_the_chart_that_fails(repo):
    plan = planned(repo, workloads="stand-in", fail=frozenset({REL}))
    assert CHART in plan.commit.changes.changed and REL in plan.commit.hopeless


def test_what_never_comes_up_before_the_commit_is_not_waited_for_after_it(repo):
    write(repo, 0)
    sync = repo / ENTRY / "old.yaml"
    old = yaml.safe_load(sync.read_text())
    sync.write_text(yaml.safe_dump({**old, "spec": {**old["spec"], "dependsOn": [{"name": "none"}]}}))
    commit_all(repo, "Wait in vain")
    git(repo, "branch", "--force", "base")
    (repo / "apps/web/more.yaml").write_text(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: more, namespace: default}}\n"
    )
    commit_all(repo, "Another")
    plan = planned(repo)
    assert plan.commit.before.hopeless == plan.commit.hopeless == {ks_id("old")}


def test_head_without_a_commit_of_its_own_is_refused(repo):
    git(repo, "branch", "--force", "base", "HEAD")
    with pytest.raises(InputError, match=r"HEAD is the merge base .* no commit to time"):
        planned(repo)


def test_another_source_of_the_root_is_refused(repo):
    for file in (repo / ENTRY).iterdir():
        file.write_text(
            file.read_text().replace(
                '"kind": "GitRepository",\n   "name": "flux-system"', '"kind": "GitRepository", "name": "fleet"'
            )
        )
    sync = repo / ENTRY / "sync.yaml"
    sync.write_text(sync.read_text().replace('"name": "flux-system"', '"name": "fleet"', 1))
    commit_all(repo, "Rename the source")
    with pytest.raises(
        InputError,
        match="the root's source is GitRepository/flux-system/fleet, and was GitRepository/flux-system/flux-system",
    ):
        planned(repo)


def test_a_missing_cluster_path_is_asked_for_before_the_merge_base_is_read(repo):
    with (
        pytest.raises(InputError, match="needs --cluster-path: what the root Kustomization"),
        required_base(FleetChoice(repo), "base", None, ""),
    ):
        pass


def test_the_commit_is_served_without_what_it_takes_away_and_fetched_at_once(repo, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(kind, "gateway", lambda: "127.0.0.1")
    monkeypatch.setattr(source, "run", lambda command, **_: ran.append(" ".join(map(str, command))))
    choice = FleetChoice(repo, ENTRY)
    work, checkouts = tmp_path / "source", tmp_path / "work"
    work.mkdir()
    checkouts.mkdir()
    cluster = kind.KindCluster("x", Path("x.kubeconfig"), ("x-control-plane",))
    with required_base(choice, "base", None, "") as base:
        plan = plan_of(choice, Request(against="base"), checkouts, base)
        with Source(plan.commit.before, "served", cluster, work) as served:
            first = files(work)
            served.push(plan.state)
    assert first - files(work) == {f"{ENTRY}/old.yaml", "apps/old/all.yaml"}
    assert files(work) - first == {f"{ENTRY}/fresh.yaml", "apps/fresh/all.yaml"}
    assert git(work / "served.git", "rev-list", "--count", "main").strip() == "2"
    assert len(ran) == 1 and "-n flux-system annotate --overwrite gitrepositories" in ran[0]
    assert " flux-system reconcile.fluxcd.io/requestedAt=" in ran[0]


def files(work):
    return set(git(work / "served.git", "ls-tree", "-r", "--name-only", "main").split())
