"""Mutations: of bytes, of the structure of a document, of the meaning of a Flux object."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz import hostile

Path = tuple[Any, ...]


def bytes_of(content: bytes, rng: Random) -> bytes:
    """Flip, cut, double or splice a few bytes."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        at = rng.randrange(len(data) + 1)
        span = rng.choice((1, 2, 8, 64, 512))
        kind = rng.randrange(8)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 2:
            del data[at : at + span]
        elif kind == 3:
            data[at:at] = data[at : at + span] * rng.choice((1, 2, 10))
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            data[at:at] = rng.choice(hostile.TEXTS + hostile.DURATIONS).encode("utf-8", "surrogatepass")
        elif kind == 6:
            data[at:at] = rng.choice(
                (b"\x00", b"\xff\xfe", b"\x80", b"\xed\xa0\x80", b"\r\n", b"\xef\xbb\xbf", b"\n---\n", b"{", b"[", b'"')
            )
        else:
            data = data.replace(b"\n", b"\r\n") if rng.random() < 0.5 else data.replace(b": ", b":\t", 1)
    return bytes(data)


def places(value: Any, limit: int = 4000) -> list[Path]:
    """Paths of the values inside a document, itself included."""
    found: list[Path] = [()]
    waiting: list[tuple[Path, Any]] = [((), value)]
    while waiting and len(found) < limit:
        path, here = waiting.pop()
        inside = here.items() if isinstance(here, dict) else enumerate(here) if isinstance(here, list) else ()
        for key, item in inside:
            found.append((*path, key))
            waiting.append(((*path, key), item))
    return found


def get(value: Any, path: Path) -> Any:
    """The value at a path."""
    for key in path:
        value = value[key]
    return value


def put(value: Any, path: Path, new: Any) -> Any:
    """The document with the value at a path replaced, in place where it can be."""
    if not path:
        return new
    get(value, path[:-1])[path[-1]] = new
    return value


def junk(rng: Random) -> Any:
    """Any value that has no business there."""
    return rng.choice(
        (
            lambda: rng.choice(hostile.TEXTS),
            lambda: rng.choice(hostile.NUMBERS),
            lambda: rng.choice(hostile.DURATIONS),
            lambda: None,
            lambda: [],
            dict,
            lambda: [rng.choice(hostile.TEXTS)] * rng.choice((1, 3, 200)),
            lambda: {rng.choice(hostile.TEXTS): rng.choice(hostile.NUMBERS)},
            lambda: _deep(rng.choice((3, 50, 160, 300))),
        )
    )()


def _deep(depth: int) -> Any:
    value: Any = 1
    for n in range(depth):
        value = [value] if n % 2 else {"a": value}
    return value


def structure(document: Any, rng: Random) -> Any:
    """Replace, delete, double, move, wrap or rename parts of a document."""
    try:
        return _structure(document, rng)
    except RecursionError:
        return document  # grown too deep to be copied: the families nest deeper in text


def _structure(document: Any, rng: Random) -> Any:
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2, 4))):
        paths = places(document)
        path = rng.choice(paths)
        if not path:
            document = junk(rng) if rng.random() < 0.05 else document
            continue
        holder, key, here = get(document, path[:-1]), path[-1], get(document, path)
        kind = rng.randrange(7)
        if kind == 0:
            del holder[key]
        elif kind in (1, 2):
            holder[key] = junk(rng)
        elif kind == 3:
            holder[key] = copy.deepcopy(get(document, rng.choice(paths)))
        elif kind == 4:
            holder[key] = rng.choice(([here], {"x": here}, [here, here], str(here)))
        elif kind == 5 and isinstance(holder, dict):
            holder[rng.choice((rng.choice(hostile.TEXTS), str(key).upper(), f"{key}s"))] = holder.pop(key)
        elif isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(here)] * rng.choice((1, 2, 50))
    return document


def graph_meaning(document: dict[str, Any], rng: Random) -> dict[str, Any]:
    """A graph file that is well-formed, and says something terrible."""
    document = copy.deepcopy(document)
    ks, hrs = document.get("kustomizations") or [{}], document.get("helmreleases") or [{}]
    for _ in range(rng.choice((1, 2, 5))):
        k = rng.choice(rng.choice((ks, ks, hrs)))
        ids = [str(o.get("id")) for o in ks]
        kind = rng.randrange(10)
        if kind == 0:
            k["depends_on"] = [str(k.get("id"))]
        elif kind == 1:
            k["depends_on"] = rng.sample(ids, min(len(ids), rng.choice((1, 3, 100))))
        elif kind == 2:
            k["parent"] = rng.choice((*ids, "gone/gone", None))
        elif kind == 3:
            k[rng.choice(("interval_s", "timeout_s", "retry_interval_s"))] = rng.choice(
                (0, 1e-9, 1e-3, 0.5, 9e9, 3e7, 30)
            )
        elif kind == 4:
            k[rng.choice(("wait", "suspend", "assumed"))] = rng.random() < 0.5
        elif kind == 5:
            renamed = rng.choice(hostile.TEXTS).replace("/", "-") or "x"
            document = _renamed(document, str(k.get("id")), f"flux-system/{renamed}")
            ks, hrs = document.get("kustomizations") or [{}], document.get("helmreleases") or [{}]
        elif kind == 6:
            k["workloads"] = [_workload(rng, n) for n in range(rng.choice((1, 3, 300)))]
        elif kind == 7:
            k["source"] = rng.choice(("GitRepository/flux-system/other", "Bucket/a/b", "X/y/z", None))
        elif kind == 8:
            document["root"] = rng.choice(ids)
        else:
            k["health_checks"] = ["Deployment/a/" + (rng.choice(hostile.TEXTS).replace("/", "-") or "x")]
    return document


def _workload(rng: Random, n: int) -> dict[str, Any]:
    return {
        "object": f"{rng.choice(('Deployment', 'StatefulSet', 'Job', 'Odd', 'CronJob'))}/ns/w{n}",
        "replicas": rng.choice((0, 1, 3, 500, 10_000_000)),
        "images": [rng.choice(("redis:7", "a" * 300, ":", "@", "", "\x1b[31m"))],
        "stated_ready_s": rng.choice((None, 0, 1e-9, 5, 9e9)),
        "stated_by": rng.choice((None, "annotation", "probes", "x")),
    }


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, old, new) for item in value]
    return new if value == old else value


def flux_meaning(body: dict[str, Any], rng: Random) -> dict[str, Any]:
    """A Flux object (or any other) that parses, and means harm."""
    body = copy.deepcopy(body)
    spec = body.setdefault("spec", {})
    metadata = body.setdefault("metadata", {})
    if not isinstance(spec, dict) or not isinstance(metadata, dict):
        return body
    text = lambda: rng.choice(hostile.TEXTS)  # noqa: E731
    changes: tuple[Callable[[], Any], ...] = (
        lambda: metadata.update(name=text()),
        lambda: metadata.update(namespace=text()),
        lambda: metadata.update(annotations={"pod-ready.stage.kwok.x-k8s.io/delay": rng.choice(hostile.DURATIONS)}),
        lambda: spec.update(path=rng.choice((*hostile.TEXTS, "./", "./clusters/dev", "./apps/a"))),
        lambda: spec.update({rng.choice(("interval", "timeout", "retryInterval")): rng.choice(hostile.DURATIONS)}),
        lambda: spec.update({rng.choice(("interval", "timeout", "retryInterval")): rng.choice(hostile.NUMBERS)}),
        lambda: spec.update(dependsOn=[{"name": metadata.get("name"), "namespace": text()}] * rng.choice((1, 500))),
        lambda: spec.update(dependsOn=[{"name": text(), "readyExpr": text()}]),
        lambda: spec.update(postBuild={"substitute": {"a": text(), "b": "${a}${b}", text(): "${c:=${d}}"}}),
        lambda: spec.update(postBuild={"substituteFrom": [{"kind": rng.choice(("ConfigMap", "Secret", "X")), "name": text()}]}),
        lambda: spec.update(patches=[{"patch": text(), "target": {"kind": "(a+)+$", "name": "(((((.*)*)*)*)*)x"}}]),
        lambda: spec.update(components=[text()], targetNamespace=text(), namePrefix=text()),
        lambda: spec.update(sourceRef={"kind": text(), "name": text()}),
        lambda: spec.update(healthChecks=[{"apiVersion": "v1", "kind": text(), "name": text()}]),
        lambda: spec.update(chart={"spec": {"chart": text(), "version": text(), "sourceRef": {"kind": "GitRepository", "name": "flux-system"}}}),
        lambda: spec.update(values=junk(rng)),
        lambda: spec.update(replicas=rng.choice(hostile.NUMBERS)),
        lambda: spec.update(wait=junk(rng), suspend=junk(rng)),
        lambda: spec.update(ignore=rng.choice(("*", "/**", "!x", "[", "\\", "a" * 5000, "(a+)+$"))),
        lambda: body.update(apiVersion=text()),
        lambda: body.update(kind=rng.choice(("Kustomization", "HelmRelease", "List", "ConfigMap", "Secret", text()))),
    )  # fmt: skip
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(changes)()
    return body
