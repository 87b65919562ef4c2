"""Two states of a repository, and what the commit between them changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetbench.graph.commit import Commit, Immutable, updated, upgraded
from fleetbench.ids import ObjectId
from fleetbench.repo.commits.between import commit_between
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, ks_id, kustomization, obj, release

APPS, WEB, JOB = ks_id("apps"), ObjectId("Deployment", "apps", "web"), ObjectId("Job", "apps", "migrate")
R = ObjectId("HelmRelease", "apps", "r")


def pods(image: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", "image": image}]}}


def deployment(image: str = "web:1", **spec: Any) -> str:
    return obj("apps/v1", "Deployment", "web", namespace="apps", spec={"template": pods(image), **spec})


def job(image: str, **spec: Any) -> str:
    return obj("batch/v1", "Job", "migrate", namespace="apps", spec={"template": pods(image), **spec})


def oci(tag: str) -> str:
    spec = {"interval": "1h", "url": "oci://example.test/charts/app", "ref": {"tag": tag}}
    return obj("source.toolkit.fluxcd.io/v1", "OCIRepository", "r", namespace="apps", spec=spec)


def repository(*objects: str, **spec: Any) -> dict[str, str]:
    return {
        "clusters/c/flux-system.yaml": both(flux("flux-system", "./clusters/c"), git()),
        "clusters/c/apps.yaml": flux("apps", "./apps", **spec),
        "apps/kustomization.yaml": kustomization("all.yaml"),
        "apps/all.yaml": both(*objects),
    }


@pytest.fixture
def between(read: Read, tmp_path: Path):
    def compare(before: dict[str, str], after: dict[str, str]) -> tuple[Commit, Any]:
        was = read(before)
        shutil.copytree(tmp_path / "repo", tmp_path / "before", dirs_exist_ok=True)
        for path in before.keys() - after.keys():
            (tmp_path / "repo" / path).unlink()
        becomes = read(after)
        return commit_between(was, becomes, tmp_path / "before", tmp_path / "repo"), becomes.fleet

    return compare


def test_a_commit_that_changes_a_comment_changes_nothing(between):
    before = repository(deployment())
    commit, _ = between(before, {**before, "apps/all.yaml": "# new\n" + deployment()})
    assert commit == Commit()


def test_another_image_replaces_the_pods_of_that_deployment_alone(between):
    api = deployment().replace('"web"', '"api"')
    commit, fleet = between(repository(deployment(), api), repository(deployment("web:2"), api))
    assert commit.changed == {APPS} and commit.applied == {APPS: 1}
    assert updated(commit, fleet) == (WEB,)
    assert commit.kept == {ObjectId("Deployment", "apps", "api"): 1} and not commit.started


def test_a_config_map_without_a_hash_in_its_name_restarts_no_pod(between):
    commit, fleet = between(
        repository(deployment(), config_map("c", "apps", a="1")),
        repository(deployment(), config_map("c", "apps", a="2")),
    )
    assert (commit.changed, commit.applied, updated(commit, fleet)) == ({APPS}, {APPS: 1}, ())


def test_more_replicas_start_pods_beside_those_that_run(between):
    commit, fleet = between(repository(deployment()), repository(deployment(replicas=3)))
    assert commit.kept == {WEB: 1} and updated(commit, fleet) == ()


def test_new_and_gone_objects_are_told(between):
    before = repository(deployment())
    after = repository(deployment()) | {"clusters/c/more.yaml": flux("more", "./more"), "more/all.yaml": release("r")}
    commit, _ = between(before, after)
    assert commit.added == {ks_id("more"), R}
    assert commit.changed == {ks_id("flux-system"), ks_id("more"), R} and not commit.removed


def test_the_root_and_its_source_are_there_before_a_commit_that_states_them(between):
    after = repository(deployment())
    before = {path: text for path, text in after.items() if path != "clusters/c/flux-system.yaml"}
    commit, fleet = between(before, after)
    assert not commit.added and fleet.root_source is not None
    assert commit.applied == {ks_id("flux-system"): 2}


def test_what_is_gone_changes_who_applied_it(between):
    after = repository(deployment())
    before = after | {"clusters/c/more.yaml": flux("more", "./more"), "more/all.yaml": release("r")}
    commit, _ = between(before, after)
    assert commit.removed == (R, ks_id("more"))
    assert (commit.changed, commit.applied) == ({ks_id("flux-system")}, {ks_id("flux-system"): 0})


@pytest.mark.parametrize(
    ("change", "upgraded"),
    [
        ({"values": {"a": 1}}, True),
        ({"timeout": "9m"}, False),
        ({"postRenderers": [{}]}, True),
        ({"interval": "2h"}, False),
    ],
)
def test_a_release_is_upgraded_for_its_chart_and_values_alone(between, change, upgraded):
    commit, _ = between(repository(release("r")), repository(release("r", **change)))
    assert commit.changed == ({APPS, R} if upgraded else {APPS}) and not commit.renewed
    assert commit.reconciled == (frozenset() if upgraded else {R})


def test_another_version_is_another_chart_to_fetch(between):
    commit, fleet = between(repository(release("r")), repository(release("r", chart="other")))
    assert commit.changed == {APPS, R} and commit.renewed == {fleet.helmrelease(R).chart_id}


def test_another_tag_of_an_oci_repository_leaves_the_release_itself_as_it_was(between):
    by_ref = release("r", chartRef={"kind": "OCIRepository", "name": "r"}, chart=None)
    commit, _ = between(repository(oci("1.0.0"), by_ref), repository(oci("1.0.1"), by_ref))
    assert commit.changed == {APPS} and commit.renewed == {ObjectId("OCIRepository", "apps", "r")}


def test_another_interval_of_a_source_or_a_chart_fetches_nothing_else(between):
    def state(interval: str) -> dict[str, str]:
        chart = {"chart": "app", "interval": interval, "sourceRef": {"kind": "HelmRepository", "name": "charts"}}
        spec = {"interval": "1h", "chart": {"spec": chart}}
        by_name = obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "r", namespace="apps", spec=spec)
        return repository(oci("1.0.0").replace('"1h"', f'"{interval}"'), by_name)

    commit, _ = between(state("1h"), state("2h"))
    assert commit.changed == {APPS} and not commit.renewed


CHART = {"chart/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\n", "chart/values.yaml": "a: 1\n"}


@pytest.mark.parametrize(
    ("strategy", "change", "anew"),
    [
        ("ChartVersion", {"chart/values.yaml": "a: 2\n"}, False),
        ("ChartVersion", {"chart/Chart.yaml": CHART["chart/Chart.yaml"].replace("1.0.0", "1.0.1")}, True),
        ("Revision", {"chart/values.yaml": "a: 2\n"}, True),
        ("Revision", {"other.yaml": "a: 2\n"}, False),
    ],
)
def test_a_chart_in_the_repository_is_packaged_anew_by_its_version_or_by_any_of_its_files(
    between, strategy, change, anew
):
    source = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}
    chart = {"chart": "./chart", "reconcileStrategy": strategy, "sourceRef": source}
    spec = {"interval": "1h", "chart": {"spec": chart}}
    before = repository(obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "r", namespace="apps", spec=spec)) | CHART
    commit, _ = between(before, before | change)
    assert commit.changed == ({ObjectId("HelmChart", "flux-system", "apps-r")} if anew else set())


def test_a_job_whose_template_changes_is_refused_unless_it_may_be_made_anew(between):
    commit, _ = between(repository(job("db:1")), repository(job("db:2")))
    assert commit.immutable == (Immutable(JOB, "spec.template", APPS, "apps/all.yaml", 1),)
    assert commit.refused == {APPS}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (repository(job("db:1")), repository(job("db:2"), force=True)),
        (repository(job("db:1", ttlSecondsAfterFinished=60)), repository(job("db:2", ttlSecondsAfterFinished=60))),
    ],
)
def test_a_job_that_is_gone_or_made_anew_runs_again(between, before, after):
    commit, _ = between(before, after)
    assert not commit.immutable and commit.started == {JOB}


@pytest.mark.parametrize("watched", [True, False])
def test_values_from_a_config_map_are_seen_at_the_next_interval_unless_it_is_watched(between, watched):
    by_values = release("r", valuesFrom=[{"kind": "ConfigMap", "name": name} for name in ("plain", "c")])
    labels = {"labels": {"reconcile.fluxcd.io/watch": "Enabled"}} if watched else {}

    def values(text: str) -> str:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "apps", **labels}}
        return both(config_map("plain", "apps", a=text), json.dumps({**body, "data": {"a": text}}))

    commit, _ = between(repository(by_values, values("1")), repository(by_values, values("2")))
    if watched:
        assert R in commit.changed and not commit.notes
    else:
        assert R not in commit.changed
        assert (
            "HelmRelease/apps/r takes values from ConfigMap/apps/c, which it sees at its next interval"
            in commit.notes[0]
        )


def test_what_two_kustomizations_apply_is_held_against_each_ones_own(between):
    twice = repository(job("db:1")) | {"clusters/c/b.yaml": flux("b", "./b"), "b/all.yaml": job("db:2")}
    commit, _ = between(twice, twice | {"README.md": "new"})
    assert commit == Commit()


def test_two_groups_may_have_a_kind_of_one_name(between):
    knative = obj("serving.knative.dev/v1", "Service", "web", namespace="apps", spec={"a": 1})
    services = [obj("v1", "Service", "web", namespace="apps", spec={"ports": [{"port": port}]}) for port in (80, 81)]
    commit, _ = between(repository(services[0], knative), repository(services[1], knative))
    assert commit.applied == {APPS: 1}


def test_nothing_of_a_suspended_kustomization_is_applied(between):
    commit, _ = between(repository(job("db:1"), suspend=True), repository(job("db:2"), suspend=True))
    assert commit == Commit()


def test_what_flux_operator_makes_is_not_applied_by_the_kustomization(between):
    def made(image: str) -> str:
        resource = json.loads(job(image))
        spec = {"inputs": [{"a": "b"}], "resources": [resource]}
        return obj("fluxcd.controlplane.io/v1", "ResourceSet", "set", namespace="apps", spec=spec)

    commit, _ = between(repository(made("db:1")), repository(made("db:2")))
    assert commit.applied == {APPS: 1} and not commit.immutable
    assert commit.notes == (
        "spec.template of Job/apps/migrate may not change, so that ResourceSet/apps/set, which makes it, fails",
    )


def test_what_a_resourceset_that_is_not_expanded_makes_is_not_known_to_be_gone_nor_to_be_new(between):
    def made(name: str) -> str:
        inner = json.loads(flux("made", "./made"))
        inner["metadata"]["name"] = name
        spec = {"inputs": [{"a": "made"}], "resources": [inner]}
        return obj("fluxcd.controlplane.io/v1", "ResourceSet", "set", namespace="apps", spec=spec)

    holds = {"made/all.yaml": release("r")}
    expanded, obscure = (repository(made(name)) | holds for name in ("<< inputs.a >>", "<< now >>"))
    commit, _ = between(expanded, obscure)
    assert not commit.removed and commit.applied == {APPS: 1}
    assert commit.notes == (
        "whether HelmRelease/apps/r, flux-system/made stay is not known, as ResourceSet/apps/set is not expanded",
    )
    commit, _ = between(obscure, expanded)
    assert commit.added == {ks_id("made"), R}
    assert commit.notes == (
        "HelmRelease/apps/r, flux-system/made count as new, as ResourceSet/apps/set was not expanded before",
    )


def test_what_is_applied_to_another_cluster_counts_too(between):
    there = {"kubeConfig": {"secretRef": {"name": "other"}}}
    commit, fleet = between(repository(deployment(), **there), repository(deployment("web:2"), **there))
    assert commit.applied == {APPS: 1}
    assert updated(commit, fleet) == (WEB._replace(namespace="apps@other"),)


@pytest.mark.parametrize("spec", [{"prune": False}, {"suspend": True}])
def test_what_nobody_prunes_is_not_taken_away(between, spec):
    commit, _ = between(repository(deployment(), release("r"), **spec), repository(deployment(), **spec))
    assert not commit.removed


def test_nothing_is_taken_away_by_what_cannot_be_built(between):
    before = repository(deployment(), release("r"))
    commit, _ = between(before, before | {"apps/kustomization.yaml": kustomization("gone.yaml")})
    assert not commit.removed and not commit.changed


def test_without_a_source_nothing_is_pruned(between):
    before = repository(deployment(), release("r"))
    lost = flux("apps", "./apps", source="typo")
    commit, _ = between(before, before | {"clusters/c/apps.yaml": lost, "apps/all.yaml": deployment()})
    assert not commit.removed and APPS not in commit.changed


def test_what_is_deleted_with_what_it_holds_is_told(between):
    def claim(storage_class: str) -> str:
        spec = {"storageClassName": storage_class, "resources": {"requests": {"storage": "1Gi"}}}
        return obj("v1", "PersistentVolumeClaim", "data", namespace="apps", spec=spec)

    commit, _ = between(repository(claim("a")), repository(claim("b"), force=True))
    assert commit.started == {ObjectId("PersistentVolumeClaim", "apps", "data")}
    assert commit.notes == ("deleted and made anew, without what they hold: PersistentVolumeClaim/apps/data",)


@pytest.mark.parametrize("change", [{"chart": "other"}, {"releaseName": "x"}, {"targetNamespace": "y"}])
def test_a_release_under_another_name_is_uninstalled_first(between, change):
    commit, _ = between(repository(release("r")), repository(release("r", **change)))
    assert R in commit.changed
    assert commit.notes == ("HelmRelease/apps/r is uninstalled first, as its chart or its place has another name",)


def test_releases_are_upgraded_by_the_source_of_their_chart(between):
    by_ref = release("r", chartRef={"kind": "OCIRepository", "name": "r"}, chart=None)
    assert upgraded(*between(repository(oci("1.0.0"), by_ref), repository(oci("1.0.1"), by_ref))) == (R,)


def test_what_is_encrypted_anew_by_sops_alone_is_the_same(between):
    spaces = (obj("v1", "Namespace", "db", sops={"lastmodified": day}) for day in ("2026-01-01", "2026-02-02"))
    assert between(repository(next(spaces)), repository(next(spaces)))[0] == Commit()


def test_what_moves_to_another_kustomization_is_updated_in_place(between):
    two = {"clusters/c/b.yaml": flux("b", "./b"), "b/all.yaml": config_map("x", "apps")}
    before = repository(deployment(), config_map("y", "apps")) | two
    after = repository(config_map("y", "apps")) | two | {"b/web.yaml": deployment()}
    commit, fleet = between(before, after)
    assert commit.applied == {APPS: 0, ks_id("b"): 1}
    assert commit.kept == {WEB: 1} and not commit.started and not updated(commit, fleet)


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ({}, {"backoffLimit": 3}, False),
        ({}, {"ttlSecondsAfterFinished": 60}, False),
        ({"ttlSecondsAfterFinished": 60}, {}, True),
    ],
)
def test_a_job_runs_again_where_it_is_gone_by_its_old_ttl(between, before, after, again):
    commit, fleet = between(repository(job("db:1", **before)), repository(job("db:1", **after)))
    assert (JOB in commit.started, JOB in commit.kept, JOB in updated(commit, fleet)) == (again, not again, False)


def test_nothing_of_a_secret_is_told(between):
    before, after = (
        obj("v1", "Secret", "s", namespace="apps", stringData={"password": p}) for p in ("hunter1", "hunter2")
    )
    commit, _ = between(repository(before), repository(after))
    assert commit.applied == {APPS: 1} and "hunter" not in repr(commit)
