"""The public Python API is small, and importing it costs nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fleetbench
from fleetbench.errors import InputError
from tests.builders import fleet, hr_id, ks
from tests.fleets.commits import ENTRY, write_branch
from tests.unit.report import runs


def test_every_public_name_is_there():
    for name in fleetbench.__all__:
        assert getattr(fleetbench, name) is not None
    with pytest.raises(AttributeError):
        _ = fleetbench.nonsense


def test_the_public_names_are_those_of_the_api_module():
    from fleetbench import api

    assert set(fleetbench.__all__) - {"pictures"} == set(api.__all__)


def test_import_loads_no_heavy_library():
    code = "import sys, fleetbench; print([m for m in ('pandas', 'matplotlib', 'numpy', 'networkx', 'click', 'jinja2', 'plotly') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_simulate_takes_controller_flags_and_refuses_others():
    small = fleet(ks("a"), ks("b", "a"))
    run = fleetbench.simulate(small, samples=2, strategy="fine", requeue_dependency_s=5.0)
    assert run.parameters["requeue_dependency_s"] == (5.0, "option")
    with pytest.raises(InputError) as caught:
        fleetbench.simulate(small, requeue_dependecy_s=5.0)
    assert "requeue_dependency_s" in caught.value.hint


def test_the_same_seed_gives_the_same_frame():
    small = fleet(ks("a"), ks("b", "a"))
    one, other = (fleetbench.simulate(small, samples=3, seed=4).ready for _ in range(2))
    assert one.equals(other)


def test_a_failing_object_must_be_one_of_the_fleet():
    small = fleet(ks("a"), ks("b", "a"))
    run = fleetbench.simulate(small, samples=2, strategy="fine", fail=["flux-system/a"], until_s=900)
    assert run.ready.set_index("name")["ready_fraction"].to_dict() == {"a": 0.0, "b": 0.0, "flux-system": 1.0}
    for name in ("flux-system/zz", "nonsense"):
        with pytest.raises(InputError):
            fleetbench.simulate(small, fail=[name])


def test_blast_radius_is_what_depends_on_it():
    radius = fleetbench.blast_radius(fleet(ks("a"), ks("b", "a"), ks("c", "b"), ks("d")))
    assert {id.name: sorted(o.name for o in down) for id, down in radius.items()} == {
        "a": ["b", "c"],
        "b": ["c"],
        "c": [],
        "d": [],
    }


def test_what_ifs_come_with_their_spread():
    changes = fleetbench.what_ifs(fleet(ks("a"), ks("b", "a"), ks("c", "b")), samples=6, most=3)
    assert 1 <= len(changes) <= 3 and all(c.low_s <= c.difference_s <= c.high_s for c in changes)


def test_a_prediction_cannot_be_validated():
    with pytest.raises(InputError, match="wanted a measured run"):
        fleetbench.validate(runs.reference())


def test_runs_are_loaded_from_a_folder_of_them():
    found = fleetbench.load_all([runs.TRACES])
    assert {"fine-c4", "waves-c4"} <= {run.name for run in found}
    assert fleetbench.open_run([runs.TRACES / "fine-c4.json.gz"]).name == "fine-c4"


def test_a_fleet_comes_from_a_graph_file_a_run_or_the_package(tmp_path):
    assert len(fleetbench.fleet(env="prod").kustomizations) == 23
    assert fleetbench.fleet(runs=[runs.TRACES / "fine-c4.json.gz"]).name == "fine-c4"
    with pytest.raises(InputError):
        fleetbench.read_graph(tmp_path / "none.json")
    with pytest.raises(InputError):
        fleetbench.read_repository(tmp_path / "none", "x")


@pytest.mark.skipif(not (shutil.which("kustomize") or shutil.which("kubectl")), reason="needs kustomize or kubectl")
def test_a_commit_is_read_from_two_revisions_and_predicted(tmp_path):
    write_branch(tmp_path, 2)
    of, commit = fleetbench.read_commit(tmp_path, ENTRY, "base")
    fresh = hr_id("fresh")._replace(namespace="default")
    assert fresh in commit.added and commit.since.startswith("merge base ")
    run = fleetbench.simulate(of, scenario="commit", commit=commit, webhook=True, samples=5)
    assert run["fine"].by_id[fresh].ready_s > 30.0 and run.commit == commit
    with pytest.raises(InputError, match="wanted scenario 'commit'"):
        fleetbench.simulate(of, commit=commit)
    with pytest.raises(InputError, match="holds no fleet to compare with: --cluster-path clusters/new"):
        fleetbench.read_commit(tmp_path, "clusters/new", "base")


def test_a_graph_file_is_read_as_the_command_line_reads_it(tmp_path):
    file = tmp_path / "graph.json"
    text = (Path(__file__).parents[3] / "graphs/fleet-infra-dev.json").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8-sig")
    assert len(fleetbench.read_graph(file).kustomizations) == len(fleetbench.fleet().kustomizations)
    file.write_bytes(b"\xff")
    with pytest.raises(InputError, match="no UTF-8"):
        fleetbench.read_graph(file)


def test_a_run_is_printed_in_a_line():
    run = fleetbench.load(Path(__file__).parents[3] / "results/dev-fine-1")
    assert repr(run).startswith("<run dev-fine-1, measured: <rollout dev-fine-1, measured: 40 objects, total 1m48s>")
    assert len(repr(run)) < 200
