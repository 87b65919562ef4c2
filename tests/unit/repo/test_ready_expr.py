"""readyExpr: the labels that it reads and nothing sets; healthCheckExprs: what waits for a status."""

from __future__ import annotations

import json

import pytest

from fleetbench.graph.checks import check
from fleetbench.graph.document import read_document, to_document
from fleetbench.graph.objects import EXPRESSION_S
from fleetbench.graph.paths import never_applied
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.profile import load_profile
from fleetbench.prediction.predict import predict
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, ks_id, obj

LOCKSTEP = "dep.metadata.labels['app/version'] == self.metadata.labels['app/version']"
READY = "dep.status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')"


def _labelled(text: str, labels: dict[str, str]) -> str:
    return text.replace('"metadata": {', f'"metadata": {{"labels": {json.dumps(labels)},', 1)


@pytest.mark.parametrize(
    ("expr", "dep", "own", "never"),
    [
        (LOCKSTEP, {}, {}, "dep.metadata.labels['app/version']"),
        (f"{READY} && {LOCKSTEP}", {"app/version": "1"}, {}, "self.metadata.labels['app/version']"),
        (LOCKSTEP, {"app/version": "1"}, {"app/version": "1"}, None),
        ('dep.metadata.labels["app.kubernetes.io/version"] == "1"', {}, {}, 'dep.metadata.labels["app.kubernetes.io/version"]'),
        ("dep.metadata.annotations.tier == 'x'", {}, {}, "dep.metadata.annotations.tier"),
        (READY, {}, {}, None),
        (f"{READY} || {LOCKSTEP}", {}, {}, None),
        ("has(dep.metadata.labels.tier) && dep.metadata.labels.tier == 'x'", {}, {}, None),
        ("'tier' in dep.metadata.labels && dep.metadata.labels.tier == 'x'", {}, {}, None),
        ("dep.metadata.labels[?'tier'].orValue('x') == 'x'", {}, {}, None),
        ("dep.status.conditions.all(e, dep.metadata.labels.tier == 'x')", {}, {}, None),
        ("dep.metadata.labels['kustomize.toolkit.fluxcd.io/name'] == 'x'", {}, {}, None),
    ],
)  # fmt: skip
def test_an_expression_that_reads_what_nothing_sets_is_never_true(
    read: Read, expr: str, dep: dict[str, str], own: dict[str, str], never: str | None
) -> None:
    a = flux("a", "./a")
    b = flux("b", "./b", dependsOn=[{"name": "a", "readyExpr": expr}])
    texts = both(_labelled(a, dep) if dep else a, _labelled(b, own) if own else b)
    reading = read({"clusters/c/all.yaml": texts, "a/m.yaml": config_map("m"), "b/m.yaml": config_map("n")})
    of = read_document(json.dumps(to_document(reading.fleet, [])), "graph.json")
    b_read = of.kustomization(ks_id("b"))
    assert b_read is not None and [d.never for d in b_read.depends_on] == [never]
    (code,) = {f.code for f in check(of) if f.object == ks_id("b") and f.code in ("FB117", "FB312")}
    assert code == ("FB312" if never is None else "FB117")
    assert (ks_id("b") in never_applied(of)) is (never is not None)
    prediction = predict(assemble(of, Choice()).scenario, 1)
    assert prediction.ready_fraction(ks_id("b")) == (1.0 if never is None else 0.0)


def test_health_check_expressions_are_said_not_to_be_evaluated(read: Read) -> None:
    exprs = [{"apiVersion": "acme.io/v1", "kind": "Tenant", "current": "status.phase == 'Ready'"}]
    files = {"clusters/c/a.yaml": flux("a", "./a", healthCheckExprs=exprs, wait=True), "a/m.yaml": config_map("m")}
    (found,) = [f for f in check(read(files).fleet) if f.code == "FB312"]
    assert (found.severity, found.object) == ("info", ks_id("a")) and "which is a guess" in found.message


def test_health_check_expressions_that_nothing_asks_have_no_effect(read: Read) -> None:
    exprs = [{"apiVersion": "acme.io/v1", "kind": "Tenant", "current": "status.phase == 'Ready'"}]
    files = {"clusters/c/a.yaml": flux("a", "./a", healthCheckExprs=exprs), "a/m.yaml": config_map("m")}
    (found,) = [f for f in check(read(files).fleet) if f.code in ("FB312", "FB321")]
    assert (found.code, found.severity, found.object) == ("FB321", "warning", ks_id("a"))
    assert "without wait and healthChecks no health is checked" in found.message


def test_only_objects_of_an_expressions_kind_are_listed_as_judged_by_it(read: Read) -> None:
    exprs = [{"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "current": "has(status.conditions)"}]
    issuers = both(
        obj("cert-manager.io/v1", "ClusterIssuer", "i"),
        obj("cert-manager.io/v1", "Certificate", "c", namespace="flux-system", spec={"secretName": "c"}),
    )
    files = {"clusters/c/a.yaml": flux("a", "./a", healthCheckExprs=exprs, wait=True), "a/m.yaml": issuers}
    (found,) = [f for f in check(read(files).fleet) if f.code == "FB312"]
    assert "ClusterIssuer" in found.message and "Certificate" not in found.message


TENANT = {"apiVersion": "acme.io/v1", "kind": "Tenant", "name": "t", "namespace": "flux-system"}


@pytest.mark.parametrize(
    ("kind", "current", "waits"),
    [
        ("Tenant", "status.phase == 'Ready'", True),
        ("Tenant", "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')", True),
        (None, "has(status.phase) && status.phase == 'Ready'", True),  # any kind of the group
        ("Tenant", "!has(status.phase) || status.phase == 'Ready'", False),
        ("Tenant", "spec.ready", False),
        ("Other", "status.phase == 'Ready'", False),
    ],
)
@pytest.mark.parametrize("asks", [{"wait": True}, {"healthChecks": [TENANT]}], ids=["wait", "health-check"])
def test_what_an_expression_judges_by_a_status_is_not_current_at_once(
    read: Read, kind: str | None, current: str, waits: bool, asks: dict[str, object]
) -> None:
    """CEL fails on a status that nobody has written, so the health check goes on: it takes a time that nobody states."""
    exprs = [{"apiVersion": "acme.io/v1", "current": current} | ({"kind": kind} if kind else {})]
    crd = obj(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "tenants.acme.io",
        spec={"group": "acme.io", "names": {"kind": "Tenant"}},
    )
    files = {
        "clusters/c/a.yaml": both(crd, flux("a", "./a", healthCheckExprs=exprs, timeout="20m", **asks)),
        "a/m.yaml": obj("acme.io/v1", "Tenant", "t", namespace="flux-system"),
    }
    of = read(files).fleet
    a = of.kustomization(ks_id("a"))
    assert a is not None and [str(w.object) for w in a.workloads] == ["Tenant/flux-system/t"] * waits
    (found,) = [f for f in check(of) if f.code == "FB312"]
    assert ("Tenant/flux-system/t counts as Current after a time that nobody states" in found.message) is waits
    scenario = assemble(of, Choice()).scenario
    time = scenario.workloads[ks_id("a")]
    assert time.chosen_by == ("prior: what an expression judges (guess)" if waits else "nothing to wait for")
    ready_s = predict(scenario, 20).quantile(ks_id("a"), 0.5)
    assert ready_s is not None and (ready_s > 10) is waits


def test_the_guess_that_the_finding_names_is_the_one_that_ships() -> None:
    total = load_profile("default").kinds["expression"].total
    assert total is not None and tuple(round(total.quantile(q), 6) for q in (0.5, 0.9)) == EXPRESSION_S
