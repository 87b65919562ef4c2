"""Generated input at the readers' own doors: each ends in a value or in its one kind of error, never in another.

``FLEETBENCH_EXAMPLES=5000 pytest tests/fuzz/test_generated.py`` is the long run.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetbench.errors import BRIEF, InputError, briefly
from fleetbench.findings import Finding
from fleetbench.graph.document import from_document, read_document, to_document
from fleetbench.ids import parse_object
from fleetbench.model.profile import load_durations, load_profile
from fleetbench.repo.files.tree import Escapes, Unreadable, join, spec_path
from fleetbench.repo.files.yamltext import decode, documents
from fleetbench.repo.kustomize import envsubst
from fleetbench.report.inert import inert
from fleetbench.runs.files import read_run
from fleetbench.units import format_duration, parse_duration, parse_seconds
from tests.fuzz import hostile
from tests.fuzz.worker import harmful_in

EXAMPLES = int(os.environ.get("FLEETBENCH_EXAMPLES", "60"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=10_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

TEXT = st.one_of(st.text(max_size=20), st.sampled_from(hostile.TEXTS + hostile.DURATIONS))
NUMBER = st.one_of(st.integers(), st.floats(), st.sampled_from(hostile.NUMBERS))
SCALAR = st.one_of(st.none(), st.booleans(), NUMBER, TEXT)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
NAME = st.sampled_from(["a/a", "a/b", "b/a", "flux-system/flux-system", "x", "Kind/a/b", "/", "a/", ""])
OBJECT = st.fixed_dictionaries(
    {"id": st.one_of(NAME, JSON)},
    optional={
        "parent": st.one_of(NAME, SCALAR),
        "depends_on": st.one_of(st.lists(NAME, max_size=4), JSON),
        "wait": st.one_of(st.booleans(), SCALAR),
        "suspend": st.one_of(st.booleans(), SCALAR),
        "interval_s": NUMBER,
        "timeout_s": st.one_of(NUMBER, SCALAR),
        "retry_interval_s": NUMBER,
        "source": st.one_of(st.just("GitRepository/a/b"), SCALAR),
        "applies": NUMBER,
        "ready_exprs": JSON,
        "dependency_makers": JSON,
        "workloads": st.one_of(
            st.lists(st.fixed_dictionaries({"object": st.one_of(st.just("Deployment/a/b"), JSON)}, optional={"replicas": NUMBER, "images": JSON, "stated_ready_s": NUMBER})),
            JSON,
        ),
        "needs": JSON,
        "health_checks": JSON,
    },
)  # fmt: skip
GRAPH = st.fixed_dictionaries(
    {"kustomizations": st.one_of(st.lists(OBJECT, max_size=4), JSON)},
    optional={
        "helmreleases": st.one_of(st.lists(OBJECT, max_size=3), JSON),
        "sources": JSON,
        "controller_flags": JSON,
        "controller_shards": JSON,
        "root": st.one_of(NAME, SCALAR),
        "format_version": st.one_of(st.just(1), SCALAR),
        "name": SCALAR,
    },
)


@fuzz
@given(GRAPH)
def test_a_graph_file_is_read_or_refused_and_what_was_read_can_be_written_and_read_again(document: Any) -> None:
    from fleetbench.graph.checks import check

    try:
        fleet = read_document(json.dumps(document), "graph.json")
    except InputError:
        return
    findings = check(fleet)
    assert all(isinstance(f, Finding) for f in findings)
    written = to_document(fleet, findings)
    assert to_document(from_document(json.loads(json.dumps(written)), "again"), findings) == written


@fuzz
@given(
    st.one_of(
        st.text(max_size=200), st.sampled_from(hostile.YAML_SNIPPETS), JSON.map(lambda v: json.dumps(v, default=str))
    )
)
def test_yaml_is_read_or_said_to_be_unreadable(text: str) -> None:
    try:
        found = documents(decode(text.encode("utf-8", "surrogatepass"), "f.yaml"), "f.yaml")
    except Unreadable as error:
        assert error.path == "f.yaml" and error.reason
        return
    assert all(line >= 1 for line, _ in found)


@fuzz
@given(st.one_of(st.dictionaries(st.one_of(NAME, TEXT), st.one_of(SCALAR, JSON), max_size=4), JSON), st.booleans())
def test_a_durations_file_or_profile_is_read_or_refused(tmp_path: Path, content: Any, profile: bool) -> None:
    file = tmp_path / "belief.yaml"
    file.write_text(
        json.dumps({"format_version": 1, "kinds": content, "objects": content} if profile else content),
        encoding="utf-8",
    )
    try:
        load_profile(file) if profile else load_durations(file)
    except InputError as error:
        assert str(file) in error.message or "--profile" in error.message


EVENT = st.fixed_dictionaries(
    {"t_s": st.one_of(NUMBER, SCALAR), "object": st.one_of(NAME, JSON)},
    optional={"status": st.one_of(st.sampled_from(["True", "False", "Unknown"]), JSON), "reason": SCALAR, "message": SCALAR, "generation": NUMBER, "observed": NUMBER, "revision": SCALAR, "attempt": NUMBER},
)  # fmt: skip
HEADER = st.fixed_dictionaries(
    {"format_version": st.just(1), "graph": st.just({"kustomizations": [{"id": "a/a"}]})},
    optional={"flags": JSON, "meta": JSON, "limit_s": SCALAR},
)
ROW = st.one_of(
    EVENT,
    st.fixed_dictionaries({"end": st.one_of(JSON, st.fixed_dictionaries({"until_s": NUMBER}))}),
    st.fixed_dictionaries({"note": JSON}),
    JSON,
)


@fuzz
@given(HEADER, st.lists(ROW, max_size=5), st.integers(0, 40))
def test_a_trace_is_read_as_far_as_it_goes_or_refused(tmp_path: Path, header: Any, rows: list[Any], torn: int) -> None:
    from fleetbench.report.reading import result_of_run

    file = tmp_path / "trace.jsonl"
    text = "\n".join(json.dumps(row) for row in [header, *rows])
    file.write_text(text[: len(text) - torn], encoding="utf-8")
    try:
        result_of_run(read_run(file))
    except InputError:
        return


EXPRESSION = st.lists(
    st.sampled_from(
        [
            "$",
            "${",
            "}",
            "a",
            "b",
            ":",
            "-",
            "=",
            "+",
            "?",
            "#",
            "%",
            "/",
            "^",
            ",",
            "*",
            "[",
            "]",
            "\\",
            "1",
            " ",
            "$$",
            "\n",
            "💥",
        ]
    ),
    max_size=40,
)


@fuzz
@given(EXPRESSION.map("".join), st.dictionaries(st.sampled_from(["a", "b"]), TEXT, max_size=2))
def test_a_substitution_is_filled_in_or_said_to_be_bad(text: str, values: dict[str, str]) -> None:
    try:
        found = envsubst.substitute(text, values, lambda name: None)
    except envsubst.BadSubstitution:
        return
    assert isinstance(found, str)


@fuzz
@given(st.one_of(TEXT, NUMBER, JSON))
def test_a_time_is_seconds_or_a_value_error(value: Any) -> None:
    for read in (parse_duration, parse_seconds):
        try:
            seconds = read(value)
        except ValueError as error:
            assert len(str(error)) < 400
            continue
        assert 0 <= seconds < 1e10 and format_duration(seconds)


@fuzz
@given(st.one_of(TEXT, NAME))
def test_an_object_is_named_or_a_value_error(text: str) -> None:
    try:
        id = parse_object(text)
    except ValueError:
        return
    assert parse_object(str(id)) == id


@fuzz
@given(TEXT, st.lists(st.sampled_from(["..", ".", "a", "b", "", "/", "~", "%2e%2e"]), max_size=8).map("/".join))
def test_no_path_leads_out_of_the_tree(directory: str, path: str) -> None:
    for found in (spec_path(path), spec_path(directory)):
        assert not found.startswith("/") and ".." not in found.split("/")
    try:
        joined = join("a/b", path)
    except Escapes:
        return
    assert not joined.startswith("/") and ".." not in joined.split("/")


@fuzz
@given(st.text())
def test_inert_text_steers_nothing_and_says_it_once(text: str) -> None:
    shown = inert(text)
    assert harmful_in(shown) is None and "\n" not in shown
    assert inert(shown) == shown


@fuzz
@given(JSON)
def test_any_value_is_shown_briefly(value: Any) -> None:
    assert len(briefly(value)) <= BRIEF


def test_a_value_of_any_depth_is_shown_briefly() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert len(briefly(deep)) < 100
    with pytest.raises(ValueError, match="wanted a duration"):
        parse_duration(deep)
    while isinstance(deep, list):  # taken apart by hand: freeing it at once would recurse
        deep = deep[0]
