"""Ask git about a repository that may be hostile: no hook, no file system monitor, no pager, no network of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from fleetbench.errors import EnvironmentLacks, InputError

TIMEOUT_S = 300.0
PROGRAMS_OFF = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
"""Programs that a repository's own configuration may name and that reading it could start."""
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""What git sets for its hooks: the folder that is given counts, not the repository that a hook runs in."""


def run(folder: Path, *args: str, stdin: bytes | None = None, network: bool = True) -> bytes:
    """What git prints, run in a folder.

    Args:
        folder: in a work tree.
        args: the sub-command and its arguments.
        stdin: what it reads; None = nothing.
        network: whether a partial clone may fetch what it lacks.

    Raises:
        EnvironmentLacks: git is not installed.
        InputError: it fails, or takes longer than :data:`TIMEOUT_S`.
    """
    git = shutil.which("git")
    if git is None:
        raise EnvironmentLacks("--against needs git, and it is not on the PATH", "install git, or use --baseline GRAPH")
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    if not network:
        environment |= {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": ""}
    try:
        done = subprocess.run(
            [git, *PROGRAMS_OFF, "-C", str(folder), *args],
            input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True, timeout=TIMEOUT_S, env=environment, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise InputError(f"git {args[0]} did not finish within {TIMEOUT_S:.0f} s in {folder}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(
            f"git {args[0]} failed in {folder}" + (f": {said[0].removeprefix('fatal: ')}" if said else ""),
            "--against needs --repo to be a git repository or a folder inside one",
        )
    return done.stdout


def tracked(root: Path) -> frozenset[str] | None:
    """Paths below a folder that git tracks, relative to it; None where there is no git or it tracks nothing there.

    Only the index is read. An untracked or ignored file reaches no cluster, however many of them lie there.
    """
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return None
    try:
        listed = run(root, "ls-files", "-z", network=False)
    except (InputError, EnvironmentLacks, OSError):
        return None
    return frozenset(listed.decode("utf-8", "surrogateescape").split("\0")) - {""} or None
