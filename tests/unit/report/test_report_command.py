"""``fleetbench report``: what it writes, and what it says when it cannot."""

import csv
import importlib.util
import io
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from tests.unit.report import runs

TRACE = str(runs.TRACES / "fine-c4.json.gz")


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "predicted"
    assert CliRunner().invoke(cli, ["simulate", "--samples", "3", "-o", str(folder)]).exit_code in (0, 1)
    return folder


def report(*args):
    return CliRunner().invoke(cli, ["report", *map(str, args)])


def test_a_page_is_written_of_predicted_and_measured_runs(predicted, tmp_path):
    result = report(predicted, TRACE, "--samples", "3", "-o", tmp_path / "out.html")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "out.html").read_text()
    assert "predicted</span>" in text and "measured</span>" in text and "The prediction said" in text


def test_without_samples_no_prediction_is_held_against_a_measured_run(tmp_path):
    assert report(TRACE, "--samples", "0", "-o", tmp_path / "out.html").exit_code == 0
    assert "The prediction said" not in (tmp_path / "out.html").read_text()


@pytest.mark.parametrize("spoil", ["empty", "torn", "older", "no meta", "events torn"])
def test_a_spoilt_run_folder_gives_a_page_that_says_so(predicted, tmp_path, spoil):
    import shutil

    folder = tmp_path / "spoilt"
    shutil.copytree(predicted, folder)
    prediction = folder / "prediction.json"
    if spoil == "empty":
        for file in folder.iterdir():
            file.unlink()
    elif spoil == "torn":
        prediction.write_text(prediction.read_text()[:2000])
    elif spoil == "older":
        prediction.write_text(json.dumps({**json.loads(prediction.read_text()), "format_version": 0}))
    elif spoil == "no meta":
        (folder / "meta.json").unlink()
    else:
        runs.write_cut(folder / "timeline-fine.jsonl", folder / "timeline-fine.jsonl", 20)
    result = report(folder, "-o", tmp_path / "out.html")
    assert result.exit_code == 0 and "Traceback" not in result.output
    text = (tmp_path / "out.html").read_text()
    expected = {"no meta": "meta.json is missing", "events torn": "timeline-fine"}.get(spoil, "could not be read")
    assert expected in text


def test_a_run_that_does_not_exist_is_bad_usage(tmp_path):
    result = report(tmp_path / "none", "-o", tmp_path / "out.html")
    assert result.exit_code == 2 and "no such run" in result.output
    assert not (tmp_path / "out.html").exists()
    assert report().exit_code == 2


def test_a_table_of_a_spoilt_folder_is_an_error(tmp_path):
    assert report(tmp_path, "--format", "csv").exit_code == 2


@pytest.mark.parametrize("format", ["csv", "markdown", "perfetto"])
def test_tables_and_traces_go_to_standard_output(predicted, format):
    result = report(predicted, "--format", format)
    assert result.exit_code == 0
    if format == "perfetto":
        assert json.loads(result.stdout)["traceEvents"]
    else:
        assert "ready_s" in result.stdout.splitlines()[0]


def rows(*args):
    result = report(*args, "--format", "csv")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_table_of_totals_has_the_one_total_of_a_measured_run(predicted):
    table = rows(predicted, TRACE, "--table", "totals")
    assert [r["rollout"] for r in table] == ["fine"] * 3 + ["waves"] * 3 + ["fine-c4"]
    measured = table[-1]
    assert measured["quantile"] == "" and float(measured["total_s"]) == runs.measured().rollout.total_s


def test_the_table_of_ready_holds_the_prediction_beside_what_was_measured():
    held = rows(TRACE, "--samples", "3")
    assert all(float(r["ready_s_p5"]) <= float(r["ready_s_p95"]) and r["ready_fraction"] == "1.000" for r in held)
    alone = rows(TRACE, "--samples", "0")
    assert {r["ready_s_p50"] for r in alone} == {""}
    assert [r["ready_s"] for r in alone] == [r["ready_s"] for r in held]


def test_a_cut_run_is_warned_of_whatever_the_format(tmp_path):
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes((runs.TRACES / "fine-c4.json.gz").read_bytes()[:2500])
    for format in ("csv", "perfetto"):
        result = report(cut, "--format", format, "--table", "totals")
        assert result.exit_code == 0 and "Warning: cut: the recording was cut short" in result.stderr


def test_parquet_needs_a_file(predicted, tmp_path):
    assert report(predicted, "--format", "parquet").exit_code == 2
    assert report(predicted, "--format", "parquet", "--table", "why", "-o", tmp_path / "why.parquet").exit_code == 0
    assert (tmp_path / "why.parquet").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize("arguments", [[TRACE], ["--notebook", "01", TRACE]])
def test_a_page_is_no_text_for_a_terminal(arguments, monkeypatch):
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr("fleetbench.cli.report.sys", SimpleNamespace(stdout=terminal))
    result = report(*arguments)
    assert result.exit_code == 2 and "give -o FILE" in result.output and "<html" not in result.output


def test_an_unknown_notebook_is_named_with_those_there_are():
    result = report("--notebook", "06")
    assert result.exit_code == 2 and "01-waves-vs-fine" in result.output


def test_without_papermill_the_environment_lacks_something(monkeypatch):
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, find=importlib.util.find_spec: None if name == "papermill" else find(name),
    )
    result = report("--notebook", "01")
    assert result.exit_code == 3 and "fleetbench[notebook]" in result.output


@pytest.mark.parametrize(
    ("format", "unneeded"),
    [
        ("csv", {"matplotlib", "jinja2", "plotly"}),
        ("markdown", {"matplotlib", "jinja2", "plotly"}),
        ("perfetto", {"matplotlib", "jinja2", "plotly", "pandas"}),
    ],
)
def test_a_format_loads_only_the_libraries_that_it_needs(predicted, format, unneeded):
    code = (
        "import sys\nfrom fleetbench.cli.main import cli\n"
        f"cli(['report', {str(predicted)!r}, '--format', {format!r}], standalone_mode=False)\n"
        f"print('LOADED', sorted({unneeded} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.rstrip().endswith("LOADED []")
