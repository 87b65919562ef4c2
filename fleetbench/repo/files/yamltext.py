"""YAML as Kubernetes reads it, with guards against files that are made to hurt.

kustomize reads with go-yaml v3 into untyped values: ``yes`` and ``1:30`` are text, dates too. PyYAML's defaults are YAML 1.1 and
differ, so the resolvers are set here.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Iterator
from typing import Any

import yaml

from fleetbench.repo.files.tree import Unreadable

MAX_DEPTH = 150
"""Readers and writers recurse some six calls a level, and Python allows a thousand; CRD schemas reach about 40."""
MAX_EXPANDED_NODES = 2_000_000
"""Nodes after aliases are followed; go-yaml v3 decode.go refuses at a like size ("excessive aliasing")."""
_TOO_DEEP = f"got nesting deeper than {MAX_DEPTH}, wanted a Kubernetes manifest"

_CONFLICT = re.compile(r"^(<{7}|>{7}|\|{7})(?: |$)", re.M)
"""What git leaves in a file where a merge found two versions; git-merge-file(1)."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Loader(_Base):  # type: ignore[misc]
    """Scalars as go-yaml v3 resolves them into an interface."""


_Loader.yaml_implicit_resolvers = {}
_RESOLVED = (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9_]*|0[0-7]+|0o[0-7]+|0x[0-9a-fA-F]+|0b[01]+)$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    ("tag:yaml.org,2002:merge", r"^<<$", "<"),
)
for _tag, _pattern, _first in _RESOLVED:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), [*_first, ""] if "\0" in _first else list(_first))


def _int(loader: Any, node: Any) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def _binary(loader: Any, node: Any) -> str:
    """What go-yaml makes of it: the decoded text, which may be a name or a path like any other."""
    return base64.b64decode(loader.construct_scalar(node)).decode("utf-8", "replace")


_Loader.add_constructor("tag:yaml.org,2002:binary", _binary)
for _kind in (None, "tag:yaml.org,2002:set", "tag:yaml.org,2002:omap", "tag:yaml.org,2002:pairs"):
    _Loader.add_constructor(_kind, lambda loader, node: _plain(loader, node))


def _plain(loader: Any, node: Any) -> Any:
    """Give a node with an unknown tag its content: a tag never makes an object here."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


def is_utf_16(content: bytes) -> bool:
    """Whether a byte order mark says so; go-yaml v3 readerc.go yaml_parser_determine_encoding."""
    return content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def encoding_of(content: bytes) -> str:
    """How go-yaml reads the bytes of a file."""
    return "utf-16" if is_utf_16(content) else "utf-8-sig"


def decode(content: bytes, file: str) -> str:
    """Bytes of a YAML file as text.

    Raises:
        Unreadable: they are no UTF-8 text, and no UTF-16 text with a byte order mark.
    """
    try:
        text = content.decode(encoding_of(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wanted = "UTF-16" if is_utf_16(content) else "UTF-8"
        raise Unreadable(file, f"got binary data at byte {error.start}, wanted {wanted} text", line) from None
    if "\0" in text:
        raise Unreadable(
            file, "got binary data (a zero byte), wanted UTF-8 text", text[: text.index("\0")].count("\n") + 1
        )
    return text


def line_of(text: str, needle: str) -> int | None:
    """The 1-based line in which a text first stands; None = it does not."""
    at = text.find(needle)
    return None if at < 0 else text.count("\n", 0, at) + 1


def documents(text: str, file: str) -> list[tuple[int, Any]]:
    """Every document of a YAML text with the 1-based line at which its content starts.

    Raises:
        Unreadable: it is no YAML, is nested too deeply, or its aliases expand to too much.
    """
    return [(node.start_mark.line + 1, body) for node, body in _nodes(text, file)]


def listed(text: str, file: str, field: str) -> list[tuple[int, Any]]:
    """Every item of the list that a field of a YAML text's documents holds, with the 1-based line at which it starts.

    Raises:
        Unreadable: as :func:`documents`.
    """
    found: list[tuple[int, Any]] = []
    for node, body in _nodes(text, file):
        if isinstance(body, dict) and isinstance(items := body.get(field), list):
            at = [value for key, value in node.value if key.value == field][-1]
            found += [(part.start_mark.line + 1, item) for part, item in zip(at.value, items, strict=True)]
    return found


def _nodes(text: str, file: str) -> list[tuple[Any, Any]]:
    guard(text, file)
    found = []
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            found.append((node, loader.construct_document(node)))
    except yaml.YAMLError as error:
        raise Unreadable(file, *_problem(error, text)) from None
    except (RecursionError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise Unreadable(file, f"is no YAML that Kubernetes could take: {error}") from None
    finally:
        loader.dispose()
    return found


def load(text: str, file: str) -> Any:
    """The only document of a YAML text; None for an empty one.

    Raises:
        Unreadable: as :func:`documents`, or there is more than one.
    """
    found = [body for _, body in documents(text, file) if body is not None]
    if len(found) > 1:
        raise Unreadable(file, f"got {len(found)} documents, wanted one")
    return found[0] if found else None


def may_be_read_otherwise(text: str) -> bool:
    """Whether another reader may find other values in a YAML text than :func:`documents` does.

    Which of two values a merge (``<<``) keeps, and what becomes of a tag, differs between go-yaml's versions and PyYAML.
    """
    return "<<" in text or "!" in text


def dump(body: Any, *, sort_keys: bool = True) -> str:
    """A value as block YAML without line folding, keys sorted, as kustomize prints resources, or left in their order."""
    text: str = yaml.dump(
        body, Dumper=_NoAlias, default_flow_style=False, width=2**30, allow_unicode=True, sort_keys=sort_keys
    )
    return text


class _NoAlias(_Dumper):  # type: ignore[misc]
    """Every value written out, texts of several lines as literal blocks: variables are filled in as text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, value: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_NoAlias.add_representer(str, _text)
for _tag, _pattern, _first in _RESOLVED:
    if _tag.endswith((":int", ":float")):  # a text such as 1e3 is quoted, as it would be read as a number
        _NoAlias.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def guard(text: str, file: str) -> None:
    """Refuse what would exhaust the stack or the memory; cheap for ordinary files.

    Raises:
        Unreadable: nested deeper than :data:`MAX_DEPTH`, an anchor that holds itself, or a YAML bomb.
    """
    many_brackets = text.count("[") + text.count("{") > MAX_DEPTH
    if many_brackets or re.search(rf"^[ \-?]{{{MAX_DEPTH},}}", text, re.M):
        _check_depth(text, file)
    if "&" in text and "*" in text and re.search(r"[\s\[,]\*[\w.-]", text):
        _check_aliases(text, file)


def _events(text: str, file: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_Base)
    except yaml.YAMLError as error:
        raise Unreadable(file, *_problem(error, text)) from None


def _check_depth(text: str, file: str) -> None:
    depth = 0
    for event in _events(text, file):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise Unreadable(file, _TOO_DEEP, event.start_mark.line + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


_OPEN = -1
"""The size of what has begun and not ended yet."""


def _check_aliases(text: str, file: str) -> None:
    """Count the nodes that remain once every alias is written out, without writing any out."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    for event in _events(text, file):
        size = 0
        if isinstance(event, yaml.DocumentStartEvent):
            sizes, total = {}, 0
        elif isinstance(event, yaml.AliasEvent):
            size = sizes.get(event.anchor, 1)
            if size == _OPEN:
                line = event.start_mark.line + 1
                raise Unreadable(file, f"got anchor {event.anchor!r} inside of what it stands for, wanted an end", line)
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            if event.anchor:
                sizes[event.anchor] = _OPEN
            size = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before
        total += size
        if total > MAX_EXPANDED_NODES:
            raise Unreadable(
                file,
                "got aliases that expand to millions of values, wanted a plain manifest",
                event.start_mark.line + 1,
            )


def _problem(error: yaml.YAMLError, text: str) -> tuple[str, int | None]:
    """What is wrong and in which line; what is missing at the end is in the last line."""
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        line = text.count("\n", 0, conflict.start()) + 1
        return f"got a marker of a merge conflict ({conflict[1]}), wanted the file with its conflicts resolved", line
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    # libyaml scans ahead of its events and, since 0.2.6, stops by itself at a depth of 1,000.
    said = _TOO_DEEP if "nesting depth" in problem else f"is not valid YAML: {problem}"
    return said, None if mark is None else min(mark.line + 1, len(text.splitlines()) or 1)
