"""What the tests of the reader share: writing a small repository and reading it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from fleetbench.findings import NAMESPACE_ELSEWHERE
from fleetbench.repo import Reading, read_repository

Write = Callable[[Mapping[str, str]], Path]
Read = Callable[..., Reading]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files (path -> text) into a repository of their own."""

    def write_files(files: Mapping[str, str]) -> Path:
        root = tmp_path / "repo"
        root.mkdir(exist_ok=True)
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(textwrap.dedent(text).lstrip("\n"))
        return root

    return write_files


@pytest.fixture
def read(write: Write) -> Read:
    """Write files and read them as a repository; the cluster path is ``clusters/c`` where none is given.

    The namespaces of these small fleets count as made by hand, unless ``namespaces`` says otherwise.
    """
    if shutil.which("kustomize") is None and shutil.which("kubectl") is None:
        pytest.skip("needs kustomize or kubectl")

    def read_files(files: Mapping[str, str], cluster_path: str = "clusters/c", *, namespaces: bool = False) -> Reading:
        reading = read_repository(write(files), cluster_path, cache=False)
        found = tuple(f for f in reading.findings if namespaces or f.code != NAMESPACE_ELSEWHERE)
        return replace(reading, findings=found)

    return read_files
