"""The hosts that an object's manifest names: where its containers will look for a server.

There is no field that says so, so the place in the text has to tell a host from a word. In doubt a name counts: an
order that somebody stated is then kept, which costs some seconds; the other mistake costs a broken start.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping

from fleetbench.repo.kinds import FLUX_GROUPS
from fleetbench.repo.manifest import Manifest, mapping

Known = Callable[[str], bool]
"""Whether a host (lower case) is one that is looked for."""

_RUN = re.compile(r"[A-Za-z0-9._-]+")
_URL = re.compile(r"://(?:[^/\s\"'@]*@|[^/\s\"'@]*,)?$")
"""Before a host: the scheme, perhaps with a user, perhaps with hosts before it."""
_PORT = re.compile(r":(?:\d{2,5}(?![\w.])|\$[({])")
_BEFORE_VALUE = re.compile(r"(?:[\n=\[{(,\"'`@]|:\s|\n\s*-\s)\s*$")
_AFTER_VALUE = re.compile(r"\s*(?:$|[\n\r\"'`,\]})&]|\s#)")
_ANYWHERE = re.compile(r";|\s+\d{2,5}(?![\w.])")
"""Behind a host: the end of a statement, or a port."""
_CALLED_HOST = re.compile(r"(?:host|hostname|hostaddr|server|addr|address)\s*=\s*$", re.I)
_KEY = re.compile(r"[\"']?\s*[:=]")
_HOST_KEY = re.compile(r"host|server|service(?!account)|backend|addr|endpoint|url|uri|upstream|externalname", re.I)
_NO_HOST_KEY = re.compile(r"registry|repository|tag$|user|database|dbname|password|secret|account", re.I)
_NEAR = 80
"""Characters looked at on each side of a name: a text may be a megabyte of one line."""
_WITHOUT = frozenset({"CustomResourceDefinition", "Namespace", "ServiceAccount"})


def hosts_in(text: str, known: Known, *, values: bool = True, words: bool = False) -> Iterator[str]:
    """The known hosts that a text names, in lower case.

    Args:
        text: a value, or a whole file.
        known: which hosts to look for.
        values: a name also counts that is a whole value: all of the text, of a line, behind ``=`` or in quotes;
            otherwise only as a URL's host, before a port, or written out up to ``.svc``.
        words: a name counts wherever it stands: the text is a command line.
    """
    for run in _RUN.finditer(text):
        host = run[0].strip(".").lower()
        if not host[:1].isalnum() or not known(host):
            continue
        before, after = text[max(0, run.start() - _NEAR) : run.start()], text[run.end() : run.end() + _NEAR]
        if _URL.search(before) or _PORT.match(after) or ".svc" in host:
            yield host
        elif _KEY.match(after):
            continue
        elif words or (values and _is_value(before, after)):
            yield host


def _is_value(before: str, after: str) -> bool:
    """Whether a name between these is a value, not one word among others."""
    if _CALLED_HOST.search(before) or _ANYWHERE.match(after):
        return True
    return (not before or _BEFORE_VALUE.search(before) is not None) and _AFTER_VALUE.match(after) is not None


def hosts_of(manifest: Manifest, known: Known) -> Iterator[str]:
    """The known hosts that an object names: environment, command lines, configuration, and fields called like a host.

    A Flux object names none of its own; a HelmRelease's values are :func:`hosts_of_values`'s.
    """
    if manifest.kind in _WITHOUT or manifest.group in FLUX_GROUPS:
        return
    for key, value in manifest.body.items():
        if key == "metadata":
            for note in mapping(manifest.metadata, "annotations").values():
                yield from hosts_in(str(note), known, values=False)
        elif manifest.kind == "ConfigMap" or (manifest.kind == "Secret" and key == "stringData"):
            for text in _texts(value):
                yield from hosts_in(text, known)
        elif manifest.kind == "Secret":
            for text in _texts(value):
                yield from hosts_in(_decoded(text), known)
        elif key not in ("apiVersion", "kind"):
            yield from _walk(value, known, key)


def hosts_of_values(values: object, known: Known) -> Iterator[str]:
    """The known hosts that a chart's values name; any value may be one, but for images, accounts and the like."""
    yield from _walk(values, known, "", values=True)


def _walk(value: object, known: Known, key: str, *, values: bool = False) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            below = str(name)
            if below.lower().endswith(("image", "images")):
                continue
            # `service: {name: db}`, `backendRefs: [{name: db}]`: what the name is of stands one key above.
            within = key if below == "name" else below
            yield from _walk(inner, known, within, values=values and not _is_no_host(within))
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, known, key, values=values)
    elif isinstance(value, str):
        plain = values or key == "value" or _HOST_KEY.search(key) is not None
        yield from hosts_in(value, known, values=plain, words=key in ("args", "command"))


def _is_no_host(key: str) -> bool:
    return _NO_HOST_KEY.search(key) is not None and _HOST_KEY.search(key) is None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (text for text in value.values() if isinstance(text, str))


def _decoded(text: str) -> str:
    """What a Secret's ``data`` holds; nothing where it is no text."""
    try:
        return base64.b64decode(text, validate=False).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def labels_of(host: str) -> list[tuple[str, str | None]]:
    """The Services that a host may be: (name, namespace), the namespace None where it is the client's own.

    ``name``, ``name.namespace``, ``name.namespace.svc`` with or without the cluster's domain, each perhaps with a
    pod's name in front.

    Source: kubernetes/dns docs/specification.md 2.3.1 and 2.4.1 (schema 1.0.1), and the search domains of a pod.

    >>> labels_of("db"), labels_of("db.prod.svc.cluster.local")
    ([('db', None)], [('db', 'prod')])
    """
    parts = host.split(".")
    if "svc" in parts[2:4]:
        at = parts.index("svc", 2)
        return [(parts[at - 2], parts[at - 1])]
    if len(parts) == 1:
        return [(host, None)]
    if len(parts) == 2:
        return [(parts[0], parts[1]), (parts[1], None)]
    return [(parts[1], parts[2])] if len(parts) == 3 else []
