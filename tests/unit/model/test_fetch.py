"""What a source waits for its server, and what has none to wait for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fleetbench.decide.candidates import flag_changes
from fleetbench.decide.perfect import Perfect
from fleetbench.decide.whatif import OwnSource
from fleetbench.engine.simulate import simulate
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Source
from fleetbench.ids import ObjectId
from fleetbench.model.assemble import Choice, assemble
from fleetbench.model.distributions import Fixed
from fleetbench.model.fetch import fetch_times, from_afar
from fleetbench.model.parameters import Parameters
from fleetbench.model.profile import load_profile, stand_in_profile
from fleetbench.prediction.document import to_document
from fleetbench.prediction.strategies import predict_strategies
from tests.builders import NS, fleet, hr, ks, scenario

GIT, HTTP, OCI, COPY = (
    ObjectId(kind, NS, name)
    for kind, name in (
        ("GitRepository", "flux-system"),
        ("HelmRepository", "http"),
        ("HelmRepository", "oci"),
        ("ExternalArtifact", "copy"),
    )
)
BY_KIND = {
    "GitRepository": Fixed(3.0),
    "HelmRepository": Fixed(4.0),
    "HelmChart": Fixed(2.0),
    "ExternalArtifact": Fixed(9.0),
}


def chart_of(release: HelmRelease) -> ObjectId:
    assert release.chart_id is not None
    return release.chart_id


def of_all_kinds() -> Fleet:
    """A release out of Git, one of an HTTP repository and one of an OCI registry; an artifact that is copied."""
    releases = [hr("git", "a"), *(replace(hr(s.name, "a"), source=s, chart=s.name) for s in (HTTP, OCI))]
    of = fleet(ks("a"), *releases)
    sources = tuple(replace(s, this_repository=True) for s in of.sources if s.id == GIT)
    others = (Source(HTTP), Source(OCI, static=True), Source(COPY, copied_from=GIT))
    return replace(of, sources=(*sources, *others))


def test_what_comes_from_outside_waits_for_its_server() -> None:
    of = of_all_kinds()
    charts = {h.id.name: chart_of(h) for h in of.helmreleases}
    assert fetch_times(from_afar(of), BY_KIND) == {
        GIT: Fixed(3.0),
        HTTP: Fixed(4.0),  # one of type oci has nothing to fetch, its charts have; a copy is made from what is here
        charts["http"]: Fixed(2.0),
        charts["oci"]: Fixed(2.0),  # the third chart is packaged from the Git repository's artifact
    }


def test_what_measure_serves_is_beside_the_cluster() -> None:
    assert GIT not in fetch_times(from_afar(of_all_kinds(), served=True), BY_KIND)
    assert HTTP in fetch_times(from_afar(of_all_kinds(), served=True), BY_KIND)


def test_a_kind_that_takes_no_time_counts_as_none() -> None:
    assert fetch_times(from_afar(of_all_kinds()), {**BY_KIND, "HelmChart": Fixed(0.0)}).keys() == {GIT, HTTP}


def test_the_wait_holds_up_all_that_follows() -> None:
    of = of_all_kinds()
    near = scenario(of)
    far = replace(near, fetch=fetch_times(from_afar(of), BY_KIND))
    ready = [{obj.id.name: at for obj, at in zip(of.services(), simulate(s).ready_s, strict=True)} for s in (near, far)]
    later = {name: ready[1][name] - ready[0][name] for name in ("a", "git", "oci", "http")}
    assert later["a"] == later["git"] == pytest.approx(3.0)
    assert later["oci"] == later["http"] == pytest.approx(3.0 + 2.0)  # whose repository was fetched meanwhile


def test_the_shipped_priors_fetch_and_those_of_stand_ins_do_not() -> None:
    of = of_all_kinds()
    assert assemble(of, Choice()).scenario.fetch.keys() == fetch_times(from_afar(of), BY_KIND).keys()
    for profile in (stand_in_profile(), load_profile("short")):
        assert not assemble(of, Choice(profile=profile)).scenario.fetch


def test_a_source_of_its_own_for_every_app_waits_as_the_shared_one_does() -> None:
    of = fleet(ks("a", parent="flux-system"), ks("b", parent="flux-system"))
    apart = OwnSource().applied(replace(scenario(of), fetch={GIT: Fixed(3.0)}))
    assert len(apart.fetch) == len(apart.fleet.sources) == 3 and set(apart.fetch.values()) == {Fixed(3.0)}


def test_a_perfect_controller_finds_all_at_hand() -> None:
    assert Perfect().applied(replace(scenario(of_all_kinds()), fetch={GIT: Fixed(3.0)})).fetch == {}


def test_source_controllers_workers_are_tried_where_more_wait_for_servers_than_it_has() -> None:
    repositories = tuple(ObjectId("HelmRepository", NS, f"r{n}") for n in range(3))
    of = of_all_kinds()
    for wanted, fetched in ((False, repositories[:2]), (True, repositories)):
        assert any("source_concurrent" in change for change in flag_changes(Parameters(), of, fetched)) is wanted


def test_the_document_says_what_waits_for_how_long_and_who_says_so(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("format_version: 1\nfetch: {GitRepository: 7}\ncontroller_manager: {qps: 50, burst: 60}\n")
    result = predict_strategies(of_all_kinds(), Choice(profile=load_profile(str(file))), "fine", 1)
    document = to_document(result.assembled, result.predictions)
    assert document["fetch"][0] == {"kind": "GitRepository", "id": GIT.key, "p50_s": 7.0, "p90_s": 7.0}
    assert document["parameters"]["controller_manager_qps"] == {"value": 50, "from": "profile mine.yaml"}
