"""What the controllers that the repository holds deny, and what they do not watch."""

from __future__ import annotations

import pytest

from fleetbench.graph.checks import check, combined
from fleetbench.repo import Reading
from fleetbench.repo.label_selector import selector
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, codes, config_map, flux, git, ks_id, obj

LOCKED = "--no-cross-namespace-refs=true"
MAIN, SHARD = "--watch-label-selector=!sharding.fluxcd.io/key", "--watch-label-selector=sharding.fluxcd.io/key=shard1"


def _controller(name: str, *arguments: str, suffix: str = "") -> str:
    container = {"name": "manager", "image": f"ghcr.io/fluxcd/{name}:v1.9.4", "args": list(arguments)}
    spec = {"template": {"spec": {"containers": [container]}}}
    return obj("apps/v1", "Deployment", name + suffix, namespace="flux-system", spec=spec)


def _instance(**spec: object) -> str:
    return obj("fluxcd.controlplane.io/v1", "FluxInstance", "flux", namespace="flux-system", spec=spec)


def _labelled(text: str, shard: str) -> str:
    return text.replace('"metadata": {', '"metadata": {"labels": {"sharding.fluxcd.io/key": "' + shard + '"},', 1)


def _errors(reading: Reading) -> list[tuple[str, str]]:
    return [(f.code, str(f.object)) for f in check(reading.fleet) if f.severity == "error"]


@pytest.mark.parametrize(
    ("controllers", "denied"),
    [
        (_controller("kustomize-controller", LOCKED), True),
        (_controller("kustomize-controller", "--no-cross-namespace-refs"), True),
        (
            _controller("kustomize-controller", "--no-cross-namespace-refs", "false"),
            True,
        ),  # pflag takes no next argument
        (_controller("kustomize-controller", "--no-cross-namespace-refs=T"), True),
        (_controller("kustomize-controller", "--no-cross-namespace-refs=yes"), False),
        (_controller("kustomize-controller"), False),
        (_controller("helm-controller", LOCKED), False),
        (_instance(cluster={"multitenant": True}), True),
        ("", False),
    ],
)
def test_a_source_in_another_namespace_is_denied_where_the_controller_is_locked(
    read: Read, controllers: str, denied: bool
) -> None:
    reference = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}
    child = flux(
        "b", "./b", namespace="team", sourceRef=reference, dependsOn=[{"name": "a", "namespace": "flux-system"}]
    )
    files = {"clusters/c/all.yaml": both(flux("a", "./a"), child), "clusters/c/flux.yaml": controllers}
    reading = read(files | {"a/m.yaml": config_map("m"), "b/m.yaml": config_map("m")})
    b = reading.fleet.kustomization(ks_id("team/b"))
    assert b is not None and b.denied == ("GitRepository/flux-system/flux-system" if denied else None)
    assert _errors(reading) == ([("FB115", "Kustomization/team/b")] if denied else [])


GATE = "--feature-gates=ExternalArtifact=true"


@pytest.mark.parametrize(
    ("controllers", "errors"),
    [
        ("", []),
        (_controller("kustomize-controller"), ["FB114", "FB115"]),
        (_controller("kustomize-controller", GATE), []),
        (both(_controller("kustomize-controller"), _controller("source-watcher")), ["FB115"]),
        (both(_controller("kustomize-controller", GATE), _controller("source-watcher")), []),
        (_instance(components=["kustomize-controller", "source-watcher"]), []),
        (_instance(), ["FB114", "FB115"]),
    ],
)
def test_an_external_artifact_is_denied_without_the_gate_and_filled_by_source_watcher_alone(
    read: Read, controllers: str, errors: list[str]
) -> None:
    spec = {
        "sources": [{"alias": "repo", "kind": "GitRepository", "name": "flux-system"}],
        "artifacts": [{"name": "apps", "copy": [{"from": "@repo/apps/**", "to": "@artifact/"}]}],
    }
    generator = obj("source.extensions.fluxcd.io/v1beta1", "ArtifactGenerator", "g", namespace="flux-system", spec=spec)
    child = flux("a", "./", sourceRef={"kind": "ExternalArtifact", "name": "apps"})
    files = {"clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), generator, child)}
    reading = read(files | {"clusters/c/flux.yaml": controllers, "apps/m.yaml": config_map("m")})
    found = combined(reading.findings, check(reading.fleet), reading.fleet)
    assert sorted(f.code for f in found if f.severity == "error") == errors
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and (a.denied is not None) == ("FB115" in errors)


@pytest.mark.parametrize("chart_ref", [True, False])
def test_a_release_is_denied_a_chart_of_another_namespace(read: Read, chart_ref: bool) -> None:
    named = {"kind": "OCIRepository" if chart_ref else "HelmRepository", "name": "x", "namespace": "flux-system"}
    chart = {"chartRef": named} if chart_ref else {"chart": {"spec": {"chart": "app", "sourceRef": named}}}
    helm = obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "r", namespace="default", spec={"interval": "1h", **chart})
    kind = named["kind"]
    source = obj(
        "source.toolkit.fluxcd.io/v1", kind, "x", namespace="flux-system", spec={"interval": "1h", "url": "oci://x"}
    )
    files = {"clusters/c/a.yaml": both(helm, source), "clusters/c/flux.yaml": _controller("helm-controller", LOCKED)}
    reading = read(files)
    assert codes(reading) == [] and _errors(reading) == [("FB115", "HelmRelease/default/r")]


@pytest.mark.parametrize(
    ("controllers", "shard", "watched"),
    [
        ([_controller("kustomize-controller", MAIN)], "shard1", False),
        ([_controller("kustomize-controller", MAIN), _controller("kustomize-controller", SHARD, suffix="-shard1")], "shard1", True),
        ([_controller("kustomize-controller", MAIN), _controller("kustomize-controller", SHARD, suffix="-shard1")], "shard2", False),
        ([_controller("kustomize-controller")], "shard1", True),
        ([_controller("kustomize-controller", "--watch-label-selector=~nonsense")], "shard1", True),
        ([_controller("helm-controller", MAIN)], "shard1", True),
        ([_instance(sharding={"shards": ["shard1"]})], "shard1", True),
        ([_instance(sharding={"shards": ["shard1"]})], "shard2", False),
        ([], "shard1", True),
    ],
)  # fmt: skip
def test_what_no_controller_watches_nobody_reconciles(
    read: Read, controllers: list[str], shard: str, watched: bool
) -> None:
    files = {
        "clusters/c/all.yaml": both(_labelled(flux("a", "./a"), shard), flux("b", "./a")),
        "a/m.yaml": config_map("m"),
        **{f"clusters/c/flux-{n}.yaml": text for n, text in enumerate(controllers)},
    }
    reading = read(files)
    assert _errors(reading) == ([] if watched else [("FB116", "Kustomization/flux-system/a")])
    a = reading.fleet.kustomization(ks_id("a"))
    assert a is not None and (a.obstacle is None) is watched


BOTH = [_controller("kustomize-controller", MAIN), _controller("kustomize-controller", SHARD, suffix="-shard1")]
TWO_KEYS = "--watch-label-selector=sharding.fluxcd.io/key in (shard1, shard2)"


@pytest.mark.parametrize(
    ("controllers", "label", "shard"),
    [
        (BOTH, "shard1", "shard1"),
        (BOTH, "shard2", None),  # nobody watches it
        ([_controller("kustomize-controller")], "shard1", None),
        ([_controller("kustomize-controller"), BOTH[1]], "shard1", "shard1"),
        ([BOTH[0], _controller("kustomize-controller", TWO_KEYS, suffix="-rest")], "shard2", "shard1,shard2"),
        ([_controller("helm-controller")], "shard1", "shard1"),
        ([], "shard1", "shard1"),
        ([_instance()], "shard1", None),
        ([_instance(sharding={"shards": ["shard1"]})], "shard1", "shard1"),
        ([_instance(sharding={"shards": ["shard1"], "key": "own/key"})], "shard1", None),
    ],
)  # fmt: skip
def test_a_shard_is_where_a_controllers_selector_selects_not_where_a_label_is(
    read: Read, controllers: list[str], label: str, shard: str | None
) -> None:
    files = {
        "clusters/c/all.yaml": both(_labelled(flux("a", "./a"), label), flux("b", "./a")),
        "a/m.yaml": config_map("m"),
        **{f"clusters/c/flux-{n}.yaml": text for n, text in enumerate(controllers)},
    }
    shards = {k.id.name: k.shard for k in read(files).fleet.kustomizations}
    assert (shards["a"], shards["b"]) == (shard, None)


def test_a_source_that_nobody_watches_is_told_too(read: Read) -> None:
    files = {
        "clusters/c/all.yaml": both(
            _labelled(git("other"), "shard1"), flux("a", "./a"), flux("b", "./b", source="other")
        ),
        "clusters/c/c.yaml": flux("c", "./a"),
        "a/m.yaml": config_map("m"),
        "clusters/c/flux.yaml": _controller("source-controller", MAIN),
    }
    assert _errors(read(files)) == [("FB116", "GitRepository/flux-system/other")]


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ("", {}, True),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        ("a=1,b!=2", {"a": "1"}, True),
        ("a==1, b != 2", {"a": "1", "b": "2"}, False),
        ("x.io/a in (1, 2)", {"x.io/a": "2"}, True),
        ("a notin (1,2)", {"a": "2"}, False),
    ],
)
def test_a_label_selector_is_read_as_kubernetes_reads_it(text: str, labels: dict[str, str], holds: bool) -> None:
    terms = selector(text)
    assert terms is not None and all(term.holds(labels) for term in terms) is holds
    assert selector("a ~ b") is None
