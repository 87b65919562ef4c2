"""Terminals that are narrow, mute, gone, or of another language."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz import hostile
from tests.robustness.kills import PROGRAM, environment, graph_file


def run(argv: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    given = {**environment(folder), **more}
    return subprocess.run(
        [*PROGRAM, *argv], env=given, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
    )


@pytest.mark.parametrize("command", ["graph", "simulate"])
def test_forty_columns_are_enough(tmp_path: Path, command: str) -> None:
    done = run(
        [command, "--graph", str(graph_file(tmp_path)), *(["--samples", "2"] if command == "simulate" else [])],
        tmp_path,
        COLUMNS="40",
    )
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.decode().splitlines())) <= 40


def on_terminal(argv: list[str], folder: Path, **more: str) -> bytes:
    """What a command writes to a terminal of 100 columns."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *argv],
        env={**environment(folder), "TERM": "xterm-256color", **more},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    written = b""
    while True:
        try:
            content = os.read(leader, 65536)
        except OSError:  # Linux: the other side has closed
            break
        if not content:
            break
        written += content
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return written


def test_colours_are_for_terminals_and_no_color_turns_them_off(tmp_path: Path) -> None:
    argv = ["graph", "--graph", str(graph_file(tmp_path))]
    without = dict.fromkeys(("NO_COLOR", "FORCE_COLOR"), "")
    assert b"\x1b[" in on_terminal(argv, tmp_path, **without)
    assert b"\x1b[3" not in on_terminal(argv, tmp_path, NO_COLOR="1").replace(b"\x1b[3m", b"")
    assert b"\x1b" not in run(argv, tmp_path, FORCE_COLOR="1").stdout


def test_a_closed_standard_output_is_no_traceback(tmp_path: Path) -> None:
    graph = ["graph", "--graph", str(graph_file(tmp_path))]
    cases = [(graph, redirection) for redirection in (">&-", ">&- 2>&-", "> /dev/full")]
    for argv, redirection in [*cases, *((a, "> /dev/full") for a in (["--help"], ["graph", "--help"], ["--version"]))]:
        command = " ".join([*map(str, PROGRAM), *argv, redirection])
        done = subprocess.run(
            ["sh", "-c", command], env=environment(tmp_path), capture_output=True, timeout=60, check=False
        )
        assert b"Traceback" not in done.stderr and b"a fault" not in done.stderr, (redirection, done.stderr)
        wanted = (2,) if redirection == "> /dev/full" else (0, 2)
        assert done.returncode in wanted, (argv, redirection, done.returncode, done.stderr)


def test_a_reader_that_leaves_early_is_no_failure(tmp_path: Path) -> None:
    command = f"{sys.executable} -m fleetbench graph --format json | head -c 10"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=environment(tmp_path),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == b"" and len(done.stdout) == 10


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_any_locale_will_do(tmp_path: Path, locale: dict[str, str]) -> None:
    file = graph_file(tmp_path)
    file.write_text(file.read_text().replace("flux-system/c", "flux-system/\u00e7-\u96ea"), encoding="utf-8")
    for argv in (
        ["graph", "--graph", str(file)],
        ["graph", "--graph", str(file), "-o", str(tmp_path / "g.json")],
        ["graph", "--graph", str(file), "-o", str(tmp_path / "g.dot")],
        ["simulate", "--graph", str(file), "--samples", "1", "--why", "-o", str(tmp_path / "run")],
        ["report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html")],
        [
            "check",
            "--graph",
            str(file),
            "--samples",
            "1",
            "--markdown",
            str(tmp_path / "m.md"),
            "--junit",
            str(tmp_path / "j.xml"),
        ],
    ):
        done = run(argv, tmp_path, **locale)
        assert done.returncode == 0, (argv, done.stderr)
    assert "\u00e7-\u96ea" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "\u96ea" in (tmp_path / "g.dot").read_text(encoding="utf-8")


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    from tests.fuzz.bases import DURATIONS, trace_lines

    file, durations, trace = graph_file(tmp_path), tmp_path / "d.yaml", tmp_path / "t.jsonl"
    durations.write_text(DURATIONS.replace("HelmRelease/c/c: {p50_s: 20, p90_s: 60}\n", ""))
    trace.write_text(trace_lines())
    argvs = [
        ["graph", "--graph", str(file), "--format", "json"],
        ["simulate", "--graph", str(file), "--samples", "2", "--durations", str(durations), "--format", "csv"],
        ["report", str(trace), "--format", "csv"],
    ]
    before = [run(argv, tmp_path).stdout for argv in argvs]
    for path in (file, durations, trace):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = [run(argv, tmp_path) for argv in argvs]
    assert [a.stdout for a in after] == before, [a.stderr for a in after]
    assert all(before)


def test_ctrl_c_ends_with_130_and_one_line(tmp_path: Path) -> None:
    argv = [*PROGRAM, "simulate", "--graph", str(graph_file(tmp_path)), "--samples", "1000000"]
    process = subprocess.Popen(
        argv, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and errors == "Interrupted.\n"


def test_a_message_shows_hostile_text_escaped_also_with_debug(tmp_path: Path) -> None:
    for text in hostile.ESCAPES:
        for debug in ([], ["--debug"]):
            done = run([*debug, "graph", "--graph", f"{tmp_path}/{text}"], tmp_path)
            assert done.returncode == 2
            assert not any(c in done.stderr for c in (b"\x1b", b"\x07", b"\x7f", "\x9b".encode())), done.stderr
