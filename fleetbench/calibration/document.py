"""What calibration found, as a profile that ``--profile`` reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from fleetbench import __version__
from fleetbench.calibration.fetch import fetch_section
from fleetbench.calibration.steps import Calibration
from fleetbench.calibration.workloads import as_totals, observed_workloads
from fleetbench.model.profile import FORMAT_VERSION
from fleetbench.model.steps import steps_document
from fleetbench.runs.run import Run


def profile_document(calibration: Calibration, runs: Sequence[Run], *, steps_only: bool = False) -> dict[str, Any]:
    """The profile: step costs with their fit and, unless ``steps_only``, workload times."""
    about = {
        "written_by": f"fleetbench calibrate {__version__}",
        "written": datetime.now(UTC).date().isoformat(),
        "runs": list(calibration.runs),
        "fit": {
            f.step: {
                "observations": f.observations,
                "p50_s": round(f.p50_s, 5),
                "sigma": round(f.sigma, 3),
                "ks": round(f.ks, 3),
            }
            for f in calibration.fits
        },
        "kept": list(calibration.kept),
    }
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "about": about,
        "steps": steps_document(calibration.steps),
    }
    if not steps_only:
        objects, charts, kinds = observed_workloads(runs)
        document |= {
            "objects": {k: sorted(v) for k, v in sorted(objects.items())},
            "charts": as_totals(charts),
            "kinds": as_totals(kinds),
            "fetch": fetch_section(runs),
        }
    return document


def as_yaml(document: dict[str, Any]) -> str:
    """The profile as people read it."""
    text: str = yaml.safe_dump(document, sort_keys=False, width=110, default_flow_style=None)
    return text
