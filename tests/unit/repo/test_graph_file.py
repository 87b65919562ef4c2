"""A graph file says of a fleet what the repository said that it was written from, findings included."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fleetbench.cli.fleet import fleet_findings
from fleetbench.cli.main import cli
from fleetbench.findings import RULES
from fleetbench.graph.checks.recorded import OF_BOTH, OF_READING
from fleetbench.graph.document import to_document
from fleetbench.graph.objects import FluxVersion
from fleetbench.repo import Reading
from fleetbench.repo.graph_file import read_with_findings
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, kustomization, obj, release

PACKAGE = Path(__file__).parents[3] / "fleetbench"
BUILDS = {
    "clusters/c/all.yaml": both(
        flux("nopath", "./apps/none"),
        flux("nosource", "./apps/ok", source="gone"),
        flux("nobuild", "./apps/bad"),
        flux("badyaml", "./apps/badyaml"),
        flux("unset", "./apps/unset", postBuild={"substitute": {"A": "1"}}),
        flux("remote", "./apps/remote"),
        flux("one", "./apps/ok", dependsOn=[{"name": "zilch"}, {"name": "two"}]),
        flux("two", "./apps/ok", dependsOn=[{"name": "one"}], wait=True),
        flux("three", "./apps/ok"),
        flux("four", "./apps/ok"),
        git("theirs"),
        flux("theirs", "./x", source="theirs"),
    ),
    "apps/ok/map.yaml": config_map("same", "elsewhere"),
    "apps/bad/kustomization.yaml": kustomization("nope.yaml"),
    "apps/badyaml/x.yaml": "a: [1\n",
    "apps/unset/map.yaml": config_map("unset", "default", key="${UNSET}"),
    "apps/remote/kustomization.yaml": kustomization("https://example.test/x//y?ref=v1", "map.yaml"),
    "apps/remote/map.yaml": config_map("remote", "default"),
}
OBJECTS = {
    "clusters/c/all.yaml": both(flux("apps", "./apps", wiat=True), flux("gone", "./charts", suspend="often")),
    "apps/all.yaml": both(
        release("app", namespace="apps", valuesFrom=[{"kind": "ConfigMap", "name": "missing"}]),
        release("mistaken", namespace="apps", interval="5 minutes"),
        obj("helm.toolkit.fluxcd.io/v3", "HelmRelease", "future", namespace="apps", spec={}),
        obj("policy/v1beta1", "PodSecurityPolicy", "old", spec={}),
        obj("example.test/v1", "Thing", "thing", namespace="apps", spec={}),
        obj(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "by-chart",
            namespace="apps",
            spec={"interval": "1m", "chartRef": {"kind": "HelmChart", "name": "hc"}},
        ),
        obj(
            "source.toolkit.fluxcd.io/v1",
            "HelmChart",
            "hc",
            namespace="apps",
            spec={"interval": "1m", "chart": "x", "sourceRef": {"kind": "GitRepository", "name": "nowhere"}},
        ),
        obj(
            "apps/v1",
            "Deployment",
            "web",
            namespace="apps",
            spec={
                "template": {
                    "metadata": {"annotations": {"pod-ready.stage.kwok.x-k8s.io/delay": "PT"}},
                    "spec": {"serviceAccountName": "none"},
                }
            },
        ),
    ),
}
EMPTY = {"clusters/c/git.yaml": git()}
CHART = {
    "clusters/c/a.yaml": flux("a", "./apps"),
    "apps/r.yaml": obj(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        "app",
        namespace="flux-system",
        spec={
            "interval": "1m",
            "chart": {"spec": {"chart": "./nope", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}}},
        },
    ),
}
REPOSITORIES = [
    (BUILDS, "FB101 FB105 FB106 FB107 FB108 FB118 FB301 FB302 FB303 FB310 FB313"),
    (OBJECTS, "FB105 FB106 FB108 FB114 FB119 FB308 FB309 FB310 FB311 FB316"),
    (EMPTY, "FB307"),
    (CHART, "FB109"),
]
Edit = Callable[[dict[str, Any]], None]


def written(reading: Reading, folder: Path, edit: Edit = lambda document: None) -> Path:
    file = folder / "graph.json"
    document = to_document(reading.fleet, fleet_findings(reading.fleet, reading.findings))
    edit(document)
    file.write_text(json.dumps(document))
    return file


def said_by(file: Path, flux: FluxVersion | None = None) -> list[dict[str, Any]]:
    return [f.to_json() for f in fleet_findings(*read_with_findings(file, flux))]


@pytest.mark.parametrize(("files", "codes"), REPOSITORIES)
def test_the_findings_of_a_repository_are_those_of_the_graph_file_written_from_it(
    read: Read, tmp_path: Path, files: dict[str, str], codes: str
) -> None:
    reading = read(files, namespaces=True)
    file = written(reading, tmp_path)
    told = [f.to_json() for f in fleet_findings(reading.fleet, reading.findings)]
    assert set(codes.split()) <= {f["code"] for f in told} and said_by(file) == told
    done = CliRunner().invoke(
        cli, ["check", "--graph", str(file), "--baseline", str(file), "--samples", "6", "--format", "json"]
    )
    if files is EMPTY:
        assert (done.exit_code, done.stdout) == (2, "") and "nothing to judge" in done.stderr
        return
    assert done.exit_code == 0, done.output
    verdict = json.loads(done.stdout)
    assert verdict["passed"] and not verdict["new_findings"] and not verdict["fixed_findings"]


def test_what_is_mended_or_broken_by_hand_in_a_graph_file_is_judged_anew(read: Read, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        for k in document["kustomizations"]:
            if k["id"] in ("flux-system/nopath", "flux-system/nobuild"):
                k["broken"] = None
            if k["id"] == "flux-system/one":
                k["depends_on"] = []
            if k["id"] == "flux-system/remote":
                k["depends_on"] = ["flux-system/typo"]

    found = said_by(written(read(BUILDS), tmp_path, edit))
    errors = {(f["code"], f["object"].rpartition("/")[2]) for f in found if f["severity"] == "error"}
    assert errors == {
        ("FB102", "remote"), ("FB106", "nosource"), ("FB108", "badyaml"), ("FB118", "unset"),
    }  # fmt: skip


def test_a_recorded_finding_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    listed = [{"code": "FB999"}, "x", {"code": ["FB301"]}, {"code": "FB301", "object": "?", "file": 3, "line": "4"}]
    file = tmp_path / "g.json"
    for findings in (listed, {"a": 1}, None):
        file.write_text(json.dumps({"kustomizations": [{"id": "a/b"}], "findings": findings}))
        found = read_with_findings(file)[1]
        assert [(f.code, f.object, f.file, f.line) for f in found] == [("FB301", None, None, None)] * (
            findings is listed
        )


def test_each_code_belongs_to_reading_to_the_checks_or_to_both() -> None:
    constants = dict(re.findall(r'^([A-Z_]+) = rule\("(FB\d+)"', (PACKAGE / "findings.py").read_text(), re.M))

    def given_in(*folders: str) -> set[str]:
        files = [
            f
            for folder in folders
            for f in (PACKAGE / folder).rglob("*.py")
            if f.name not in ("recorded.py", "about.py")
        ]
        texts = [re.sub(r"^from .* import (\([^)]*\)|.*)", "", f.read_text(), flags=re.M) for f in files]
        return {code for name, code in constants.items() if any(re.search(rf"\b{name}\b", text) for text in texts)}

    checks, reading = given_in("graph/checks"), given_in("repo", "measure")
    assert checks & reading == OF_BOTH and reading - checks == OF_READING
    assert checks | reading == set(RULES)
