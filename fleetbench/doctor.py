"""What this machine has, what it lacks for what, and how to get it."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

"""Runs a command and returns its first line of output, or None where it fails."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program or an optional part of the package."""

    name: str
    needed_for: str
    version: tuple[str, ...]
    """The command that prints its version; empty = a Python module."""
    debian: str
    macos: str
    ci: str
    alternative: str | None = None
    """A tool that does as well."""
    alone: str | None = None
    """What its alternative does not do, so that it is missed all the same."""


TOOLS = (
    Tool("kustomize", "any command with --repo (kubectl or kustomize)", ("kustomize", "version"),
         "go install sigs.k8s.io/kustomize/kustomize/v5@latest", "brew install kustomize",
         "preinstalled on GitHub's Ubuntu runners", "kubectl"),
    Tool("kubectl", "any command with --repo (kubectl or kustomize); measure", ("kubectl", "version", "--client"),
         "see kubernetes.io/docs/tasks/tools", "brew install kubectl", "preinstalled on GitHub's Ubuntu runners", "kustomize", "measure"),
    Tool("git", "measure, check --against", ("git", "--version"), "apt-get install git", "brew install git", "preinstalled"),
    Tool("helm", "workload times of charts that lie in the repository (else templates as they stand)",
         ("helm", "version", "--short"), "see helm.sh/docs/intro/install", "brew install helm", "azure/setup-helm"),
    Tool("docker", "measure --cluster kind", ("docker", "info", "--format", "{{.ServerVersion}}"),
         "apt-get install docker.io", "brew install colima docker && colima start --cpu 4 --memory 8", "preinstalled"),
    Tool("kind", "measure --cluster kind", ("kind", "version"), "go install sigs.k8s.io/kind@latest", "brew install kind",
         "helm/kind-action with install_only: true"),
    Tool("flux", "measure --cluster kind (or --flux-manifest FILE)", ("flux", "--version"),
         "see fluxcd.io/flux/installation", "brew install fluxcd/tap/flux", "fluxcd/flux2/action"),
    Tool("papermill", "report --notebook", (), "pip install 'fleetbench[notebook]'", "the same", "the same"),
    Tool("distributed", "sweep --dask-scheduler", (), "pip install 'fleetbench[dask]'", "the same", "the same"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One tool on this machine."""

    tool: Tool
    version: str | None
    """None = missing, or it does not answer."""
    present: bool
    """The program is there, whether it answers or not."""

    @property
    def advice(self) -> str:
        """How to get it on this system."""
        if self.present and self.version is None:
            return "it is installed but does not answer: is its service running?"
        return self.tool.macos if platform.system() == "Darwin" else self.tool.debian


def examine() -> list[Found]:
    """Look for every tool."""
    found = []
    for tool in TOOLS:
        if not tool.version:
            present = importlib.util.find_spec(tool.name) is not None
            found.append(Found(tool, "installed" if present else None, present))
            continue
        present = shutil.which(tool.version[0]) is not None
        found.append(Found(tool, _first_line(tool.version) if present else None, present))
    return found


def to_document(found: Sequence[Found]) -> list[dict[str, object]]:
    """As JSON."""
    return [
        {
            "tool": f.tool.name,
            "version": f.version,
            "needed_for": f.tool.needed_for,
            "alternative": f.tool.alternative,
            "get_it": None if f.version else {"debian": f.tool.debian, "macos": f.tool.macos, "ci": f.tool.ci},
        }
        for f in found
    ]


def _first_line(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip()[:80] if done.returncode == 0 and lines else None
