"""Predict how long a Flux fleet takes to deploy, why, and what would make it shorter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fleetbench.api import (
        COLUMNS,
        Change,
        Fleet,
        RunComparison,
        RunResult,
        blast_radius,
        fleet,
        load,
        load_all,
        open_run,
        read_commit,
        read_graph,
        read_repository,
        simulate,
        validate,
        what_ifs,
    )
    from fleetbench.report import pictures

__all__ = [
    "COLUMNS", "Change", "Fleet", "RunComparison", "RunResult", "blast_radius", "fleet", "load", "load_all", "open_run",
    "pictures", "read_commit", "read_graph", "read_repository", "simulate", "validate", "what_ifs",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load the public names when they are first asked for, so that ``import fleetbench`` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'fleetbench' has no attribute {name!r}")
    import importlib

    return (
        importlib.import_module("fleetbench.report.pictures")
        if name == "pictures"
        else getattr(importlib.import_module("fleetbench.api"), name)
    )
