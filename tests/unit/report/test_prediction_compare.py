"""Waves against fine: only where everything comes up in both."""

from io import StringIO

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from fleetbench.graph.fleet import Fleet
from fleetbench.model.assemble import Choice
from fleetbench.prediction.document import compare, why_pieces
from fleetbench.prediction.predict import predict
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.markdown import prediction_markdown
from fleetbench.report.prediction import tables
from fleetbench.timeline.causes import IN_CHAIN, MEANING
from tests.builders import fleet, hr, hr_id, ks, ks_id, scenario


def test_a_rollout_that_does_not_come_up_is_no_fast_one():
    of = fleet(ks("a"), ks("b", "a"))
    whole = predict(scenario(of, {"a": 10.0, "b": 10.0}), 3)
    failing = predict(scenario(of, {"a": 10.0, "b": 10.0}, fail=frozenset({ks_id("a")}), until_s=600.0), 3)
    found = compare({"fine": whole, "waves": failing})
    assert (found["speed_up_p50"], found["samples_compared"]) == (None, 0)
    assert compare({"fine": whole, "waves": whole})["speed_up_p50"] == 1.0


def drawn(part: RenderableType, width: int) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


def said(of: Fleet) -> list[str]:
    parts = tables(predict_strategies(of, Choice(), samples=2))
    return [part.plain.strip() for part in parts if isinstance(part, Text)]


@pytest.mark.parametrize("of", [fleet(), fleet(hr("a", "flux-system"))])
def test_without_a_kustomization_to_lay_out_both_strategies_are_one_and_said_to_be_so(of: Fleet):
    lines = said(of)
    assert "There is no Kustomization below the root to lay out in waves: both strategies are the same." in lines
    assert not any("times as fast" in line for line in lines)
    assert "Ready, fine" in lines and "Ready, waves" not in lines


def test_without_any_order_a_single_wave_is_no_comparison():
    lines = said(fleet(ks("a"), ks("b")))
    assert any(line.startswith("No order between services, hence a single wave: ") for line in lines)
    assert not any("times as fast" in line for line in lines)
    assert any("times as fast" in line for line in said(fleet(ks("a"), ks("b", "a"))))


def test_each_cause_that_occurs_is_explained_where_it_is_printed():
    result = predict_strategies(fleet(ks("a")), Choice(), "fine", samples=2)
    text = "\n".join(drawn(part, 200) for part in tables(result, chain_only=True))
    occurring = {piece.cause for piece in why_pieces(result.predictions["fine"])}
    assert {cause for cause in IN_CHAIN if MEANING[cause] in text} == occurring
    assert {cause for cause in IN_CHAIN if MEANING[cause] in prediction_markdown(result)} == occurring


def test_a_release_that_a_commit_leaves_as_it_is_is_not_said_to_take_no_time():
    of = fleet(ks("data"), hr("redis", "data"), hr("postgres", "data"))
    choice = Choice(kind="commit", webhook=True, changed=frozenset({ks_id("data"), hr_id("redis")}))
    text = "\n".join(drawn(part, 200) for part in tables(predict_strategies(of, choice, "fine", samples=2)))
    assert "Not changed by the commit, so Ready all along: HelmRelease/postgres" in text
    assert "HelmRelease/redis" in text.partition("Ready, fine")[2].partition("Not changed")[0]
