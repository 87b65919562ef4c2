"""Edit one field of one YAML document and leave every other character as it is.

PyYAML says where each value stands; the text is then cut at those places. So comments, order, quoting and indentation
stay, which no dump of a parsed document could promise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from fleetbench.ids import ObjectId
from fleetbench.repo.kustomize.origin import objects_of

Match = str | Mapping[str, tuple[str | None, ...]] | Callable[[Any], bool]
"""An item of a list: its plain value, or for each key the values it may have (None = absent), or a test of its node."""


class NotEditable(Exception):
    """The text does not hold what is to be changed, or holds it in a form that cannot be edited safely."""


def document_of(text: str, id: ObjectId, line: int | None = None) -> yaml.MappingNode:
    """The document, or the item of a List, that defines an object; of several (overlays share names) the one nearest to a line.

    Raises:
        NotEditable: there is none, or the text is no YAML.
    """
    found = []
    for document in (item for whole in documents_of(text) for item in objects_of(whole)):
        metadata = child(document, "metadata")
        name = child(metadata, "name")
        if _scalar(child(document, "kind")) == id.kind and _scalar(name) == id.name:
            namespace = _scalar(child(metadata, "namespace"))
            if namespace in (None, id.namespace):
                found.append(document)
    if not found:
        raise NotEditable(f"it holds no {id.kind} named {id.name}")
    return min(found, key=lambda d: abs(d.start_mark.line + 1 - (line or 0)))


def documents_of(text: str, what: str = "it") -> list[yaml.MappingNode]:
    """Every document that is a mapping.

    Args:
        text: the whole file.
        what: the file, for the message.

    Raises:
        NotEditable: the text is no YAML.
    """
    try:
        return [d for d in yaml.compose_all(text, Loader=yaml.SafeLoader) if isinstance(d, yaml.MappingNode)]
    except (yaml.YAMLError, RecursionError):
        raise NotEditable(f"{what} cannot be parsed as YAML") from None


def child(node: Any, key: str) -> Any:
    """The value of a key of a mapping node, or None."""
    if isinstance(node, yaml.MappingNode):
        for k, v in node.value:
            if isinstance(k, yaml.ScalarNode) and k.value == key:
                return v
    return None


def drop_item(text: str, document: yaml.MappingNode, path: Sequence[str], match: Match) -> str:
    """Take an item out of a list of mappings; the list's key goes with its last item.

    Args:
        text: the whole file.
        document: from :func:`document_of` of this very text.
        path: keys down to the list.
        match: which item it is.

    Raises:
        NotEditable: no such list or item, or it is behind an anchor or alias.
    """
    owner, items = _list_at(document, path)
    at = next((n for n, item in enumerate(items.value) if _matches(item, match)), None)
    if at is None:
        raise NotEditable(f"its {path[-1]} does not hold {_named(match)}: a patch elsewhere puts it there")
    if len(items.value) == 1:
        return _without_key(text, owner, path[-1])
    if items.flow_style:
        return _without_flow_item(text, items, at)
    item = items.value[at]
    if item.start_mark.index < items.start_mark.index:
        raise NotEditable(f"in its {path[-1]} it is an alias of something else")
    dash = _dash(text, item)
    start = _line_start(text, dash.index)
    if text[start : dash.index].strip():
        raise NotEditable(f"its {path[-1]} is written in a form that cannot be edited line by line")
    return text[:start] + text[_line_end(text, _last_index(item)) :]


def add_item(
    text: str, document: yaml.MappingNode, path: Sequence[str], lines: Sequence[str], *, below: int | None = None
) -> str:
    """Put an item at the end of a list, which is made where it is missing.

    Args:
        text: the whole file.
        document: from :func:`document_of` of this very text.
        path: keys down to the list.
        lines: the item's lines without indentation or dash, e.g. ``["name: redis", "namespace: flux-system"]``.
        below: how many keys of the path must be there; the others are made. None = all but the last.

    Raises:
        NotEditable: the list is written in a form that cannot be edited safely.
    """
    owner = document
    for depth, key in enumerate(path[:-1]):
        if below is not None and depth >= below and child(owner, key) is None:
            return _with_key(text, owner, path[: depth + 1], item=lines, then=path[depth + 1 :])
        owner = child(owner, key)
    items = child(owner, path[-1])
    if items is None:
        return _with_key(text, owner, path, item=lines)
    if not isinstance(items, yaml.SequenceNode):
        raise NotEditable(f"its {path[-1]} is no list")
    if items.flow_style:
        at = items.end_mark.index - 1
        body = "{" + ", ".join(lines) + "}"
        separator = ", " if items.value else ""
        return text[:at].rstrip() + separator + body + text[at:]
    last = items.value[-1]
    if last.start_mark.index < items.start_mark.index:
        raise NotEditable(f"the last item of its {path[-1]} is an alias of something else")
    return _insert_lines(text, _line_end(text, _last_index(last)), _item(" " * _dash(text, last).column, lines))


def set_scalar(text: str, document: yaml.MappingNode, path: Sequence[str], value: str) -> str:
    """Give a field another plain value; a field that is missing becomes the last of its mapping.

    Raises:
        NotEditable: the mapping above is missing, in flow style, or the field is no plain value.
    """
    owner = document
    for key in path[:-1]:
        owner = child(owner, key)
    found = child(owner, path[-1])
    if found is None:
        return _with_key(text, owner, path, f" {value}")
    if not isinstance(found, yaml.ScalarNode) or found.style in ("|", ">"):
        raise NotEditable(f"its {'.'.join(path)} is no plain value")
    start, end = found.start_mark.index, found.end_mark.index
    if "\n" in text[start:end]:
        raise NotEditable(f"its {'.'.join(path)} is written over several lines")
    return text[:start] + value + text[end:]


def _named(match: Match) -> str:
    if isinstance(match, str):
        return match
    return str(match["name"][0]) if isinstance(match, Mapping) else "it"


def _scalar(node: Any) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _list_at(document: yaml.MappingNode, path: Sequence[str]) -> tuple[Any, yaml.SequenceNode]:
    owner: Any = document
    for key in path[:-1]:
        owner = child(owner, key)
    items = child(owner, path[-1])
    if not isinstance(items, yaml.SequenceNode):
        raise NotEditable(f"it holds no list {'.'.join(path)}: a patch elsewhere puts it there")
    if items.start_mark.index < owner.start_mark.index:
        raise NotEditable(f"its {path[-1]} is an alias of another list")
    return owner, items


def _matches(item: Any, match: Match) -> bool:
    if isinstance(match, str):
        return _scalar(item) == match
    if not isinstance(match, Mapping):
        return match(item)
    return isinstance(item, yaml.MappingNode) and all(
        _scalar(child(item, key)) in wanted for key, wanted in match.items()
    )


def _dash(text: str, item: Any) -> yaml.Mark:
    """Where the dash of an item stands: a comment may part it from the item, which then begins on a later line."""
    return max(
        (
            token.start_mark
            for token in yaml.scan(text, Loader=yaml.SafeLoader)
            if isinstance(token, yaml.BlockEntryToken) and token.start_mark.index < item.start_mark.index
        ),
        key=lambda mark: mark.index,
    )


def _without_key(text: str, owner: yaml.MappingNode, key: str) -> str:
    k, v = next((k, v) for k, v in owner.value if _scalar(k) == key)
    if owner.flow_style or len(owner.value) == 1:
        raise NotEditable(f"{key} is the only field of its mapping, or in flow style")
    start = _line_start(text, k.start_mark.index)
    if text[start : k.start_mark.index].strip():
        raise NotEditable(f"{key} stands in one line with something else")
    return text[:start] + text[_line_end(text, _last_index(v)) :]


def _without_flow_item(text: str, items: yaml.SequenceNode, at: int) -> str:
    item = items.value[at]
    if at + 1 < len(items.value):
        return text[: item.start_mark.index] + text[items.value[at + 1].start_mark.index :]
    return text[: items.value[at - 1].end_mark.index] + text[item.end_mark.index :]


def _last_index(node: Any) -> int:
    """Index just behind the last character of a value: a collection's own end mark lies behind trailing comments."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        end = node.end_mark.index
        return int(end - 1 if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">") else end)
    last = node.value[-1]
    return _last_index(last[1] if isinstance(last, tuple) else last)


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    """Index behind the newline that ends the line of an index."""
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def _with_key(
    text: str, owner: Any, path: Sequence[str], value: str = "", item: Sequence[str] = (), then: Sequence[str] = ()
) -> str:
    """A new key at the end of a mapping: with a plain value, or with a list of one item, perhaps below further keys."""
    indent = " " * _block_column(owner, path)
    keys = [f"{path[-1]}:{value}", *(f"{'  ' * depth}{key}:" for depth, key in enumerate(then, 1))]
    lines = [*keys, *_item("  " * len(then) + " " * _dash_indent(owner), item)]
    return _insert_lines(text, _behind(text, owner), [indent + line for line in lines])


def _behind(text: str, owner: yaml.MappingNode) -> int:
    """Index of the line behind a block mapping and the comments that belong to its last value.

    An alias stands in the tree as what it refers to, somewhere above, so the lines up to the end mark are looked at,
    too. A comment belongs to what is above it unless a blank line or less indentation parts the two.
    """
    column = owner.value[0][0].start_mark.column
    at = end = _line_end(text, _last_index(owner))
    attached = True
    for line in re.findall(r".*\n|.+", text[end : owner.end_mark.index]):
        end += len(line)
        indent, said = len(line) - len(line.lstrip()), line.strip()
        attached = bool(said) and (not said.startswith("#") or (attached and indent >= column))
        if attached:
            at = end
    return at


def _dash_indent(owner: yaml.MappingNode) -> int:
    """How far the user indents the dashes of a list below its key: as in another list of the mapping, else 2."""
    for key, value in owner.value:
        if (
            isinstance(value, yaml.SequenceNode)
            and not value.flow_style
            and value.start_mark.line > key.start_mark.line
        ):
            return int(value.start_mark.column - key.start_mark.column)
    return 2


def _block_column(owner: Any, path: Sequence[str]) -> int:
    if not isinstance(owner, yaml.MappingNode) or owner.flow_style or not owner.value:
        raise NotEditable(f"it has no block mapping {'.'.join(path[:-1]) or 'at its top'} to put {path[-1]} into")
    return int(owner.value[0][0].start_mark.column)


def _item(indent: str, lines: Sequence[str]) -> list[str]:
    return [f"{indent}{'- ' if n == 0 else '  '}{line}" for n, line in enumerate(lines)]


def _insert_lines(text: str, at: int, lines: Sequence[str]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    before = text[:at]
    if before and not before.endswith("\n"):
        before += newline
    return before + "".join(line + newline for line in lines) + text[at:]
