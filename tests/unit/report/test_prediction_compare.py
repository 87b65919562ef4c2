"""Waves against fine: only where everything comes up in both."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import FluxVersion
from fleetbench.model.assemble import Choice
from fleetbench.prediction.document import compare, why_pieces
from fleetbench.prediction.predict import predict
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.markdown import prediction_markdown
from fleetbench.report.prediction import tables
from fleetbench.report.remarks import longer
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


def said(of: Fleet, samples: int = 2, **choice: Any) -> list[str]:
    parts = tables(predict_strategies(of, Choice(**choice), samples=samples))
    return [part.plain.strip() for part in parts if isinstance(part, Text)]


@pytest.mark.parametrize("of", [fleet(), fleet(hr("a", "flux-system"))])
def test_without_a_kustomization_to_lay_out_both_strategies_are_one_and_said_to_be_so(of: Fleet):
    lines = said(of)
    assert "There is no Kustomization below the root to lay out in waves: both strategies are the same." in lines
    assert not any("times as long" in line for line in lines)
    assert "Ready, fine" in lines and "Ready, waves" not in lines


def test_without_any_order_a_single_wave_is_no_comparison():
    lines = said(fleet(ks("a"), ks("b")))
    assert any(line.startswith("No order between services, hence a single wave: ") for line in lines)
    assert not any("times as long" in line for line in lines)
    assert any("times as long" in line for line in said(fleet(ks("a"), ks("b", "a"))))


def test_each_cause_that_occurs_is_explained_where_it_is_printed():
    result = predict_strategies(fleet(ks("a")), Choice(), "fine", samples=2)
    text = "\n".join(drawn(part, 200) for part in tables(result, chain_only=True))
    occurring = {piece.cause for piece in why_pieces(result.predictions["fine"])}
    assert {cause for cause in IN_CHAIN if MEANING[cause] in text} == occurring
    assert {cause for cause in IN_CHAIN if MEANING[cause] in prediction_markdown(result)} == occurring


def test_a_release_that_a_commit_leaves_as_it_is_is_not_said_to_take_no_time():
    of = fleet(ks("data"), hr("redis", "data"), hr("postgres", "data"))
    choice = Choice(kind="commit", webhook=True, commit=Commit(frozenset({ks_id("data"), hr_id("redis")})))
    text = "\n".join(drawn(part, 200) for part in tables(predict_strategies(of, choice, "fine", samples=2)))
    assert "Not changed by the commit, so Ready all along: HelmRelease/postgres" in text
    assert "HelmRelease/redis" in text.partition("Ready, fine")[2].partition("Not changed")[0]


@pytest.mark.parametrize(
    ("ratio", "sentence"),
    [
        ((1.1, 1.3, 1.6), ("Waves take 1.30 times as long as fine-grained", 1.1, 1.6)),
        ((0.5, 0.8, 1.25), ("Fine-grained takes 1.25 times as long as waves", 0.8, 2.0)),
        ((None, None, None), None),
    ],
)
def test_the_longer_strategy_is_the_one_that_is_said_to_take_longer(ratio, sentence):
    assert longer(dict(zip(("speed_up_p5", "speed_up_p50", "speed_up_p95"), ratio, strict=True))) == sentence


def test_what_waves_are_is_said_where_they_come_first():
    assert any(
        line.startswith("waves: what if the same objects came in layers") for line in said(fleet(ks("a"), ks("b", "a")))
    )


def test_waves_that_end_sooner_because_a_failure_blocks_them_are_not_said_to_win():
    of = fleet(ks("a"), ks("b"), ks("c", "b"), ks("d", "c"))
    lines = said(of, fail=frozenset({ks_id("a")}), until_s=3600.0)
    assert any(line.startswith("waves ends sooner because fewer of the objects get Ready in it") for line in lines)
    assert not any(line.startswith("waves ends sooner") for line in said(of))


def test_an_object_is_named_with_its_kind_where_a_release_bears_its_name():
    lines = said(fleet(ks("a"), hr("a", "a")), fail=frozenset({ks_id("a"), hr_id("a")}), until_s=3600.0)
    assert "Never Ready (fine), as --fail keeps it from that: HelmRelease/flux-system/a, flux-system/a" in lines


def test_what_waits_in_vain_without_an_error_or_fail_is_put_down_to_neither():
    lines = said(fleet(ks("a", "b"), ks("b", "a"), ks("c")), until_s=3600.0)
    assert any(line.startswith("Never Ready (fine), whatever the timing: ") for line in lines)


def test_what_fails_only_as_a_prior_outlasts_its_timeout_is_said_to_be_no_verdict():
    of = fleet(ks("p", wait=False), hr("r", "p", timeout_s=120.0, chart="kube-prometheus-stack"))
    assert any("a shipped prior or guess outlasts a timeout" in line for line in said(of, samples=30))


def test_a_timeout_that_a_prior_outlasts_is_told_where_a_retry_mends_it():
    of = fleet(
        ks("p", wait=False), hr("r", "p", timeout_s=60.0, strategy="RetryOnFailure", chart="kube-prometheus-stack")
    )
    lines = said(of, samples=10)
    assert not any("In some samples a shipped prior" in line for line in lines)
    assert any(line.startswith("In the median sample a shipped prior or guess outlasts a timeout") for line in lines)
    assert not any("outlasts a timeout" in line for line in said(fleet(ks("p", wait=False), hr("r", "p")), samples=10))


def test_a_clock_that_is_stopped_is_no_timeout_that_a_prior_outlasts():
    of = fleet(ks("p", wait=False), hr("r", "p", timeout_s=3000.0, chart="kube-prometheus-stack"))
    lines = said(of, samples=30, until_s=120.0)
    assert any("not all turns Ready: their total" in line for line in lines)
    assert not any("outlasts a timeout" in line for line in lines)
    soon = fleet(ks("p", wait=False), hr("r", "p", timeout_s=60.0, chart="kube-prometheus-stack"))
    assert any("outlasts a timeout" in line for line in said(soon, samples=30, until_s=120.0))


def test_what_the_prediction_takes_for_granted_is_said():
    apart = ks("apart", expanded=False, not_expanded="its content is elsewhere")
    empty = "Not expanded, so counted as empty (their content lies elsewhere): apart"
    assert empty in said(fleet(ks("a"), apart)) and empty not in said(fleet(ks("a")))
    of = fleet(ks("a"))
    every = "GitRepository/flux-system/flux-system looks for commits every 1m0s (assumed, as flux bootstrap makes it"
    assert any(line.startswith(every) for line in said(of, kind="commit"))
    assert not any(line.startswith(every) for line in said(of, kind="commit", webhook=True) + said(of))


def test_the_heading_says_who_chose_the_flux_release():
    of = replace(fleet(ks("a")), flux=FluxVersion("v2.7.5", "clusters/c/gotk-components.yaml", 3))
    assert "Flux 2.7 (clusters/c/gotk-components.yaml:3), kustomize workers 4" in said(of)[0]
    assert "Flux 2.9 (option), " in said(of, flux_version="2.9")[0] and "Flux 2.9, " in said(fleet(ks("a")))[0]


def test_guesses_are_counted_where_their_workloads_start():
    release = replace(hr("h", "a", chart="./charts/h"), workloads_known=False)
    of = fleet(ks("a"), ks("b"), release)

    def guesses(**choice: Any) -> list[str]:
        return [line.partition(" from a guess")[0] for line in said(of, **choice) if " from a guess" in line]

    assert guesses() == ["3 workload times"]
    assert guesses(kind="commit", webhook=True) == []
    for changed in (ks_id("b"), release.chart_id):
        assert guesses(kind="commit", webhook=True, commit=Commit(frozenset({changed}))) == ["1 workload time"]


def test_of_many_objects_the_second_strategy_is_told_in_brief_with_where_the_rest_is():
    few = fleet(*(ks(f"k{n}", *(["k0"] if n else [])) for n in range(55)))
    assert "\nReady, waves" in "".join(
        drawn(part, 200) for part in tables(predict_strategies(few, Choice(), samples=2))
    )
    many = fleet(*(ks(f"k{n:02}", *(["k00"] if n else [])) for n in range(70)))
    result = predict_strategies(many, Choice(), samples=2)
    parts = tables(result)
    text = "".join(drawn(part, 200) for part in parts)
    assert "\nReady, fine" in text and "\nReady, waves" not in text
    assert "takes  cause" in text and text.count("in all  cause") == 2  # why waves take long stays
    _, _, waves = text.partition("\nWhy waves takes that long")
    assert "takes  cause" not in waves.partition("\nReady, fine")[0]
    assert "--strategy waves shows them; --format json, or -o DIR, holds both strategies." in " ".join(text.split())
    alone = tables(predict_strategies(many, Choice(), "waves", samples=2))
    assert "\nReady, waves" in "".join(drawn(part, 200) for part in alone)
    why = "".join(drawn(part, 200) for part in tables(result, chain_only=True))
    assert "Not listed" not in why  # who asks for a chain gets it
