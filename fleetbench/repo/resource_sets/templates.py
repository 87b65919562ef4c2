"""The plain part of flux-operator's templates: values of the inputs, passed through functions that give one text.

Text between ``<<`` and ``>>`` is a Go template (``text/template`` with slim-sprig's functions). Here are worked out
``<< inputs.a.b >>``, ``<< inputs.a | quote >>`` and the like; blocks (``if``, ``range``, ``with``), variables, other functions
and whatever the operator itself would refuse are not, and then nothing is guessed: :class:`NotPlain` says what it is.

Source: controlplaneio-fluxcd/flux-operator v0.58.1 internal/builder/resourceset.go newTemplate (delimiters, functions,
``missingkey=error``); Go text/template/parse/lex.go (trim markers), fmt (how ``%v`` prints); go-task/slim-sprig v3.0.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from fleetbench.repo.resource_sets.template_functions import FUNCTIONS, MAX_TEXT, NotPlain, printed

_BLANK = " \t\r\n"
_MAX_DEPTH = 20
"""Parentheses in one another."""
_TOKEN = re.compile(
    r"""(?P<end>(?P<trim>[ \t\r\n]-)?>>)|(?P<blank>[ \t\r\n])|(?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<number>-?\d+(?![\w.]))
    |(?P<inputs>inputs(?P<fields>(?:\.[^\W\d]\w*)*)(?![\w.]))|(?P<word>[^\W\d]\w*)|(?P<pipe>\|)|(?P<open>\()|(?P<close>\)(?![\w.]))
    """,
    re.X,
)
_BLOCKS = frozenset({"block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"})


def rendered(text: str, inputs: Mapping[str, Any]) -> str:
    """A template filled in with one set of inputs.

    Args:
        text: the template.
        inputs: name -> value, as JSON has it.

    Raises:
        NotPlain: it holds more than plain expressions, names an input that is not there, or becomes too long.
    """
    parts: list[str] = []
    at, length, trim = 0, 0, False
    while True:
        start = text.find("<<", at)
        literal = text[at:] if start < 0 else text[at:start]
        literal = literal.lstrip(_BLANK) if trim else literal
        if start < 0:
            return "".join([*parts, literal])
        at = start + 2
        if text[at : at + 1] == "-" and text[at + 1 : at + 2] in tuple(_BLANK):
            literal, at = literal.rstrip(_BLANK), at + 1
        action = _Action(text, at, inputs)
        parts += [literal, printed(action.value())]
        at, trim = action.at, action.trims
        length += len(literal) + len(parts[-1])
        if length > MAX_TEXT:
            raise NotPlain(f"a template of more than {MAX_TEXT} characters")


class _Action:
    """One expression, from behind ``<<`` to behind ``>>``."""

    def __init__(self, text: str, at: int, inputs: Mapping[str, Any]):
        self.text, self.at, self.inputs = text, at, inputs
        self.trims = False
        """Whether it ends in `` ->>``: blanks behind it go."""
        self.start = at

    def value(self) -> Any:
        """What it stands for.

        Raises:
            NotPlain: see :func:`rendered`.
        """
        found, end = self._pipeline(0)
        if end != "end":
            raise self._unread()
        return found

    def _unread(self) -> NotPlain:
        shown = " ".join(self.text[self.start : self.start + 60].partition(">>")[0].split())
        return NotPlain(f"<< {shown} >> is more than a value of its inputs")

    def _next(self) -> re.Match[str]:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise self._unread()
        self.at = found.end()
        return found

    def _pipeline(self, depth: int) -> tuple[Any, str]:
        """Its value and by what it ended: ``end`` or ``close``."""
        if depth > _MAX_DEPTH:
            raise self._unread()
        piped: list[Any] = []
        while True:
            value, end = self._command(piped, depth)
            if end != "pipe":
                return value, end
            piped = [value]

    def _command(self, piped: list[Any], depth: int) -> tuple[Any, str]:
        """One function with its arguments, what is piped into it last; or one value."""
        function: str | None = None
        values: list[Any] = []
        while True:
            token = self._next()
            kind = token.lastgroup
            if token["end"] is not None or kind in ("pipe", "close"):
                if token["end"] is not None:
                    self.trims, kind = token["trim"] is not None, "end"
                if kind == "close" and depth == 0:
                    raise self._unread()
                break
            if kind == "blank":
                continue
            if kind == "word" and token["word"] not in ("true", "false"):
                if function is not None or values or token["word"] in _BLOCKS or token["word"] not in FUNCTIONS:
                    raise self._unread()
                function = token["word"]
            else:
                values.append(self._operand(token, depth))
        if function is None:
            if len(values) != 1 or piped:
                raise self._unread()
            return values[0], str(kind)
        try:
            return FUNCTIONS[function](*values, *piped), str(kind)
        except TypeError:  # another number of arguments, or one of another kind, than the function takes
            raise self._unread() from None

    def _operand(self, token: re.Match[str], depth: int) -> Any:
        if token["open"] is not None:
            value, end = self._pipeline(depth + 1)
            if end != "close":
                raise self._unread()
            return value
        if token["inputs"] is not None:
            return self._field(token["fields"])
        if token["number"] is not None:
            return int(token["number"])
        if token["word"] is not None:
            return token["word"] == "true"
        return self._literal(token["text"])

    def _literal(self, quoted: str) -> str:
        if quoted[0] == "`":
            return quoted[1:-1]
        try:
            return str(json.loads(quoted))
        except ValueError:  # Go has escapes that JSON has not
            raise self._unread() from None

    def _field(self, path: str) -> Any:
        value: Any = self.inputs
        for name in path.split(".")[1:]:
            if not isinstance(value, Mapping) or name not in value:
                raise NotPlain(f"<< inputs{path} >> names an input that is not there")
            value = value[name]
        return value
