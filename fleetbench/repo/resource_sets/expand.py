"""What flux-operator makes of a ResourceSet, as far as the repository alone says it.

Worked out are inline inputs (or none) and templates that :func:`.templates.rendered` understands. Anything else keeps the
ResourceSet whole: it is named, and nothing of it is made up.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 api/v1/resourceset_types.go; internal/builder/resourceset.go
ValidateResourceSetSpec, BuildResourceSetFromSpec, BuildResourceSet (each template with each set of inputs, the first of equal
objects counts), BuildResource (an object is written as YAML, filled in as text and read again), BuildResourceSetSteps;
internal/inputs/provider.go getFromProvider; fluxcd/pkg ssa v0.77.0 utils/object.go ReadObject, ReadObjects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fleetbench.graph.order import RESOURCE_SET
from fleetbench.ids import ObjectId
from fleetbench.repo.files.tree import Unreadable
from fleetbench.repo.files.yamltext import documents, dump
from fleetbench.repo.kinds import INSTANCE_GROUP, is_namespaced
from fleetbench.repo.manifest import MadeBy, Manifest, in_apply_order, mapping, mappings, with_metadata
from fleetbench.repo.resource_sets.template_values import NotPlain, size
from fleetbench.repo.resource_sets.templates import Effort, rendered

RECONCILE = "fluxcd.controlplane.io/reconcile"
MAX_OBJECTS = 5_000
"""What one ResourceSet, with the ResourceSets that it makes, is expanded to at most."""
MAX_CHARACTERS = 4_000_000
"""As much text is filled in for it at most: some thousand objects of usual size."""


def is_resource_set(manifest: Manifest) -> bool:
    """flux-operator's ResourceSet."""
    return manifest.is_flux(INSTANCE_GROUP, RESOURCE_SET)


@dataclass
class Budget:
    """What is left of what one ResourceSet may become."""

    objects: int = MAX_OBJECTS
    characters: int = MAX_CHARACTERS
    effort: Effort = field(default_factory=Effort)

    def spend(self, objects: int, characters: int) -> None:
        """Take a template that is filled in.

        Raises:
            NotPlain: that is more than is left.
        """
        self.objects -= objects
        self.characters -= characters
        if self.objects < 0 or self.characters < 0:
            raise NotPlain(
                f"it makes more than the {MAX_OBJECTS:,} objects, or {MAX_CHARACTERS:,} characters, that are read of one"
            )


def expanded(manifests: Iterable[Manifest], namespace: str) -> tuple[list[Manifest], dict[ObjectId, str]]:
    """What the ResourceSets among a Kustomization's objects make, and those that they make in turn.

    Args:
        manifests: what the Kustomization applies, variables filled in, which comes before templates are.
        namespace: of objects that name none.

    Returns:
        The objects that are made, each marked with the ResourceSet, in the order in which each of these applies them; and
        of each ResourceSet that is not expanded why.
    """
    made: list[Manifest] = []
    why: dict[ObjectId, str] = {}
    for top in (m for m in manifests if is_resource_set(m)):
        budget, waiting, seen = Budget(), [top], set[ObjectId]()
        while waiting:
            manifest = waiting.pop(0)
            id = manifest.id_in(namespace)
            if id in seen:
                continue
            seen.add(id)
            try:
                found = _objects(manifest, id, budget)
            except NotPlain as problem:
                why.setdefault(id, str(problem))
                continue
            made += found
            waiting += (m for m in found if is_resource_set(m))
    return made, why


def is_disabled(manifest: Manifest) -> bool:
    """Whether flux-operator leaves a ResourceSet alone (IsDisabled)."""
    return str(mapping(manifest.metadata, "annotations").get(RECONCILE) or "").lower() == "disabled"


def _objects(manifest: Manifest, id: ObjectId, budget: Budget) -> list[Manifest]:
    if is_disabled(manifest):
        raise NotPlain(f"{RECONCILE}: disabled keeps flux-operator from it")
    spec = manifest.spec
    inputs = _inputs(spec, id)
    made: list[Manifest] = []
    step_of: dict[tuple[str, ...], int] = {}
    steps = _steps(spec)
    for step, part in enumerate(steps):
        bodies = _built(part, inputs, budget)
        for key in (_key(body) for body in bodies):
            if step_of.setdefault(key, step) != step:
                raise NotPlain(f"two of its steps define {key[1]} {key[3]}, which flux-operator refuses")
        mark = MadeBy(id, step, waited=step < len(steps) - 1 or spec.get("wait") is True)
        found = [replace(manifest, body=body, made=mark) for body in bodies]
        made += in_apply_order(with_metadata(found, spec))
    return made


def _steps(spec: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if spec.get("steps") is None:
        return [spec]
    steps = mappings(spec, "steps")
    if not steps or len(steps) != len(spec["steps"]) or spec.get("resources") or spec.get("resourcesTemplate"):
        raise NotPlain("spec.steps is no list of steps, or stands beside spec.resources, which flux-operator refuses")
    return steps


def _inputs(spec: Mapping[str, Any], id: ObjectId) -> list[Mapping[str, Any]]:
    """The sets of inputs, each with what flux-operator adds to it; empty = templates are filled in once, without any."""
    if spec.get("inputsFrom"):
        raise NotPlain("its inputs come from ResourceSetInputProviders (spec.inputsFrom)")
    if mapping(spec, "inputStrategy").get("name") not in (None, "", "Flatten"):
        raise NotPlain("its inputs are combined by spec.inputStrategy")
    given = spec.get("inputs")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise NotPlain("spec.inputs is no list of objects")
    if len(given) > MAX_OBJECTS:
        raise NotPlain(f"it has more than {MAX_OBJECTS:,} sets of inputs")
    provider = {
        "apiVersion": f"{INSTANCE_GROUP}/v1", "kind": RESOURCE_SET, "name": id.name, "namespace": id.namespace,
    }  # fmt: skip
    return [{**one, "provider": provider} for one in given]


def _built(part: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]], budget: Budget) -> list[dict[str, Any]]:
    """What the templates of a ResourceSet, or of one of its steps, make: the first of equal objects counts.

    Without inputs ``resources`` are neither excluded nor compared, as in the operator.
    """
    templates, text = part.get("resources"), part.get("resourcesTemplate")
    if not templates and not text:
        raise NotPlain("it, or a step of it, has neither resources nor resourcesTemplate")
    if len(mappings(part, "resources")) != len(templates or ()) or not isinstance(text or "", str):
        raise NotPlain("spec.resources is no list of objects, or spec.resourcesTemplate no text")
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for template in mappings(part, "resources"):
        for body in _of_object(template, inputs or [{}], budget):
            if not inputs or not _is_excluded(body):
                found.setdefault(_key(body), body)
    for one in inputs or [{}] if text else ():
        for body in _of_text(str(text), one, budget):
            if not _is_excluded(body):
                found.setdefault(_key(body), body)
    return list(found.values())


def _of_object(
    template: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]], budget: Budget
) -> Iterator[dict[str, Any]]:
    """One object for each set of inputs: it becomes YAML, and that text is the template."""
    if size(template, budget.characters) > budget.characters:
        budget.spend(0, budget.characters + 1)
    text = dump(template)
    if "<<" not in text:
        budget.spend(1, 0)
        yield _object(dict(template))
        return
    for one in inputs:
        filled = rendered(text, one, budget.effort)
        budget.spend(1, len(filled))
        bodies = _read(filled)
        if len(bodies) != 1:
            raise NotPlain("one of its resources becomes several documents")
        yield _object(bodies[0])


def _of_text(text: str, inputs: Mapping[str, Any], budget: Budget) -> Iterator[dict[str, Any]]:
    """The objects of ``resourcesTemplate``; documents that are no object are left out."""
    filled = rendered(text, inputs, budget.effort)
    budget.spend(0, len(filled))
    for body in _read(filled):
        if not isinstance(body, dict) or isinstance(body.get("items"), list):
            raise NotPlain("its template holds a list, or what is no object")
        if not all((body.get("apiVersion"), body.get("kind"), mapping(body, "metadata").get("name"))):
            continue
        if str(body["apiVersion"]).startswith("kustomize.config.k8s.io/"):
            continue
        budget.spend(1, 0)
        yield _object(body)


def _read(text: str) -> list[Any]:
    try:
        return [body for _, body in documents(text, RESOURCE_SET) if body is not None]
    except Unreadable as problem:
        raise NotPlain(f"its templates make no YAML that can be read: {problem.reason}") from None


def _object(body: Any) -> dict[str, Any]:
    """An object that can be applied.

    In a namespace it must name one: flux-operator adds none, and then the whole apply fails ("namespace not specified":
    fluxcd/pkg ssa v0.77.0 errors/errors.go DryRunErr).
    """
    metadata = mapping(body, "metadata") if isinstance(body, dict) else {}
    named = [body.get("apiVersion"), body.get("kind"), metadata.get("name")] if isinstance(body, dict) else [None]
    if not all(isinstance(text, str) and text for text in named) or not isinstance(metadata.get("namespace", ""), str):
        raise NotPlain("one of its resources has no apiVersion, kind or metadata.name that is text")
    group = str(body["apiVersion"]).rpartition("/")[0]
    if is_namespaced(group, str(body["kind"])) and not metadata.get("namespace"):
        raise NotPlain(
            f"{body['kind']} {metadata['name']} names no namespace, without which flux-operator's apply fails"
        )
    return dict(body)


def _key(body: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = mapping(body, "metadata")
    group = str(body["apiVersion"]).rpartition("/")[0]
    return group, str(body["kind"]), str(metadata.get("namespace") or ""), str(metadata["name"])


def _is_excluded(body: Mapping[str, Any]) -> bool:
    return mapping(body, "metadata", "annotations").get(RECONCILE) == "disabled"
