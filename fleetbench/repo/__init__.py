"""READ: a Flux repository on disk -> the fleet, as Flux would build it. Nothing in it is executed or downloaded."""

from fleetbench.repo.assemble import Reading
from fleetbench.repo.reader import read_repository

__all__ = ["Reading", "read_repository"]
