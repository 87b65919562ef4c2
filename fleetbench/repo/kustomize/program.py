"""The kustomize that is installed: ``kustomize`` itself or ``kubectl kustomize``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fleetbench.errors import EnvironmentLacks

TIMEOUT_S = 120.0
"""Longest that one run may take; the slowest build of a public fleet takes a few seconds."""


class BuildFailed(Exception):
    """kustomize refused; the text is its message without our temporary paths."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that builds kustomizations."""

    command: tuple[str, ...]
    version: str
    """Which program it is, for the cache's key: the file, its size and when it was written. Asking it costs a start."""

    def run(self, files: Mapping[str, bytes], directory: str) -> str:
        """Build a directory in a folder that holds the given files and nothing else.

        Raises:
            BuildFailed: kustomize says no, or takes too long.
        """
        with tempfile.TemporaryDirectory(prefix="fleetbench-") as folder:
            root = Path(os.path.realpath(folder)) / "r"
            made = set()
            for path, content in files.items():
                target = root / path
                if target.parent not in made:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    made.add(target.parent)
                target.write_bytes(content)
            home = Path(folder) / "home"
            home.mkdir()
            command = [*self.command, "--load-restrictor", "LoadRestrictionsNone", str(root / directory)]
            try:
                done = subprocess.run(
                    command, capture_output=True, timeout=TIMEOUT_S, env=_environment(home), cwd=home, check=False
                )
            except subprocess.TimeoutExpired:
                raise BuildFailed(f"kustomize did not finish within {TIMEOUT_S:.0f} s") from None
            except OSError as error:
                raise BuildFailed(f"{self.command[0]} cannot be started: {error.strerror}") from None
            if done.returncode != 0:
                raise BuildFailed(_message(done.stderr.decode("utf-8", "replace"), str(root), folder))
            return done.stdout.decode("utf-8", "replace")


@cache
def kustomize() -> Program:
    """Find kustomize.

    Raises:
        EnvironmentLacks: neither ``kustomize`` nor ``kubectl`` is there.
    """
    for name, build in (("kustomize", "build"), ("kubectl", "kustomize")):
        path = shutil.which(name)
        if path is not None:
            file = os.path.realpath(path)
            status = os.stat(file)
            return Program((path, build), f"{file} {status.st_size} {status.st_mtime_ns}")
    raise EnvironmentLacks(
        "reading a repository needs kustomize, and neither `kustomize` nor `kubectl` is on the PATH",
        "install one: https://kubectl.docs.kubernetes.io/installation/kustomize/ or https://kubernetes.io/docs/tasks/tools/ "
        "(without it: the shipped fleet, --graph FILE)",
    )


def _environment(home: Path) -> dict[str, str]:
    """No way out: no git to clone with, no proxy that answers, no kubeconfig."""
    nowhere = "http://127.0.0.1:9"
    return {
        "PATH": str(home),
        "HOME": str(home),
        "TMPDIR": str(home),
        "KUBECONFIG": os.devnull,
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "GOMAXPROCS": "1",  # runs go side by side; one thread each costs a fifth less
        "GOGC": "400",
        **{k: v for k, v in os.environ.items() if k.upper() in ("SYSTEMROOT", "WINDIR")},
    }


def _message(stderr: str, root: str, folder: str) -> str:
    text = stderr.replace(root + "/", "").replace(root, ".").replace(folder, "")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("# Warning")]
    text = " ".join(lines).removeprefix("error: ").removeprefix("Error: ")
    # kubectl writes some errors as a log line, with the time and its process; of several lines between < and >
    logged = re.match(r'^E\d{4} .*?err=(?:"(.*)"|<(.*)>)$', text)
    text = " ".join((logged[1] or logged[2]).split()) if logged else text
    text = re.sub(r"accumulating resources: (?:accumulation err=')?", "", text)
    return text if len(text) <= 600 else text[:597] + "..."
