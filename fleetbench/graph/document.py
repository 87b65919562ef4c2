"""The graph file: a :class:`~fleetbench.graph.fleet.Fleet` and its findings as one JSON document, and back.

Format history:
    1: first version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from fleetbench.errors import InputError
from fleetbench.findings import Finding, in_order
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import layers
from fleetbench.graph.objects import (
    ControllerFlag,
    ControllerShard,
    Dependency,
    FluxVersion,
    GivenCheck,
    HelmRelease,
    Kustomization,
    Made,
    MisnamedCheck,
    Need,
    Source,
    Workload,
)
from fleetbench.graph.root import with_root
from fleetbench.ids import GIT_REPOSITORY, HELM_RELEASE, KUSTOMIZATION, ObjectId, some
from fleetbench.json_node import Node, parse
from fleetbench.json_text import Path, line_of, shown
from fleetbench.json_values import count, duration_s, flag

FORMAT_VERSION = 1
GRAPH_FILE = "JSON as `fleetbench graph` writes it"


# --- writing ---------------------------------------------------------------------------------------------------


def to_document(fleet: Fleet, findings: Sequence[Finding] = ()) -> dict[str, Any]:
    """The fleet as the JSON document of ``fleetbench graph``: objects sorted by id, findings by severity."""
    level = layers(fleet)
    return {
        "format_version": FORMAT_VERSION,
        "name": fleet.name,
        "cluster_path": fleet.cluster_path,
        "root": fleet.root.key,
        "kustomizations": [_kustomization(k, level[k.id]) for k in sorted(fleet.kustomizations, key=lambda k: k.id)],
        "helmreleases": [_helmrelease(h, level[h.id]) for h in sorted(fleet.helmreleases, key=lambda h: h.id)],
        "sources": [_source(s) for s in sorted(fleet.sources, key=lambda s: s.id)],
        "flux_version": None if fleet.flux is None else _plain(fleet.flux),
        "controller_flags": [_plain(f) for f in fleet.flags],
        **({"controller_shards": [_shard(s) for s in fleet.shards]} if fleet.shards else {}),
        "findings": [f.to_json() for f in in_order(list(findings))],
    }


def _plain(obj: Any) -> dict[str, Any]:
    """A flat frozen dataclass as JSON: ids as text, tuples as lists; what few objects have where they have it."""
    every = {name: getattr(obj, name) for name in obj.__dataclass_fields__}
    return {name: _value(value) for name, value in every.items() if value or name not in _OF_FEW}


def _value(value: Any) -> Any:
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, tuple):
        return [_value(v) for v in value]
    if isinstance(value, (GivenCheck, Made, MisnamedCheck)):
        return _plain(value)
    return value


def _key(id: ObjectId | None) -> str | None:
    return None if id is None else id.key


def _common(obj: Kustomization | HelmRelease, layer: int | None) -> dict[str, Any]:
    exprs = {d.target.key: d.ready_expr for d in obj.depends_on if d.ready_expr}
    never = {d.target.key: d.never for d in obj.depends_on if d.never}
    makers = {d.target.key: str(d.maker) for d in obj.depends_on if d.maker}
    return {
        "parent": _key(obj.parent),
        "depends_on": [d.target.key for d in obj.depends_on],
        "ready_exprs": exprs,
        **({"never_ready": never} if never else {}),
        "dependency_makers": makers,
        "source": None if obj.source is None else str(obj.source),
        "layer": layer,
        "workloads": [_plain(w) for w in obj.workloads],
        "needs": [_plain(n) for n in obj.needs],
    }


_OF_FEW = ("made", "unexpanded", "also_by", "misnamed_checks", "given_checks", "queues", "cron_jobs")
_OWN_FIELDS = ("id", "parent", "depends_on", "source", "workloads", "needs")


def _kustomization(k: Kustomization, layer: int | None) -> dict[str, Any]:
    rest = {n: v for n, v in _plain(k).items() if n not in _OWN_FIELDS}
    if k.target_namespace is None:
        del rest["target_namespace"]
    if k.retry_interval_s is None:
        rest["retry_interval_stated"] = False
    rest |= {"timeout_s": k.effective_timeout_s, "retry_interval_s": k.effective_retry_s}
    return {"id": k.id.key, **_common(k, layer), **rest}


def _helmrelease(h: HelmRelease, layer: int | None) -> dict[str, Any]:
    return {"id": h.id.key, **_common(h, layer), **{n: v for n, v in _plain(h).items() if n not in _OWN_FIELDS}}


def _shard(s: ControllerShard) -> dict[str, Any]:
    return {"controller": s.controller, "shard": s.shard, "flags": [_plain(f) for f in s.flags]}


def _source(s: Source) -> dict[str, Any]:
    return {**_plain(s), "id": str(s.id), "parent": _key(s.parent)}


# --- reading ---------------------------------------------------------------------------------------------------


def read_document(text: str, file: str) -> Fleet:
    """Read a graph file.

    Args:
        text: the file's content.
        file: its name, for messages.

    Raises:
        InputError: no JSON, not a graph, or a field with a value it cannot have.
    """
    return from_document(parse(text, file, GRAPH_FILE), file, text)


def from_document(document: Any, file: str, text: str | None = None, path: Path = ()) -> Fleet:
    """Build the fleet of a parsed graph document; only ``id`` is required of an object.

    Args:
        document: as parsed.
        file: its name, for messages.
        text: what it was parsed from, for the lines in messages.
        path: where in that text it stands.

    Raises:
        InputError: a field is missing or has a value it cannot have.
    """
    if not isinstance(document, dict) or not any(document.get(name) is not None for name in _SERVICES):
        got = f"an object with {some(sorted(document), 5) or 'nothing'}" if isinstance(document, dict) else document
        line, place = None if text is None else line_of(text, path), shown((*path, "kustomizations"))
        raise InputError.at(file, line, place, "nothing" if got is None else got, "a list of objects", _HINT)
    top, version = Node(document, file, text, path), document.get("format_version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise top.bad("format_version", version, f"{FORMAT_VERSION}, which this release reads")
    kustomizations = _objects(top, "kustomizations", _read_kustomization)
    helmreleases = _objects(top, "helmreleases", _read_helmrelease)
    sources = _objects(top, "sources", _read_source)
    flags = _objects(top, "controller_flags", lambda at: _flat(at, ControllerFlag))
    shards = _objects(top, "controller_shards", _read_shard)
    flux = top.data.get("flux_version")
    for place, listed in (("kustomizations", kustomizations), ("helmreleases", helmreleases), ("sources", sources)):
        _require_each_once(top, place, listed)
    root = top.id("root", KUSTOMIZATION)
    if root is not None and root not in {k.id for k in kustomizations}:
        raise top.bad("root", root.key, "the id of one of the kustomizations")
    return with_root(
        kustomizations,
        helmreleases,
        sources,
        root,
        flags=tuple(flags),
        shards=tuple(shards),
        name=top.text_of("name") or "fleet",
        cluster_path=top.text_of("cluster_path"),
        flux=None if flux is None else _flat(top.below("flux_version", data=flux), FluxVersion),
    )


_SERVICES = ("kustomizations", "helmreleases")
_HINT = "write one with `fleetbench graph --format json -o FILE`"


def _require_each_once(top: Node, place: str, listed: Sequence[Any]) -> None:
    seen = set()
    for number, obj in enumerate(listed):
        if obj.id in seen:
            raise top.bad((place, number, "id"), str(obj.id), "each id once")
        seen.add(obj.id)


def _flat(at: Node, cls: type[Any], kind: str = KUSTOMIZATION, **given: Any) -> Any:
    """Build a frozen dataclass from the fields of the same name, each checked by the field's own type."""
    values = dict(given)
    for name, spec in cls.__dataclass_fields__.items():
        if name in values or name.startswith("_") or at.data.get(name) is None:
            continue
        values[name] = _READERS[spec.type](at, name, kind)
    try:
        return cls(**values)
    except TypeError as error:
        raise at.bad((), sorted(at.data), f"an object with {str(error).split(':')[-1].strip()}") from None


_READERS: dict[str, Callable[[Node, str, str], Any]] = {
    "str": lambda at, name, kind: at.text_of(name),
    "str | None": lambda at, name, kind: at.text_of(name),
    "int": lambda at, name, kind: at.field(name, count),
    "int | None": lambda at, name, kind: at.field(name, count),
    "bool": lambda at, name, kind: at.field(name, flag),
    "float": lambda at, name, kind: at.field(name, duration_s),
    "float | None": lambda at, name, kind: at.field(name, duration_s),
    "tuple[str, ...]": lambda at, name, kind: at.texts(name),
    "ObjectId": lambda at, name, kind: at.id(name, kind),
    "ObjectId | None": lambda at, name, kind: at.id(name, kind),
    "tuple[ObjectId, ...]": lambda at, name, kind: at.ids(name, kind),
    "tuple[Workload, ...]": lambda at, name, kind: tuple(_flat(w, Workload) for w in at.each(name)),
    "tuple[Need, ...]": lambda at, name, kind: tuple(_flat(n, Need) for n in at.each(name)),
    "tuple[MisnamedCheck, ...]": lambda at, name, kind: tuple(_flat(c, MisnamedCheck) for c in at.each(name)),
    "tuple[GivenCheck, ...]": lambda at, name, kind: tuple(_flat(c, GivenCheck) for c in at.each(name)),
    "Made | None": lambda at, name, kind: _flat(at.below(name, data=at.data[name]), Made),
    "tuple[Dependency, ...]": lambda at, name, kind: _depends_on(at, kind),
}


def _depends_on(at: Node, kind: str) -> tuple[Dependency, ...]:
    said = {name: at.data.get(name) or {} for name in ("ready_exprs", "never_ready", "dependency_makers")}
    for name, value in said.items():
        if not isinstance(value, dict):
            raise at.bad(name, value, "an object: ns/name -> text")
    exprs, never, makers = said.values()
    below, named = at.below("dependency_makers", data=makers), at.ids("depends_on", kind)
    return tuple(Dependency(t, exprs.get(t.key), never.get(t.key), below.id(t.key, KUSTOMIZATION)) for t in named)


def _objects(top: Node, field: str, read: Callable[[Node], Any]) -> list[Any]:
    return [read(at) for at in top.each(field)]


def _required_id(at: Node, kind: str) -> ObjectId:
    id = at.id("id", kind)
    if id is None:
        raise at.bad("id", at.data.get("id"), "ns/name")
    if kind in (KUSTOMIZATION, HELM_RELEASE) and id.kind != kind:
        raise at.bad("id", str(id), f"ns/name of a {kind}")
    return id


def _read_kustomization(at: Node) -> Kustomization:
    id = _required_id(at, KUSTOMIZATION)
    k: Kustomization = _flat(at, Kustomization, id=id, source=at.id("source", GIT_REPOSITORY))
    unstated = at.data.get("retry_interval_stated") is False and k.retry_interval_s == k.interval_s
    return replace(k, retry_interval_s=None) if unstated else k


def _read_helmrelease(at: Node) -> HelmRelease:
    id = _required_id(at, HELM_RELEASE)
    given = {"id": id, "parent": at.id("parent", KUSTOMIZATION), "source": at.id("source", GIT_REPOSITORY)}
    return _flat(at, HelmRelease, kind=HELM_RELEASE, **given)  # type: ignore[no-any-return]


def _read_shard(at: Node) -> ControllerShard:
    flags = _objects(at, "flags", lambda flag: _flat(flag, ControllerFlag))
    return _flat(at, ControllerShard, flags=tuple(flags))  # type: ignore[no-any-return]


def _read_source(at: Node) -> Source:
    return _flat(at, Source, id=_required_id(at, GIT_REPOSITORY), parent=at.id("parent", KUSTOMIZATION))  # type: ignore[no-any-return]
