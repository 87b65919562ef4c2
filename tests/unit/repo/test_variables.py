"""postBuild: where values come from, and what they are put into."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.graph.checks import check
from fleetbench.repo import read_repository
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import both, codes, config_map, edges, flux, git, ks_id, kustomization, obj, release


def _from(*names: str, kind: str = "ConfigMap", optional: bool = False) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": n, "optional": optional} for n in names]


def _fleet(child: str, post_build: dict[str, Any], **more: str) -> dict[str, str]:
    return {
        "clusters/c/apps.yaml": flux("apps", "./apps", postBuild=post_build),
        "apps/child.yaml": child,
        "deep/map.yaml": config_map("m", "x"),
        **{k.replace("__", "/") + ".yaml": v for k, v in more.items()},
    }


def test_inline_values_win_over_those_of_config_maps_and_later_maps_over_earlier(read: Read) -> None:
    post_build = {"substituteFrom": _from("one", "two"), "substitute": {"C": "inline"}}
    child = flux("child", "./deep", dependsOn=[{"name": "${A}"}, {"name": "${B}"}, {"name": "${C}"}])
    maps = both(config_map("one", "flux-system", A="a1", B="b1", C="c1"), config_map("two", "flux-system", B="b2"))
    reading = read(_fleet(child, post_build, clusters__c__maps=maps))
    assert edges(reading)["flux-system/child"] == ["flux-system/a1", "flux-system/b2", "flux-system/inline"]
    assert codes(reading) == []


def test_a_config_map_that_another_kustomization_applies_counts(read: Read) -> None:
    reading = read(
        _fleet(
            flux("child", "./${DIR}"),
            {"substituteFrom": _from("settings")},
            clusters__c__vars=flux("vars", "./vars"),
            vars__map=config_map("settings", "flux-system", DIR="deep"),
        )
    )
    child = reading.fleet.kustomization(ks_id("child"))
    assert child is not None and child.path == "./deep" and child.applies == 1


def test_a_secret_is_decoded(read: Read) -> None:
    secret = obj("v1", "Secret", "s", namespace="flux-system", data={"DIR": base64.b64encode(b"deep\n").decode()})
    reading = read(
        _fleet(flux("child", "./${DIR}"), {"substituteFrom": _from("s", kind="Secret")}, clusters__c__s=secret)
    )
    child = reading.fleet.kustomization(ks_id("child"))
    assert child is not None and child.path == "./deep"


def test_an_encrypted_value_keeps_the_variable_or_its_default(read: Read) -> None:
    secret = obj(
        "v1",
        "Secret",
        "s",
        namespace="flux-system",
        stringData={"DIR": "ENC[AES256_GCM,data:x,type:str]"},
        sops={"mac": "x"},
    )
    children = both(flux("kept", "./${DIR}"), flux("default", "./${DIR:=deep}"))
    reading = read(_fleet(children, {"substituteFrom": _from("s", kind="Secret")}, clusters__c__s=secret))
    paths = {k.id.name: k.path for k in reading.fleet.kustomizations}
    assert paths["kept"] == "./${DIR}" and paths["default"] == "./deep"
    (found,) = [f for f in reading.findings if f.code == "FB304"]
    assert "DIR" in found.message and "encrypted" in found.message and found.severity == "warning"
    assert all(k.unset_variables == () for k in reading.fleet.kustomizations)


def test_a_variable_that_nothing_sets_says_what_flux_does_with_it(read: Read) -> None:
    reading = read(_fleet(flux("child", "./deep/${NOTHING}"), {"substitute": {"A": "x"}}))
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert found.code == "FB118" and found.object == ks_id("apps") and found.file == "apps/child.yaml"
    assert "StrictPostBuildSubstitutions" in found.message and "FB304" not in codes(reading)
    apps = reading.fleet.kustomization(ks_id("apps"))
    assert apps is not None and apps.unset_variables == ("NOTHING",)


def _flux_with(version: str | None, gate: str | None) -> str:
    labels = {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/version": version}
    metadata = {"name": "kustomize-controller", "namespace": "flux-system", "labels": labels if version else {}}
    args = [] if gate is None else [f"--feature-gates=StrictPostBuildSubstitutions={gate}"]
    spec = {"template": {"spec": {"containers": [{"name": "manager", "args": args}]}}}
    return obj("apps/v1", "Deployment", "", metadata=metadata, spec=spec)


@pytest.mark.parametrize(
    ("version", "gate", "path", "said"),
    [
        (
            None,
            None,
            "./deep/${NOTHING}",
            "Flux 2.9 fails the build (StrictPostBuildSubstitutions; judged by 2.9, as the",
        ),
        ("v2.9.1", None, "./deep/${NOTHING}", "Flux 2.9 fails the build (StrictPostBuildSubstitutions), up to 2.8"),
        ("v2.8.5", None, "./deep/", "Flux 2.8 puts the empty text in its place, from 2.9 on the build fails"),
        ("v2.6.0", None, "./deep/", "Flux 2.6 puts the empty text in its place"),
        ("v2.7.5", "true", "./deep/${NOTHING}", "StrictPostBuildSubstitutions is on here, which fails the build"),
        (None, "F", "./deep/", "StrictPostBuildSubstitutions is off here, so the empty text takes its place"),
    ],
)
def test_what_becomes_of_a_variable_that_nothing_sets_is_up_to_the_release(
    read: Read, version: str | None, gate: str | None, path: str, said: str
) -> None:
    files = _fleet(flux("child", "./deep/${NOTHING}"), {"substitute": {"A": "x"}})
    reading = read(files | {"clusters/c/flux.yaml": _flux_with(version, gate)})
    (found,) = [f for f in reading.findings if f.code in ("FB118", "FB304")]
    assert found.severity == ("error" if "NOTHING" in path else "warning")
    begin = "variable NOTHING, used by Kustomization/flux-system/child, has no value, as nothing sets it: "
    assert found.message.startswith(begin + said)
    child, apps = (reading.fleet.kustomization(ks_id(name)) for name in ("child", "apps"))
    assert child is not None and child.path == path
    assert apps is not None and apps.unset_variables == ("NOTHING",), "whatever another release would do"


@pytest.mark.parametrize(("release", "code"), [("2.8", "FB304"), ("2.9", "FB118")])
def test_a_typed_field_whose_variable_nothing_sets_is_no_value_that_is_refused(
    write: Write, release: str, code: str
) -> None:
    """The empty text is null in YAML; a build that fails applies nothing. The release is an option's."""
    web = obj("apps/v1", "Deployment", "web", namespace="x", spec={"replicas": "${N}"})
    fleet = _fleet(web, {"substitute": {"A": "x"}}) | {"clusters/c/flux.yaml": _flux_with("v2.7.5", None)}
    reading = read_repository(write(fleet), "clusters/c", cache=False, flux=release)
    assert [f.code for f in reading.findings if f.code not in ("FB301", "FB310")] == [code]
    apps = reading.fleet.kustomization(ks_id("apps"))
    assert apps is not None and apps.refused is None and apps.workloads[0].replicas == 1
    assert reading.fleet.flux is not None and reading.fleet.flux.version == "v2.7.5", "what the repository says"


def test_the_release_that_an_option_names_decides_whether_the_check_passes(write: Write) -> None:
    web = obj("apps/v1", "Deployment", "web", namespace="x", spec={"replicas": "${N}"})
    given = ["check", "--repo", str(write(_fleet(web, {"substitute": {"A": "x"}}))), "--cluster-path", "clusters/c"]
    results = [CliRunner().invoke(cli, [*given, "--samples", "2", "--flux-version", v]) for v in ("2.8", "2.9")]
    assert [r.exit_code for r in results] == [0, 1]
    assert ["FB118" in r.stdout for r in results] == [False, True]
    assert all("all Ready in 100 %" in r.stdout for r in results[:1])


OUTSIDE = {"substituteFrom": [{"kind": "ConfigMap", "name": "terraform-vars"}]}
OPTIONAL = {"substituteFrom": [{"kind": "ConfigMap", "name": "terraform-vars", "optional": True}]}
ENCRYPTED = {"substituteFrom": [{"kind": "Secret", "name": "s"}]}
NO_VALUE_HERE = pytest.mark.parametrize(
    "post_build", [OUTSIDE, OPTIONAL, ENCRYPTED], ids=["outside", "optional", "sops"]
)
NAMES = ("replicas", "suspend", "timeout", "retries", "delay", "retry")
SECRET = obj(
    "v1", "Secret", "s", namespace="flux-system", stringData=dict.fromkeys(NAMES, "ENC[AES256_GCM,data:x,type:str]")
)


def _typed(**more: Any) -> str:
    """Objects whose numbers, booleans and durations are variables."""
    template = {"metadata": {"annotations": {"pod-ready.stage.kwok.x-k8s.io/delay": "${delay}"}}}
    release = {"interval": "10m", "suspend": "${suspend}", "timeout": "${timeout}"}
    return both(
        obj("apps/v1", "Deployment", "web", namespace="x", spec={"replicas": "${replicas}", "template": template}),
        obj(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "r",
            namespace="x",
            spec=release
            | {"install": {"remediation": {"retries": "${retries}"}}}
            | {"chart": {"spec": {"chart": "app", "sourceRef": {"kind": "GitRepository", "name": "g"}}}},
        ),
        flux("child", "./deep", retryInterval="${retry}m", **more),
    )


@NO_VALUE_HERE
def test_a_value_that_only_the_cluster_knows_is_the_default_of_a_typed_field(
    read: Read, post_build: dict[str, Any]
) -> None:
    """The API server never sees the variable: kustomize-controller substitutes before it applies."""
    reading = read(_fleet(_typed(), post_build, clusters__c__secret=SECRET, deep__g=_git("g", "x")))
    assert [f for f in reading.findings if f.code in ("FB108", "FB113", "FB114", "FB308")] == []
    assert all(k.refused is None for k in reading.fleet.kustomizations)
    apps, child = (reading.fleet.kustomization(ks_id(name)) for name in ("apps", "child"))
    (release,) = reading.fleet.helmreleases
    assert apps is not None and apps.workloads[0].replicas == 1 and apps.unset_variables == ()
    assert child is not None and child.retry_interval_s is None
    assert (release.suspend, release.timeout_s, release.retries) == (False, 300.0, 0)
    told = {f.message.split(",")[0]: f for f in reading.findings if f.code == "FB304"}
    assert set(told) == {f"variable {name}" for name in NAMES}
    assert "the field's default holds" in told["variable replicas"].message
    assert "used by Deployment/x/web, stays as it is here" in told["variable replicas"].message


@NO_VALUE_HERE
def test_what_a_variable_not_known_here_leads_to_is_no_error(read: Read, post_build: dict[str, Any]) -> None:
    """A path, an edge, a source or a chart: each may be there in the cluster."""
    source = {"kind": "GitRepository", "name": "${retry}"}
    chart = {"chart": "./charts/${delay}", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}}
    release = {"interval": "10m", "chart": {"spec": chart}}
    objects = both(
        flux("child", "./${replicas}", dependsOn=[{"name": "${suspend}"}]),
        flux("other", "./deep", sourceRef=source),
        obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "r", namespace="flux-system", spec=release),
    )
    reading = read(_fleet(objects, post_build, clusters__c__secret=SECRET))
    assert [f.code for f in [*reading.findings, *check(reading.fleet)] if f.severity == "error"] == []
    child = reading.fleet.kustomization(ks_id("child"))
    assert child is not None and child.not_expanded is not None and child.broken is None
    assert "FB302" in codes(reading) and edges(reading)["flux-system/child"] == []
    assert [h.broken for h in reading.fleet.helmreleases] == [None]


def _git(name: str, namespace: str) -> str:
    return obj(
        "source.toolkit.fluxcd.io/v1",
        "GitRepository",
        name,
        namespace=namespace,
        spec={"interval": "1m", "url": "https://x/y"},
    )


def test_a_source_elsewhere_is_there_in_the_cluster_so_defaults_hold(read: Read) -> None:
    web = obj("apps/v1", "Deployment", "web", namespace="x", spec={"replicas": "${N:=3}"})
    reading = read(_fleet(web, OUTSIDE))
    apps = reading.fleet.kustomization(ks_id("apps"))
    assert apps is not None and apps.workloads[0].replicas == 3


def test_a_value_handed_down_that_is_not_known_is_not_known_below_either(read: Read) -> None:
    inner = flux("inner", "./deep", postBuild={"substitute": {"N": "${replicas}"}})
    web = obj("apps/v1", "Deployment", "web", namespace="x", spec={"replicas": "${N}"})
    reading = read(_fleet(inner, OUTSIDE, deep__web=web))
    assert [f for f in reading.findings if f.severity == "error"] == []


def test_a_variable_in_a_typed_field_that_nothing_substitutes_is_refused(read: Read) -> None:
    web = obj("apps/v1", "Deployment", "web", namespace="x", spec={"replicas": "${N}"})
    reading = read({"clusters/c/apps.yaml": flux("apps", "./apps"), "apps/web.yaml": web})
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert found.code == "FB108" and "got '${N}'" in found.message


def test_a_source_that_the_repository_does_not_hold_is_named(read: Read) -> None:
    reading = read(_fleet(flux("child", "./deep/${A}"), {"substituteFrom": _from("gone"), "substitute": {"X": "x"}}))
    (found,) = [f for f in reading.findings if f.code == "FB304"]
    assert "ConfigMap flux-system/gone" in found.message
    apps = reading.fleet.kustomization(ks_id("apps"))
    assert apps is not None and [str(s) for s in apps.substitute_from] == ["ConfigMap/flux-system/gone"]
    assert apps.unset_variables == ()


def test_a_secret_that_an_external_secret_makes_is_said_to_be_made_in_the_cluster(read: Read) -> None:
    maker = obj(
        "external-secrets.io/v1", "ExternalSecret", "e", namespace="flux-system", spec={"target": {"name": "made"}}
    )
    post_build = {"substituteFrom": [*_from("made", kind="Secret"), *_from("gone", kind="Secret")]}
    reading = read(_fleet(flux("child", "./deep/${A}"), post_build, clusters__c__e=maker))
    (found,) = [f for f in reading.findings if f.code == "FB304"]
    assert "ExternalSecret/flux-system/e makes Secret flux-system/made in the cluster" in found.message
    assert "does not hold Secret flux-system/gone;" in found.message


def test_a_secret_that_lies_here_and_that_a_controller_fills_may_have_keys_that_nothing_shows(read: Read) -> None:
    placeholder = obj("v1", "Secret", "made", namespace="flux-system", stringData={"DIR": "deep"})
    maker = obj(
        "external-secrets.io/v1", "ExternalSecret", "e", namespace="flux-system", spec={"target": {"name": "made"}}
    )
    post_build = {"substituteFrom": _from("made", kind="Secret")}
    children = both(flux("child", "./${DIR}"), config_map("m", "x", a="${A}"))
    reading = read(_fleet(children, post_build, clusters__c__e=both(placeholder, maker)))
    (found,) = [f for f in reading.findings if f.code in ("FB304", "FB118")]
    assert "variable A" in found.message and (found.code, found.severity) == ("FB304", "warning")
    assert "ExternalSecret/flux-system/e makes Secret flux-system/made in the cluster" in found.message
    child = reading.fleet.kustomization(ks_id("child"))
    assert child is not None and child.path == "./deep", "what it shows counts"


@pytest.mark.parametrize("by_reference", [False, True])
def test_a_webhook_that_adds_variables_to_every_kustomization_may_set_any(read: Read, by_reference: bool) -> None:
    chart = "kustomize-mutating-webhook"
    webhook = release("hook", namespace="flux-system", chart=chart)
    if by_reference:
        oci = obj(
            "source.toolkit.fluxcd.io/v1", "OCIRepository", "x", namespace="flux-system",
            spec={"interval": "1h", "url": f"oci://example.test/charts/{chart}", "ref": {"tag": "0.12.0"}},
        )  # fmt: skip
        chart_ref = {"kind": "OCIRepository", "name": "x"}
        spec = {"interval": "1h", "chartRef": chart_ref}
        webhook = both(oci, obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "hook", namespace="flux-system", spec=spec))
    user = config_map("m", "x", a="${A}", b="${B}")
    reading = read(_fleet(user, {"substitute": {"B": "x"}}, clusters__c__hook=webhook))
    (found,) = [f for f in reading.findings if f.code in ("FB304", "FB118")]
    assert found.code == "FB304"
    assert "HelmRelease/flux-system/hook adds variables to every Kustomization" in found.message
    apps = reading.fleet.kustomization(ks_id("apps"))
    assert apps is not None and apps.unset_variables == ()


def test_variables_of_one_cause_share_a_line_whichever_namespace_they_are_for(read: Read) -> None:
    here = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}
    taken = {"substituteFrom": _from("vars", kind="Secret")}
    users = {
        f"clusters/c/{name}.yaml": flux(name, f"./{name}", namespace=name, sourceRef=here, postBuild=taken)
        for name in "abc"
    }
    webs = {f"{name}/web.yaml": config_map("web", name, x="${ONE} ${TWO}") for name in "abc"}
    found = [f for f in read(users | webs).findings if f.code == "FB304"]
    assert len(found) == 6 and len({f.message for f in found}) == 6
    (shared,) = {f.shared for f in found}
    assert shared is not None and "the repository does not hold Secret vars of the same namespace" in shared.message


def test_optional_sources_are_not_needed(read: Read) -> None:
    reading = read(_fleet(flux("child", "./deep"), {"substituteFrom": _from("gone", optional=True)}))
    apps = reading.fleet.kustomization(ks_id("apps"))
    assert apps is not None and apps.substitute_from == () and codes(reading) == []


@pytest.mark.parametrize(
    ("strategy", "path"), [(None, "./${A:=deep}"), ("WithVariables", "./${A:=deep}"), ("Always", "./deep")]
)
def test_without_any_variable_only_always_substitutes(read: Read, strategy: str | None, path: str) -> None:
    post_build: dict[str, Any] = {"substitute": {}} | ({"substituteStrategy": strategy} if strategy else {})
    reading = read(_fleet(flux("child", "./${A:=deep}"), post_build))
    child = reading.fleet.kustomization(ks_id("child"))
    assert child is not None and child.path == path


@pytest.mark.parametrize("place", ["labels", "annotations"])
def test_an_object_may_opt_out(read: Read, place: str) -> None:
    off = {place: {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}}
    child = flux("child", "./deep", dependsOn=[{"name": "${A}"}])
    child = child.replace(
        '"metadata": {', f'"metadata": {{"{place}": {{"kustomize.toolkit.fluxcd.io/substitute": "disabled"}},'
    )
    reading = read(_fleet(child, {"substitute": {"A": "x"}}))
    assert off and edges(reading)["flux-system/child"] == ["flux-system/${A}"]


def test_a_value_takes_the_type_that_its_text_has(read: Read) -> None:
    web = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: x}\nspec:\n  replicas: ${N}\n  note: "${N}"\n'
    reading = read(_fleet(web, {"substitute": {"N": "3"}}))
    apps = reading.fleet.kustomization(ks_id("apps"))
    assert apps is not None and apps.workloads[0].replicas == 3


def test_a_script_with_escaped_dollars_is_left_in_peace(read: Read) -> None:
    script = "#!/bin/sh\necho $${HOME} $1 $$\n"
    reading = read(_fleet(config_map("script", "x", run=script), {"substitute": {"A": "x"}}))
    assert codes(reading) == []
    manifest = reading.rendered[ks_id("apps")][0]
    assert manifest.body["data"]["run"] == "#!/bin/sh\necho ${HOME} $1 $\n"


def test_text_that_flux_cannot_parse_fails_the_build(read: Read) -> None:
    reading = read(_fleet(config_map("m", "x", bad="${A"), {"substitute": {"A": "x"}}))
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert found.code == "FB107" and "post build failed" in found.message


def test_a_generated_config_map_is_a_source_like_any_other(read: Read) -> None:
    generated = kustomization(
        configMapGenerator=[{"name": "settings", "namespace": "flux-system", "envs": ["vars.env"]}],
        generatorOptions={"disableNameSuffixHash": True},
    )
    files = _fleet(
        flux("child", "./${DIR}"),
        {"substituteFrom": _from("settings")},
        clusters__c__vars=flux("vars", "./vars"),
        vars__kustomization=generated,
    )
    reading = read({**files, "vars/vars.env": "DIR=deep\n"})
    child = reading.fleet.kustomization(ks_id("child"))
    assert child is not None and child.path == "./deep"


def test_an_object_of_variables_that_nothing_here_creates_is_said_once_for_all_who_need_it(read: Read) -> None:
    needing = {"substituteFrom": _from("site", kind="Secret"), "substitute": {"DIR": "deep"}}
    optional = {"substituteFrom": _from("gone", optional=True)}
    two = both(flux("b", "./deep", postBuild=needing), flux("c", "./deep", postBuild=optional))
    reading = read(_fleet(flux("child", "./deep"), needing, clusters__c__two=two))
    (found,) = [f for f in reading.findings if f.code == "FB309"]
    assert (found.severity, found.object, found.file) == ("info", ks_id("apps"), "clusters/c/apps.yaml")
    assert "from Secret/flux-system/site, which nothing here creates" in found.message
    assert "flux-system/apps, flux-system/b" in found.message


@pytest.mark.parametrize(
    "maker",
    [
        obj("v1", "Secret", "site", namespace="flux-system", data={"DIR": "ENC[AES256_GCM,data:x]"}),
        obj(
            "external-secrets.io/v1", "ExternalSecret", "e", namespace="flux-system", spec={"target": {"name": "site"}}
        ),
    ],
    ids=["sops", "external-secrets"],
)
def test_a_secret_that_something_in_the_fleet_makes_is_no_matter(read: Read, maker: str) -> None:
    needing = {"substituteFrom": _from("site", kind="Secret"), "substitute": {"DIR": "deep"}}
    reading = read(_fleet(flux("child", "./deep"), needing, clusters__c__maker=maker))
    assert [f for f in reading.findings if f.code == "FB309"] == []


def test_a_variable_in_a_name_a_path_or_an_edge_shows_that_a_root_which_no_file_holds_substitutes(read: Read) -> None:
    files = {
        "clusters/c/all.yaml": both(
            flux("apps", "./apps/${ENVIRONMENT}"),
            flux("a", "./a", namespace="${ns}"),
            flux("b", "./a", dependsOn=[{"name": "a", "namespace": "${other}"}], namespace="${ns}"),
        ),
        "apps/dev/c.yaml": config_map("c", "default"),
        "a/c.yaml": config_map("d", "default"),
    }
    reading = read(files, namespaces=True)
    assert set(codes(reading)) <= {"FB302", "FB304"} and check(reading.fleet) == []
    assert all("no file holds the root" in f.message for f in reading.findings if f.code == "FB304")
    stated = both(git(), flux("flux-system", "./clusters/c"))
    assert "FB105" in codes(read({**files, "clusters/c/root.yaml": stated}))  # a root that is there says what it sets


def test_a_variable_elsewhere_shows_nothing_of_an_assumed_root(read: Read) -> None:
    reading = read({"clusters/c/all.yaml": config_map("script", "default", run="echo ${HOME}")})
    root = reading.fleet.root
    assert [m.body["data"]["run"] for m in reading.rendered[root] if m.name == "script"] == ["echo ${HOME}"]
    assert "FB304" not in codes(reading)
