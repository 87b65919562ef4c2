"""Parents that are not there, or that come after what they should create."""

from __future__ import annotations

import pytest

from fleetbench.graph.checks import check
from fleetbench.graph.document import read_document


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ('{"id": "ns/a", "parent": "ns/nope"}', "its parent ns/nope is no Kustomization of this fleet"),
        ('{"id": "ns/a", "parent": "ns/a"}', "ns/a: to be created by itself"),
        (
            '{"id": "ns/a", "parent": "ns/b"}, {"id": "ns/b", "parent": "ns/a"}, {"id": "ns/c", "parent": "ns/a"}',
            "ns/a, ns/b: to be created by another of them",
        ),
    ],
    ids=["missing", "itself", "cycle"],
)
def test_an_object_that_nothing_creates_is_an_error_that_names_it(objects: str, said: str) -> None:
    fleet = read_document(f'{{"kustomizations": [{objects}, {{"id": "ns/d"}}]}}', "g.json")
    [finding] = [f for f in check(fleet) if f.severity == "error"]
    assert finding.code == "FB112" and said in finding.message
    assert not [f for f in check(fleet) if f.code == "FB111"]
