"""DOT, Mermaid and GraphML: every edge, names escaped."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import networkx as nx
import pytest

from fleetbench.graph.export import to_dot, to_graphml, to_mermaid
from fleetbench.graph.fleet import Fleet
from tests.builders import fleet, hr, ks, ks_id

SMALL = fleet(ks("a"), ks("b", "a", "gone"), hr("r", "b"))
NASTY = 'x"];evil[label="\\\x1b[31m<b>&\n'


def nasty() -> Fleet:
    return fleet(replace(ks("a"), id=ks_id(NASTY)))


def test_graphml_reads_back_with_every_edge_and_its_kind() -> None:
    graph = nx.parse_graphml(to_graphml(SMALL, [ks_id("a")]))
    found = {(a.split("/")[-1], b.split("/")[-1], data["kind"]) for a, b, data in graph.edges(data=True)}
    assert found == {
        ("flux-system", "a", "creates"),
        ("flux-system", "b", "creates"),
        ("b", "r", "creates"),
        ("a", "b", "dependsOn"),
        ("gone", "b", "dependsOn"),
    }
    assert graph.nodes["Kustomization/flux-system/gone"]["exists"] is False
    assert graph.nodes["Kustomization/flux-system/b"]["layer"] == 1
    assert graph.nodes["Kustomization/flux-system/a"]["critical"] is True


def test_graphml_of_a_hostile_name_is_still_xml() -> None:
    assert len(nx.parse_graphml(to_graphml(nasty())).nodes) == 2


def test_dot_draws_a_missing_target_apart() -> None:
    text = to_dot(SMALL, [ks_id("a")])
    assert '"Kustomization/flux-system/gone" [label="flux-system/gone", style=dashed, color=red];' in text
    assert '"Kustomization/flux-system/a" -> "Kustomization/flux-system/b";' in text
    assert '"Kustomization/flux-system/a" [label="flux-system/a", penwidth=3];' in text


def test_dot_keeps_a_hostile_name_inside_its_quotes() -> None:
    text = to_dot(nasty())
    assert '\\"];evil[label=\\"' in text
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(to_dot(fleet(ks("a"))).splitlines())


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_accepts_a_hostile_name() -> None:
    subprocess.run(["dot", "-Tplain"], input=to_dot(nasty()), text=True, check=True, capture_output=True)


def test_mermaid_draws_both_kinds_of_edges_and_keeps_names_as_text() -> None:
    lines = to_mermaid(SMALL).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n0["flux-system/a"]' in lines
    assert sum(" --> " in line for line in lines) == 2
    assert sum(" -.-> " in line for line in lines) == 3
    hostile = to_mermaid(nasty())
    assert "#34;#93;#59;evil#91;" in hostile
    assert "<b>" not in hostile
