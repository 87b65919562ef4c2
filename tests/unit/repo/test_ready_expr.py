"""readyExpr: the labels that it reads and nothing sets."""

from __future__ import annotations

import json

import pytest

from fleetbench.graph.checks import check
from fleetbench.graph.document import read_document, to_document
from fleetbench.graph.paths import never_applied
from fleetbench.model.assemble import Choice, assemble
from fleetbench.prediction.predict import predict
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, ks_id

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
    files = {"clusters/c/a.yaml": flux("a", "./a", healthCheckExprs=exprs), "a/m.yaml": config_map("m")}
    (found,) = [f for f in check(read(files).fleet) if f.code == "FB312"]
    assert (found.severity, found.object) == ("info", ks_id("a")) and "which is a guess" in found.message
