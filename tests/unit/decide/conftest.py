"""A git repository that holds the reference fleet, and branches of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[3] / "graphs" / "fleet-infra"
DEV = "clusters/stages/dev/clusters/services-amer"


def git(folder: Path, *args: str) -> str:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *args], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def reference_repo(tmp_path: Path) -> Path:
    """The reference fleet as the folder ``fleet`` of a git repository with one commit on main."""
    top = tmp_path / "platform"
    shutil.copytree(REFERENCE, top / "fleet")
    git(tmp_path, "init", "-q", "-b", "main", str(top))
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "start")
    git(top, "checkout", "-q", "-b", "change")
    return top / "fleet"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
