"""Fleets of any size in five shapes; every Kustomization waits for one Deployment."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization
from tests.builders import fleet, ks

CHAIN = 20
"""Length of one chain: at a poll of 30 s a chain of all would be longer than the day that is simulated."""
LAYERS = 10
FILES = 400
"""In the artifact, whatever the size: thousands of Kustomizations of one repository are built from a few templates."""


def _of_one_artifact(*objects: Kustomization) -> Fleet:
    made = fleet(*objects)
    return replace(made, sources=tuple(replace(source, files=FILES) for source in made.sources))


def chains(size: int) -> Fleet:
    """Chains of 20, side by side."""
    return _of_one_artifact(*(ks(f"k{n}", *([f"k{n - 1}"] if n % CHAIN else [])) for n in range(size)))


def layers(size: int) -> Fleet:
    """Ten layers; each object depends on the three that stand above it."""
    width = max(size // LAYERS, 1)
    return _of_one_artifact(*(ks(f"k{n}", *_above(n, width)) for n in range(size)))


def _above(n: int, width: int) -> list[str]:
    row, place = divmod(n, width)
    return [f"k{(row - 1) * width + (place + d) % width}" for d in range(min(3, width))] if row else []


def random_layers(size: int) -> Fleet:
    """Ten layers; each object depends on one to three at random of all that come before its layer."""
    width, draw = max(size // LAYERS, 1), random.Random(8)
    objects = []
    for n in range(size):
        before = n // width * width
        names = draw.sample(range(before), min(draw.randint(1, 3), before)) if before else []
        objects.append(ks(f"k{n}", *(f"k{m}" for m in names)))
    return _of_one_artifact(*objects)


def wide(size: int) -> Fleet:
    """No dependency at all."""
    return _of_one_artifact(*(ks(f"k{n}") for n in range(size)))


def random_12h(size: int) -> Fleet:
    """The random layers with an interval that does not end during the rollout: nothing is reconciled a second time."""
    made = random_layers(size)
    return replace(made, kustomizations=tuple(replace(k, interval_s=43_200.0) for k in made.kustomizations))


SHAPES: dict[str, Callable[[int], Fleet]] = {
    "chains": chains, "layers": layers, "random": random_layers, "random-12h": random_12h, "wide": wide,
}  # fmt: skip
