"""A controller's arguments as its flag library reads them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

GATES = "feature-gates"
_BOOLEANS = frozenset(
    {
        "enable-leader-election",
        "insecure-allow-http",
        "insecure-kubeconfig-exec",
        "insecure-kubeconfig-tls",
        "leader-election-release-on-cancel",
        "no-cross-namespace-refs",
        "no-remote-bases",
        "watch-all-namespaces",
    }
)
"""Flags that take a value after ``=`` alone: fluxcd/pkg runtime v0.110.1 (acl, client, controller, leaderelection) and
kustomize-controller v1.9.4 main.go, each ``BoolVar``."""
_FLAG = re.compile(r"^--?([a-zA-Z][\w-]*)(?:=(.*))?$", re.S)


def flags_among(arguments: object) -> list[tuple[str, str]]:
    """Each flag with its value, in order and as often as it stands there.

    A flag takes its value after ``=`` or as the next argument; a boolean one only after ``=``, alone it is true (spf13/pflag
    flag.go parseLongArg, bool.go NoOptDefVal).

    >>> flags_among(["--concurrent", "17", "--watch-all-namespaces", "--log-level=info"])
    [('concurrent', '17'), ('watch-all-namespaces', 'true'), ('log-level', 'info')]
    """
    return [(flag, value) for flag, value, _ in flags_at(arguments)]


def flags_at(arguments: object) -> Iterator[tuple[str, str, int]]:
    """The same with the place of the argument that states the value."""
    taken = 0
    for flag, value, texts in _read(arguments):
        taken += len(texts)
        if flag is not None:
            yield flag, value, taken - 1


def without(arguments: object, flags: Collection[str]) -> list[str]:
    """The arguments less some flags and their values."""
    return [text for flag, _, texts in _read(arguments) if flag not in flags for text in texts]


def together(flag: str, before: str | None, value: str) -> str:
    """What a flag that is given again amounts to: the last value holds, but feature gates add up.

    Source: fluxcd/pkg runtime v0.110.1 features/features.go BindFlags takes k8s.io/component-base
    cli/flag/map_string_bool.go NewMapStringBool, whose Set keeps what earlier ones set.

    >>> together("feature-gates", "A=true,B=true", "B=false"), together("concurrent", "4", "10")
    ('A=true,B=false', '10')
    """
    if flag != GATES or not before:
        return value
    gates = dict(part.partition("=")[::2] for text in (before, value) for part in text.split(",") if part)
    return ",".join(f"{name}={on}" for name, on in gates.items())


def _read(arguments: object) -> Iterator[tuple[str | None, str, list[str]]]:
    """Flag (None = none), value, and the arguments that it takes up."""
    if not isinstance(arguments, Sequence) or isinstance(arguments, str):
        return
    waiting = [str(argument) for argument in arguments]
    while waiting:
        text = waiting.pop(0)
        match = _FLAG.match(text)
        if match is None:
            yield None, "", [text]
        elif match[2] is None and match[1] not in _BOOLEANS and waiting and not waiting[0].startswith("-"):
            value = waiting.pop(0)
            yield match[1], value, [text, value]
        else:
            yield match[1], "true" if match[2] is None else match[2], [text]
