from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.decide.git import write_merge_base
from fleetbench.errors import EnvironmentLacks
from tests.unit.decide.conftest import DEV, edit, git


def run(*args: str, env: dict[str, str] | None = None):
    return CliRunner().invoke(cli, ["check", *args], env={"GITHUB_ACTIONS": "", **(env or {})})


def against_main(repo, *args: str, env: dict[str, str] | None = None):
    return run("--repo", str(repo), "--cluster-path", DEV, "--against", "main", "--samples", "10", *args, env=env)


def add_bad_edge(repo):
    edit(
        repo / "base/services/n8n.yaml",
        "  - name: redis-sentinel\n",
        "  - name: redis-sentinel\n  - name: kube-prometheus-stack\n",
    )


def test_a_branch_with_one_bad_edge_fails_and_names_the_edge(reference_repo):
    add_bad_edge(reference_repo)
    result = against_main(reference_repo, "--format", "json")
    assert result.exit_code == 1, result.output
    document = json.loads(result.stdout)
    n8n, stack = "Kustomization/flux-system/n8n", "Kustomization/flux-system/kube-prometheus-stack"
    assert document["edges_added"] == [[n8n, stack]]
    failure = next(f for f in document["failures"] if f["object"] == n8n)
    assert "depends on flux-system/kube-prometheus-stack" in failure["message"]
    assert failure["file"] == "base/services/n8n.yaml"


def test_a_submodule_of_the_merge_base_is_warned_of_as_nothing_of_it_is_read(reference_repo):
    head = git(reference_repo, "rev-parse", "HEAD").strip()
    git(reference_repo, "update-index", "--add", "--cacheinfo", f"160000,{head},fleet/vendor/apps")
    git(reference_repo, "commit", "-m", "Add a submodule")
    result = run("--repo", str(reference_repo), "--cluster-path", DEV, "--against", "HEAD", "--samples", "6")
    assert "is read without its submodules, which no commit holds: fleet/vendor/apps" in result.stderr


@pytest.mark.parametrize("seed", range(20))
def test_a_branch_that_changes_only_comments_passes(reference_repo, seed):
    edit(reference_repo / "base/services/n8n.yaml", "spec:\n", "# a new comment\nspec: # another\n")
    result = against_main(reference_repo, "--seed", str(seed), "--samples", "6", "--format", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["total"]["difference"]["p5_s"] == document["total"]["difference"]["p95_s"] == 0
    assert document["objects"] == [] and document["edges_added"] == []


def test_the_same_check_twice_says_the_same(reference_repo, tmp_path):
    add_bad_edge(reference_repo)
    outputs = [
        against_main(reference_repo, "--markdown", str(tmp_path / f"{n}.md")).output.replace(f"{n}.md", "")
        for n in (1, 2)
    ]
    assert outputs[0] == outputs[1]
    assert (tmp_path / "1.md").read_text() == (tmp_path / "2.md").read_text()


def test_committed_and_uncommitted_changes_count_alike(reference_repo):
    add_bad_edge(reference_repo)
    before = against_main(reference_repo, "--format", "json").stdout
    git(reference_repo, "commit", "-q", "-am", "bad edge")
    assert against_main(reference_repo, "--format", "json").stdout == before


def test_what_main_gained_since_is_no_change_of_the_branch(reference_repo):
    git(reference_repo, "checkout", "-q", "main")
    add_bad_edge(reference_repo)
    git(reference_repo, "commit", "-q", "-am", "bad edge on main")
    git(reference_repo, "checkout", "-q", "change")
    assert against_main(reference_repo).exit_code == 0


def test_an_edge_to_nothing_is_a_new_error(reference_repo):
    edit(reference_repo / "base/services/n8n.yaml", "redis-sentinel", "redis-sentinal")
    result = against_main(reference_repo)
    assert result.exit_code == 1
    assert "FB102" in result.stdout and "redis-sentinal" in result.stdout


def test_an_error_that_was_there_before_does_not_fail_the_branch(reference_repo):
    edit(reference_repo / "base/services/n8n.yaml", "redis-sentinel", "redis-sentinal")
    git(reference_repo, "commit", "-q", "-am", "wrong")
    git(reference_repo, "branch", "-f", "main")
    assert against_main(reference_repo).exit_code == 0
    assert run("--repo", str(reference_repo), "--cluster-path", DEV, "--samples", "6").exit_code == 1


def test_an_unknown_revision_is_bad_usage(reference_repo):
    result = run("--repo", str(reference_repo), "--cluster-path", DEV, "--against", "origin/nope")
    assert result.exit_code == 2 and "origin/nope" in result.output


def test_a_shallow_clone_says_how_to_get_the_history(reference_repo, tmp_path):
    edit(reference_repo / "base/services/n8n.yaml", "spec:\n", "# x\nspec:\n")
    git(reference_repo, "commit", "-q", "-am", "x")
    git(tmp_path, "clone", "-q", "--depth", "1", "-b", "change", (reference_repo.parent).as_uri(), "shallow")
    result = run("--repo", str(tmp_path / "shallow/fleet"), "--cluster-path", DEV, "--against", "origin/main")
    assert result.exit_code == 2 and "fetch-depth: 0" in result.output


def test_a_folder_outside_git_is_bad_usage(tmp_path):
    (tmp_path / DEV).mkdir(parents=True)
    (tmp_path / DEV / "kustomization.yaml").write_text("resources: []\n")
    result = run("--repo", str(tmp_path), "--cluster-path", DEV, "--against", "main")
    assert result.exit_code == 2 and "git" in result.output


def test_nothing_is_checked_out_and_no_file_changes(reference_repo):
    add_bad_edge(reference_repo)
    before = git(reference_repo, "status", "--porcelain=v2", "--branch")
    against_main(reference_repo)
    assert git(reference_repo, "status", "--porcelain=v2", "--branch") == before
    assert git(reference_repo, "worktree", "list").count("\n") == 0


def test_too_few_samples_to_tell_a_change_from_noise_are_refused_not_passed(reference_repo):
    add_bad_edge(reference_repo)
    result = run("--repo", str(reference_repo), "--cluster-path", DEV, "--against", "main", "--samples", "5")
    assert result.exit_code == 2 and "at least 6" in result.output


def test_a_cluster_that_the_merge_base_does_not_hold_is_checked_on_its_own(reference_repo):
    new = reference_repo / "clusters/new"
    new.mkdir()
    (new / "kustomization.yaml").write_text("resources: [../../base/services/traefik.yaml]\n")
    result = run("--repo", str(reference_repo), "--cluster-path", "clusters/new", "--against", "main", "--samples", "6")
    assert result.exit_code == 0 and "holds no fleet to compare with" in result.stderr


def test_the_budget_is_only_checked_where_there_is_a_target():
    assert run("--samples", "6").exit_code == 0
    over = run("--samples", "6", "--target", "1m")
    assert over.exit_code == 1 and "over 1m00s" in over.stdout
    assert run("--samples", "6", "--target", "10h", "--quantile", "p90").exit_code == 0


def test_too_few_services_in_flight_fail_the_floor():
    assert run("--samples", "6", "--min-parallel", "1").exit_code == 0
    assert run("--samples", "6", "--min-parallel", "500").exit_code == 1


def test_the_files_are_written_also_when_the_check_fails(reference_repo, tmp_path):
    add_bad_edge(reference_repo)
    junit, sarif = tmp_path / "out.xml", tmp_path / "out.sarif"
    assert against_main(reference_repo, "--junit", str(junit), "--sarif", str(sarif)).exit_code == 1
    suite = ET.parse(junit).getroot().find("testsuite")
    assert suite is not None and int(suite.get("failures", "0")) >= 1
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert "Kustomization/flux-system/n8n" in failed
    assert len(list(suite.iter("testcase"))) == int(suite.get("tests", "0"))
    assert json.loads(sarif.read_text())["version"] == "2.1.0"


def test_on_github_it_annotates_the_line_and_adds_to_the_summary(reference_repo, tmp_path):
    add_bad_edge(reference_repo)
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(reference_repo.parent),
    }
    result = against_main(reference_repo, "--format", "json", env=env)
    json.loads(result.stdout)
    errors = [line for line in result.stderr.splitlines() if line.startswith("::error ")]
    assert any("file=fleet/base/services/n8n.yaml,line=2," in line for line in errors), errors
    assert summary.read_text().startswith("before\n## fleetbench check: failed")


def test_durations_may_name_what_the_change_adds_and_what_it_removes_but_nothing_that_neither_side_holds(tmp_path):
    def check(durations: str):
        for name, added in (("now", "new"), ("before", "old")):
            graph = {"kustomizations": [{"id": "ns/app"}, {"id": f"ns/{added}"}]}
            (tmp_path / f"{name}.json").write_text(json.dumps(graph))
        (tmp_path / "d.yaml").write_text(durations)
        files = [str(tmp_path / name) for name in ("now.json", "before.json", "d.yaml")]
        return run("--graph", files[0], "--baseline", files[1], "--durations", files[2], "--samples", "6")

    assert check("ns/app: 3s\nns/new: 9s\nns/old: 5s\n").exit_code == 0
    unknown = check("ns/app: 3s\nns/olt: 5s\n")
    assert unknown.exit_code == 2 and "d.yaml:2" in unknown.output and "ns/old" in unknown.output


@pytest.mark.parametrize("more", [(), ("--target", "5m"), ("--baseline", "graph.json")])
def test_an_entry_that_holds_nothing_is_not_passed(tmp_path, monkeypatch, more: tuple[str, ...]):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graph.json").write_text('{"kustomizations": []}')
    (tmp_path / "repo/apps").mkdir(parents=True)
    (tmp_path / "repo/apps/all.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n"
    )
    result = run("--repo", "repo", "--cluster-path", "apps", *more)
    assert result.exit_code == 2 and result.stdout == ""
    assert "nothing to judge: apps holds no Kustomization and no HelmRelease" in result.stderr


def test_an_empty_graph_file_is_not_passed(tmp_path):
    (tmp_path / "graph.json").write_text('{"kustomizations": []}')
    result = run("--graph", str(tmp_path / "graph.json"))
    assert result.exit_code == 2 and "nothing to judge" in result.stderr


def test_a_root_with_workloads_of_its_own_is_judged(tmp_path):
    workload = {"object": "Deployment/flux-system/source-controller"}
    root = {"id": "flux-system/flux-system", "path": "./x", "workloads": [workload], "applies": 1}
    (tmp_path / "graph.json").write_text(json.dumps({"kustomizations": [root]}))
    assert run("--graph", str(tmp_path / "graph.json"), "--samples", "2").exit_code == 0


def test_a_commit_of_which_the_clone_lacks_something_is_told(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "a.yaml").write_text("a: 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    blob = git(tmp_path, "rev-parse", "HEAD:a.yaml").strip()
    (tmp_path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(EnvironmentLacks, match=r"lacks the content of a\.yaml"):
        write_merge_base(tmp_path, "HEAD", tmp_path / "out")
