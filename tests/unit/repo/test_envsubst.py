"""Flux's substitution functions, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.repo.kustomize.envsubst import BadSubstitution, substitute

VALUES = {"x": "abcABC", "dots": "a.b.c.d", "path": "/home/user/file.tar.gz", "empty": "", "n": "3", "hidden": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${x}", "abcABC"),
        ("a ${x} b ${n}", "a abcABC b 3"),
        ("${x,}", "abcABC"),
        ("${x,,}", "abcabc"),
        ("${x^}", "AbcABC"),
        ("${x^^}", "ABCABC"),
        ("${#x}", "6"),
        ("${x:3}", "ABC"),
        ("${x:1:2}", "bc"),
        ("${x: -2}", "abcABC"),  # no number for Go, of which a shell takes the last two characters
        ("${x:1:2 }", "abcABC"),
        ("${x:1::2}", "bc"),
        ("${x:9:-1}", ""),
        ("${x:10}", ""),
        ("${x:4:10}", "BC"),
        ("${x/b/_}", "a_cABC"),
        ("${dots//./-}", "a-b-c-d"),
        ("${n/3//y}", "y"),  # so many slashes are one delimiter
        ("${dots/.}", "bad"),
        ("${path#*/}", "home/user/file.tar.gz"),
        ("${path##*/}", "file.tar.gz"),
        ("${path%.*}", "/home/user/file.tar"),
        ("${path%%.*}", "/home/user/file"),
        ("${x/#abc/z}", "zABC"),
        ("${x/%ABC/z}", "abcz"),
        ("${none:=d}", "d"),
        ("${none:-d}", "d"),
        ("${none=d}", "d"),
        ("${empty:=d}", "d"),
        ("${x:=d}", "abcABC"),
        ("${none:=}", ""),
        ("${none:=${x}}", "abcABC"),
        ("${none:=a${n}b}", "a3b"),
        ("${none:-http://a/b}", "http://a/b"),
        ("$${x}", "${x}"),
        ("$$x", "$x"),
        ("$x", "$x"),
        ("cost: 5$", "cost: 5$"),
        ("${hidden}", "${hidden}"),
        ("${hidden:=d}", "d"),
        ("${hidden:3}", "${hidden:3}"),
        ("${none}", "${none}"),
        ("${none^^}", "${none^^}"),
        ("${empty}", ""),
    ],
)
def test_a_variable_becomes(text: str, expected: str) -> None:
    if expected == "bad":
        with pytest.raises(BadSubstitution):
            substitute(text, VALUES, lambda name: None)
    else:
        assert substitute(text, VALUES, lambda name: None) == expected


@pytest.mark.parametrize(
    "text", ["${", "${}", "${x", "${x!}", "${-x}", "${x:}", "${x#}", "${x:=a", "${x:é}", "${x:0:-1}"]
)
def test_what_flux_refuses_is_refused(text: str) -> None:
    with pytest.raises(BadSubstitution):
        substitute(text, VALUES, lambda name: None)


def test_variables_without_a_value_are_reported() -> None:
    told: list[str] = []
    substitute("${none} ${other:=d} ${hidden} ${x} ${none}", VALUES, told.append)
    assert told == ["none", "hidden", "none"]


@given(st.text().filter(lambda t: "$" not in t))
def test_text_without_a_dollar_stays(text: str) -> None:
    assert substitute(text, {}, lambda name: None) == text


@given(st.text())
def test_doubled_dollars_come_back_single(text: str) -> None:
    assert substitute(text.replace("$", "$$"), {}, lambda name: None) == text
