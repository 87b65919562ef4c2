from __future__ import annotations

import filecmp
import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.decide.convert.verify import verify
from fleetbench.decide.layout import ANNOTATION, Relayout, in_fine
from fleetbench.decide.needed import stated_edges as edges
from fleetbench.errors import InputError
from fleetbench.graph.checks import check
from fleetbench.graph.waves import is_waves, to_waves
from fleetbench.model.assemble import Choice, assemble
from fleetbench.prediction.predict import predict
from fleetbench.repo import read_repository
from tests.unit.decide.conftest import DEV, REFERENCE
from tests.unit.decide.fleets import CONTROLLERS, SYNC, write_repository

PROD = DEV.replace("/dev/", "/prod/")


def convert(repo: Path, path: str, to: str, output: Path):
    return CliRunner().invoke(
        cli, ["convert", "--repo", str(repo), "--cluster-path", path, "--to", to, "-o", str(output)]
    )


def read(repo: Path, path: str):
    return read_repository(repo, path).fleet


def named(fleet):
    return {(a.name, b.name) for a, b in edges(fleet)}


def errors(fleet):
    return {(f.code, f.object) for f in check(fleet) if f.severity == "error"}


@pytest.mark.parametrize("path", [DEV, PROD])
def test_the_reference_fleet_goes_to_waves_and_back_with_the_same_edges(tmp_path: Path, path: str):
    waves, fine = tmp_path / "waves", tmp_path / "fine"
    assert convert(REFERENCE, path, "waves", waves).exit_code == 0
    between = read(waves, path)
    assert is_waves(between) and errors(between) == set()
    back = convert(waves, path, "fine", fine)
    assert back.exit_code == 0
    assert f"nothing of this cluster builds {path}/wave-0, {path}/wave-1, {path}/wave-2 any more" in back.stderr
    before, after = read(REFERENCE, path), read(fine, path)
    assert edges(after) == edges(before)
    by_id = {k.id: k for k in before.kustomizations}
    assert {k.id for k in after.kustomizations} == set(by_id)
    for k in after.kustomizations:
        old = by_id[k.id]
        assert (k.path, k.wait, k.timeout_s, k.interval_s, k.parent) == (
            old.path,
            old.wait,
            old.timeout_s,
            old.interval_s,
            old.parent,
        )
        assert k.objects == old.objects or k.id == before.root


def test_the_written_waves_are_those_that_simulate_regroups(tmp_path: Path):
    assert convert(REFERENCE, DEV, "waves", tmp_path / "w").exit_code == 0
    written, regrouped = read(tmp_path / "w", DEV), to_waves(read(REFERENCE, DEV))
    layout = {
        k.id: (k.parent, k.depends_on, k.wait, k.effective_timeout_s)
        for k in regrouped.kustomizations
        if k.id != regrouped.root
    }
    assert {
        k.id: (k.parent, k.depends_on, k.wait, k.effective_timeout_s)
        for k in written.kustomizations
        if k.id != written.root
    } == layout
    one, other = (predict(assemble(f, Choice()).scenario, 5) for f in (written, regrouped))
    assert one.total_quantile(0.5) == pytest.approx(other.total_quantile(0.5), rel=0.02)


def test_waves_without_notes_get_the_edges_that_the_manifests_need_and_no_new_error(tmp_path: Path):
    path = f"{DEV}-waves"
    result = convert(REFERENCE, path, "fine", tmp_path / "f")
    assert result.exit_code == 0
    assert "not all content could be read" in result.stderr
    after = read(tmp_path / "f", path)
    assert errors(after) <= errors(read(REFERENCE, path))
    found = named(after)
    assert {
        ("postgresql-cluster", "cnpg-operator"),
        ("traefik-config", "traefik"),
        ("loki", "kube-prometheus-stack"),
    } <= found
    assert ("kube-prometheus-stack", "localstack") not in found
    assert not is_waves(after)


def test_the_fine_layout_that_optimize_tries_is_the_one_that_is_written(tmp_path: Path):
    path = f"{DEV}-waves"
    convert(REFERENCE, path, "fine", tmp_path / "f")
    written, tried = read(tmp_path / "f", path), in_fine(read(REFERENCE, path))
    assert edges(written) == edges(tried)
    assert {k.id: k.parent for k in written.kustomizations} == {k.id: k.parent for k in tried.kustomizations}


def test_only_the_clusters_own_folder_changes_and_the_source_not_at_all(tmp_path: Path):
    before = {p: p.read_bytes() for p in REFERENCE.rglob("*") if p.is_file()}
    convert(REFERENCE, DEV, "waves", tmp_path / "w")
    assert {p: p.read_bytes() for p in REFERENCE.rglob("*") if p.is_file()} == before
    for folder in ("apps", "base", PROD):
        compared = filecmp.dircmp(REFERENCE / folder, tmp_path / "w" / folder)
        assert not (compared.diff_files or compared.left_only or compared.right_only)


@pytest.mark.parametrize("seed", range(6))
def test_random_repositories_round_trip(tmp_path: Path, seed: int):
    repo = tmp_path / "fleet"
    write_repository(repo, seed)
    assert convert(repo, "clusters/x", "waves", tmp_path / "w").exit_code == 0
    result = convert(tmp_path / "w", "clusters/x", "fine", tmp_path / "f")
    if is_waves(read(tmp_path / "w", "clusters/x")):
        assert result.exit_code == 0, result.output
        assert edges(read(tmp_path / "f", "clusters/x")) == edges(read(repo, "clusters/x"))


def plain_entry(root: Path) -> None:
    """An entry without a kustomization file, and with a file that holds a service beside something else."""
    flux = root / "clusters/x/flux-system"
    flux.mkdir(parents=True)
    (flux / "gotk.yaml").write_text(SYNC + CONTROLLERS)
    service = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {0}, namespace: flux-system}}\n"
        "spec: {{interval: 5m, path: ./apps/{0}, prune: true, wait: true, sourceRef: {{kind: GitRepository, name: flux-system}}{1}}}\n"
    )
    extra = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes, namespace: flux-system}\n"
    ready = ", dependsOn: [{name: a, readyExpr: 'dep.status.x == 1'}]"
    (root / "clusters/x/a.yaml").write_text(service.format("a", "") + extra)
    (root / "clusters/x/b.yaml").write_text(service.format("b", ready))
    for name in "ab":
        (root / "apps" / name).mkdir(parents=True)
        (root / "apps" / name / "cm.yaml").write_text(
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n"
        )


def test_an_entry_without_a_kustomization_file_keeps_what_is_no_service(tmp_path: Path):
    repo = tmp_path / "fleet"
    plain_entry(repo)
    result = convert(repo, "clusters/x", "waves", tmp_path / "w")
    assert result.exit_code == 0, result.output
    reading = read_repository(tmp_path / "w", "clusters/x")
    assert is_waves(reading.fleet)
    at_root = {(m.kind, m.name) for m in reading.rendered[reading.fleet.root]}
    assert ("ConfigMap", "notes") in at_root and ("Kustomization", "a") not in at_root
    assert convert(tmp_path / "w", "clusters/x", "fine", tmp_path / "f").exit_code == 0
    after = read(tmp_path / "f", "clusters/x")
    b = next(k for k in after.kustomizations if k.id.name == "b")
    assert b.depends_on[0].ready_expr == "dep.status.x == 1"


def test_a_pipe_in_the_repository_is_left_out_of_the_copy(tmp_path: Path):
    repo = tmp_path / "repo"
    shutil.copytree(REFERENCE, repo)
    os.mkfifo(repo / "apps" / "pipe.yaml")
    assert convert(repo, DEV, "waves", tmp_path / "waves").exit_code == 0
    assert not (tmp_path / "waves" / "apps" / "pipe.yaml").exists()


@pytest.mark.parametrize("name", ["a\\0b", "../../x", "Upper"])
def test_what_is_no_name_to_the_api_server_names_no_file(tmp_path: Path, name: str):
    repo = tmp_path / "repo"
    shutil.copytree(REFERENCE, repo)
    service = repo / "base/services/n8n.yaml"
    service.write_text(service.read_text().replace("name: n8n", f'name: "{name}"', 1))
    before = {p.name for p in tmp_path.iterdir()}
    result = convert(repo, DEV, "waves", tmp_path / "waves")
    assert result.exit_code == 2 and "no name that the API server takes" in result.stderr
    assert {p.name for p in tmp_path.iterdir()} == before


def test_nothing_is_overwritten(tmp_path: Path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/mine.txt").write_text("x")
    result = convert(REFERENCE, DEV, "waves", tmp_path / "there")
    assert result.exit_code == 2 and [p.name for p in (tmp_path / "there").iterdir()] == ["mine.txt"]


def test_what_is_in_waves_already_is_refused_and_what_is_fine_already_too(tmp_path: Path):
    for path, to in ((f"{DEV}-waves", "waves"), (DEV, "fine")):
        result = convert(REFERENCE, path, to, tmp_path / "x")
        assert result.exit_code == 2 and not (tmp_path / "x").exists()


def test_a_broken_note_is_named(tmp_path: Path):
    convert(REFERENCE, DEV, "waves", tmp_path / "w")
    file = tmp_path / "w" / DEV / "wave-1/postgresql-cluster.yaml"
    file.write_text(file.read_text().replace('[{"name": "cnpg-operator"}]', "nonsense"))
    result = convert(tmp_path / "w", DEV, "fine", tmp_path / "f")
    assert result.exit_code == 2 and ANNOTATION in result.output and not (tmp_path / "f").exists()


def test_the_written_dependencies_are_json_that_anyone_can_read(tmp_path: Path):
    convert(REFERENCE, DEV, "waves", tmp_path / "w")
    reading = read_repository(tmp_path / "w", DEV)
    notes = {
        m.name: m.note(ANNOTATION)
        for ms in reading.rendered.values()
        for m in ms
        if m.kind == "Kustomization" and m.note(ANNOTATION)
    }
    assert json.loads(notes["n8n"]) == [{"name": "postgresql-cluster"}, {"name": "redis-sentinel"}]


def test_a_kustomization_with_nothing_behind_spec_is_put_into_a_wave_as_any_other(tmp_path: Path):
    entry = tmp_path / "repo/clusters/x"
    entry.mkdir(parents=True)
    empty = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: d, namespace: flux-system, annotations: }\nspec:\n"
    (entry / "sync.yaml").write_text(f"{SYNC}---\n{empty}")
    assert convert(tmp_path / "repo", "clusters/x", "waves", tmp_path / "w").exit_code == 0
    assert "d" in {k.id.name for k in read(tmp_path / "w", "clusters/x").kustomizations}


def in_groups(root: Path) -> None:
    """`apps` only groups and goes; it depends on `infra`, which waits for what it holds; `late` depends on `apps`."""

    def service(name: str, path: str, more: str = "") -> str:
        return (
            f"---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: "
            f"flux-system}}\nspec: {{interval: 5m, path: ./{path}, sourceRef: {{kind: GitRepository, name: flux-system}}{more}}}\n"
        )

    files = {
        "clusters/x/sync.yaml": SYNC
        + service("infra", "infra", ", wait: true")
        + service("apps", "apps", ", dependsOn: [{name: infra}]")
        + service("mon", "w")
        + service("late", "w", ", dependsOn: [{name: apps}, {name: mon, readyExpr: 'true'}]"),
        "infra/all.yaml": service("i1", "w"),
        "apps/all.yaml": service("a1", "w") + service("a2", "w", ", dependsOn: [{name: a1}]"),
        "w/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: w, namespace: default}\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def test_the_order_that_a_parent_carried_comes_back_though_the_parent_is_gone(tmp_path: Path):
    in_groups(tmp_path / "repo")
    assert convert(tmp_path / "repo", "clusters/x", "waves", tmp_path / "w").exit_code == 0
    assert convert(tmp_path / "w", "clusters/x", "fine", tmp_path / "f").exit_code == 0
    after = read(tmp_path / "f", "clusters/x")
    assert named(after) == {("a1", "infra"), ("a2", "a1"), ("late", "infra"), ("late", "mon")}
    late = next(k for k in after.kustomizations if k.id.name == "late")
    assert {d.target.name: d.ready_expr for d in late.depends_on} == {"infra": None, "mon": "true"}


def service(name: str, path: str, namespace: str = "flux-system", more: str = "") -> str:
    return (
        f"---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{interval: 5m, path: ./{path}, prune: true, sourceRef: {{kind: GitRepository, name: flux-system, namespace: flux-system}}{more}}}\n"
    )


TEAM = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n"
HELD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, namespace: default}\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def tenants(root: Path) -> Path:
    """`tenants` makes a namespace and, in it, the Kustomizations of the team: `x` in a file of its own, `y` beside it."""
    return write(
        root,
        {
            "clusters/x/sync.yaml": SYNC
            + service("infra", "held", more=", wait: true")
            + service("tenants", "tenants", more=", dependsOn: [{name: infra}]"),
            "tenants/kustomization.yaml": "resources:\n- team.yaml\n- x.yaml\n",
            "tenants/team.yaml": TEAM + service("y", "held", "team", ", dependsOn: [{name: x}]"),
            "tenants/x.yaml": service("x", "held", "team"),
            "held/all.yaml": HELD,
        },
    )


def test_a_service_whose_namespace_its_parent_makes_comes_up_in_waves_as_predicted_and_back(tmp_path: Path):
    repo = tenants(tmp_path / "repo")
    before = read(repo, "clusters/x")
    assert convert(repo, "clusters/x", "waves", tmp_path / "w").exit_code == 0
    written, regrouped = read(tmp_path / "w", "clusters/x"), to_waves(before)
    assert {k.id: k.parent for k in written.kustomizations} == {k.id: k.parent for k in regrouped.kustomizations}
    predicted = [predict(assemble(f, Choice()).scenario, 5) for f in (before, written, regrouped)]
    assert [p.complete_fraction for p in predicted] == [1.0, 1.0, 1.0]
    assert predicted[1].total_quantile(0.5) == pytest.approx(predicted[2].total_quantile(0.5), rel=0.02)
    assert convert(tmp_path / "w", "clusters/x", "fine", tmp_path / "f").exit_code == 0
    after = read(tmp_path / "f", "clusters/x")
    assert edges(after) == edges(before)
    assert {k.id: k.parent for k in after.kustomizations} == {k.id: k.parent for k in before.kustomizations}
    assert predict(assemble(after, Choice()).scenario, 5).complete_fraction == 1.0


def test_a_service_that_the_root_could_not_apply_keeps_waves_from_going_fine(tmp_path: Path):
    # The root would apply the service in its first reconcile, and with it what is to make the namespace of both.
    waves = {
        "clusters/x/sync.yaml": SYNC
        + service("first", "first", more=", wait: true")
        + service("second", "second", more=", wait: true, dependsOn: [{name: first}]"),
        "first/all.yaml": TEAM + service("infra", "held"),
        "second/all.yaml": service("x", "held", "team"),
        "held/all.yaml": HELD,
    }
    result = convert(write(tmp_path / "w", waves), "clusters/x", "fine", tmp_path / "f")
    assert result.exit_code == 2 and not (tmp_path / "f").exists()
    assert "first makes its namespace" in result.output


def test_a_service_taken_out_of_its_parent_by_hand_is_not_put_elsewhere(tmp_path: Path):
    assert convert(tenants(tmp_path / "repo"), "clusters/x", "waves", tmp_path / "w").exit_code == 0
    (tmp_path / "w/tenants/kustomization.yaml").write_text("resources: [team-only.yaml]\n")
    (tmp_path / "w/tenants/team-only.yaml").write_text(TEAM)
    result = convert(tmp_path / "w", "clusters/x", "fine", tmp_path / "f")
    assert result.exit_code == 2 and "does not hold it any more" in result.output


def test_a_result_with_a_deadlock_that_was_not_there_is_refused(tmp_path: Path):
    # The root applies x and y beside who makes their namespace: the dry-run of both fails, and with it all beside them.
    files = {
        "clusters/x/sync.yaml": SYNC
        + service("infra", "held", more=", wait: true")
        + service("tenants", "tenants", more=", dependsOn: [{name: infra}]")
        + service("x", "held", "team")
        + service("y", "held", "team", ", dependsOn: [{name: x}]"),
        "tenants/team.yaml": TEAM,
        "held/all.yaml": HELD,
    }
    before = read_repository(tenants(tmp_path / "before"), "clusters/x")
    after = read_repository(write(tmp_path / "after", files), "clusters/x")
    with pytest.raises(InputError, match=r"would never come up: .* needs? Namespace team"):
        verify(before, after, Relayout(()))
    verify(after, after, Relayout(()))
