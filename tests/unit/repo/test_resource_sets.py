"""What flux-operator makes of a ResourceSet."""

from __future__ import annotations

from typing import Any

import pytest

from fleetbench.ids import ObjectId
from fleetbench.repo.manifest import MadeBy, Manifest
from fleetbench.repo.resource_sets.expand import MAX_OBJECTS, expanded

ID = ObjectId("ResourceSet", "flux-system", "tenants")
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap"}


def _config(name: str, namespace: str = "apps", **data: Any) -> dict[str, Any]:
    return {**CONFIG, "metadata": {"name": name, "namespace": namespace}, **({"data": data} if data else {})}


def _set(name: str = "tenants", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "flux-system", **({"annotations": annotations} if annotations else {})}
    return {"apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSet", "metadata": metadata, "spec": spec}


def _made(body: dict[str, Any]) -> list[Manifest]:
    found, why = expanded([Manifest(body, "tenants.yaml", 3)], "flux-system")
    assert not why, why
    return found


def _names(body: dict[str, Any]) -> list[str]:
    return [m.id.key for m in _made(body)]


def _why(body: dict[str, Any]) -> str:
    found, why = expanded([Manifest(body)], "flux-system")
    assert not found
    return why[ID]


def test_each_resource_is_made_of_each_set_of_inputs_and_bears_the_place_of_its_set() -> None:
    found = _made(
        _set(
            inputs=[{"tenant": "b", "n": 1}, {"tenant": "a", "n": "2"}],
            resources=[
                _config("<< inputs.tenant >>-x", "<< inputs.tenant >>", n="<< inputs.n >>", q="<< inputs.n | quote >>"),
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "<< inputs.tenant >>"}},
            ],
        )
    )
    assert [m.id.key for m in found] == ["/a", "/b", "a/a-x", "b/b-x"]
    assert found[2].body["data"] == {"n": 2, "q": "2"}  # what is filled in is read again, so bare digits are a number
    assert {(m.file, m.line, m.made) for m in found} == {("tenants.yaml", 3, MadeBy(ID))}


def test_without_inputs_resources_are_made_once() -> None:
    assert _names(_set(resources=[_config("x"), _config("y")])) == ["apps/x", "apps/y"]
    assert _names(_set(inputs=[], resources=[_config("x")])) == ["apps/x"]


def test_equal_objects_of_several_inputs_are_made_once_and_the_first_counts() -> None:
    shared = _config("shared", n="<< inputs.tenant >>")
    found = _made(_set(inputs=[{"tenant": "a"}, {"tenant": "b"}], resources=[shared]))
    assert [m.body["data"] for m in found] == [{"n": "a"}]
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: apps}\n"
    both = _made(_set(inputs=[{"tenant": "a"}], resources=[shared], resourcesTemplate=template))
    assert [m.body.get("data") for m in both] == [{"n": "a"}]  # resources take precedence


def test_a_text_template_makes_all_its_documents() -> None:
    template = """\
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: << inputs.tenant >>-x
  namespace: apps
data: << inputs.data | toYaml | nindent 2 >>
---
# nothing
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "<< inputs.tenant >>-y", namespace: apps}
"""
    found = _made(_set(inputs=[{"tenant": "a", "data": {"k": "v"}}], resourcesTemplate=template))
    assert [m.id.key for m in found] == ["apps/a-x", "apps/a-y"]
    assert found[0].body["data"] == {"k": "v"}


def test_a_text_template_makes_what_its_conditions_and_ranges_say_for_each_set_of_inputs() -> None:
    template = """\
<<- range $component := inputs.components >>
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: << inputs.tenant >>-<< $component >>
  namespace: apps
<<- if eq inputs.tenant "a" >>
data: {n: first}
<<- end >>
<<- end >>
"""
    inputs = [{"tenant": "a", "components": ["x", "y"]}, {"tenant": "b", "components": ["z"]}]
    found = _made(_set(inputs=inputs, resourcesTemplate=template))
    assert [(m.name, m.body.get("data")) for m in found] == [
        ("a-x", {"n": "first"}),
        ("a-y", {"n": "first"}),
        ("b-z", None),
    ]


def test_a_condition_within_an_annotation_leaves_an_object_out() -> None:
    body = _config("<< inputs.tenant >>")
    state = '<< if eq inputs.tenant "a" >>enabled<< else >>disabled<< end >>'
    body["metadata"]["annotations"] = {"fluxcd.controlplane.io/reconcile": state}
    assert _names(_set(inputs=[{"tenant": "a"}, {"tenant": "b"}], resources=[body])) == ["apps/a"]


def test_ranges_within_ranges_stop_at_the_limit_for_all_sets_of_inputs_together() -> None:
    nested = "<< range $x := inputs.l >>" * 2 + "<< end >>" * 2
    inputs = [{"l": [0] * 100, "n": n} for n in range(200)]
    assert "steps" in _why(_set(inputs=inputs, resources=[_config("x", n=nested)]))


def test_inputs_know_the_resourceset_that_they_are_of() -> None:
    name = "<< inputs.provider.namespace >>-<< inputs.provider.name >>"
    assert _names(_set(inputs=[{"provider": "x"}], resources=[_config(name)])) == ["apps/flux-system-tenants"]


def test_objects_that_inputs_disable_are_left_out() -> None:
    body = _config("<< inputs.tenant >>")
    body["metadata"]["annotations"] = {"fluxcd.controlplane.io/reconcile": "<< inputs.state >>"}
    inputs = [{"tenant": "a", "state": "enabled"}, {"tenant": "b", "state": "disabled"}]
    assert _names(_set(inputs=inputs, resources=[body])) == ["apps/a"]


def test_common_metadata_goes_over_all_objects() -> None:
    found = _made(_set(commonMetadata={"labels": {"a": "b"}}, resources=[_config("x")]))
    assert found[0].note("a") == "b"


def test_steps_are_made_one_after_the_other_and_all_but_the_last_are_waited_for() -> None:
    steps = [{"name": "b", "resources": [_config("z")]}, {"name": "a", "resources": [_config("y")]}]
    assert [(m.name, m.made) for m in _made(_set(steps=steps))] == [
        ("z", MadeBy(ID, 0, True)),
        ("y", MadeBy(ID, 1, False)),
    ]
    assert [m.made for m in _made(_set(steps=steps, wait=True))] == [MadeBy(ID, 0, True), MadeBy(ID, 1, True)]


def test_a_resourceset_that_another_one_makes_is_expanded_too() -> None:
    inner = _set("inner", resources=[_config("x")])
    found = _made(_set(inputs=[{"a": 1}], resources=[inner]))
    assert [(m.id.key, m.made.set.name) for m in found if m.made] == [
        ("flux-system/inner", "tenants"),
        ("apps/x", "inner"),
    ]


def test_a_resourceset_that_makes_itself_ends() -> None:
    assert _names(_set(resources=[_set(resources=[_config("x")])])) == ["flux-system/tenants"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"inputsFrom": [{"name": "x"}], "resources": [_config("x")]}, "spec.inputsFrom"),
        ({"inputStrategy": {"name": "Permute"}, "inputs": [{"a": 1}], "resources": [_config("x")]}, "inputStrategy"),
        ({"inputs": [{"a": 1}], "resources": [_config("<< inputs.b >>")]}, "<< inputs.b >> names an input that is not there"),
        ({"resources": [_config("<< inputs.b >>")]}, "names an input that is not there"),
        ({"resourcesTemplate": "<< with true >>a<< end >>"}, "<< with true >> is more of a template than is worked out"),
        ({"resourcesTemplate": "<< if true >>a"}, "<< if true >> is more of a template than is worked out"),
        ({"resourcesTemplate": "a: [\n"}, "no YAML that can be read"),
        ({"resourcesTemplate": "- a\n"}, "no object"),
        ({"resourcesTemplate": "a: &a [*a]\n"}, "no YAML that can be read"),
        ({"resourcesTemplate": "[" * 1000}, "no YAML that can be read"),
        ({"inputs": [{"a": "x\ny: z"}], "resources": [_config("<< inputs.a >>")]}, "no YAML|is text"),
        ({"inputs": [{"a": 1}], "resources": [_config("<< inputs.a >>")]}, "metadata.name that is text"),
        ({"resources": [{**CONFIG, "metadata": {"name": "x"}}]}, "ConfigMap x names no namespace"),
        ({"inputs": [{"a": "x\n---\nb: c"}], "resources": [{**_config("y"), "z": "<< inputs.a >>"}]}, "several documents"),
        ({"inputs": "x", "resources": [_config("x")]}, "no list of objects"),
        ({"inputs": [1], "resources": [_config("x")]}, "no list of objects"),
        ({"resources": "x"}, "no list of objects"),
        ({"resources": [1]}, "no list of objects"),
        ({"resourcesTemplate": 1}, "no text"),
        ({}, "neither resources nor resourcesTemplate"),
        ({"steps": [{"name": "a"}]}, "neither resources nor resourcesTemplate"),
        ({"steps": []}, "no list of steps"),
        ({"steps": [{"name": "a", "resources": [_config("x")]}], "resources": [_config("y")]}, "beside spec.resources"),
        ({"steps": [{"name": n, "resources": [_config("x")]} for n in "ab"]}, "two of its steps define ConfigMap x"),
    ],
)  # fmt: skip
def test_what_cannot_be_worked_out_keeps_the_whole_resourceset_as_it_is(spec: dict[str, Any], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        _made(_set(**spec))
    assert _why(_set(**spec))


def test_a_disabled_resourceset_makes_nothing() -> None:
    body = _set(annotations={"fluxcd.controlplane.io/reconcile": "Disabled"}, resources=[_config("x")])
    assert "disabled" in _why(body)


def test_thousands_of_inputs_are_refused_with_the_limit_named() -> None:
    inputs = [{"n": n} for n in range(MAX_OBJECTS + 1)]
    assert f"{MAX_OBJECTS:,}" in _why(_set(inputs=inputs, resources=[_config("x<< inputs.n >>")]))
    crossed = _set(inputs=inputs[:100], resources=[_config(f"x{n}-<< inputs.n >>") for n in range(100)])
    assert f"more than the {MAX_OBJECTS:,} objects" in _why(crossed)
    large = _set(inputs=[{"n": n, "x": "x" * 200_000} for n in range(50)], resources=[_config("x", x="<< inputs.x >>")])
    assert "characters" in _why(large)


def test_resourcesets_that_make_each_other_without_end_stop_at_the_limit() -> None:
    nested: dict[str, Any] = {"resources": [_config("x")]}
    for depth in range(30):
        nested = {"resources": [_set(f"s{depth}-{side}", **nested) for side in "ab"]}
    found, _ = expanded([Manifest(_set(**nested))], "flux-system")
    assert len(found) <= MAX_OBJECTS
