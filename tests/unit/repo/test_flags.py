"""Controller flags that the repository itself sets."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from fleetbench.findings import EVENTS_REFUSED, INSTALLED_TWICE
from fleetbench.graph.checks import check
from fleetbench.model.controller_flags import repository_flags
from fleetbench.model.parameters import NEVER_S, Parameters
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, kustomization, obj, release

ROOT = both(git(), flux("flux-system", "./clusters/c"))


def _controller(name: str, *arguments: str, **more: Any) -> str:
    container = {"name": "manager", "args": ["--events-addr=http://x", "--log-level=info", *arguments]}
    spec = {"template": {"spec": {"containers": [container]}}, **more}
    return obj("apps/v1", "Deployment", name, namespace="flux-system", spec=spec)


def _instance(**spec: Any) -> str:
    return obj("fluxcd.controlplane.io/v1", "FluxInstance", "flux", namespace="flux-system", spec=spec)


def _add(*arguments: str, name: str = "kustomize-controller") -> dict[str, Any]:
    operations = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": a} for a in arguments]
    return {"patch": json.dumps(operations), "target": {"kind": "Deployment", "name": name}}


def _flags(read: Read, files: dict[str, str]) -> dict[str, str]:
    return {f"{f.controller} {f.flag}": f.value for f in read(files).fleet.flags}


def test_a_controller_as_flux_install_writes_it_sets_nothing(read: Read) -> None:
    assert _flags(read, {"clusters/c/all.yaml": both(ROOT, _controller("kustomize-controller"))}) == {}


EVENTS = "--events-addr=http://notification-controller.$(RUNTIME_NAMESPACE).svc.cluster.local./"


@pytest.mark.parametrize(
    ("others", "in_vain"),
    [
        (["source-controller", "notification-controller"], False),
        (["source-controller"], True),
        ([], False),  # not a whole install: the rest lies elsewhere
    ],
)
def test_events_that_nobody_is_installed_to_take(read: Read, others: list[str], in_vain: bool) -> None:
    reading = read(
        {"clusters/c/all.yaml": both(ROOT, _controller("kustomize-controller", EVENTS), *map(_controller, others))}
    )
    parameters = Parameters().with_(**repository_flags(reading.fleet.flags)[0])
    assert parameters.events_refused_s == (NEVER_S if in_vain else 0.0)
    told = [f for f in check(reading.fleet) if f.code == EVENTS_REFUSED]
    assert [(f.file, f.line is not None) for f in told] == [("clusters/c/all.yaml", True)] * in_vain


def test_a_notification_controller_of_no_replicas_takes_no_events(read: Read) -> None:
    scaled = _controller("notification-controller", replicas=0)
    files = {
        "clusters/c/all.yaml": both(
            ROOT, _controller("kustomize-controller", EVENTS), _controller("source-controller"), scaled
        )
    }
    assert _flags(read, files) == {"kustomize-controller events-addr": EVENTS.partition("=")[2]}


def test_patches_on_the_controllers_deployments(read: Read) -> None:
    patches = [
        _add("--concurrent=20", "--requeue-dependency=5s", name="(kustomize-controller|helm-controller)"),
        _add("--concurrent=8", name="source-controller"),
    ]
    reading = read(
        {
            "clusters/c/flux-system/kustomization.yaml": kustomization("gotk.yaml", "sync.yaml", patches=patches),
            "clusters/c/flux-system/gotk.yaml": both(
                *(_controller(f"{n}-controller") for n in ("kustomize", "helm", "source"))
            ),
            "clusters/c/flux-system/sync.yaml": ROOT,
        }
    )
    found = {f"{f.controller} {f.flag}": f.value for f in reading.fleet.flags}
    assert found == {
        "kustomize-controller concurrent": "20",
        "kustomize-controller requeue-dependency": "5s",
        "helm-controller concurrent": "20",
        "helm-controller requeue-dependency": "5s",
        "source-controller concurrent": "8",
    }
    first = reading.fleet.flags[0]
    assert first.file == "clusters/c/flux-system/kustomization.yaml" and first.line == 10


def test_of_two_values_for_one_flag_the_later_holds(read: Read) -> None:
    text = _controller("kustomize-controller", "--concurrent=4", "--concurrent=10", "--feature-gates=A=true,B=false")
    assert _flags(read, {"clusters/c/all.yaml": both(ROOT, text)}) == {
        "kustomize-controller concurrent": "10",
        "kustomize-controller feature-gates": "A=true,B=false",
    }


@pytest.mark.parametrize(
    ("size", "concurrent", "requeue", "cpus"),
    [("small", "5", "10s", 1.0), ("medium", "10", "5s", 2.0), ("large", "20", "5s", 3.0)],
)
def test_the_size_of_a_flux_instance(read: Read, size: str, concurrent: str, requeue: str, cpus: float) -> None:
    reading = read({"clusters/c/all.yaml": both(ROOT, _instance(cluster={"size": size}))})
    found = {f"{f.controller} {f.flag}": f.value for f in reading.fleet.flags}
    assert found["kustomize-controller concurrent"] == found["helm-controller concurrent"] == concurrent
    assert found["kustomize-controller requeue-dependency"] == requeue
    assert Parameters().with_(**repository_flags(reading.fleet.flags)[0]).kustomize_cpus == cpus
    places = {(f.file, f.line) for f in reading.fleet.flags}
    ((file, line),) = places
    assert file == "clusters/c/all.yaml" and line is not None
    assert f'"size": "{size}"' in both(ROOT, _instance(cluster={"size": size})).splitlines()[line - 1]


def test_a_flux_instances_patches_override_its_size(read: Read) -> None:
    merge = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: all}\nspec:\n  template:\n    spec:\n      containers:\n        - name: manager\n          args: [--concurrent=7]\n"
    patches = [_add("--concurrent=30"), {"patch": merge, "target": {"kind": "Deployment", "name": "helm-controller"}}]
    found = _flags(
        read, {"clusters/c/all.yaml": both(ROOT, _instance(cluster={"size": "small"}, kustomize={"patches": patches}))}
    )
    assert found["kustomize-controller concurrent"] == "30" and found["helm-controller concurrent"] == "7"
    assert found["kustomize-controller requeue-dependency"] == "10s"


ARGS = "/spec/template/spec/containers/0/args"
WORKERS_ALONE = {"concurrent": "7"}
KEPT = {"concurrent": "7", "requeue-dependency": "10s"}


@pytest.mark.parametrize(
    ("patch", "left"),
    [
        ({"spec": {"template": {"spec": {"containers": [{"name": "manager", "args": ["--concurrent=7"]}]}}}}, WORKERS_ALONE),
        ({"spec": {"template": {"spec": {"containers": [{"name": "manager", "args": None}]}}}}, {}),
        ([{"op": "replace", "path": ARGS, "value": ["--concurrent", "7"]}], WORKERS_ALONE),
        ([{"op": "add", "path": ARGS, "value": ["--concurrent=7"]}], WORKERS_ALONE),
        ([{"op": "remove", "path": ARGS}], {}),
        ([{"op": "add", "path": f"{ARGS}/-", "value": "--concurrent=7"}], KEPT),
        ([{"op": "replace", "path": f"{ARGS}/5", "value": "--concurrent=7"}], KEPT),
        ([{"op": "remove", "path": f"{ARGS}/6"}, {"op": "replace", "path": f"{ARGS}/5", "value": "--concurrent=7"}], WORKERS_ALONE),
        ([{"op": "add", "path": f"{ARGS}/0", "value": "--concurrent=7"}], KEPT | {"concurrent": "5"}),  # the last one holds
    ],
)  # fmt: skip
def test_a_patch_of_the_arguments_meets_those_that_the_size_of_a_flux_instance_added_before(
    read: Read, patch: Any, left: dict[str, str]
) -> None:
    target = {"kind": "Deployment", "name": "kustomize-controller"}
    kustomize = {"patches": [{"patch": json.dumps(patch), "target": target}]}
    found = _flags(read, {"clusters/c/all.yaml": both(ROOT, _instance(cluster={"size": "small"}, kustomize=kustomize))})
    assert {n.partition(" ")[2]: v for n, v in found.items() if n.startswith("kustomize")} == left
    assert found["helm-controller concurrent"] == "5"


def test_a_patch_sets_the_cpu_limit_that_a_size_raised_back_to_the_usual_one(read: Read) -> None:
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/cpu", "value": "1000m"}]
    target = {"kind": "Deployment", "name": "kustomize-controller"}
    kustomize = {"patches": [{"patch": json.dumps(patch), "target": target}]}
    found = _flags(read, {"clusters/c/all.yaml": both(ROOT, _instance(cluster={"size": "large"}, kustomize=kustomize))})
    assert found["kustomize-controller resources.limits.cpu"] == "1000m"


KUSTOMIZE_ONLY = {"kustomize-controller": "77", "helm-controller": "5"}
BOTH = dict.fromkeys(KUSTOMIZE_ONLY, "77")
ALL = BOTH | {"source-controller": "77"}
SIZE = dict.fromkeys(KUSTOMIZE_ONLY, "5")
COMPONENT = "app.kubernetes.io/component"


@pytest.mark.parametrize(
    ("target", "workers"),
    [
        ({"labelSelector": f"{COMPONENT}=kustomize-controller"}, KUSTOMIZE_ONLY),
        ({"labelSelector": f"{COMPONENT} in (kustomize-controller)"}, KUSTOMIZE_ONLY),
        ({"labelSelector": f"{COMPONENT} notin (source-controller)"}, BOTH),
        ({"labelSelector": f"{COMPONENT}!=source-controller"}, BOTH),
        ({"labelSelector": "app.kubernetes.io/part-of=flux,control-plane"}, ALL),
        ({"labelSelector": "!app.kubernetes.io/part-of"}, SIZE),
        ({"labelSelector": "app.kubernetes.io/instance=flux-system"}, SIZE),  # comes after every patch
        ({"labelSelector": "app.kubernetes.io/part-of ~ flux"}, SIZE),
        ({"labelSelector": "control-plane=controller", "name": "kustomize-controller"}, KUSTOMIZE_ONLY),
        ({"annotationSelector": "sharding.fluxcd.io/role"}, SIZE),
        ({"annotationSelector": "!sharding.fluxcd.io/role"}, ALL),
        ({}, ALL),
    ],
)
@pytest.mark.parametrize("merge", [True, False])
def test_a_patch_is_for_the_controllers_that_its_target_selects(
    read: Read, target: dict[str, str], workers: dict[str, str], merge: bool
) -> None:
    patch = _add("--concurrent=77")
    if merge:  # with a target, the name that the patch has itself says nothing
        container = {"name": "manager", "args": ["--concurrent=77"]}
        body = {"metadata": {"name": "all"}, "spec": {"template": {"spec": {"containers": [container]}}}}
        patch["patch"] = json.dumps({"apiVersion": "apps/v1", "kind": "Deployment"} | body)
    patch["target"] = {"kind": "Deployment"} | target
    text = _instance(cluster={"size": "small"}, kustomize={"patches": [patch]})
    found = _flags(read, {"clusters/c/all.yaml": both(ROOT, text)})
    assert {name.partition(" ")[0]: value for name, value in found.items() if "concurrent" in name} == workers


def test_the_place_of_a_flag_that_a_patch_sets_by_a_label_selector(read: Read) -> None:
    patches = [_add("--concurrent=9"), _add("--concurrent=9")]
    for patch, name in zip(patches, ("helm", "kustomize"), strict=True):
        patch["target"] = {
            "kind": "Deployment",
            "labelSelector": f"{COMPONENT}={name}-controller,app.kubernetes.io/instance=flux-system",
        }
    labels = {"app.kubernetes.io/instance": "flux-system"}
    controllers = [
        _controller(f"{n}-controller").replace(
            '"metadata": {', f'"metadata": {{"labels": {json.dumps(labels | {COMPONENT: f"{n}-controller"})}, ', 1
        )
        for n in ("kustomize", "helm")
    ]
    text = kustomization("gotk.yaml", "sync.yaml", patches=patches)
    reading = read(
        {
            "clusters/c/flux-system/kustomization.yaml": text,
            "clusters/c/flux-system/gotk.yaml": both(*controllers),
            "clusters/c/flux-system/sync.yaml": ROOT,
        }
    )
    helm, kustomize = (n for n, line in enumerate(text.splitlines(), 1) if "--concurrent=9" in line)
    assert {f.controller: f.line for f in reading.fleet.flags} == {
        "kustomize-controller": kustomize,
        "helm-controller": helm,
    }


@pytest.mark.parametrize("target", ["CustomResourceDefinition", "Service"])
def test_patches_on_other_kinds_set_nothing(read: Read, target: str) -> None:
    patch = _add("--concurrent=30") | {"target": {"kind": target}}
    assert _flags(read, {"clusters/c/all.yaml": both(ROOT, _instance(kustomize={"patches": [patch]}))}) == {}


def test_helm_values_of_a_flux_instance_chart_also_from_a_config_map(read: Read) -> None:
    values = json.dumps({"instance": {"kustomize": {"patches": [_add("--concurrent=12")]}}})
    helm = release(
        "flux-instance",
        namespace="flux-system",
        chart="flux-instance",
        valuesFrom=[{"kind": "ConfigMap", "name": "flux-values"}],
        values={"instance": {"cluster": {"size": "small"}}},
    )
    reading = read(
        {"clusters/c/all.yaml": both(ROOT, helm, config_map("flux-values", "flux-system", **{"values.yaml": values}))}
    )
    found = {f"{f.controller} {f.flag}": f.value for f in reading.fleet.flags}
    assert found["helm-controller concurrent"] == "5"
    assert found["kustomize-controller concurrent"] == "12"


@pytest.mark.parametrize("by_operator", [True, False])
def test_feature_gates_given_again_add_up_as_flux_merges_them(read: Read, by_operator: bool) -> None:
    patches = [
        _add("--feature-gates=CancelHealthCheckOnNewRevision=true,A=true", name="(kustomize|helm)-controller"),
        _add("--feature-gates=AdditiveCELDependencyCheck=true", "--feature-gates=A=false"),
    ]
    folder = {
        "clusters/c/flux-system/kustomization.yaml": kustomization("gotk.yaml", "sync.yaml", patches=patches),
        "clusters/c/flux-system/gotk.yaml": both(*(_controller(f"{n}-controller") for n in ("kustomize", "helm"))),
        "clusters/c/flux-system/sync.yaml": ROOT,
    }
    merged = "CancelHealthCheckOnNewRevision=true,A=false,AdditiveCELDependencyCheck=true"
    instance = {"clusters/c/all.yaml": both(ROOT, _instance(kustomize={"patches": patches}))}
    found = _flags(read, instance if by_operator else folder)
    assert found["kustomize-controller feature-gates"] == merged
    assert found["helm-controller feature-gates"] == "CancelHealthCheckOnNewRevision=true,A=true"


def test_a_flag_may_have_its_value_in_the_next_argument(read: Read) -> None:
    text = _controller(
        "kustomize-controller", "--concurrent", "17", "--watch-configs-label-selector", "--requeue-dependency", "5s"
    )
    found = _flags(read, {"clusters/c/all.yaml": both(ROOT, text)})
    assert found["kustomize-controller concurrent"] == "17"
    assert found["kustomize-controller requeue-dependency"] == "5s"


def test_the_place_of_a_flag_is_where_it_is_written_for_that_controller(read: Read) -> None:
    patch = """
        - op: add
          path: /spec/template/spec/containers/0/args/-
          value: --concurrent=9
        - op: replace
          path: /spec/template/spec/containers/0/resources/limits/cpu
          value: 2000m
        """
    limited = {"limits": {"cpu": "1000m"}}
    controllers = [
        _controller(f"{n}-controller").replace('"args"', f'"resources": {json.dumps(limited)}, "args"')
        for n in ("kustomize", "helm", "source")
    ]
    reading = read(
        {
            "clusters/c/flux-system/kustomization.yaml": """
                resources: [gotk.yaml, sync.yaml]
                patches:
                  - path: helm.yaml
                    target: {kind: Deployment, name: helm-controller}
                  - path: kustomize.yaml
                    target: {kind: Deployment, name: kustomize-controller}
                  - patch: |
                      apiVersion: apps/v1
                      kind: Deployment
                      metadata: {name: source-controller, namespace: flux-system}
                      spec: {template: {spec: {containers: [{name: manager, args: [--concurrent, "9"]}]}}}
                """,
            "clusters/c/flux-system/helm.yaml": patch,
            "clusters/c/flux-system/kustomize.yaml": "# first\n" + textwrap.dedent(patch),
            "clusters/c/flux-system/gotk.yaml": both(*controllers),
            "clusters/c/flux-system/sync.yaml": ROOT,
        }
    )
    folder = "clusters/c/flux-system"
    assert {(f.controller.partition("-")[0], f.text): (f.file, f.line) for f in reading.fleet.flags} == {
        ("kustomize", "--concurrent=9"): (f"{folder}/kustomize.yaml", 5),
        ("kustomize", "resources.limits.cpu=2000m"): (f"{folder}/kustomize.yaml", 8),
        ("helm", "--concurrent=9"): (f"{folder}/helm.yaml", 3),
        ("helm", "resources.limits.cpu=2000m"): (f"{folder}/helm.yaml", 6),
        ("source", "--concurrent=9"): (f"{folder}/kustomization.yaml", 11),
    }


def test_helm_values_of_the_community_chart(read: Read) -> None:
    values = {"kustomizeController": {"container": {"additionalArgs": ["--concurrent=16"]}}}
    helm = release("flux2", namespace="flux-system", chart="flux2", values=values)
    assert _flags(read, {"clusters/c/all.yaml": both(ROOT, helm)}) == {"kustomize-controller concurrent": "16"}


def _shard_flags(read: Read, text: str) -> dict[tuple[str, str], dict[str, str]]:
    shards = read({"clusters/c/all.yaml": both(ROOT, text)}).fleet.shards
    return {(s.controller.partition("-")[0], s.shard): {f.flag: f.value for f in s.flags} for s in shards}


def test_a_shards_flags_are_its_own_and_its_place_that_of_its_deployment(read: Read) -> None:
    main, shard = "!sharding.fluxcd.io/key", "sharding.fluxcd.io/key=one"
    texts = [
        _controller("kustomize-controller", "--concurrent=3", f"--watch-label-selector={main}"),
        _controller("kustomize-controller", "--concurrent=3", f"--watch-label-selector={shard}"),
    ]
    texts[1] = texts[1].replace('"kustomize-controller"', '"kustomize-controller-one"', 1)
    texts[1] = texts[1].replace('"manager"', '"manager", "image": "ghcr.io/fluxcd/kustomize-controller:v1.9.4"')
    text = both(ROOT, *texts)
    fleet = read({"clusters/c/all.yaml": text}).fleet
    lines = [n for n, line in enumerate(text.splitlines(), 1) if "--concurrent=3" in line]
    assert [(f.text, f.line) for f in fleet.flags if f.flag == "concurrent"] == [("--concurrent=3", lines[0])]
    (found,) = fleet.shards
    assert (found.controller, found.shard) == ("kustomize-controller", "one")
    assert [(f.text, f.line) for f in found.flags if f.flag == "concurrent"] == [("--concurrent=3", lines[1])]


def test_the_shards_of_a_flux_instance_take_what_its_patches_select(read: Read) -> None:
    patches = [
        _add("--concurrent=7"),  # kustomize finds what has a suffix by its first name, too
        _add("--requeue-dependency=1s", name="kustomize-controller-one"),
        _add("--concurrent=9") | {"target": {"kind": "Deployment", "annotationSelector": "sharding.fluxcd.io/role"}},
    ]
    text = _instance(sharding={"shards": ["one", "two"]}, cluster={"size": "small"}, kustomize={"patches": patches})
    found = _shard_flags(read, text)
    assert found["kustomize", "one"] == {"concurrent": "9", "requeue-dependency": "1s"}
    assert found["kustomize", "two"] == {"concurrent": "9", "requeue-dependency": "10s"}
    assert found["helm", "one"] == {"concurrent": "9", "requeue-dependency": "10s"}
    assert found["source", "two"] == {"concurrent": "9"}
    assert _flags(read, {"clusters/c/all.yaml": both(ROOT, text)})["kustomize-controller concurrent"] == "7"


def test_a_controller_of_another_name_is_none_of_ours(read: Read) -> None:
    assert _flags(read, {"clusters/c/all.yaml": both(ROOT, _controller("other-controller", "--concurrent=9"))}) == {}


MEMORY = {"name": "temp", "emptyDir": {"medium": "Memory"}}
IN_MEMORY = [
    [{"op": "replace", "path": "/spec/template/spec/volumes/0", "value": MEMORY}],
    {"spec": {"template": {"spec": {"volumes": [MEMORY]}}}},
]
LIMITED = [
    [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/cpu", "value": "2000m"}],
    {"spec": {"template": {"spec": {"containers": [{"name": "manager", "resources": {"limits": {"cpu": "2000m"}}}]}}}},
]


@pytest.mark.parametrize("patch", [*IN_MEMORY, *LIMITED])
def test_a_flux_instance_that_patches_the_temporary_volume_or_the_cpu_limit(read: Read, patch: Any) -> None:
    target = {"kind": "Deployment", "name": "kustomize-controller"}
    instance = _instance(kustomize={"patches": [{"patch": json.dumps(patch), "target": target}]})
    setting = "volumes.temp.emptyDir.medium" if patch in IN_MEMORY else "resources.limits.cpu"
    value = "Memory" if patch in IN_MEMORY else "2000m"
    assert _flags(read, {"clusters/c/all.yaml": both(ROOT, instance)}) == {f"kustomize-controller {setting}": value}


def test_a_deployment_says_its_cpu_limit_and_its_temporary_volume_where_they_are_not_as_installed(read: Read) -> None:
    def deployment(cpu: str, **temp: str) -> dict[str, str]:
        container = {"name": "manager", "args": [], "resources": {"limits": {"cpu": cpu}}}
        spec = {"template": {"spec": {"containers": [container], "volumes": [{"name": "temp", "emptyDir": temp}]}}}
        text = obj("apps/v1", "Deployment", "kustomize-controller", namespace="flux-system", spec=spec)
        return _flags(read, {"clusters/c/all.yaml": both(ROOT, text)})

    assert deployment("1000m") == {}
    assert deployment("3", medium="Memory") == {
        "kustomize-controller resources.limits.cpu": "3",
        "kustomize-controller volumes.temp.emptyDir.medium": "Memory",
    }


def test_patches_hold_where_bootstrap_brings_the_controllers_and_the_repository_does_not(read: Read) -> None:
    everywhere = {"patch": json.dumps([{"op": "add", "path": "/spec/x/args/-", "value": "--concurrent=9"}])}
    patches = [_add("--concurrent=20", "--requeue-dependency=5s"), everywhere | {"target": {"kind": "Deployment"}}]
    reading = read(
        {
            "clusters/c/flux-system/kustomization.yaml": kustomization("gotk.yaml", "sync.yaml", patches=patches),
            "clusters/c/flux-system/gotk.yaml": "# made by flux bootstrap\n",
            "clusters/c/flux-system/sync.yaml": ROOT,
        }
    )
    assert [(f.controller, f.flag, f.value, f.file) for f in reading.fleet.flags] == [
        ("kustomize-controller", "concurrent", "20", "clusters/c/flux-system/kustomization.yaml"),
        ("kustomize-controller", "requeue-dependency", "5s", "clusters/c/flux-system/kustomization.yaml"),
    ]  # what is meant for any Deployment says nothing of a controller that is not there


def test_patches_on_fluxs_own_manifests_from_elsewhere_hold(read: Read) -> None:
    merge = {"spec": {"template": {"spec": {"volumes": [{"name": "temp", "emptyDir": {"medium": "Memory"}}]}}}}
    target = {"kind": "Deployment", "name": "kustomize-controller"}
    patches = [_add("--concurrent=100"), {"patch": json.dumps(merge), "target": target}]
    manifests = flux("flux", "./", sourceRef={"kind": "OCIRepository", "name": "flux-manifests"}, patches=patches)
    assert _flags(read, {"clusters/c/all.yaml": both(ROOT, manifests)}) == {
        "kustomize-controller concurrent": "100",
        "kustomize-controller volumes.temp.emptyDir.medium": "Memory",
    }


def test_two_installs_that_set_the_controllers_otherwise_are_told(read: Read) -> None:
    instance = _instance(cluster={"size": "large"})
    reading = read({"clusters/c/all.yaml": both(ROOT, _controller("kustomize-controller", "--concurrent=7"), instance)})
    (found,) = [f for f in reading.findings if f.code == INSTALLED_TWICE]
    said = "flux-system/flux-system and FluxInstance/flux-system/flux set the controllers otherwise ("
    assert found.message.startswith(
        f"{said}kustomize-controller --concurrent=7 / --concurrent=20, helm-controller the default / "
    )


@pytest.mark.parametrize(
    "text",
    [
        both(_controller("kustomize-controller"), _controller("helm-controller", "--concurrent=7")),
        both(_controller("kustomize-controller"), _instance(cluster={})),
        _instance(cluster={"size": "large"}),
    ],
    ids=["one install", "two that set the same", "a FluxInstance"],
)
def test_one_install_or_two_of_the_same_are_nothing_to_tell(read: Read, text: str) -> None:
    assert [f for f in read({"clusters/c/all.yaml": both(ROOT, text)}).findings if f.code == INSTALLED_TWICE] == []


def test_kustomize_never_sees_the_deployments_that_flux_operator_makes(read: Read) -> None:
    """A patch in a kustomization.yaml beside a FluxInstance selects nothing; only those in its own spec count."""
    patches = json.dumps([_add("--concurrent=20")])
    own = _instance(kustomize={"patches": [_add("--requeue-dependency=5s")]})
    files = {"clusters/c/kustomization.yaml": f"resources: [all.yaml]\npatches: {patches}\n"}
    assert _flags(read, {**files, "clusters/c/all.yaml": both(ROOT, own)}) == {
        "kustomize-controller requeue-dependency": "5s"
    }
    assert _flags(read, {**files, "clusters/c/all.yaml": ROOT}) == {"kustomize-controller concurrent": "20"}
