"""Standard output and files: whole or not at all, one JSON document, harmless names."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.cli.main import cli
from fleetbench.cli.options import DURATION, OBJECT
from fleetbench.cli.output import Progress, progress, replace_file, terminal_width, warn, write_json
from fleetbench.errors import InputError
from fleetbench.report.inert import inert

GOLDEN = Path(__file__).parents[2] / "golden" / "fleets"


def graph(*arguments: str):
    return CliRunner().invoke(cli, ["graph", "--graph", str(GOLDEN / "troubled.json"), *arguments])


def test_json_is_one_document_on_standard_output_and_the_rest_on_standard_error() -> None:
    result = graph("--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"][0]["code"] == "FB101"
    assert result.stderr.startswith("5 errors among 10 findings, the first: ")


def test_a_file_gets_the_format_of_its_suffix(tmp_path: Path) -> None:
    for name, start in (
        ("g.json", "{"),
        ("g.dot", "digraph"),
        ("g.mmd", "flowchart"),
        ("g.graphml", "<graphml"),
        ("g.txt", "troubled"),
    ):
        result = graph("-o", str(tmp_path / name))
        assert (result.exit_code, result.stdout) == (1, "")
        assert (tmp_path / name).read_text().startswith(start)
    assert graph("--format", "json", "-o", str(tmp_path / "h.txt")).exit_code == 1
    assert (tmp_path / "h.txt").read_text().startswith("{")


def test_no_format_lets_an_escape_sequence_or_markup_through() -> None:
    for name in ("table", "json", "dot", "mermaid", "graphml"):
        result = graph("--format", name)
        assert "\x1b" not in result.stdout + result.stderr, name
    assert "\\x1b[31mred[bold]" in graph().stdout


def test_without_any_workload_time_the_longest_chain_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "g.json"
    chain = [{"id": "f/a"}, {"id": "f/b", "depends_on": ["f/a"]}, {"id": "f/c"}]
    file.write_text(json.dumps({"kustomizations": chain}))
    shown = CliRunner().invoke(cli, ["graph", "--graph", str(file)]).stdout
    assert "Longest chain (nothing here states a workload time): flux-system/flux-system > f/a > f/b" in shown


def test_a_narrow_terminal_says_which_columns_it_has_no_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    said = "Left out at this width: timeout, parent, path and chart. From 110 columns"
    assert said in graph().stdout
    monkeypatch.setenv("COLUMNS", "110")
    assert "Left out" not in graph().stdout


def test_a_child_in_a_layer_before_its_parents_is_said_to_come_after_it(tmp_path: Path) -> None:
    file = tmp_path / "g.json"
    objects = [{"id": "f/a"}, {"id": "f/parent", "depends_on": ["f/a"]}, {"id": "f/child", "parent": "f/parent"}]
    for listed, said in ((objects, True), (objects[:2], False)):
        file.write_text(json.dumps({"kustomizations": listed}))
        shown = CliRunner().invoke(cli, ["graph", "--graph", str(file)]).stdout
        assert ("layer counts dependsOn alone" in shown) is said


def test_a_table_for_a_pipe_has_no_colours_even_when_they_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in graph().stdout


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    file.write_text("old")
    file.chmod(0o640)
    replace_file(file, "new")
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "out.txt"
    file.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="No space left on device"):
        replace_file(file, "new")
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_link_is_followed_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    replace_file(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_a_folder_that_does_not_exist_is_an_input_error(tmp_path: Path) -> None:
    result = graph("-o", str(tmp_path / "none" / "x.json"))
    assert result.exit_code == 2
    assert "x.json: cannot be written: No such file or directory" in result.stderr


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "o").write_text("")
    for command in (["graph"], ["simulate", "--samples", "1"], ["sweep", "--samples", "1", "--nodes", "1,2"]):
        result = CliRunner().invoke(cli, [*command, "-o", str(tmp_path / "o" / "x")])
        assert result.exit_code == 2
        assert f"o/x: cannot be written: {tmp_path / 'o'} is a file, not a folder" in result.stderr


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    assert "got a folder, wanted a file" in graph("-o", str(tmp_path)).stderr


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError):
        write_json({"x": float("nan")})


def test_columns_set_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "97")
    assert terminal_width() == 97
    monkeypatch.setenv("COLUMNS", "3")
    assert terminal_width() == 40


def test_a_pipe_and_a_file_have_no_edge_so_that_a_row_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert graph("-o", str(tmp_path / "g.txt")).exit_code == 1
    for lines in (graph().stdout.splitlines(), (tmp_path / "g.txt").read_text().splitlines()):
        assert [line for line in lines if "FB103" not in line and "is a HelmRelease; dependsOn only reaches" in line]
        assert [line for line in lines if " app " in line and line.endswith("data/infra (missing)")]


@given(st.text())
def test_inert_text_is_printable_and_one_line(text: str) -> None:
    assert inert(text).splitlines() in ([], [inert(text)])
    assert not any(c < " " or "\x7f" <= c <= "\x9f" for c in inert(text))
    inert(text).encode("utf-8")


@pytest.mark.parametrize("text", ["plain", "flux-system/app", "café", "日本"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert inert(text) == text


def test_durations_and_objects_are_parsed_at_the_door() -> None:
    assert DURATION.convert("1m30s", None, None) == 90.0
    assert str(OBJECT.convert("HelmRelease/a/b", None, None)) == "HelmRelease/a/b"


@pytest.mark.parametrize(
    ("kind", "text"), [(DURATION, "-1m"), (DURATION, "5 minutes"), (OBJECT, "a/b/c/d"), (OBJECT, "/x")]
)
def test_what_is_neither_is_refused_with_got_and_wanted(kind, text: str) -> None:
    import click

    with pytest.raises(click.BadParameter, match=r"got .*wanted"):
        kind.convert(text, None, None)


@pytest.mark.parametrize("command", ["graph", "simulate"])
def test_a_place_whose_line_is_not_known_is_the_file_alone(command: str, tmp_path: Path) -> None:
    file = tmp_path / "g.json"
    broken = {"id": "f/a", "broken": "kustomize cannot build it", "file": "apps/a.yaml"}
    file.write_text(json.dumps({"kustomizations": [broken]}))
    result = CliRunner().invoke(cli, [command, "--graph", str(file)])
    assert result.exit_code == 1 and "apps/a.yaml" in result.output and ":None" not in result.output


def test_a_warning_is_wrapped_between_words_for_a_terminal_and_is_one_line_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "clusters/prod/some-file.yaml:12: FB116 has a label: " + "nobody reconciles it, " * 8
    warn(text)
    assert capsys.readouterr().err == f"Warning: {text}\n"
    monkeypatch.setenv("COLUMNS", "50")
    warn(text)
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    warn(text)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 4 and max(map(len, lines)) <= 50 and " ".join(lines) == f"Warning: {text.rstrip()}"
    monkeypatch.delenv("COLUMNS")
    warn(text)
    assert 50 < max(map(len, capsys.readouterr().err.splitlines())) <= 80


def test_help_says_when_a_prediction_exits_1() -> None:
    text = " ".join(CliRunner().invoke(cli, ["simulate", "--help"]).output.split())
    assert "Exits 1, with everything printed, if the fleet has a finding of severity error." in text


def test_long_work_is_told_of_in_lines_where_no_bar_can_be_drawn(capsys, monkeypatch) -> None:
    monkeypatch.setattr(Progress, "LINE_S", 0.0)
    with progress("Trying") as bar:
        bar(3)
        bar(4, 9)
        bar(9, 9)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["Trying: 3 done after 0 s", "Trying: 4 of 9 after 0 s"]


def test_a_long_step_is_told_of_while_it_lasts(capsys, monkeypatch) -> None:
    monkeypatch.setattr(Progress, "LINE_S", 0.3)
    with progress("Trying") as bar:
        bar(2, 9)
        time.sleep(1.0)
    said = capsys.readouterr().err.splitlines()
    assert said and set(said) <= {"Trying: 2 of 9 after 0 s", "Trying: 2 of 9 after 1 s"}


def test_short_work_is_not_told_of(capsys) -> None:
    with progress("Trying") as bar:
        bar(3)
    assert capsys.readouterr().err == ""


def test_how_long_it_still_takes_goes_by_what_was_done_since_the_first_word(capsys, monkeypatch) -> None:
    """What an earlier run had done took no time of this one."""
    now = [0.0]
    monkeypatch.setattr("fleetbench.cli.output.time.monotonic", lambda: now[0])
    monkeypatch.setattr("fleetbench.cli.output.threading.Thread.start", lambda self: None)
    bar = Progress("Sweeping")
    bar(80, 100)
    now[0] = 20.0
    bar(90, 100)
    assert capsys.readouterr().err == "Sweeping: 90 of 100 after 20 s, about 20.0s left\n"
