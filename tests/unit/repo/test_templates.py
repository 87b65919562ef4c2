"""Plain expressions in flux-operator's templates."""

from __future__ import annotations

import contextlib
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.repo.files.yamltext import load
from fleetbench.repo.resource_sets.template_values import MAX_TEXT, NotPlain
from fleetbench.repo.resource_sets.templates import rendered

INPUTS: dict[str, Any] = {
    "tenant": "team1",
    "version": "6.7.x",
    "replicas": 2,
    "count": "3",
    "share": 1.5,
    "on": True,
    "off": False,
    "none": None,
    "empty": "",
    "app": {"name": "podinfo", "tags": ["a", "b"]},
    "quoted": 'say "hi" \\ bye',
    "large": 2**63,
    "sharp": "straße",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("nothing to fill in", "nothing to fill in"),
        ("x-<< inputs.tenant >>-y", "x-team1-y"),
        ("<<inputs.tenant>><< inputs.app.name >>", "team1podinfo"),
        ("<< inputs.replicas >> << inputs.share >> << inputs.on >>", "2 1.5 true"),
        ("a\n  <<- inputs.tenant ->>  \n b", "ateam1b"),
        ("<< inputs.version | quote >>", '"6.7.x"'),
        ("<< quote inputs.replicas >>", '"2"'),
        ("<< inputs.quoted | quote >>", '"say \\"hi\\" \\\\ bye"'),
        ("<< inputs.version | squote >>", "'6.7.x'"),
        ("<< inputs.count | int >>", "3"),
        ('<< get inputs "tenant" | default "x" >>', "team1"),
        ('<< get inputs "ns" | default inputs.tenant >>', "team1"),
        ('<< get inputs "ns" | default (printf "pr-%s-%d" inputs.tenant inputs.replicas) >>', "pr-team1-2"),
        ('<< default "d" inputs.empty >> << default "d" inputs.off >>', "d d"),
        ('<< get inputs.app "name" | upper | trunc 3 >>', "POD"),
        ('<< inputs.tenant | replace "team" "t" >>', "t1"),
        ('<< inputs.tenant | trimPrefix "team" >><< inputs.tenant | trimSuffix "1" | lower >>', "1team"),
        ("<< inputs.tenant | slugify >>", "team1"),
        ("app: << inputs.app | toYaml | nindent 2 >>", "app: \n  name: podinfo\n  tags:\n  - a\n  - b\n  "),
        ("<< `<<` >>", "<<"),
        ('<< ">>" >>', ">>"),
    ],
)
def test_a_plain_expression_becomes_the_value_of_its_inputs(template: str, text: str) -> None:
    assert rendered(template, INPUTS) == text


@pytest.mark.parametrize(
    "template",
    [
        '<< with inputs.app >><< .name >><< end >>',
        '<< define "x" >>x<< end >>',
        "<< .tenant >>",
        "<< tenant >>",
        "<< inputs.absent >>",
        "<< inputs.tenant.absent >>",
        "<< inputs.app.absent >>",
        "<< inputs.app >>",
        "<< inputs.app.tags >>",
        "<< inputs.none >>",
        "<< inputs >>",
        "<< env \"HOME\" >>",
        "<< randAlpha 5 >>",
        "<< inputs.tenant | sha256sum >>",
        "<< inputs.tenant inputs.tenant >>",
        "<< inputs.tenant | inputs.tenant >>",
        "<< quote >>",
        "<< default >>",
        "<< inputs.my-tenant >>",
        "<< inputs.tenant",
        "<< >>",
        "<< ( inputs.tenant >>",
        "<< inputs.tenant ) >>",
        "<< inputs.version | slugify >>",
        "<< inputs.version | int >>",
        "<< inputs.tenant | toYaml >>",
        "<< inputs.tenant | indent 1000000000 >>",
        "<< inputs.tenant | indent inputs.share >>",
        "<< inputs.tenant | indent inputs.replicas >>",
        "<< inputs.tenant | trunc 010 >>",
        '<< printf "%s%s" "a""b" >>',
        "<< quote(inputs.tenant) >>",
        "<< inputs.large >>",
        "<< upper inputs.sharp >>",
        '<< printf "%s" >>',
        '<< printf "%q" inputs.tenant >>',
        '<< "\\x41" >>',
        '<< "\\/" >>',
        "<< /* a comment */ >>",
        "cat <<EOF\nx\nEOF\n",
        f"<< {'(' * 1000}inputs.tenant{')' * 1000} >>",
    ],
)  # fmt: skip
def test_what_is_more_than_a_plain_expression_is_refused_not_guessed(template: str) -> None:
    with pytest.raises(NotPlain):
        rendered(template, INPUTS)


def test_a_template_that_doubles_its_text_again_and_again_is_refused_before_it_fills_the_memory() -> None:
    doubling = ' | replace "a" "aa"' * 60
    with pytest.raises(NotPlain, match="replace"):
        rendered(f"<< inputs.a{doubling} >>", {"a": "a"})
    with pytest.raises(NotPlain, match="more than"):
        rendered("<< inputs.a >>" * 100, {"a": "a" * (MAX_TEXT // 50)})
    lists: list[Any] = ["x" * 1000]
    for _ in range(40):
        lists = [lists, lists]
    with pytest.raises(NotPlain, match="more than"):
        rendered("<< inputs.a | toYaml >>", {"a": lists})


@given(st.text(alphabet=string.printable + "<>é\u2028", max_size=80))
def test_any_text_is_filled_in_or_refused(text: str) -> None:
    try:
        found = rendered(text, INPUTS)
    except NotPlain:
        return
    assert "<<" in text or found == text


@given(st.text(alphabet='<>-|( )"`inputs.tenant quote0', max_size=60))
def test_any_likely_text_is_filled_in_or_refused(text: str) -> None:
    with contextlib.suppress(NotPlain):
        rendered(f"<< {text} >>", INPUTS)


@given(st.text(max_size=40).filter(str.isprintable))
def test_a_quoted_input_reads_back_as_itself(value: str) -> None:
    assert load(rendered("a: << inputs.x | quote >>", {"x": value}), "x") == {"a": value}
