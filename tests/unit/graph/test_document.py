"""Graph files that people write by hand: what may be left out, and what a mistake says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fleetbench.errors import InputError
from fleetbench.graph.document import read_document, to_document
from fleetbench.graph.objects import ControllerFlag, ControllerShard
from fleetbench.ids import HELM_RELEASE, ObjectId
from fleetbench.repo.graph_file import read_with_findings
from tests.builders import fleet, ks


def test_a_fleet_of_one_helmrelease_needs_nothing_but_its_id() -> None:
    fleet = read_document('{"helmreleases": [{"id": "ns/h"}]}', "g.json")
    [release] = fleet.helmreleases
    assert release.id == ObjectId(HELM_RELEASE, "ns", "h") and release.parent == fleet.root
    assert [k.assumed for k in fleet.kustomizations] == [True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a":\n x}', ":2: got no JSON (Expecting value), wanted JSON as `fleetbench graph` writes it"),
        ("", ":1: got an empty file, wanted JSON as `fleetbench graph` writes it"),
        ("[" * 100_000, ": got JSON nested too deeply, wanted JSON as `fleetbench graph` writes it"),
    ],
)
def test_what_is_no_json_is_said_in_one_way_of_a_graph_and_of_a_baseline(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_document(text, "g.json")
    assert error.value.message == f"g.json{said}"
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(InputError) as error:
        read_with_findings(tmp_path / "b.json")
    assert error.value.message == f"{tmp_path}/b.json{said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "g.json:1: kustomizations: got [], wanted a list of objects"),
        ('{"a": 1}', "g.json:1: kustomizations: got an object with a, wanted a list of objects"),
        ('{"kustomizations":\n "x"}', "g.json:2: kustomizations: got 'x', wanted a list"),
        (
            '{"kustomizations": [\n{"id": "a/b"},\n{"id": "a/c",\n"interval_s": "x"}]}',
            "g.json:4: kustomizations[1].interval_s: got 'x', wanted seconds, not negative",
        ),
        ('{"kustomizations": [\n{}]}', "g.json:2: kustomizations[0].id: got nothing, wanted ns/name"),
        (
            '{"kustomizations": [{"id": "a/b"},\n{"id": "a/b"}]}',
            "g.json:2: kustomizations[1].id: got 'Kustomization/a/b', wanted each id once",
        ),
    ],
)
def test_a_mistake_in_a_graph_file_names_line_field_got_and_wanted(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_document(text, "g.json")
    assert error.value.message == said


def test_the_shards_of_the_controllers_are_kept_in_a_graph_file() -> None:
    flag = ControllerFlag("kustomize-controller", "concurrent", "1", "flux.yaml", 3)
    shards = (ControllerShard("kustomize-controller", "one", (flag,)), ControllerShard("helm-controller", "one"))
    fleet = replace(read_document('{"helmreleases": [{"id": "ns/h"}]}', "g.json"), shards=shards)
    assert read_document(json.dumps(to_document(fleet)), "g.json").shards == shards


@pytest.mark.parametrize("retry_interval_s", [None, 3600.0, 60.0])
def test_a_retry_interval_that_nobody_states_is_none_of_a_graph_file_either(retry_interval_s: float | None) -> None:
    k = ks("a", interval_s=3600.0, retry_interval_s=retry_interval_s)
    document = to_document(fleet(k))
    again = read_document(json.dumps(document), "x").kustomization(k.id)
    assert again is not None and again.retry_interval_s == retry_interval_s
    edited = {**document, "kustomizations": [{**d, "retry_interval_s": 45.0} for d in document["kustomizations"]]}
    changed = read_document(json.dumps(edited), "x").kustomization(k.id)
    assert changed is not None and changed.retry_interval_s == 45.0
