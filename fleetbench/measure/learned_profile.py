"""A profile learned from a live cluster: what ``fleetbench calibrate --context`` writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fleetbench import __version__
from fleetbench.measure.history import Learned, learn
from fleetbench.model.profile import FORMAT_VERSION, repository
from fleetbench.units import counted

MEGABYTE = 1e6


def learn_profile(context: str | None = None) -> tuple[dict[str, Any], list[str]]:
    """Learn workload times from the cluster of a kubeconfig context, read-only.

    Returns:
        The profile as ``--profile`` reads it, and remarks for people: what each time is from is in the profile,
        what nothing was found for is in the remarks.

    Raises:
        EnvironmentLacks: no cluster, no Flux, or no permission to read Flux's objects.
    """
    learned = learn(context)
    return profile_of(learned), remarks_of(learned)


def profile_of(learned: Learned) -> dict[str, Any]:
    """The profile of what a cluster remembers."""
    about = {
        "written_by": f"fleetbench calibrate {__version__}",
        "written": datetime.now(UTC).date().isoformat(),
        "from": f"the history of a live cluster: {learned.fleet.name}",
        "found_in": {str(id): where for id, where in sorted(learned.found_in.items())},
        "nothing_found": [str(id) for id in learned.nothing_found],
    }
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "about": about,
        "objects": {str(id): list(times) for id, times in sorted(learned.durations.items())},
    }
    images = _images(learned)
    if images:
        document["images"] = images
    return document


def _images(learned: Learned) -> dict[str, Any]:
    """Sizes of the images that the fleet's workloads name; containerd reports what was pulled, compressed."""
    used = {image for service in learned.fleet.services() for w in service.workloads for image in w.images}
    sizes: dict[str, int] = {}
    for image in sorted(used):
        known = learned.image_bytes.get(image)
        if known:
            name = repository(image)
            sizes[name] = max(sizes.get(name, 0), known)
    source = "size as the nodes report it"
    return {name: {"compressed_mb": round(size / MEGABYTE, 1), "source": source} for name, size in sizes.items()}


def remarks_of(learned: Learned) -> list[str]:
    """What people should know about it."""
    services = [service.id for service in learned.fleet.services()]
    remarks = [f"{len(learned.durations)} of {counted(len(services), 'object')}: a time was found"]
    if learned.nothing_found:
        remarks.append("nothing found for " + ", ".join(str(id) for id in learned.nothing_found))
    idle = sorted(str(id) for id in {*services} - {*learned.durations} - {*learned.nothing_found})
    if idle:
        remarks.append("no workload of its own, so no time to find: " + ", ".join(idle))
    return [*remarks, *learned.lacking]
