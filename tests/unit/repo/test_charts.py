"""Charts that lie in the repository, and those that an OCIRepository names."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetbench.errors import InputError
from fleetbench.graph.changes import changed_by
from fleetbench.graph.checks import check, combined
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, flux, obj, release

CHART = "apiVersion: v2\nname: app\nversion: 1.0.0\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    metadata:
      annotations:
        pod-ready.stage.kwok.x-k8s.io/delay: 3800ms
"""
HOOK = 'apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: init\n  annotations: {helm.sh/hook: "pre-install"}\n'
TEST = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: check\n  annotations: {helm.sh/hook: test}\n"


@pytest.fixture(autouse=True)
def _without_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **kw: None if name == "helm" else which(name, **kw))


def _release(
    chart: str = "./charts/app", kind: str = "GitRepository", name: str = "flux-system", **spec: object
) -> str:
    reference = {"kind": kind, "name": name, "namespace": "flux-system"}
    body = {
        "interval": "10m",
        "targetNamespace": "t",
        "chart": {"spec": {"chart": chart, "sourceRef": reference}},
        **spec,
    }
    return obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "app", namespace="flux-system", spec=body)


def _fleet(helm: str, **templates: str) -> dict[str, str]:
    return {
        "clusters/c/a.yaml": flux("a", "./apps"),
        "apps/r.yaml": helm,
        "charts/app/Chart.yaml": CHART,
        **{f"charts/app/templates/{k}.yaml": v for k, v in templates.items()},
    }


def test_plain_templates_give_workloads_with_their_stated_times(read: Read) -> None:
    reading = read(_fleet(_release(), all=both(DEPLOYMENT, HOOK, TEST)))
    found = reading.fleet.helmreleases[0]
    assert found.workloads_known
    assert [(str(w.object), w.stated_ready_s, w.hook) for w in found.workloads] == [
        ("Deployment/t/web", 3.8, False),
        ("Job/t/init", None, True),
    ]
    assert reading.findings == ()


def test_a_chart_adds_no_graph_nodes(read: Read) -> None:
    reading = read(_fleet(_release(), inner=flux("inner", "./x")))
    assert [k.id.name for k in reading.fleet.kustomizations] == ["flux-system", "a"]


def test_what_cannot_be_rendered_without_helm_is_said(read: Read) -> None:
    reading = read(_fleet(_release(), plain=DEPLOYMENT, real="kind: {{ .Values.kind }}\n"))
    found = reading.fleet.helmreleases[0]
    assert not found.workloads_known and len(found.workloads) == 1
    (info,) = [f for f in reading.findings if f.code == "FB306"]
    assert "charts/app/templates/real.yaml" in info.message and info.severity == "info"


@pytest.mark.parametrize(
    ("chart", "said"),
    [
        ("./charts/ap", "./charts/ap does not exist; did you mean charts/app?"),
        ("./charts", "./charts holds no Chart.yaml"),
        ("../../etc", "../../etc does not exist"),
    ],
)
def test_a_chart_that_the_repository_does_not_hold_is_an_error_and_not_a_matter_of_helm(
    read: Read, chart: str, said: str
) -> None:
    reading = read(_fleet(_release(chart), plain=DEPLOYMENT))
    assert reading.fleet.helmreleases[0].broken == said
    (found,) = [
        f
        for f in combined(reading.findings, check(reading.fleet), reading.fleet)
        if f.object == reading.fleet.helmreleases[0].id
    ]
    assert (found.code, found.severity, found.file, found.line) == ("FB109", "error", "apps/r.yaml", 1)
    assert found.message == f"gets no chart, so it never turns Ready: {said}"


def test_a_packaged_chart_is_there_though_what_it_holds_is_not_known(read: Read) -> None:
    reading = read(_fleet(_release("./charts/app-1.0.0.tgz")) | {"charts/app-1.0.0.tgz": "packed"})
    assert reading.fleet.helmreleases[0].broken is None
    assert "app-1.0.0.tgz is packaged" in next(f for f in reading.findings if f.code == "FB306").message


def test_a_chart_ref_to_this_repository_needs_a_chart_at_its_root(read: Read) -> None:
    this = {"kind": "OCIRepository", "name": "flux-system", "namespace": "flux-system"}
    files = _fleet(_release(chart=None, chartRef=this), plain=DEPLOYMENT)  # type: ignore[arg-type]
    files["clusters/c/a.yaml"] = flux("a", "./apps", sourceRef=this)
    assert read(files).fleet.helmreleases[0].broken == "OCIRepository/flux-system/flux-system holds no Chart.yaml"
    assert read(files | {"Chart.yaml": CHART}).fleet.helmreleases[0].broken is None


def test_a_chart_of_another_source_is_not_looked_for_here(read: Read) -> None:
    reading = read(_fleet(_release("app", "HelmRepository", "charts"), plain=DEPLOYMENT))
    found = reading.fleet.helmreleases[0]
    assert not found.workloads_known and found.workloads == ()
    assert not [f for f in reading.findings if f.code == "FB306"]


def test_a_chart_path_that_leaves_the_repository_is_not_followed(read: Read) -> None:
    reading = read(_fleet(_release("../../etc"), plain=DEPLOYMENT))
    assert reading.fleet.helmreleases[0].workloads == ()


def test_fields_of_a_release_are_read(read: Read) -> None:
    helm = _release(
        timeout="7m",
        dependsOn=[{"name": "b"}, {"name": "c", "namespace": "d"}],
        install={
            "remediation": {"retries": 3, "remediateLastFailure": True},
            "disableWait": True,
            "strategy": {"name": "RetryOnFailure"},
        },
        waitStrategy={"name": "legacy"},
        suspend=True,
    )
    found = read(_fleet(helm, plain=DEPLOYMENT)).fleet.helmreleases[0]
    assert (found.timeout_s, found.retries, found.remediate_last_failure, found.disable_wait) == (420.0, 3, True, True)
    assert (found.strategy, found.wait_strategy, found.suspend, found.target_namespace) == (
        "RetryOnFailure",
        "legacy",
        True,
        "t",
    )
    assert [d.target.key for d in found.depends_on] == ["flux-system/b", "d/c"]
    assert found.chart == "./charts/app" and str(found.source) == "GitRepository/flux-system/flux-system"


def test_a_chart_reference_is_a_source_of_its_own(read: Read) -> None:
    oci = obj("source.toolkit.fluxcd.io/v1", "OCIRepository", "app", namespace="flux-system", spec={"interval": "5m"})
    helm = obj(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        "app",
        namespace="flux-system",
        spec={"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "app"}},
    )
    reading = read({"clusters/c/a.yaml": flux("a", "./apps"), "apps/r.yaml": both(helm, oci)})
    found = reading.fleet.helmreleases[0]
    assert found.chart_ref and found.chart == "app" and str(found.source) == "OCIRepository/flux-system/app"


def _helm_chart(name: str = "hc", kind: str = "GitRepository", source: str = "flux-system", **spec: object) -> str:
    body = {"interval": "5m", "chart": "./charts/app", "sourceRef": {"kind": kind, "name": source}, **spec}
    return obj("source.toolkit.fluxcd.io/v1", "HelmChart", name, namespace="flux-system", spec=body)


def _by_reference(name: str = "hc") -> str:
    spec = {"interval": "10m", "targetNamespace": "t", "chartRef": {"kind": "HelmChart", "name": name}}
    return obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "app", namespace="flux-system", spec=spec)


def test_a_chart_ref_to_a_helm_chart_reads_the_chart_as_the_release_s_own_chart_is_read(read: Read) -> None:
    own = read(_fleet(_release(), all=both(DEPLOYMENT, HOOK))).fleet.helmreleases[0]
    reading = read(_fleet(both(_by_reference(), _helm_chart()), all=both(DEPLOYMENT, HOOK)))
    found = reading.fleet.helmreleases[0]
    assert found.workloads == own.workloads and found.workloads_known and reading.findings == ()
    (chart,) = [s for s in reading.fleet.sources if s.id.kind == "HelmChart"]
    assert str(chart.copied_from) == "GitRepository/flux-system/flux-system" and found.source == chart.id
    assert changed_by(reading.fleet, "charts/app/Chart.yaml") == {chart.id}
    with pytest.raises(InputError, match="reconcileStrategy ChartVersion"):
        changed_by(reading.fleet, "charts/app/templates/all.yaml")


def test_a_helm_chart_that_the_repository_does_not_hold_keeps_the_release_that_names_it_from_ready(read: Read) -> None:
    reading = read(_fleet(both(_by_reference(), _helm_chart(chart="./charts/ap")), plain=DEPLOYMENT))
    (found,) = [f for f in check(reading.fleet) if f.code == "FB109"]
    assert found.object == reading.fleet.helmreleases[0].id
    assert found.message.endswith("./charts/ap does not exist; did you mean charts/app?")


def test_a_helm_chart_of_a_source_that_is_defined_nowhere_is_told_of_its_release(read: Read) -> None:
    reading = read(_fleet(both(_by_reference(), _helm_chart(source="nope")), plain=DEPLOYMENT))
    (found,) = [f for f in reading.findings if f.code == "FB106"]
    assert found.object == reading.fleet.helmreleases[0].id and "GitRepository/flux-system/nope" in found.message
    assert [s.id.name for s in reading.fleet.sources if not s.defined] == ["nope"]


def test_a_helm_chart_of_a_helm_repository_says_name_version_and_when_there_is_a_new_one(read: Read) -> None:
    stated = _helm_chart(
        kind="HelmRepository", source="jetstack", chart="cert-manager", version="1.x", reconcileStrategy="Revision"
    )
    repository = obj(
        "source.toolkit.fluxcd.io/v1",
        "HelmRepository",
        "jetstack",
        namespace="flux-system",
        spec={"interval": "1h", "url": "https://x"},
    )
    found = read(_fleet(both(_by_reference(), stated, repository))).fleet.helmreleases[0]
    assert (found.chart_name, found.chart_version, found.chart_of_revision) == ("cert-manager", "1.x", True)
    assert found.broken is None and not found.workloads_known


@pytest.mark.parametrize("by_reference", [True, False])
def test_values_files_of_the_chart_take_the_place_of_its_own_values(
    read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_reference: bool
) -> None:
    helm = tmp_path / "helm"
    helm.write_text('#!/bin/sh\nexec /bin/cat "$3/values.yaml"\n')
    helm.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name, **kw: str(helm) if name == "helm" else None)
    extra = {
        "valuesFiles": ["charts/one.yaml", "charts/two.yaml", "charts/none.yaml"],
        "ignoreMissingValuesFiles": True,
    }
    reference = {"kind": "GitRepository", "name": "flux-system"}
    own = obj(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        "app",
        namespace="flux-system",
        spec={
            "interval": "10m",
            "targetNamespace": "t",
            "chart": {"spec": {"chart": "./charts/app", "sourceRef": reference, **extra}},
        },
    )
    files = _fleet(both(_by_reference(), _helm_chart(**extra)) if by_reference else own)
    files |= {
        "charts/app/values.yaml": "kind: Job\nspec: {}\n",
        "charts/one.yaml": "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: one}\n",
        "charts/two.yaml": "kind: Deployment\nmetadata: {name: two}\n",
    }
    assert [str(w.object) for w in read(files).fleet.helmreleases[0].workloads] == ["Deployment/t/two"]


def test_the_chart_of_a_release_is_found_by_the_address_of_its_oci_repository(read: Read) -> None:
    def oci(name: str, url: str, ref: dict[str, str]) -> str:
        spec = {"interval": "1h", "url": url, "ref": ref}
        return obj("source.toolkit.fluxcd.io/v1", "OCIRepository", name, namespace="apps", spec=spec)

    def of(name: str) -> str:
        spec = {"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": name}}
        return obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", name, namespace="apps", spec=spec)

    reading = read(
        {
            "clusters/c/app.yaml": both(
                oci("kps", "oci://ghcr.io/charts/kube-prometheus-stack/", {"tag": "70.0.0"}),
                oci("loki", "oci://ghcr.io/bjw-s-labs/helm/app-template", {"semver": "4.x"}),
                *(of(name) for name in ("kps", "loki", "unknown")),
            )
        }
    )
    found = {h.id.name: (h.chart, h.chart_version) for h in reading.fleet.helmreleases}
    assert found == {
        "kps": ("kube-prometheus-stack", "70.0.0"),
        "loki": ("app-template", "4.x"),
        "unknown": ("unknown", None),
    }


@pytest.mark.parametrize(
    ("controllers", "more", "alone"),
    [
        ({"sync": {"type": "cronjob"}, "old": {"enabled": False}}, {}, True),
        ({"sync": {"type": "cronjob"}, "web": {"containers": {}}}, {}, False),
        ({"old": {"enabled": False}}, {}, False),
        ({"sync": {"type": "cronjob"}}, {"valuesFrom": [{"kind": "ConfigMap", "name": "more"}]}, False),
    ],
)
def test_a_release_of_cron_jobs_alone_is_told_from_its_values(
    read: Read, controllers: dict[str, Any], more: dict[str, Any], alone: bool
) -> None:
    sync = release("sync", chart="app-template", values={"controllers": controllers}, **more)
    (found,) = read({"clusters/c/r.yaml": sync}).fleet.helmreleases
    assert found.cron_jobs is alone
