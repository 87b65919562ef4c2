"""Flux's variable substitution: bash-like ``${VAR}`` with defaults, cuts and replacements.

Behaves as fluxcd/pkg envsubst v1.7.0 (parse/parse.go, parse/scan.go, eval.go, funcs.go), its oddities included: ``:+`` and ``?`` act
as defaults, a function's argument may hold another ``${...}``, ``$$`` is an escaped dollar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from fleetbench.repo.files.go_pattern import expression


class BadSubstitution(Exception):
    """Text that Flux's parser refuses: the build fails."""


Unknown = Callable[[str], str | None]
"""Told the name of each variable that is bare in the text and has no value; says what to take for it, None = nothing."""

_ATOI = re.compile(r"[+-]?[0-9]+")
"""What strconv.Atoi reads."""
_DEFAULTS = frozenset({"-", "+", "=", "?", ":-", ":+", ":=", ":?"})


def substitute(text: str, values: Mapping[str, str | None], unknown: Unknown) -> str:
    """Replace the variables of a text.

    Args:
        text: one object's YAML.
        values: name -> value. None = the variable exists, but its value is not to be had (a SOPS file).
        unknown: called for a variable without a value and without a default; where it says None, the text is kept.

    Raises:
        BadSubstitution: the text is malformed for Flux.
    """
    return _Reader(text, values, unknown).text()


class _Reader:
    """One pass over a text, parsing and evaluating at once."""

    def __init__(self, text: str, values: Mapping[str, str | None], unknown: Unknown):
        self.source, self.at = text, 0
        self.values, self.unknown = values, unknown

    def text(self) -> str:
        parts: list[str] = []
        while True:
            dollar = self.source.find("$", self.at)
            if dollar < 0:
                parts.append(self.source[self.at :])
                return "".join(parts)
            parts.append(self.source[self.at : dollar])
            following = self.source[dollar + 1 : dollar + 2]
            if following == "{":
                self.at = dollar + 2
                parts.append(self.expression())
            else:
                parts.append("$")
                self.at = dollar + (2 if following == "$" else 1)

    def expression(self) -> str:
        """What follows ``${`` up to its closing brace, evaluated."""
        start = self.at - 2
        if self.peek() == "#":
            self.at += 1
            name = self.name()
            self.close()
            return self.apply(start, name, "#", [])
        name = self.name()
        if not name:
            raise BadSubstitution("unable to parse variable name")
        sign = self.peek()
        if sign == "}":
            self.at += 1
            return self.apply(start, name, "", [])
        if sign == "=" or (sign == ":" and self.source[self.at + 1 : self.at + 2] in ("=", "-", "?", "+")):
            operator = self.take(1 if sign == "=" else 2)
            arguments = []
            while self.peek() != "}":
                arguments.append(self.argument("}"))
            self.at += 1
            return self.apply(start, name, operator, arguments)
        if sign == ":":
            self.at += 1
            if not self.peek().isascii():
                # parseDefaultOrSubstr goes back by as many bytes as it peeked
                raise BadSubstitution("bad substitution")
            arguments = [self.argument(":}")]
            if self.peek() == ":":
                self.skip(":")
                arguments.append(self.argument("}"))
            self.close()
            return self.apply(start, name, ":", arguments)
        if sign in (",", "^"):
            operator = self.run(lambda c: c in ",^")
            self.close()
            return self.apply(start, name, operator, [])
        if sign in ("#", "%"):
            operator = self.run(lambda c: c == sign)
            arguments = [self.argument("}")]
            self.close()
            return self.apply(start, name, operator, arguments)
        if sign == "/":
            return self.replacement(start, name)
        raise BadSubstitution("missing closing brace")

    def replacement(self, start: int, name: str) -> str:
        operator = self.take(1)
        if self.peek() in ("/", "#", "%"):
            operator += self.take(1)
        arguments = [self.argument("/", escapes=True)]
        if self.peek() != "/":
            raise BadSubstitution("bad substitution")
        self.skip("/")
        if self.peek() != "}":
            arguments.append(self.argument("}", escapes=True))
        self.close()
        return self.apply(start, name, operator, arguments)

    def argument(self, ends: str, escapes: bool = False) -> str:
        """One argument: either ``${...}`` or text up to (not including) one of ``ends`` or ``${``."""
        if self.source.startswith("${", self.at):
            self.at += 2
            return self.expression()
        start, parts = self.at, []
        while self.at < len(self.source):
            char = self.source[self.at]
            if char == "$" and self.source.startswith("${", self.at):
                break
            pair = self.source[self.at : self.at + 2]
            if escapes and pair in ("$$", "\\/", "\\\\"):
                parts.append(pair[1])
                self.at += 2
                continue
            if char in ends:
                break
            parts.append(char)
            self.at += 1
        if self.at == start:
            raise BadSubstitution("unable to parse substitution within function")
        return "".join(parts)

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def skip(self, delimiter: str) -> None:
        """A delimiter, however often it stands there (acceptSlash, acceptColon)."""
        while self.peek() == delimiter:
            self.at += 1

    def take(self, count: int) -> str:
        self.at += count
        return self.source[self.at - count : self.at]

    def run(self, accept: Callable[[str], bool]) -> str:
        """At most two characters of an operator."""
        count = 2 if len(self.source) > self.at + 1 and accept(self.source[self.at + 1]) else 1
        return self.take(count)

    def name(self) -> str:
        start = self.at
        while self.at < len(self.source) and (self.source[self.at].isalnum() or self.source[self.at] == "_"):
            self.at += 1
        return self.source[start : self.at]

    def close(self) -> None:
        if self.peek() != "}":
            raise BadSubstitution("bad substitution")
        self.at += 1

    def apply(self, start: int, name: str, operator: str, arguments: list[str]) -> str:
        value = self.values.get(name)
        if value is None and operator not in _DEFAULTS:
            value = self.unknown(name)
            if value is None:
                return self.source[start : self.at]
        if operator in _DEFAULTS and value is None and name in self.values and not arguments:
            return self.source[start : self.at]
        return _evaluate(value or "", operator, arguments)


def _evaluate(value: str, operator: str, arguments: list[str]) -> str:
    first = arguments[0] if arguments else ""
    if operator == "#":
        return _trim(value, first, longest=False) if arguments else str(len(value.encode()))
    if operator == "##":
        return _trim(value, first, longest=True)
    if operator in ("%", "%%"):
        return _trim(value[::-1], first[::-1], longest=operator == "%%")[::-1]
    if operator == ",":
        return value[:1].lower() + value[1:]
    if operator == ",,":
        return value.lower()
    if operator == "^":
        return value[:1].upper() + value[1:]
    if operator == "^^":
        return value.upper()
    if operator == ":":
        return _part(value, arguments)
    if operator.startswith("/"):
        new = arguments[1] if len(arguments) > 1 else ""
        if operator == "/#":
            return new + value[len(first) :] if len(arguments) > 1 and value.startswith(first) else value
        if operator == "/%":
            return value[: len(value) - len(first)] + new if len(arguments) > 1 and value.endswith(first) else value
        return value.replace(first, new) if operator == "//" else value.replace(first, new, 1)
    return value or "".join(arguments)


def _part(value: str, arguments: list[str]) -> str:
    if any(_ATOI.fullmatch(argument) is None for argument in arguments):
        return value  # ${x: -2}, too, which a shell reads as the last two characters
    position = int(arguments[0])
    if position < 0:
        position = max(0, len(value) + position)
    if len(arguments) == 1:
        return value[position:]
    length = int(arguments[1])
    if position + length >= len(value):
        return value[position:]
    if length < 0:
        raise BadSubstitution("slice bounds out of range")  # toSubstr panics
    return value[position : position + length]


def _trim(value: str, pattern: str, longest: bool) -> str:
    """Cut the longest or shortest prefix that matches; an empty prefix never does."""
    matcher = expression(pattern)
    if matcher is None:
        return value
    lengths = range(len(value), 0, -1) if longest else range(1, len(value) + 1)
    for length in lengths:
        if matcher.fullmatch(value[:length]):
            return value[length:]
    return value
