"""Traces may come from anywhere: what is wrong with one is said with its place, never in Python's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetbench.errors import InputError
from fleetbench.runs.files import read_run
from tests.unit.report.runs import trace_document

LINES = Path(__file__).parents[3] / "results/dev-fine-1/trace.jsonl"


def wrong(change: Callable[[dict[str, Any]], Any], folder: Path) -> str:
    document = trace_document("fine-c4")
    change(document)
    (folder / "t.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_run(folder / "t.json")
    return error.value.message.removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["spec"]["kustomizations"][2].pop("name"), "spec.kustomizations[2].name: got nothing, wanted text"),
        (lambda d: d["spec"]["kustomizations"][1].update(interval="10x"), "interval: got '10x', wanted a duration"),
        (lambda d: d["spec"].update(kustomizations=5), "spec.kustomizations: got 5, wanted a list"),
        (lambda d: d["spec"]["kustomizations"][1].update(pods=["y"]), "pods[0]: got 'y', wanted a duration"),
        (lambda d: d["spec"]["kustomizations"][1].update(dependsOn=[3]), "dependsOn[0]: got 3, wanted text"),
        (lambda d: d.update(flags=5), "flags: got 5, wanted an object"),
        (lambda d: d["flags"].update(kustomize_concurrent="x"), "flags.kustomize_concurrent: got 'x', wanted a value"),
        (
            lambda d: d["flags"].update(shards=[1]),
            "flags.shards: got [1], wanted lists of a kind, a shard and its flags",
        ),
        (lambda d: d.update(limit_s=[]), "limit_s: got [], wanted seconds"),
        (lambda d: d.update(commit={"t": 1.0}), "commit.revision: got nothing, wanted text"),
        (lambda d: d.update(trace=7), "trace: got 7, wanted an object"),
        (lambda d: d["trace"]["GitRepository/flux-system"][0].update(t="x"), "flux-system[0].t: got 'x', wanted sec"),
        (lambda d: d["trace"]["GitRepository/flux-system"][0].update(ready=["True"]), "wanted [status, reason, mes"),
    ],
)
def test_a_mistake_in_a_trace_names_line_field_got_and_wanted(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    message = wrong(change, tmp_path)
    assert said in message and message.startswith("t.json:") and message.split(":")[1].isdigit()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[1, 2, {"a": ', "wanted a trace (JSON) that is whole at least as far as its spec"),
        ("[1, 2]", "t.json: got JSON of another kind, wanted a trace with spec and trace"),
        ("[" * 100_000, "wanted a trace (JSON)"),
    ],
)
def test_a_document_of_another_kind_is_no_trace_whole_or_cut(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_run(tmp_path / "t.json")
    assert said in error.value.message


def test_the_line_that_is_named_is_the_one_that_holds_the_value(tmp_path: Path) -> None:
    message = wrong(lambda d: d["spec"]["kustomizations"][3].update(interval="10x"), tmp_path)
    line = int(message.split(":")[1])
    assert '"interval": "10x"' in (tmp_path / "t.json").read_text().splitlines()[line - 1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"t_s": "x", "object": "ns/a"}', "t.jsonl:3: t_s: got 'x', wanted seconds"),
        ('{"t_s": 1, "object": "zz"}', "t.jsonl:3: object: got 'zz', wanted ns/name"),
        ('{"t_s": "a, wanted b", "object": "ns/a"}', "t.jsonl:3: t_s: got 'a, wanted b', wanted seconds"),
        ('{"note": {"commit": {"t_s": 1}}}', "t.jsonl:3: note.commit.revision: got nothing, wanted text"),
        ("garbage", "t.jsonl:3: got garbage, wanted one JSON object a line"),
    ],
)
def test_a_mistake_in_a_line_of_a_trace_names_the_line_and_the_field(tmp_path: Path, line: str, said: str) -> None:
    lines = LINES.read_text(encoding="utf-8").splitlines()
    (tmp_path / "t.jsonl").write_text("\n".join([*lines[:2], line, *lines[3:9]]), encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_run(tmp_path / "t.jsonl")
    assert said in error.value.message


def test_a_mistake_in_the_graph_of_a_trace_is_on_its_first_line(tmp_path: Path) -> None:
    header = json.loads(LINES.read_text(encoding="utf-8").splitlines()[0])
    header["graph"]["kustomizations"][0]["interval_s"] = "x"
    (tmp_path / "t.jsonl").write_text(json.dumps(header), encoding="utf-8")
    with pytest.raises(InputError, match=r"t.jsonl:1: graph.kustomizations\[0\].interval_s: got 'x', wanted seconds"):
        read_run(tmp_path / "t.jsonl")
