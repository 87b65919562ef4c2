"""Choosing the fleet: one way at a time, and clear words for anything else."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fleetbench.cli.fleet import FleetChoice, fleet_findings, load_fleet
from fleetbench.cli.main import cli
from fleetbench.findings import NODE_CAPACITY
from fleetbench.graph.document import to_document
from fleetbench.graph.objects import FluxVersion
from fleetbench.model.profile import load_profile
from fleetbench.repo.entries import entries
from fleetbench.repo.files.tree import Tree
from tests.builders import fleet, hr, ks

OF = fleet(ks("traefik"), ks("data"), hr("redis", "data"))


def graph(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["graph", "--format", "json", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repo", ".", "--graph", "x.json"], "--repo and --graph each choose a fleet"),
        (["--graph", "x.json", "--env", "prod"], "--graph and --env each choose a fleet"),
        (["--from-cluster", "--env", "dev"], "--from-cluster and --env each choose a fleet"),
        (["--cluster-path", "clusters/dev"], "--cluster-path belongs to --repo"),
        (["--repo", ".", "--cluster-path", ""], "--cluster-path is empty"),
        (["--context", "kind-x"], "--context belongs to --from-cluster"),
    ],
)
def test_contradictory_options_are_a_usage_error(arguments: list[str], message: str) -> None:
    result = graph(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("version", "judged_by", "mark"), [(None, "2.9", True), ("v2.9.1", "2.9", True), ("v2.7.5", "2.7", False)]
)
def test_a_variable_that_nothing_sets_is_judged_by_the_release_that_is_installed(
    tmp_path: Path, version: str | None, judged_by: str, mark: bool
) -> None:
    apps = replace(ks("apps"), unset_variables=("DOMAIN",))
    of = replace(fleet(apps, ks("child", parent="apps")), flux=None if version is None else FluxVersion(version))
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(to_document(of, [])))
    result = CliRunner().invoke(cli, ["graph", "--graph", str(file)])
    assert f"what cannot be built or applied is judged by Flux {judged_by}" in result.stdout
    assert ("error FB118" in result.stdout, result.exit_code) == (mark, int(mark))
    assert ("(cannot be built)" in result.stdout) is mark
    path = json.loads(graph("--graph", str(file), "--critical-path").stdout)["critical_path"]["objects"]
    assert ("Kustomization/flux-system/apps" in [step["object"] for step in path]) is not mark
    kept = {k["id"]: k["unset_variables"] for k in json.loads(graph("--graph", str(file)).stdout)["kustomizations"]}
    assert kept["flux-system/apps"] == ["DOMAIN"], "another release may fail on it"


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_without_a_choice_the_fleet_that_ships_is_read(environment: str) -> None:
    result = graph("--env", environment)
    assert result.exit_code == 0
    assert f"stages/{environment}/" in json.loads(result.stdout)["cluster_path"]


def test_dev_is_the_default_environment() -> None:
    assert graph().stdout == graph("--env", "dev").stdout


def test_a_repository_that_does_not_exist_is_named() -> None:
    result = graph("--repo", "/nowhere", "--cluster-path", "x")
    assert result.exit_code == 2
    assert "got '/nowhere', wanted a directory that exists" in result.stderr


def repository(root: Path, *files: tuple[str, str]) -> Path:
    for name, text in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
FLUX = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  path: ./clusters/dev\n"


def test_a_missing_cluster_path_lists_the_candidates(tmp_path: Path) -> None:
    repository(
        tmp_path, ("clusters/dev/apps.yaml", FLUX), ("clusters/prod/apps.yaml", FLUX), ("apps/x/a.yaml", "kind: X")
    )
    result = graph("--repo", str(tmp_path))
    assert result.exit_code == 2
    assert "  --cluster-path clusters/dev\n  --cluster-path clusters/prod\n" in result.stderr
    assert "apps/x" not in result.stderr


def test_what_bootstrap_wrote_names_the_entry(tmp_path: Path) -> None:
    repository(tmp_path, ("clusters/dev/flux-system/gotk-sync.yaml", FLUX), ("infra/flux/other.yaml", FLUX))
    assert entries(Tree.of_directory(tmp_path)) == ["clusters/dev"]


@pytest.mark.parametrize(
    ("path", "entry"),
    [("./clusters/prod/", "clusters/prod"), ("clusters/prod", "clusters/prod"), ('"/clusters//prod"', "clusters/prod"),
     ("./", "."), ("./clusters/gone/", "apps/x")],
)  # fmt: skip
def test_the_path_that_bootstrap_wrote_is_read_as_flux_reads_it(tmp_path: Path, path: str, entry: str) -> None:
    sync = f"kind: Kustomization\nspec:\n  path: {path}\n"
    repository(
        tmp_path, ("flux-system/gotk-sync.yaml", sync), ("clusters/prod/a.yaml", "kind: X"), ("apps/x/a.yaml", FLUX)
    )
    assert entries(Tree.of_directory(tmp_path)) == [entry]


SYNC = "sync: {kind: GitRepository, path: ./cluster/base}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flux.yaml", f"kind: FluxInstance\nspec:\n  {SYNC}\n"),
        (
            "hr.yaml",
            f"kind: HelmRelease\nmetadata: {{name: flux-instance}}\nspec: {{values: {{instance: {{{SYNC}}}}}}}\n",
        ),
        ("flux-instance/values.yaml", f"instance:\n  {SYNC}\n"),
        ("root.yaml", "kind: Kustomization\nmetadata:\n  name: flux-system\nspec: {path: cluster/base}\n"),
    ],
)
def test_a_path_that_a_file_states_is_the_candidate_and_no_folder_of_an_app(
    tmp_path: Path, name: str, text: str
) -> None:
    repository(
        tmp_path,
        ("cluster/apps/" + name, text),
        ("cluster/base/a.yaml", FLUX),
        ("cluster/apps/x/a.yaml", FLUX),
    )
    assert entries(Tree.of_directory(tmp_path)) == ["cluster/base"]


@pytest.mark.parametrize("path", ["cluster/gone", "${CLUSTER}", "[", "''"])
def test_a_stated_path_that_is_no_folder_is_no_candidate(tmp_path: Path, path: str) -> None:
    text = f"kind: FluxInstance\nspec:\n  sync:\n    path: {path}\n"
    repository(tmp_path, ("flux.yaml", text), ("apps/x/a.yaml", FLUX))
    assert entries(Tree.of_directory(tmp_path)) == ["apps/x"]


def test_a_pipe_that_is_named_like_a_manifest_is_not_opened(tmp_path: Path) -> None:
    repository(tmp_path, ("flux/y.yaml", FLUX))
    os.mkfifo(tmp_path / "flux" / "pipe.yaml")
    assert "--cluster-path flux\n" in graph("--repo", str(tmp_path)).stderr


def test_an_entry_without_flux_objects_is_warned_of_and_names_where_they_are(tmp_path: Path) -> None:
    repository(tmp_path, ("clusters/dev/apps.yaml", FLUX), ("apps/x/a.yaml", CONFIG_MAP))
    result = graph("--repo", str(tmp_path), "--cluster-path", "apps")
    assert result.exit_code == 0
    assert "apps holds no Kustomization and no HelmRelease: nothing is rolled out" in result.stderr
    assert "paths that look like clusters: clusters/dev" in result.stderr
    assert "FB307" in result.stdout


RELEASE = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"


def test_a_folder_of_helm_releases_alone_is_a_candidate_behind_the_others_unless_something_applies_it(
    tmp_path: Path,
) -> None:
    repository(
        tmp_path,
        ("services/dev/a.yaml", FLUX + "spec:\n  path: ./apps\n"),
        ("apps/x/release.yaml", RELEASE),
        ("infra/base/release.yaml", RELEASE),
        ("infra/dev/values.yaml", RELEASE),
        ("infra/dev/kustomization.yaml", "resources:\n  - ../base\n"),
    )
    assert entries(Tree.of_directory(tmp_path)) == ["services/dev", "infra/dev"]


def test_an_entry_of_resource_sets_that_are_not_expanded_says_so(tmp_path: Path) -> None:
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: << inputs.x | sha256sum | b64enc >>}\n"
    text = "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: infra, namespace: flux-system}\n"
    text += f"spec:\n  inputs: [{{x: a}}]\n  resourcesTemplate: |\n    {template.strip().replace(chr(10), chr(10) + '    ')}\n"
    repository(tmp_path, ("clusters/dev/set.yaml", text), ("clusters/prod/apps.yaml", FLUX))
    result = graph("--repo", str(tmp_path), "--cluster-path", "clusters/dev")
    assert "one is not expanded (ResourceSet/flux-system/infra): what it makes is not counted" in result.stderr
    assert "clusters/prod" not in result.stderr


def test_hidden_folders_are_no_candidates(tmp_path: Path) -> None:
    repository(tmp_path, (".git/x.yaml", FLUX), ("flux/y.yaml", FLUX))
    assert entries(Tree.of_directory(tmp_path)) == ["flux"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "wanted JSON"),
        (b'{"kustomizations": [\n\xff]}', "x.json:2: got bytes that are no UTF-8"),
        (b"[]", "kustomizations: got [], wanted a list"),
        (b'{"kustomizations": [{"id": 3}]}', "kustomizations[0].id"),
    ],
)
def test_a_graph_file_that_is_none_is_refused_with_its_place(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    result = graph("--graph", str(tmp_path / "x.json"))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_graph_file_that_does_not_exist_is_named() -> None:
    result = graph("--graph", "/nowhere/x.json")
    assert result.exit_code == 2
    assert "/nowhere/x.json: cannot be read: No such file or directory" in result.stderr


def test_a_graph_written_is_the_graph_read(tmp_path: Path) -> None:
    file = tmp_path / "graph.json"
    assert graph("-o", str(file)).exit_code == 0
    first = load_fleet(FleetChoice())[0]
    again = load_fleet(FleetChoice(graph=file))[0]
    assert {k.id: (k.parent, k.depends_on, k.wait) for k in first.kustomizations} == {
        k.id: (k.parent, k.depends_on, k.wait) for k in again.kustomizations
    }


def test_every_command_takes_a_short_name() -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--samples", "1", "--format", "json"])

    for short, full in (
        (["blast-radius", "n8n"], ["blast-radius", "flux-system/n8n"]),
        (["simulate", "--fail", "n8n"], ["simulate", "--fail", "flux-system/n8n"]),
        (["simulate", "--why", "n8n"], ["simulate", "--why", "flux-system/n8n"]),
        (["sweep", "--fail", "none,n8n"], ["sweep", "--fail", "none,flux-system/n8n"]),
        (
            ["simulate", "--set-depends-on", "n8n=redis-sentinel"],
            ["simulate", "--set-depends-on", "flux-system/n8n=redis-sentinel"],
        ),
        (
            ["simulate", "--scenario", "commit", "--changed", "n8n"],
            ["simulate", "--scenario", "commit", "--changed", "flux-system/n8n"],
        ),
        (
            ["simulate", "--scenario", "commit", "--changed", "HelmRelease/redis"],
            ["simulate", "--scenario", "commit", "--changed", "HelmRelease/redis/redis"],
        ),
    ):
        assert run(*short).stdout == run(*full).stdout, short


def test_the_nodes_that_a_profile_describes_are_those_that_the_pods_must_fit_on(tmp_path: Path) -> None:
    def said(nodes: str) -> list[str]:
        (tmp_path / "p.yaml").write_text(f"format_version: 1\nnodes: {nodes}\n")
        found = fleet_findings(OF, profile=load_profile(tmp_path / "p.yaml"))
        return [f.message for f in found if f.code == NODE_CAPACITY]

    assert said("{max_pods: 2}") == said("{count: 3}") == []
    (message,) = said("{max_pods: 1}")
    assert message.startswith("the fleet starts 2 pods, but 1 node of 1 pods hold 1")
    assert said("{count: 2, max_pods: 1}") == []


ELSEWHERE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: shop}
---
apiVersion: example.org/v1
kind: Thing
metadata: {name: t, namespace: default}
"""


def test_what_the_cluster_has_before_flux_settles_the_findings_about_it(tmp_path: Path) -> None:
    repo = str(repository(tmp_path, ("c/all.yaml", ELSEWHERE)))
    here = ["--repo", repo, "--cluster-path", "c"]

    def codes(*names: str) -> set[str]:
        given = [argument for name in names for argument in ("--installed", name)]
        return {f["code"] for f in json.loads(graph(*here, *given).stdout)["findings"]}

    assert {"FB310", "FB315"} <= codes()
    assert "FB310" not in codes("Namespace/shop") and "FB315" in codes("Namespace/shop")
    assert not {"FB310", "FB315"} & codes("Namespace/shop", "example.org")
    refused = graph(*here, "--installed", "example.com")
    assert refused.exit_code == 2 and "got 'example.com'" in refused.stderr


def test_graph_is_judged_by_the_release_that_is_named(tmp_path: Path) -> None:
    old = "apiVersion: kustomize.toolkit.fluxcd.io/v1beta2\nkind: Kustomization\nmetadata: {name: a, namespace: flux-system}\n"
    old += "spec: {interval: 1m, prune: true, path: ./c, sourceRef: {kind: GitRepository, name: flux-system}}\n"
    here = ["--repo", str(repository(tmp_path, ("c/all.yaml", old))), "--cluster-path", "c"]
    assert "FB324" in graph(*here).stdout and "FB114" not in graph(*here).stdout
    assert "FB114" in graph(*here, "--flux-version", "2.9").stdout
    for release in ("2.6", "2.9"):
        assert "FB324" not in graph(*here, "--flux-version", release).stdout
    said = CliRunner().invoke(cli, ["graph", *here, "--flux-version", "2.6"]).stdout
    assert "judged by Flux 2.6, as --flux-version says" in said
