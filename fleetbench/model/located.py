"""YAML and JSON files that people write by hand, read so that every value knows its file, line and place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fleetbench.errors import InputError, briefly
from fleetbench.model.distributions import Distribution, Empirical, Fixed, LogNormal
from fleetbench.units import parse_seconds

MAX_FILE_BYTES = 20_000_000
_MAX_NODES = 500_000
"""Values in one file, aliases counted each time: what a YAML bomb runs into."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALAR_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null"))


@dataclass(frozen=True, slots=True)
class Located:
    """A value of a file: a scalar, a ``dict[str, Located]`` or a ``list[Located]``."""

    value: Any
    file: str
    line: int
    """1-based."""
    place: str = ""
    """Where in the document: ``charts.loki.ready``."""

    def bad(self, wanted: str, got: object = None, hint: str | None = None) -> InputError:
        """The error for this value."""
        return InputError.at(self.file, self.line, self.place, self._shown() if got is None else got, wanted, hint)

    def _shown(self) -> str:
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        return "nothing" if self.value is None else briefly(self.value)

    def mapping(self, known: Collection[str] | None = None) -> dict[str, Located]:
        """The value as a mapping; with ``known``, any other key is refused."""
        if not isinstance(self.value, dict):
            raise self.bad("a mapping" + (f" with {', '.join(sorted(known))}" if known else ""))
        unknown = [] if known is None else [key for key in self.value if key not in known]
        if known is not None and unknown:
            key, item = unknown[0], self.value[unknown[0]]
            names = ", ".join(sorted(known))
            hint = did_you_mean(key, known)
            raise InputError.at(item.file, item.line, item.place, f"the key {key!r}", f"one of {names}", hint)
        return self.value

    def items(self) -> list[Located]:
        """The value as a list."""
        if not isinstance(self.value, list):
            raise self.bad("a list")
        return self.value

    def text(self) -> str:
        """The value as text."""
        if not isinstance(self.value, str):
            raise self.bad("text")
        return self.value

    def flag(self) -> bool:
        """The value as true or false."""
        if not isinstance(self.value, bool):
            raise self.bad("true or false")
        return self.value

    def whole_number(self, least: int = 0) -> int:
        """The value as an integer not below ``least``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not least <= self.value <= 10**9:
            raise self.bad(f"a whole number, at least {least}")
        return self.value

    def number(self, least: float, most: float, or_else: str = "") -> float:
        """The value as a number within bounds; ``or_else`` names another form that the field may have."""
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)) or not least <= self.value <= most:
            raise self.bad(f"a number from {least:g} to {most:g}" + (f", or {or_else}" if or_else else ""))
        return float(self.value)

    def seconds(self) -> Distribution:
        """A time: seconds, a Go duration, ``{p50_s, p90_s}`` or a list of samples."""
        return self._distribution("p50_s", "p90_s", Located._seconds)

    def amount(self) -> Distribution:
        """A quantity that is no time: a number, ``{p50, p90}`` or a list of samples."""
        return self._distribution("p50", "p90", Located._amount)

    def _distribution(self, p50: str, p90: str, number: Callable[[Located], float]) -> Distribution:
        try:
            if isinstance(self.value, dict):
                parts = self.mapping((p50, p90))
                if len(parts) < 2:
                    raise self.bad(f"both {p50} and {p90}", got=", ".join(parts) or "neither")
                median, late = number(parts[p50]), number(parts[p90])
                return Fixed(0.0) if median == late == 0 else LogNormal(median, late)
            if isinstance(self.value, list):
                return Empirical(tuple(number(item) for item in self.value))
        except ValueError as error:
            got, _, wanted = str(error).partition(", wanted ")
            raise self.bad(wanted, got=got.replace(": got ", " ")) from None
        return Fixed(number(self))

    def _seconds(self) -> float:
        try:
            return parse_seconds(self.value)
        except ValueError as error:
            negative = "not negative" in str(error)
            forms = "a number that is finite and not negative" if negative else "a number or a duration such as 1m30s"
            raise self.bad(f"seconds: {forms}") from None

    def _amount(self) -> float:
        value = self.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
            raise self.bad("a number that is finite and not negative")
        return float(value)

    def plain(self) -> Any:
        """The value without locations."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return [item.plain() for item in self.value] if isinstance(self.value, list) else self.value


def did_you_mean(word: str, known: Collection[str]) -> str | None:
    """A hint that names the known words nearest to this one, or None."""
    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else None


def read_located(path: Path) -> Located:
    """Read one YAML or JSON document.

    Raises:
        InputError: no such file, too large, not text, malformed, a key twice, or expanding without bound.
    """
    name = str(path)
    try:
        node = yaml.compose(_text(path), Loader=_LOADER)
        return Located(None, name, 1) if node is None else _Builder(name).build(node, "")
    except UnicodeDecodeError:
        raise InputError.at(name, None, None, "bytes that are no UTF-8 text", "a YAML or JSON file") from None
    except OSError as error:
        raise InputError.at(name, None, None, error.strerror or str(error), "a file that can be read") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "characters that YAML does not allow"
        raise InputError.at(name, None if mark is None else mark.line + 1, None, problem, "well-formed YAML") from None
    except RecursionError:
        raise InputError.at(name, None, None, "values nested too deeply", "a YAML or JSON file") from None


def _text(path: Path) -> str:
    if path.is_dir() or not path.exists():
        got = "a folder" if path.is_dir() else "no such file"
        raise InputError.at(str(path), None, None, got, "a YAML or JSON file")
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise InputError.at(str(path), None, None, f"more than {MAX_FILE_BYTES} bytes", f"at most {MAX_FILE_BYTES}")
    return raw.decode("utf-8-sig")


class _Builder:
    """Turns the nodes of one file into located values, counting them."""

    def __init__(self, file: str):
        self.file, self.count = file, 0
        self.constructor = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.Node, place: str) -> Located:
        self.count += 1
        line = node.start_mark.line + 1
        if self.count > _MAX_NODES:
            raise InputError.at(self.file, line, place, f"more than {_MAX_NODES} values", "a smaller file")
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, place)
        elif isinstance(node, yaml.SequenceNode):
            value = [self.build(item, f"{place}[{i}]") for i, item in enumerate(node.value)]
        else:
            value = self._scalar(node)
        return Located(value, self.file, line, place)

    def _mapping(self, node: yaml.MappingNode, place: str) -> Mapping[str, Located]:
        found: dict[str, Located] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise InputError.at(self.file, line, place, "a mapping or list as a key", "text")
            key = key_node.value
            if key in found:
                raise InputError.at(self.file, line, place, f"the key {key!r} again", "each key once")
            found[key] = self.build(value_node, f"{place}.{key}" if place else key)
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag not in _SCALAR_TAGS:
            return node.value  # a date is text here: no field wants one
        try:
            return self.constructor.construct_object(node)
        except (ValueError, yaml.YAMLError):
            return node.value
