"""Disks that are full or read-only: one message, exit code 2 or 3, and nothing half written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetbench.runs.files import read_run
from tests.robustness.kills import PROGRAM, RECORDER, environment, graph_file, prepare

COMMANDS: dict[str, Callable[[Path, Path], list[str]]] = {
    "graph": lambda f, out: ["graph", "--graph", str(graph_file(f)), "-o", str(out / "g.json")],
    "simulate": lambda f, out: ["simulate", "--graph", str(graph_file(f)), "--samples", "1", "-o", str(out / "run")],
    "report": lambda f, out: ["report", str(f / "trace.jsonl"), "--samples", "0", "-o", str(out / "page.html")],
    "calibrate": lambda f, out: ["calibrate", str(f / "trace.jsonl"), "-o", str(out / "profile.yaml")],
    "sweep": lambda f, out: ["sweep", "--graph", str(graph_file(f)), "--kustomize-concurrent", "1,4", "--samples", "2", "-o", str(out / "sweep")],
}  # fmt: skip


def run(argv: list[str], folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *argv], env=environment(folder), capture_output=True, text=True, timeout=120, check=False, **options
    )  # type: ignore[call-overload,no-any-return]


def refused(done: subprocess.CompletedProcess[str]) -> None:
    """The command failed with one clear message."""
    assert done.returncode in (2, 3), (done.returncode, done.stderr)
    assert done.stderr.count("Error:") == 1 and "Traceback" not in done.stderr and "a fault" not in done.stderr, (
        done.stderr
    )


def small_disk(limit: int = 1024) -> None:
    """No file of this process grows beyond so many bytes: writing on fails, as on a full disk."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"calibrate"}))
def test_a_disk_that_fills_up_is_told_and_leaves_nothing_half_written(tmp_path: Path, name: str) -> None:
    prepare(tmp_path / "in")
    out = tmp_path / "out"
    out.mkdir()
    done = run(COMMANDS[name](tmp_path / "in", out), tmp_path, preexec_fn=small_disk)
    refused(done)
    assert "cannot be written" in done.stderr
    left = [p for p in out.rglob("*") if p.is_file()]
    assert [p for p in left if p.name != "sweep.json"] == []


def test_a_measurement_on_a_disk_that_fills_up_keeps_what_it_has(tmp_path: Path) -> None:
    def a_fifth_of_a_megabyte() -> None:
        small_disk(200_000)

    command = [sys.executable, "-c", RECORDER, str(graph_file(tmp_path)), str(tmp_path / "run")]
    done = subprocess.run(
        command,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        preexec_fn=a_fifth_of_a_megabyte,
        check=False,
    )
    assert done.returncode != 0 and "cannot be written" in done.stderr
    run = read_run(tmp_path / "run")
    assert run.cut is not None and len(run.timeline.events) > 100


def read_only(folder: Path) -> Callable[[], None] | None:
    """How a child gets to see the folder read-only; root needs a mount of its own for that."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        return lambda: None
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if unshare is None or mount is None:
        return None
    trial = subprocess.run(
        [unshare, "-m", mount, "-t", "tmpfs", "-o", "ro", "none", str(folder)], capture_output=True, check=False
    )
    return None if trial.returncode else lambda: None


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_read_only_folder_is_told(tmp_path: Path, name: str) -> None:
    prepare(tmp_path / "in")
    out = tmp_path / "out"
    out.mkdir()
    if read_only(out) is None:
        pytest.skip("root may write anywhere here, and no mount is allowed")
    argv = [*PROGRAM, *COMMANDS[name](tmp_path / "in", out)]
    if os.geteuid() == 0:
        argv = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o ro none {out} && exec "$@"', "sh", *argv]
    done = subprocess.run(argv, env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=False)
    refused(done)
    assert str(out) in done.stderr


def test_without_a_cache_that_can_be_written_a_repository_is_read_all_the_same(tmp_path: Path) -> None:
    if not (shutil.which("kubectl") or shutil.which("kustomize")):
        pytest.skip("needs kustomize or kubectl")
    from tests.fuzz.bases import SMALL
    from tests.fuzz.families import write_files

    write_files(SMALL, tmp_path / "repo")
    (tmp_path / "cache").write_text("a file where the cache's folder should be")
    done = run(["graph", "--repo", str(tmp_path / "repo"), "--cluster-path", "clusters/dev"], tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_folder_that_is_missing_or_a_file_is_told(tmp_path: Path) -> None:
    prepare(tmp_path / "in")
    (tmp_path / "file").write_text("")
    for name, command in COMMANDS.items():
        refused(run(command(tmp_path / "in", tmp_path / "file" / "below"), tmp_path))
        if name in ("graph", "report", "calibrate"):
            refused(run(command(tmp_path / "in", tmp_path / "gone"), tmp_path))
