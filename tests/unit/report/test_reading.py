"""Runs are read as far as they go, and what is missing is said."""

import gzip
import json
import shutil
from types import SimpleNamespace

import pytest

import fleetbench
from fleetbench.errors import InputError
from fleetbench.model.assemble import Choice
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.folder import write_prediction
from fleetbench.report.html.sections import RunSection
from fleetbench.report.simulated import MOST_TOTALS, result_of, totals
from tests.builders import fleet, hr, ks
from tests.unit.report import runs

FLEET = fleet(ks("base"), ks("app", "base"), hr("app-release", "app"))


@pytest.fixture(scope="module")
def simulated():
    return predict_strategies(FLEET, Choice(seed=3), samples=7)


@pytest.fixture
def folder(simulated, tmp_path):
    write_prediction(tmp_path / "run", simulated)
    return tmp_path / "run"


def edit(file, change):
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def test_a_run_folder_reads_back_as_the_prediction_that_wrote_it(simulated, folder):
    fresh, read = result_of(simulated), fleetbench.load(folder)
    assert read.notes == () and read.source == "predicted"
    for one, other in zip(fresh.rollouts, read.rollouts, strict=True):
        assert (one.label, one.objects, one.total_quantiles, one.complete) == (
            other.label,
            other.objects,
            other.total_quantiles,
            other.complete,
        )
        assert one.totals_s == pytest.approx(other.totals_s, abs=1e-3)
        assert {id: [s.state for s in spans] for id, spans in one.intervals.items()} == {
            id: [s.state for s in spans] for id, spans in other.intervals.items()
        }
        assert one.durations_s == pytest.approx(other.durations_s, abs=1e-4)


def test_waves_have_the_fleet_that_waves_make(folder):
    run = fleetbench.load(folder)
    assert {k.id.name for k in run["waves"].fleet.kustomizations} >= {"wave-0", "wave-1"}
    assert not {k.id.name for k in run["fine"].fleet.kustomizations} & {"wave-0", "wave-1"}


def test_an_older_folder_without_events_has_figures_and_says_what_is_missing(folder):
    for file in [*folder.glob("timeline-*"), folder / "totals.csv"]:
        file.unlink()
    run = fleetbench.load(folder)
    assert run["fine"].total_s is not None and run["fine"].explanation is None and len(run["fine"].chain) > 0
    assert "without events" in run.notes[0]
    assert run.intervals.empty and run.events.empty and run.totals.empty


def test_a_folder_whose_graph_is_missing_keeps_its_objects(folder):
    (folder / "graph.json").unlink()
    for file in folder.glob("timeline-*"):
        file.unlink()
    run = fleetbench.load(folder)
    assert {o.id.name for o in run["fine"].objects} >= {"base", "app", "app-release"}
    assert any("graph.json is missing" in note for note in run.notes)


def test_a_folder_that_was_cut_before_its_meta_file_says_so(folder):
    (folder / "meta.json").unlink()
    assert any("cut short" in note for note in fleetbench.load(folder).notes)


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_another_format_version_is_refused_with_the_way_out(folder, version):
    edit(folder / "prediction.json", lambda d: d.update(format_version=version))
    with pytest.raises(InputError, match="format_version") as caught:
        fleetbench.load(folder)
    assert "simulate again" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("strategies"),
        lambda d: d.update(strategies={}),
        lambda d: d.update(strategies=[1]),
        lambda d: d["strategies"]["fine"].update(objects=[{"id": "x"}]),
        lambda d: d["strategies"]["fine"]["objects"][0].update(ready_s="soon"),
        lambda d: d["strategies"]["fine"].update(why=[{"object": "nonsense"}]),
        lambda d: d.update(parameters={"x": 1}),
    ],
)
def test_a_document_of_another_shape_is_bad_input_not_a_traceback(folder, change):
    edit(folder / "prediction.json", change)
    with pytest.raises(InputError, match=r"prediction\.json"):
        fleetbench.load(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(strategies=5), "strategies: got 5, wanted an object"),
        (
            lambda d: d["strategies"]["fine"]["objects"][1].pop("id"),
            "strategies.fine.objects[1].id: got nothing, wanted",
        ),
        (lambda d: d["strategies"]["fine"]["objects"][0].update(ready_s="soon"), "ready_s: got 'soon', wanted seconds"),
        (lambda d: d.update(parameters={"x": 1}), "parameters.x: got 1, wanted an object"),
        (
            lambda d: d["strategies"]["fine"].update(complete_fraction=7),
            "complete_fraction: got 7, wanted a share, from 0",
        ),
        (
            lambda d: d["strategies"]["fine"]["objects"][0].update(ready_fraction=-0.5),
            "got -0.5, wanted a share, from 0 to 1",
        ),
    ],
)
def test_a_mistake_in_a_prediction_names_line_field_got_and_wanted(folder, change, said):
    edit(folder / "prediction.json", change)
    with pytest.raises(InputError, match=r"prediction\.json:\d+: ") as caught:
        fleetbench.load(folder)
    assert said in caught.value.message


def test_a_line_of_totals_that_is_none_is_named(folder):
    (folder / "totals.csv").write_text("strategy,quantile,total_s\nfine,1.0,soon\n")
    with pytest.raises(
        InputError, match=r"totals\.csv:2: got a line of another kind, wanted strategy,quantile,total_s"
    ):
        fleetbench.load(folder)


def test_a_torn_document_names_the_line(folder):
    text = (folder / "prediction.json").read_text()
    (folder / "prediction.json").write_text(text[: len(text) // 2])
    with pytest.raises(InputError, match=r"prediction.json:\d+: got no whole JSON document"):
        fleetbench.load(folder)


def test_an_empty_folder_and_no_folder_are_bad_input(tmp_path):
    with pytest.raises(InputError, match="holds nothing"):
        fleetbench.load(tmp_path)
    with pytest.raises(InputError, match="no such run"):
        fleetbench.load(tmp_path / "none")


def test_a_cut_trace_is_used_as_far_as_it_goes(folder, tmp_path):
    whole = (folder / "timeline-fine.jsonl").read_text().splitlines()
    cut = runs.write_cut(folder / "timeline-fine.jsonl", tmp_path / "cut.jsonl", len(whole) // 2)
    run = fleetbench.load(cut)
    assert any("cut short" in note for note in run.notes)
    assert 0 < run.events.shape[0] < len(whole)


def test_a_trace_with_nothing_but_its_header_has_no_total(folder, tmp_path):
    run = fleetbench.load(runs.write_cut(folder / "timeline-fine.jsonl", tmp_path / "head.jsonl", 1))
    assert run.rollout.total_s is None and run.rollout.chain == () and not run.rollout.complete


def test_a_measured_total_is_the_one_that_was_recorded():
    run = runs.measured()
    assert run.rollout.total_s == runs.trace_document("fine-c4")["total_s"]
    assert run.rollout.chain[0].from_s == 0 and run.rollout.chain[-1].to_s == pytest.approx(run.rollout.total_s)


def test_a_measured_commit_counts_from_its_artifact():
    run, document = runs.measured("commit-c4"), runs.trace_document("commit-c4")
    rollout = run.rollout
    assert rollout.since_s == pytest.approx(document["commit"]["t"] + document["commit"]["source_s"])
    assert rollout.chain[0].from_s == pytest.approx(0, abs=1e-6) and rollout.chain[-1].to_s == pytest.approx(
        rollout.total_s
    )
    assert all(span.from_s >= 0 for spans in rollout.intervals.values() for span in spans)
    assert run.events["t_s"].min() < 0


def test_an_object_that_never_was_ready_is_told():
    run = runs.measured("fail-c4")
    assert not run.rollout.complete and any("not Ready" in note for note in run.notes)
    assert run.rollout.in_order[-1].ready_s is None


def test_of_what_a_cut_trace_does_not_come_to_nobody_says_that_it_was_never_ready(tmp_path):
    text = gzip.decompress((runs.TRACES / "fine-c4.json.gz").read_bytes())
    (tmp_path / "t.json").write_bytes(text[: text.rindex(b'"Kustomization/loki"') + 400])
    run = fleetbench.load(tmp_path / "t.json")
    assert len(run.notes) == 1 and "cut short, before it came to" in run.notes[0] and not run.rollout.complete
    assert not [said for said in RunSection(0, run, None).verdict if "Never Ready" in said]


def test_very_many_totals_are_thinned_and_keep_their_ends():
    kept = totals(SimpleNamespace(ordered_totals=[float(n) for n in range(10_007)]))
    assert len(kept) == MOST_TOTALS and kept[-1] == 10_006.0 and list(kept) == sorted(kept)
    assert abs(kept[MOST_TOTALS // 2 - 1] - 5003) < 11


def test_the_folder_of_a_cut_run_can_be_copied_and_read(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    assert fleetbench.load(tmp_path / "copy").name == "copy"


def test_events_that_cannot_be_read_leave_the_figures(folder):
    (folder / "timeline-fine.jsonl").write_text("no header\n")
    run = fleetbench.load(folder)
    assert run["fine"].explanation is None and run["fine"].total_s is not None and run["waves"].explanation is not None
    assert any("fine has no Gantt chart" in note for note in run.notes)
