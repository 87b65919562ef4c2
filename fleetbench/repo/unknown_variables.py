"""Variables of builds whose value is not known here, and why: told of each Kustomization, and of all with one cause at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fleetbench.findings import VARIABLE_UNKNOWN, VARIABLE_UNSET, Finding, Shared
from fleetbench.graph.release import SET_IT, Substitution
from fleetbench.ids import ObjectId, say
from fleetbench.repo.manifest import Manifest
from fleetbench.repo.nodes import Node, Walk, unset_variables
from fleetbench.repo.secret_makers import CLUSTER_EXTERNAL_SECRET, SECRET_MAKERS, external_secret_for, made_secret

_COUNTS = "where it stands for a number, true or false, or a duration, the field's default holds"
_GIVE_DEFAULT = "where it decides the graph, give it a default: ${VAR:=value}"

_OF_ROOT = "nothing to do; to have its values counted, write the root with its spec.postBuild into the repository"


class _Cause(NamedTuple):
    """Why a value is not known here."""

    so: str
    """Of one variable."""
    shared: str
    """Of all variables of this cause, in whichever namespace."""
    fix: str


def unknown_variables(walk: Walk, substitution: Substitution) -> Iterator[Finding]:
    """A finding for each Kustomization and variable without a value."""
    makers: dict[ObjectId, ObjectId] = {}
    for node, manifest in walk.manifests():
        if manifest.kind in SECRET_MAKERS:
            id = manifest.id_in(node.id.namespace)
            makers.setdefault(ObjectId("Secret", id.namespace, made_secret(manifest)), id)
    cluster_wide = [manifest for _, manifest in walk.manifests() if manifest.kind == CLUSTER_EXTERNAL_SECRET]
    for secret in {id for node in walk.nodes.values() for id in (*node.variables.missing, *node.variables.filled)}:
        by = next((manifest.id for manifest in cluster_wide if external_secret_for(manifest, secret)), None)
        if by is not None:
            makers.setdefault(secret, by)
    for node in walk.nodes.values():
        for name, user in node.unknown.items():
            if substitution.strict and node.variables.unset(name):
                yield _fails(node, name, user, substitution)
                continue
            cause = _cause(node, name, substitution, makers)
            at = user if user.file else node.manifest
            text = f"variable {name}, used by {user.id}, {cause.so}"
            shared = Shared(f"use variables without a value here: {cause.shared}", cause.fix)
            yield Finding(VARIABLE_UNKNOWN, text, cause.fix, node.id, at.file, at.line, shared)


def _fails(node: Node, name: str, user: Manifest, substitution: Substitution) -> Finding:
    """A variable that fails the build of a Kustomization."""
    so = f"no value, as nothing sets it: {substitution.effect}"
    at = user if user.file else node.manifest
    shared = Shared(f"use variable {name}, which has {so}", SET_IT)
    text = f"variable {name}, used by {user.id}, has {so}"
    return Finding(VARIABLE_UNSET, text, SET_IT, node.id, at.file, at.line, shared)


def _cause(node: Node, name: str, substitution: Substitution, makers: Mapping[ObjectId, ObjectId]) -> _Cause:
    if name in node.variables.values:
        so = f"their values are encrypted; {_COUNTS}"
        return _Cause(f"stays as it is here: its value is encrypted; {_COUNTS}", so, f"nothing to do; {_GIVE_DEFAULT}")
    if name in unset_variables(node):
        so = f"nothing sets them: {substitution.effect}"
        return _Cause(f"has no value, as nothing sets it: {substitution.effect}", so, SET_IT)
    if node.variables.unseen and not (node.variables.missing or node.variables.filled or node.variables.webhook):
        so = "no file holds the root that sets"
        return _Cause(f"stays as it is here: {so} it; {_COUNTS}", f"{so} them; {_COUNTS}", _OF_ROOT)
    webhook = node.variables.webhook
    made = [id for id in (*node.variables.missing, *node.variables.filled) if id in makers]
    gone = [id for id in node.variables.missing if id not in makers]
    ones, all_of_them = [], []
    if gone:
        ones.append(f"the repository does not hold {', '.join(f'{i.kind} {i.key}' for i in gone)}")
        all_of_them.append(f"the repository does not hold {_in_their_namespaces(gone)}")
    if made:
        ones += [f"{say(makers[id])} makes {id.kind} {id.key} in the cluster" for id in made]
        kinds = " and ".join(sorted({f"{makers[id].kind}s" for id in made}))
        all_of_them.append(
            f"{_in_their_namespaces(made)} {'is' if len(made) == 1 else 'are'} made in the cluster by {kinds}"
        )
    if webhook is not None:
        ones.append(adds := f"{say(webhook)} adds variables to every Kustomization")
        all_of_them.append(adds)
    fix = "nothing to do if something outside the repository makes it" if gone else f"nothing to do; {_GIVE_DEFAULT}"
    return _Cause(f"stays as it is here: {'; '.join([*ones, _COUNTS])}", "; ".join([*all_of_them, _COUNTS]), fix)


def _in_their_namespaces(ids: list[ObjectId]) -> str:
    return f"{', '.join(f'{id.kind} {id.name}' for id in ids)} of the same namespace"
