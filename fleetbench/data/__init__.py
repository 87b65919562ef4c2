"""Data files that ship with the package: the reference fleet's graphs, priors, step costs."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fleetbench.errors import InputError

_HERE = Path(str(resources.files(__name__)))
_CHECKOUT = _HERE.parent.parent


def shipped(folder: str, name: str) -> Path:
    """Path of a shipped file, in the installed wheel or in a checkout.

    Raises:
        InputError: there is no such file.
    """
    for place in (_HERE / folder / name, _CHECKOUT / folder / name):
        if place.is_file():
            return place
    raise InputError(f"no shipped file {folder}/{name}", "install fleetbench again")
