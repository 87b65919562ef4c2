"""Conditions, ranges and variables in flux-operator's templates."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.repo.resource_sets.template_values import MAX_TEXT, NotPlain
from fleetbench.repo.resource_sets.templates import Effort, rendered

INPUTS: dict[str, Any] = {
    "name": "web",
    "url": "oci://registry/web",
    "n": 2,
    "zero": 0,
    "half": 0.5,
    "two": 2.0,
    "on": True,
    "off": False,
    "none": None,
    "blank": "",
    "list": ["a", "b", "c"],
    "nothing": [],
    "map": {"b": 1, "a": 2, "Z": 3},
    "numbers": {1: "x"},
    "apps": [{"name": "x", "envs": [{"name": "dev"}, {"name": "prod"}]}, {"name": "y", "envs": []}],
}


def _said(condition: str, inputs: dict[str, Any] = INPUTS) -> str:
    return rendered(f"<< if {condition} >>yes<< else >>no<< end >>", inputs)


@pytest.mark.parametrize(
    "condition",
    [
        "inputs.name", "inputs.on", "inputs.n", "inputs.half", "inputs.list", "inputs.map", "true", "1", '"x"',
        "not inputs.off", "not inputs.none", "not (inputs.off)",
        'eq inputs.name "web"', 'eq inputs.name "api" "web"', 'inputs.name | eq "web"', "eq inputs.n 2", "eq inputs.on true",
        "eq inputs.none inputs.none", 'ne inputs.name "api"', 'ne inputs.none "x"', "eq inputs.half inputs.half",
        "lt inputs.n 3", "le inputs.n 2", "gt inputs.n 1", "ge inputs.n 2", 'lt "a" inputs.name', "gt (len inputs.list) 2",
        'hasKey inputs "name"', 'not (hasKey inputs "absent")', 'hasKey inputs.map "Z"',
        'has "b" inputs.list', 'not (has "d" inputs.list)', 'not (has "d" inputs.none)',
        "empty inputs.nothing", "empty inputs.zero", "not (empty inputs.map)",
        "eq (len inputs.name) 3", "eq (len inputs.map) 3", "eq (len inputs.nothing) 0",
        'index inputs "name"', 'not (index inputs "absent")', 'eq (index inputs.list 1) "b"', "(index inputs.apps 0).name",
        'hasPrefix "oci://" inputs.url', 'hasSuffix "web" inputs.url', 'contains "registry" inputs.url',
        "and inputs.on inputs.name", "or inputs.off inputs.blank inputs.name", "not (and inputs.on inputs.off)",
        'not (and (hasKey inputs "absent") inputs.absent)', "or inputs.on inputs.absent",
    ],
)  # fmt: skip
def test_a_condition_is_true_where_go_says_so(condition: str) -> None:
    assert _said(condition) == "yes"
    assert _said(f"not ({condition})") == "no"


@pytest.mark.parametrize(
    "condition", ["inputs.zero", "inputs.off", "inputs.none", "inputs.blank", "inputs.nothing", "0"]
)
def test_what_is_empty_is_false(condition: str) -> None:
    assert _said(condition) == "no"


@pytest.mark.parametrize(
    "condition",
    [
        "inputs.absent", "inputs.map.absent", "inputs.none.x", "or inputs.off inputs.absent", "and inputs.on inputs.absent",
        "eq inputs.n inputs.name", "eq inputs.n inputs.half", "eq inputs.two 2", "eq inputs.on 1", "eq inputs.list inputs.list",
        'eq inputs.map "x"', "eq inputs.n", "eq", "ne inputs.n 1 2", "lt inputs.on inputs.off", "lt inputs.none 1", 'lt 1 "a"',
        'hasKey inputs.none "x"', "hasKey inputs.map 1", 'hasKey inputs.numbers "1"', 'has "x" inputs.name', "has 1 inputs.list",
        "len inputs.none", "len inputs.n", "index inputs.list 3", "index inputs.list -1", 'index inputs.list "a"',
        "index inputs.none 1", 'hasPrefix "x" inputs.n', "not inputs.on inputs.off", "not", "and", "inputs.on | and true",
        "and inputs.on nil", "1.5", "$x", ".name", "inputs .name", '"a".x', "true(inputs.on)", 'eq"a" "a"', "(inputs.on",
        "inputs.on)", "inputs.on |", "| inputs.on", "",
    ],
)  # fmt: skip
def test_a_condition_that_go_refuses_or_that_is_not_understood_is_not_guessed(condition: str) -> None:
    with pytest.raises(NotPlain):
        _said(condition)


@pytest.mark.parametrize(("name", "text"), [("a", "first"), ("b", "second"), ("c", "third"), ("d", "last")])
def test_the_first_branch_that_is_true_counts(name: str, text: str) -> None:
    chain = '<< if eq inputs.x "a" >>first<< else if eq inputs.x "b" >>second<< else if eq inputs.x "c" >>third'
    assert rendered(f"{chain}<< else >>last<< end >>", {"x": name}) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("<< range inputs.list >>x<< end >>", "xxx"),
        ("<< range inputs.list >><< . >>,<< end >>", "a,b,c,"),
        ("<< range inputs.apps >><< .name >><< range .envs >>-<< .name >><< end >>;<< end >>", "x-dev-prod;y;"),
        ("<< range $x := inputs.list >><< $x >>,<< end >>", "a,b,c,"),
        ("<< range $i, $x := inputs.list >><< $i >><< $x >>,<< end >>", "0a,1b,2c,"),
        ("<< range $k, $v := inputs.map >><< $k >>=<< $v >>,<< end >>", "Z=3,a=2,b=1,"),
        ("<< range $v := inputs.map >><< $v >>,<< end >>", "3,2,1,"),
        ("<< range $x := inputs.nothing >>x<< else >>none<< end >>", "none"),
        ("<< range $x := inputs.none >>x<< end >>.", "."),
        ("<< range $a := inputs.apps >><< range $e := $a.envs >><< $a.name >>-<< $e.name >>,<< end >><< end >>", "x-dev,x-prod,"),
        ("<< range $i, $x := inputs.list >><< if $i >>,<< end >><< $x >><< end >>", "a,b,c"),
        ("<< $n := inputs.name >><< range $x := inputs.list >><< $n >><< $x >><< $n := $x >><< $n >>,<< end >><< $n >>",
         "webaa,webbb,webcc,web"),
        ("<< if $n := inputs.name >><< $n >><< end >>", "web"),
        ("<< $x := 1 >><< if true >><< $x := 2 >><< $x >><< end >><< $x >>", "21"),
    ],
)  # fmt: skip
def test_a_range_goes_over_lists_in_order_and_over_objects_by_key(template: str, text: str) -> None:
    assert rendered(template, INPUTS) == text


@pytest.mark.parametrize(
    "template",
    [
        "<< range inputs.name >>x<< end >>", "<< range inputs.n >>x<< end >>", "<< range 1000000000 >>x<< end >>",
        "<< range inputs.numbers >>x<< end >>", "<< range $a, $b, $c := inputs.list >>x<< end >>", "<< $a, $b := inputs.list >>",
        "<< range inputs.list >>x", "<< end >>", "<< else >>", "<< if true >><< else >><< else >><< end >>",
        "<< range inputs.list >><< else if true >><< end >>", "<< if true >><< end x >>", "<< if true >><< else x >><< end >>",
        "<< range inputs.list >><< break >><< end >>", "<< range inputs.list >><< continue >><< end >>",
        "<< range $x := inputs.list >><< end >><< $x >>", "<< if true >><< $x := 1 >><< end >><< $x >>",
        "<< range inputs.list >><< end >><< . >>", "<< $x = 1 >>", "<< $x := 1 >><< $x = 2 >>", "<< $x := $x >>", "<< $ >>",
        "<< range $x := inputs.apps >><< $x >><< end >>", "<< range $x := inputs.apps >><< $x.absent >><< end >>",
        "<< if true >><< sha256sum inputs.name >><< end >>", "<< iff true >><< end >>", '<< if"x" >><< end >>',
    ],
)  # fmt: skip
def test_a_block_that_go_refuses_or_that_is_not_understood_is_not_guessed(template: str) -> None:
    with pytest.raises(NotPlain):
        rendered(template, INPUTS)


def test_what_a_branch_that_is_not_taken_names_need_not_be_there() -> None:
    assert rendered("<< if inputs.off >><< inputs.absent >><< end >>x", INPUTS) == "x"
    with pytest.raises(NotPlain):
        rendered("<< if inputs.on >><< inputs.absent >><< end >>x", INPUTS)


def test_blanks_go_on_the_side_of_the_mark_alone() -> None:
    assert rendered("a \n <<- if true >> \n b \n <<- end >> \n c", {}) == "a \n b \n c"
    assert rendered("a \n << if true ->> \n b \n << end ->> \n c", {}) == "a \n b \n c"
    assert rendered("a\n<< if false ->> b <<- else ->> c <<- end ->>\n d", {}) == "a\ncd"


def test_an_optional_list_becomes_the_yaml_that_is_meant() -> None:
    template = "spec:\n  <<- if inputs.on >>\n  dependsOn:\n  <<- range $d := inputs.list >>\n    - name: << $d >>\n  <<- end >>\n  <<- end >>\n  wait: true"
    text = "spec:\n  dependsOn:\n    - name: a\n    - name: b\n    - name: c\n  wait: true"
    assert rendered(template, INPUTS) == text
    assert rendered(template, {**INPUTS, "on": False}) == "spec:\n  wait: true"


def test_what_is_not_understood_is_named_with_the_block_in_which_it_stands() -> None:
    for template, shown in (
        ("a << if inputs.on >> b", "<< if inputs.on >> is more"),
        ("<< if inputs.on ->><< with inputs.on ->><< end >><< end >>", "<< with inputs.on >> is more"),
        ("<< range $x := inputs.n >><< end >>", "<< range $x := inputs.n >> goes over what is no list or object"),
        ("<< range $x := inputs.apps >><< $x.y.z >><< end >>", "<< $x.y.z >> names an input that is not there"),
        ("<< range inputs.apps >><< .y >><< end >>", "<< .y >> names an input that is not there"),
    ):
        with pytest.raises(NotPlain) as raised:
            rendered(template, INPUTS)
        assert shown in str(raised.value)


# --- hostile -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "template",
    [
        "<< if true >>" * 50_000 + "<< end >>" * 50_000,
        "<< range inputs.list >>" * 50_000,
        "<< range inputs.list >>" * 20 + "<< end >>" * 20,
        "<< range inputs.list >>" * 15 + "x" + "<< end >>" * 15,
        "<< range inputs.list >>" * 15 + "<< $x := upper inputs.name >>" + "<< end >>" * 15,
        "<< if " + "(" * 50_000 + "true" + ")" * 50_000 + " >><< end >>",
        "<< if not " + "(not " * 50_000 + "true" + ")" * 50_000 + " >><< end >>",
        "".join(f"<< $v{n} := 1 >>" for n in range(10_000)),
    ],
)
def test_deep_nesting_and_endless_ranges_are_refused(template: str) -> None:
    with pytest.raises(NotPlain):
        rendered(template, INPUTS, Effort(50_000))


def test_a_function_of_large_values_again_and_again_is_refused_before_it_takes_minutes() -> None:
    inputs = {"list": ["x" * 20] * 1000, "large": "a" * 100_000}
    for command in ("upper inputs.large", "toYaml inputs.list", "eq inputs.large inputs.large"):
        with pytest.raises(NotPlain, match="steps"):
            rendered(f"<< range inputs.list >><< $x := {command} >><< end >>", inputs)
    with pytest.raises(NotPlain, match="characters"):
        rendered("<< range inputs.list >><< inputs.large >><< end >>", inputs)


def test_a_long_chain_of_branches_is_no_deep_one() -> None:
    chain = "".join(f"<< else if eq inputs.n {n} >>{n}" for n in range(5_000))
    assert rendered(f"<< if false >>{chain}<< end >>", {"n": 4_999}) == "4999"


# --- properties --------------------------------------------------------------------------------------------------

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-2, 2, allow_nan=False)
    | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=12,
)
_WORDS = st.sampled_from(
    ["inputs", "inputs.a", "inputs.b.c", "$x", "$x.a", "$i", ".", ".a", "1", "true", '"a"', "(", ")", "|", "not", "and", "or",
     "eq", "ne", "lt", "len", "index", "has", "hasKey", "empty", "get", "quote", "toYaml", ":=", "$x :=", "$i, $x :=", ","]
)  # fmt: skip
_PIPELINES = st.one_of(
    st.sampled_from(
        ["inputs.a", "$x", "hasKey inputs `b`", "eq inputs.a `a`", "not inputs.a", "index inputs `a`", "."]
    ),
    st.lists(_WORDS, min_size=1, max_size=6).map(" ".join),
)
_ENDS = st.sampled_from(["<< end >>", "<<- end ->>", "<< else >>-<< end >>", "<< else if inputs.b >>+<< end >>", ""])


def _in_a_block(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    heads = st.sampled_from(["<< if {} >>", "<<- range {} ->>", "<< range $x := {} >>", "<< range $i, $x := {} >>"])
    block = st.tuples(heads, _PIPELINES, inner, _ENDS).map(lambda b: b[0].format(b[1]) + b[2] + b[3])
    return block | st.lists(inner, max_size=3).map("".join)


_TEMPLATES = st.recursive(_PIPELINES.map("<< {} >>".format) | st.sampled_from(["x", " \n "]), _in_a_block, max_leaves=8)


@given(_TEMPLATES, st.dictionaries(st.sampled_from("abc"), _VALUES, max_size=3))
def test_any_nesting_is_filled_in_or_refused_and_stays_within_its_limits(template: str, inputs: dict[str, Any]) -> None:
    before, effort = json.dumps(inputs), Effort(10_000)
    with contextlib.suppress(NotPlain):
        assert len(rendered(template, inputs, effort)) <= min(MAX_TEXT, 10_000 * (len(template) + 100))
    assert json.dumps(inputs) == before


@given(_VALUES)
def test_a_value_is_either_true_or_its_negation_is(value: Any) -> None:
    inputs = {"x": value}
    assert _said("inputs.x", inputs) == ("yes" if value else "no")
    assert _said("not inputs.x", inputs) == _said("empty inputs.x", inputs) == ("no" if value else "yes")


@given(st.dictionaries(st.text(max_size=5), st.just("v"), max_size=6))
def test_an_object_is_gone_over_in_the_order_of_its_bytes(value: dict[str, str]) -> None:
    seen = rendered(
        "<< range $k, $v := inputs.x >><< $k | quote >>,<< end >>",
        {"x": {k: v for k, v in value.items() if k.isprintable()}},
    )
    expected = sorted((k for k in value if k.isprintable()), key=lambda k: k.encode())
    escaped = (k.replace("\\", "\\\\").replace('"', '\\"') for k in expected)
    assert seen == "".join(f'"{k}",' for k in escaped)


@given(
    st.lists(
        st.sampled_from(["x", " ", "\n", "<< inputs.a >>", "<<- inputs.a ->>", "<< inputs.a | quote >>"]), max_size=8
    )
)
def test_a_block_that_is_always_taken_changes_nothing(parts: list[str]) -> None:
    text, inputs = "".join(parts), {"a": "v"}
    inside = rendered(text, inputs)
    assert rendered(f"<< if true >>{text}<< end >>", inputs) == inside
    assert rendered(f"<< range $x := inputs.l >>{text}<< end >>", {**inputs, "l": [1, 2]}) == inside * 2
    assert rendered(f"<< if false >>{text}<< end >>", inputs) == ""
