"""Why a prediction has nothing to show: the cause and what to do instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fleetbench.graph.commit import Commit
from fleetbench.graph.fleet import Fleet
from fleetbench.model.parameters import Parameters
from fleetbench.model.scenario import COMMIT, KILL, RESTART
from fleetbench.prediction.nothing import why_nothing
from fleetbench.prediction.predict import predict
from tests.builders import fleet, hr, ks, ks_id, scenario


def said(of: Fleet, **fields: Any) -> str | None:
    return why_nothing(predict(scenario(of, **fields), 2))


def asleep(of: Fleet) -> Fleet:
    return replace(of, sources=tuple(replace(s, suspend=True) for s in of.sources))


def test_nothing_is_said_where_something_turns_ready() -> None:
    assert said(fleet(ks("a"), ks("b", broken="no such path"))) is None
    assert said(fleet(ks("a"), ks("b", suspend=True)), kind=COMMIT, webhook=True) is None


@pytest.mark.parametrize(
    "of", [fleet(ks("flux-system", suspend=True), ks("a", parent="flux-system")), asleep(fleet(ks("a")))]
)
def test_what_is_suspended_is_named_with_what_to_do(of: Fleet) -> None:
    text = said(of)
    assert text is not None and text.startswith("Nothing here can turn Ready in a bootstrap, as ")
    assert "flux-system/flux-system is suspended" in text and "resume it (drop spec.suspend)" in text
    assert "--scenario commit" in text


def test_a_commit_that_a_suspended_source_does_not_show_leaves_all_as_it_is() -> None:
    of = asleep(fleet(ks("a"), hr("web", "a")))
    text = said(of, kind=COMMIT, commit=Commit(frozenset({ks_id("a")})))
    assert text is not None and "GitRepository/flux-system/flux-system is suspended, so all stays" in text


def test_an_error_or_fail_at_the_root_is_named() -> None:
    broken = said(fleet(ks("flux-system", broken="kustomize cannot build it"), ks("a", parent="flux-system")))
    assert broken is not None and "flux-system/flux-system does not" in broken and "kustomize cannot build it" in broken
    failing = said(fleet(ks("a")), fail=frozenset({ks_id("flux-system")}))
    assert failing is not None and "--fail names flux-system/flux-system" in failing


def test_a_clock_that_stops_too_soon_is_named() -> None:
    assert (
        said(fleet(ks("a")), until_s=0.1)
        == "Nothing turns Ready within --until 100ms: give it longer, or leave --until out."
    )


def test_an_error_that_only_some_wait_for_is_not_blamed_for_all() -> None:
    root = ks("flux-system", "a", wait=False)
    of = fleet(root, ks("a", parent="flux-system"), ks("leaf", parent="flux-system", broken="no such path"))
    text = said(of)
    assert text is not None and "wait in vain" in text and "leaf does not" not in text


def test_an_obstacle_of_another_release_is_not_blamed() -> None:
    root = ks("flux-system", "flux-system", unset_variables=("DOMAIN",))
    strict = said(fleet(root, ks("a", parent="flux-system")))
    assert strict is not None and "nothing sets DOMAIN" in strict
    lenient = said(
        fleet(root, ks("a", parent="flux-system")), parameters=Parameters(strict_post_build_substitutions=False)
    )
    assert lenient is not None and "DOMAIN" not in lenient


def test_an_artifact_that_went_with_a_pod_and_is_not_made_anew_is_named() -> None:
    of = asleep(fleet(ks("a"), ks("b", "a")))
    text = said(of, kind=RESTART)
    assert (
        text is not None
        and "flux-system/flux-system is suspended, and its artifact went with source-controller's pod" in text
    )
    assert said(of, kind=RESTART, restart_by=KILL) is None
