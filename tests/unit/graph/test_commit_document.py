"""A commit written into the record of its run is read back as it was; a mistake in it is told with its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.errors import InputError
from fleetbench.graph.commit import Commit, Immutable
from fleetbench.graph.commit_document import from_document, to_document
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization, Workload
from fleetbench.ids import ObjectId
from fleetbench.json_node import Node
from tests.builders import ROOT, ks_id

KINDS = st.sampled_from(["Kustomization", "HelmRelease", "HelmChart", "Deployment", "GitRepository"])
NAMES = st.text("abcdefghij-", min_size=1, max_size=8)
IDS = st.builds(ObjectId, KINDS, NAMES, NAMES)
SETS = st.frozensets(IDS, max_size=4)
COUNTS = st.dictionaries(IDS, st.integers(0, 50), max_size=4)
COMMITS = st.builds(
    Commit,
    changed=SETS,
    applied=COUNTS,
    reconciled=SETS,
    renewed=SETS,
    added=SETS,
    removed=SETS.map(lambda ids: tuple(sorted(ids))),
    kept=COUNTS,
    started=SETS,
    immutable=st.lists(st.builds(Immutable, IDS, NAMES, IDS, st.none() | NAMES, st.none() | st.integers(1, 99)), max_size=3).map(tuple),
    since=st.none() | NAMES,
    notes=st.lists(NAMES, max_size=2).map(tuple),
)  # fmt: skip


@given(COMMITS)
def test_what_is_written_is_read_back(commit: Commit) -> None:
    text = json.dumps(to_document(commit, Fleet(ROOT, (), (), ())))
    assert from_document(Node(json.loads(text), "trace.jsonl", text)) == commit


def test_people_are_told_beside_it_what_is_upgraded_and_whose_pods_are_replaced() -> None:
    id, kept = (ObjectId("Deployment", "apps", name) for name in ("api", "idle"))
    fleet = Fleet(ROOT, (Kustomization(ks_id("api"), workloads=(Workload(id), Workload(kept))),), (), ())
    document = to_document(Commit(frozenset({ks_id("api")}), kept={kept: 2}), fleet)
    assert document["workloads"] == {"replaced": [str(id)], "started": [], "kept": {str(kept): 2}}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"changed": "web"}, "changed: got 'web', wanted a list"),
        ({"workloads": {"kept": {"Deployment/apps/web": "two"}}}, "wanted a whole number"),
        ({"immutable": [{"object": "Deployment/apps/web", "field": "spec.selector"}]}, "immutable[0].by"),
    ],
)
def test_a_mistake_is_told_with_its_place(document: dict[str, object], says: str) -> None:
    with pytest.raises(InputError) as error:
        from_document(Node(document, "trace.jsonl", json.dumps(document)))
    assert says in error.value.message
