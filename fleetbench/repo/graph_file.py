"""Graph files on disk, those that ship among them: read whole, but never more than a graph can need."""

from __future__ import annotations

from pathlib import Path

from fleetbench.data import shipped
from fleetbench.errors import InputError
from fleetbench.findings import Finding
from fleetbench.graph.checks.recorded import of_reading, recorded
from fleetbench.graph.document import GRAPH_FILE, from_document, read_document
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import FluxVersion
from fleetbench.json_node import parse

MAX_BYTES = 16 << 20
"""A graph file beyond this is no graph (the largest known fleets take a few MB), and reading it takes up to 1 GB."""


def read_graph(path: Path) -> Fleet:
    """The fleet of a graph file.

    Raises:
        InputError: it cannot be read, or is no graph.
    """
    return read_document(graph_text(path), str(path))


def read_with_findings(
    path: Path, flux: FluxVersion | None = None, most: int = MAX_BYTES
) -> tuple[Fleet, list[Finding]]:
    """The fleet of a graph file, and what reading it once brought to light, as the file records it.

    Args:
        path: the file.
        flux: the release that an option names, by which findings are judged.
        most: bytes that it may have.

    Raises:
        InputError: it cannot be read, or is no graph.
    """
    text = graph_text(path, most)
    document = parse(text, path, GRAPH_FILE)
    fleet = from_document(document, str(path), text)
    return fleet, of_reading(recorded(document), fleet, flux)


def reference_graph(env: str = "dev") -> Path:
    """The graph file that ships, of ``dev`` or ``prod``.

    Raises:
        InputError: there is no such one.
    """
    return shipped("graphs", f"fleet-infra-{env}.json")


def reference_fleet(env: str = "dev") -> Fleet:
    """The fleet that ships, ``dev`` or ``prod``.

    Raises:
        InputError: there is no such one.
    """
    return read_graph(reference_graph(env))


def graph_text(path: Path, most: int = MAX_BYTES) -> str:
    """The text of a graph file.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        InputError: it cannot be read, is larger, or is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}", "write one with `fleetbench graph --format json -o FILE`"
        ) from error
    if len(raw) > most:
        raise InputError.at(path, None, None, got=f"more than {most >> 20} MB", wanted="a graph file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError.at(path, line, None, got="bytes that are no UTF-8", wanted="a graph file (JSON)") from None
