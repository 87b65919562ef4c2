"""Two states of a repository, and what the commit between them changes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetbench.graph.commit import Commit, Immutable, updated
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
        shutil.copytree(tmp_path / "repo", tmp_path / "before")
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


@pytest.mark.parametrize("strategy", ["ChartVersion", "Revision"])
def test_a_chart_in_the_repository_is_packaged_anew_by_its_version_or_by_any_of_its_files(between, strategy):
    spec = {
        "chart": "./chart",
        "reconcileStrategy": strategy,
        "sourceRef": {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"},
    }
    by_path = obj(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        "r",
        namespace="apps",
        spec={"interval": "1h", "chart": {"spec": spec}},
    )
    chart = {"chart/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\n", "chart/values.yaml": "a: 1\n"}
    before = repository(by_path) | chart
    found = [
        between(before, before | {"chart/values.yaml": "a: 2\n"})[0].changed,
    ]
    chart_id = ObjectId("HelmChart", "flux-system", "apps-r")
    assert found == [{chart_id} if strategy == "Revision" else set()]


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


def test_values_from_a_config_map_are_seen_at_the_next_interval_unless_it_is_watched(between):
    by_values = release("r", valuesFrom=[{"kind": "ConfigMap", "name": "c"}])
    labels = {"reconcile.fluxcd.io/watch": "Enabled"}

    def values(text: str, **labels: str) -> str:
        return obj("v1", "ConfigMap", "c", namespace="apps", data={"values.yaml": text}).replace(
            '"name": "c"', f'"name": "c", "labels": {str(labels).replace(chr(39), chr(34))}'
        )

    commit, _ = between(repository(by_values, values("a: 1")), repository(by_values, values("a: 2")))
    assert R not in commit.changed and "HelmRelease/apps/r takes values from ConfigMap/apps/c" in commit.notes[0]
    assert labels


def test_nothing_of_a_secret_is_told(between):
    before, after = (
        obj("v1", "Secret", "s", namespace="apps", stringData={"password": p}) for p in ("hunter1", "hunter2")
    )
    commit, _ = between(repository(before), repository(after))
    assert commit.applied == {APPS: 1} and "hunter" not in repr(commit)
