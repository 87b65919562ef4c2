"""Repositories that are made to hurt: each ends in a message or a finding, in seconds, and in bounded memory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetbench.errors import InputError
from fleetbench.measure import served
from tests.fuzz import hostile
from tests.fuzz.bases import SMALL, graph
from tests.fuzz.families import write_files
from tests.fuzz.worker import harmful_in, limit_memory
from tests.robustness.kills import PROGRAM, environment, fleetbench

needs_kustomize = pytest.mark.skipif(
    not (shutil.which("kustomize") or shutil.which("kubectl")), reason="needs kustomize or kubectl"
)
LIMIT_S = 60
"""Generous for a busy machine; each takes about a second on a quiet one."""


def run(folder: Path, *argv: object) -> tuple[int, str]:
    """Exit code and all output of a command with at most 1 GB of memory."""
    env = {**environment(folder), "OPENBLAS_NUM_THREADS": "1"}
    command = [*PROGRAM, *map(str, argv)]
    done = subprocess.run(command, env=env, capture_output=True, timeout=LIMIT_S, preexec_fn=limit_memory, check=False)
    said = (done.stdout + done.stderr).decode()
    assert "Traceback" not in said and "a fault of fleetbench" not in said, said[-2000:]
    assert done.returncode in (0, 1, 2), said
    assert harmful_in(said) is None, ascii(harmful_in(said))
    return done.returncode, said


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    write_files(SMALL, tmp_path / "repo")
    return tmp_path / "repo"


def read(repo: Path) -> tuple[int, str]:
    return run(repo.parent, "graph", "--repo", repo, "--cluster-path", "clusters/dev")


def _links(repo: Path) -> None:
    (repo / "loop").symlink_to("loop")
    (repo / "apps" / "up").symlink_to("../..")
    (repo / "clusters" / "dev" / "me").symlink_to(".")
    (repo / "zero").symlink_to("/dev/zero")
    (repo / "passwd.yaml").symlink_to("/etc/passwd")


def _odd_files(repo: Path) -> None:
    os.mkfifo(repo / "apps" / "b" / "pipe.yaml")
    os.mkfifo(repo / ".sourceignore.d")
    here = os.getcwd()
    os.chdir(repo / "apps" / "b")  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("socket.yaml")
    finally:
        os.chdir(here)


def _names(repo: Path) -> None:
    for n, name in enumerate(
        (*hostile.ESCAPES, *hostile.FORGERIES, "-rf", "--help", "$(touch x)", "`id`", " ", "a" * 250, "\udcff")
    ):
        for text in (name + ".yaml", name):
            if "/" not in text and len(text.encode("utf-8", "surrogateescape")) < 255:
                (repo / "apps" / "b" / text).write_text(
                    f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: n{n}, namespace: b}}\n"
                )


def _many(repo: Path) -> None:
    for n in range(20_000):
        (repo / "apps" / "b" / f"f{n}.txt").touch()


def _deep_folders(repo: Path) -> None:
    at = os.open(repo / "apps" / "b", os.O_RDONLY)
    for _ in range(600):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


REPOSITORIES: dict[str, Callable[[Path], None]] = {
    "links that loop and leave": _links,
    "pipes and sockets": _odd_files,
    "names that steer a terminal": _names,
    "20,000 files": _many,
    "600 folders deep": _deep_folders,
}


@needs_kustomize
@pytest.mark.parametrize("name", REPOSITORIES)
def test_what_does_not_belong_to_the_fleet_does_not_disturb_its_reading(repo: Path, name: str) -> None:
    REPOSITORIES[name](repo)
    code, said = read(repo)
    assert code in (0, 1), said
    assert "flux-system/c" in said or "c " in said


CONTENTS: dict[str, str | bytes] = {
    "a YAML bomb": hostile.bomb(),
    "aliases that hold themselves": hostile.CYCLE,
    "a merge that holds itself": hostile.MERGE_CYCLE,
    "10,000 brackets": hostile.nested(10_000),
    "10,000 braces": "a: " + hostile.nested(10_000, "map"),
    "10,000 dashes": "- " * 10_000 + "x",
    "2,000 levels of indentation": "".join(f"{' ' * n}a{n}:\n" for n in range(2000)),
    "a number of 100,000 digits": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nspec: " + "9" * 100_000,
    "an exponent": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nspec: 1e999999999",
    "zero bytes": b"apiVersion: v1\x00\nkind: X",
    "bytes that are no text": bytes(range(256)) * 50,
    "UTF-16": "apiVersion: v1\nkind: ConfigMap\n".encode("utf-16"),
    "a Python object": "!!python/object/apply:os.system ['touch executed']",
    "100 MB": b"# " + b"x" * (100 << 20),
    "a million of aliases": ("a: &a [x]\nb: [" + "*a, " * 1_000_000 + "]\n").encode(),
    "only dashes": "---\n" * 100_000,
    "10 MB on a line": "a: " + "x" * (10 << 20),
}


@needs_kustomize
@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_that_is_made_to_hurt_is_named(repo: Path, name: str) -> None:
    content = CONTENTS[name]
    (repo / "apps" / "b" / "stateful.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    code, said = read(repo)
    assert code in (0, 1)
    if name not in ("only dashes", "an exponent", "a number of 100,000 digits"):  # the API server's business
        assert code == 1 and "apps/b" in said, said
    assert not (repo / "executed").exists()


@needs_kustomize
@pytest.mark.parametrize(
    "name", ["a YAML bomb", "aliases that hold themselves", "10,000 braces", "zero bytes", "100 MB", "a Python object"]
)
def test_an_entry_that_is_made_to_hurt_is_refused(repo: Path, name: str) -> None:
    content = CONTENTS[name]
    (repo / "clusters" / "dev" / "kustomization.yaml").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    code, said = read(repo)
    assert code != 2 or "clusters/dev" in said
    harmless = (
        "aliases that hold themselves",
        "a merge that holds itself",
        "a million of aliases",
        "10 MB on a line",
        "only dashes",
        "2,000 levels of indentation",
    )
    assert code in (1, 2) or name in harmless, said  # fields that no kustomization has are dropped, as Flux drops them


SUBSTITUTIONS = [
    "${a}" * 3, "${a:-${b:-${c:-${d}}}}", "${" * 200, "${a/x/${a}}", "${a:0:99999999999999999999}", "${a//}", "${a##*(x)*(x)*(x)*(x)}",
    "${a%%" + "*" * 60 + "y}", "$" * 1000, "${a^^^^}", "'\n- forged: true\n'", "\x1b[31m", "${a:=" + "x" * 100_000 + "}", "\u202e", "{{ .Values.x }}",
]  # fmt: skip


@needs_kustomize
@pytest.mark.parametrize("value", SUBSTITUTIONS)
def test_a_hostile_substitution_ends(repo: Path, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    sync = repo / "clusters" / "dev" / "sync.yaml"
    sync.write_text(
        sync.read_text().replace(
            "{size: '2', region: eu}",
            f"{{a: {json.dumps('x' * 3000)}, tag: {json.dumps(value)}, region: {json.dumps(value)}}}",
        )
    )
    deployment = repo / "apps" / "b" / "stateful.yaml"
    deployment.write_text(deployment.read_text().replace("db:1", json.dumps("db:${tag}" + value)[1:-1]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(repo.parent / "cache"))
    code, said = fleetbench("graph", "--repo", repo, "--cluster-path", "clusters/dev")
    assert code in (0, 1, 2) and harmful_in(said) is None, said


@needs_kustomize
def test_a_git_repository_with_hostile_names_is_compared_with_its_merge_base(repo: Path, tmp_path: Path) -> None:
    def git(*argv: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *argv], cwd=repo, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    _names(repo)
    hooks = repo / ".git" / "hooks"
    for hook in ("post-checkout", "pre-commit", "reference-transaction", "fsmonitor-watchman"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\n")
    git("add", "-A")
    git("commit", "-q", "-m", "x")
    for hook in ("post-checkout", "pre-commit", "reference-transaction", "fsmonitor-watchman"):
        (hooks / hook).chmod(0o755)
    git("config", "core.fsmonitor", f"touch {tmp_path}/executed;")
    (repo / "clusters" / "dev" / "kustomization.yaml").write_text("resources: [sync.yaml, apps.yaml]\n")
    for revision in ("main", "--output=/tmp/x", "-h", "$(id)", "a..b", "\x1b[31m", "main:clusters", "@{upstream}"):
        run(
            tmp_path, "check", "--repo", repo, "--cluster-path", "clusters/dev", "--against", revision, "--samples", "1"
        )
    assert served.uncommitted(repo)
    served.clone_head(repo, tmp_path / "clone")
    with pytest.raises(InputError, match="no remote"):
        served.remote_url(repo)
    assert not (tmp_path / "executed").exists()


def test_a_graph_file_of_20_mb_is_refused_and_a_pipe_is_read(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    big.write_text('{"kustomizations": [' + "{}," * (7 << 20) + "{}]}")
    code, said = run(tmp_path, "graph", "--graph", big)
    assert code == 2 and "more than 16 MB" in said
    (tmp_path / "small.json").write_text(graph("small"))
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(PROGRAM)} graph --format json --graph <(cat {tmp_path}/small.json)"],
        env=environment(tmp_path), capture_output=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_trace_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    import gzip

    with gzip.open(tmp_path / "bomb.json.gz", "wb", 1) as file:
        for _ in range(200):
            file.write(b" " * (1 << 20))
    for command in (["validate"], ["report", "--format", "csv"]):
        code, said = run(tmp_path, *command, tmp_path / "bomb.json.gz")
        assert code == 2 and "more than 64 MB" in said


def test_a_run_folder_of_pipes_does_not_hang(tmp_path: Path) -> None:
    for name in ("prediction.json", "trace.jsonl"):
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        os.mkfifo(folder / name)
        for command in (["validate"], ["report", "--format", "csv"]):
            code, said = run(tmp_path, *command, folder)
            assert code == 2, said
