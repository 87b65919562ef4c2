"""YAML scalars as go-yaml v3 resolves them, and the guards."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetbench.repo.files.tree import Unreadable
from fleetbench.repo.files.yamltext import decode, documents, dump, load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("0644", 420),
        ("0o17", 15),
        ("0x1f", 31),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("!custom x", "x"),
        ("!!binary aGk=", "hi"),
        ("!!set {b: [1]}", {"b": [1]}),
        ("!!omap [b: 1]", [{"b": 1}]),
        ("!!pairs [b: 1]", [{"b": 1}]),
        ("089", 89.0),
    ],
)
def test_a_scalar_is_what_kubernetes_takes_it_for(text: str, value: object) -> None:
    assert load(f"a: {text}", "f")["a"] == value


@pytest.mark.parametrize("text", ["!!bool x", "!!int ''", "!!float x", "!!binary x", "!!map x"])
def test_a_tag_that_does_not_fit_is_a_problem_of_the_file(text: str) -> None:
    with pytest.raises(Unreadable, match="YAML"):
        load(f"a: {text}", "f")


def test_each_document_carries_the_line_at_which_it_starts() -> None:
    found = documents("# head\n\na: 1\n---\n# second\nb: 2\n---\n", "f")
    assert [line for line, body in found if body] == [3, 6]


def test_a_tag_never_makes_an_object() -> None:
    assert load("a: !!python/object/apply:os.system ['true']", "f") == {"a": ["true"]}


def test_ordinary_anchors_and_merge_keys_work() -> None:
    assert load("base: &b {x: 1}\nmore:\n  <<: *b\n  y: 2\n", "f")["more"] == {"x": 1, "y": 2}


def test_a_bomb_of_merge_keys_is_refused_too() -> None:
    text = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    with pytest.raises(Unreadable, match="aliases"):
        load(text, "f")


@pytest.mark.parametrize("text", ["a: &a {b: *a}", "- &a [1]\n- &a [[*a]]", "a: &a\n  b: &b\n    c: *a\n"])
def test_an_anchor_that_holds_itself_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="got anchor 'a' inside of what it stands for"):
        load(text, "f")


@pytest.mark.parametrize("text", ["- " * 5000 + "x", "{a: " * 3000 + "1" + "}" * 3000, "? " * 3000 + "x"])
def test_any_kind_of_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="nesting"):
        load(text, "f")


def test_bytes_that_are_no_text_are_refused() -> None:
    for content in (b"\xff\xfe\x00", b"a: \x00"):
        with pytest.raises(Unreadable, match="binary"):
            decode(content, "f")


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"]) | st.just("\n")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-_.", min_size=1), inner, max_size=4),
    max_leaves=12,
)


@example("1e3")
@example("0o17")
@given(_VALUES)
def test_what_is_dumped_loads_as_the_same(value: object) -> None:
    assert load(dump({"value": value}), "f") == {"value": value}
