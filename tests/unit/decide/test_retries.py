"""A retryInterval where a failure costs a whole interval."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.decide.candidates import retry_changes
from fleetbench.decide.optimize import optimize
from fleetbench.decide.patch.verify import make_patch
from fleetbench.decide.retries import RETRY_S, TRIED_MORE_OFTEN, SetRetryInterval, late_retries
from fleetbench.graph.objects import Kustomization
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.distributions import Fixed, LogNormal
from fleetbench.model.scenario import Scenario
from fleetbench.model.steps import shipped_steps
from fleetbench.model.workload_time import WorkloadTime
from fleetbench.repo import read_repository
from fleetbench.report.optimize import tables
from tests.builders import fleet, ks, ks_id, scenario
from tests.unit.decide.fleets import SYNC


def slow(name: str, *depends_on: str, **fields: object) -> Kustomization:
    """Its health check gives up after three minutes, and its next try follows after an hour."""
    return ks(name, *depends_on, retry_interval_s=None, **{"interval_s": 3600.0, "timeout_s": 180.0, **fields})


def guessed(*objects: Kustomization) -> Scenario:
    """``slow-*`` take four minutes by a guess, which is no ground to raise their timeouts; the others five seconds."""
    plain = scenario(fleet(*objects), {o.id.name: 5.0 for o in objects}, steps=shipped_steps())
    guess = {
        o.id: WorkloadTime(o.id, "prior (guess)", total=Fixed(240.0)) for o in objects if o.id.name.startswith("slow")
    }
    return replace(plain, workloads={**plain.workloads, **guess})


def test_those_that_fail_on_their_way_to_ready_and_state_no_retry_interval_are_found() -> None:
    stated = slow("slow-stated")
    of = (slow("slow"), slow("quick"), replace(stated, retry_interval_s=300.0), slow("slow-soon", interval_s=60.0))
    assert late_retries(guessed(*of), 2) == (ks_id("slow"),)
    assert late_retries(guessed(*of), 2, never={ks_id("slow")}) == ()


def test_one_whose_failures_are_rarer_comes_later_and_those_of_the_chain_are_tried_alone_too() -> None:
    asked = guessed(slow("slow"), slow("at-times"))
    at_times = WorkloadTime(ks_id("at-times"), "prior (guess)", total=LogNormal(150.0, 300.0))
    asked = replace(asked, workloads={**asked.workloads, ks_id("at-times"): at_times})
    late = late_retries(asked, 16)
    assert late == (ks_id("slow"), ks_id("at-times"))
    groups = [c.change.ids for c in retry_changes(late, [ks_id("at-times"), ks_id("other")])]
    assert groups == [late, (ks_id("at-times"),)]
    assert retry_changes((), [ks_id("slow")]) == []


def test_a_short_retry_interval_is_proposed_with_what_it_means_for_the_cluster() -> None:
    asked = guessed(slow("slow-a"), slow("slow-b", "slow-a"), slow("quick", "slow-b"))
    found = optimize(asked, 8)
    (change,) = [c for c in found.best.changes if isinstance(c, SetRetryInterval)]
    assert set(change.ids) == {ks_id("slow-a"), ks_id("slow-b")}
    assert found.best.effect.saves_s > 2 * (3600.0 - RETRY_S) - 120.0
    said = " ".join(map(str, tables(found, None, 5)))
    assert f"retryInterval 2m on flux-system/slow-a, flux-system/slow-b ({TRIED_MORE_OFTEN})" in said


def test_a_perfect_controller_is_no_worse_than_a_short_retry_interval() -> None:
    found = optimize(guessed(slow("slow-a"), slow("slow-b", "slow-a")), 8)
    assert found.bound.total is not None
    assert found.bound.saves_s >= found.best.effect.saves_s > 3600.0


APP = """# {name}
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 1h # seldom
  timeout: 20s
  path: ./apps/{name}
  prune: true
  wait: true
  sourceRef: {{kind: GitRepository, name: flux-system}}
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: default}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: a, image: "example.com/{name}:1"}}]}}
"""


APPS = "abcdefg"


def repository(root: Path, top: str = "") -> Path:
    """Apps whose time is a guess, which one or the other outlasts its timeout with in almost all samples."""
    flux = root / "clusters/x/flux-system"
    flux.mkdir(parents=True)
    (flux / "gotk-sync.yaml").write_text(SYNC)
    (flux / "kustomization.yaml").write_text("resources: [gotk-sync.yaml]\n")
    listed = ", ".join(f"{name}.yaml" for name in APPS)
    (root / "clusters/x/kustomization.yaml").write_text(f"resources: [flux-system, {listed}]\n" + top)
    for name in APPS:
        (root / f"clusters/x/{name}.yaml").write_text(APP.format(name=name))
        (root / "apps" / name).mkdir(parents=True)
        (root / f"apps/{name}/app.yaml").write_text(DEPLOYMENT.format(name=name))
    return root


def test_the_patch_states_it_where_each_is_defined_and_the_patched_repository_takes_the_promised_time(
    tmp_path: Path,
) -> None:
    repo = repository(tmp_path / "fleet")
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    patch = tmp_path / "faster.patch"
    where = ["--repo", str(repo), "--cluster-path", "clusters/x", "--samples", "20", "--format", "json"]
    result = CliRunner().invoke(cli, ["optimize", *where, "--patch", str(patch)])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["patch"]["changes"] == found["together"]["changes"]
    assert found["patch"]["changes"][0].startswith("retryInterval 2m on flux-system/")
    assert found["patch"]["total_s_p50"] < found["now"]["total_s_p50"] - 3000.0
    subprocess.run(["git", "-C", str(repo), "apply", str(patch)], check=True)
    texts = {name: (repo / f"clusters/x/{name}.yaml").read_text() for name in APPS}
    written = {name for name in APPS if texts[name] == APP.format(name=name) + "  retryInterval: 2m\n"}
    assert len(written) > 3 and all(texts[name] == APP.format(name=name) for name in set(APPS) - written)
    after = json.loads(CliRunner().invoke(cli, ["simulate", *where, "--strategy", "fine"]).stdout)
    assert after["strategies"]["fine"]["total_s_p50"] == found["patch"]["total_s_p50"]


def test_one_that_a_patch_of_the_repository_sets_again_is_not_promised(tmp_path: Path) -> None:
    again = "patches:\n- target: {kind: Kustomization, name: a}\n  patch: |\n"
    again += "    - {op: remove, path: /spec/retryInterval}\n"
    repo = repository(tmp_path / "fleet", again)
    (repo / "clusters/x/a.yaml").write_text(APP.format(name="a") + "  retryInterval: 9m\n")
    reading = read_repository(repo, "clusters/x")
    both = SetRetryInterval((ks_id("a"), ks_id("b")))
    patch = make_patch(repo, "clusters/x", reading, (both,), assemble(reading.fleet, Choice()).scenario)
    assert patch.text == "" and "sets retryInterval again" in patch.left[0]
