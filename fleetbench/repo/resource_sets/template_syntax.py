"""The syntax of flux-operator's templates as far as it is worked out: Go's ``text/template`` between ``<<`` and ``>>``.

Read are values of the inputs, functions, ``if``/``else if``/``else``, ``range`` and ``$x :=``, which are what public ResourceSets
are made of. ``with``, ``define``, ``template``, ``block``, ``break``, ``continue``, comments, ``$x =``, fractions and what Go
itself refuses are not.

Source: Go 1.26 text/template/parse/lex.go (trim markers, what may follow a word) and parse.go itemList, action, pipeline,
parseControl, command, operand (what stands where, scope of variables); controlplaneio-fluxcd/flux-operator v0.58.1
internal/builder/resourceset.go newTemplate (delimiters, ``inputs``).
"""

from __future__ import annotations

import json
import re
from typing import Any

from fleetbench.repo.resource_sets.template_functions import FUNCTIONS, LAZY
from fleetbench.repo.resource_sets.template_nodes import (
    DOT,
    INPUTS,
    Action,
    Body,
    Command,
    If,
    Node,
    Path,
    Pipeline,
    Range,
)
from fleetbench.repo.resource_sets.template_values import NotPlain, Whole

_BLANK = " \t\r\n"
_MAX_DEPTH = 20
"""Blocks and parentheses in one another."""
_MAX_VARIABLES = 50
"""Variables in force at one place."""
_NAME = r"[^\W\d]\w*"
_TOKEN = re.compile(
    rf"""(?P<end>(?P<trim>[ \t\r\n]-)?>>)|(?P<blank>[ \t\r\n])|(?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    |(?P<number>-?(?:0|[1-9][0-9]{{0,17}})(?![\w.]))|(?P<word>{_NAME})|(?P<variable>\${_NAME})|(?P<field>\.{_NAME})
    |(?P<dot>\.(?![\w.]))|(?P<pipe>\|)|(?P<open>\()|(?P<close>\))
    """,
    re.X,
)
_DECLARED = re.compile(rf"[{_BLANK}]*(\${_NAME})[{_BLANK}]*(?:,[{_BLANK}]*(\${_NAME})[{_BLANK}]*)?:=")
_KEYWORD = re.compile(rf"[{_BLANK}]*(else|end|if|range)(?=[{_BLANK}(.]|>>)")
_ELSE_IF = re.compile(rf"[{_BLANK}]+if(?=[{_BLANK}(.]|>>)")
_NOT_GO = re.compile(r"\\(?:/|u[dD][89a-fA-F])|\r")
"""Within quotes: what JSON reads and Go does not, or otherwise."""


def parsed(text: str) -> Body:
    """A template taken apart.

    Raises:
        NotPlain: it holds more than is worked out, or what Go refuses.
    """
    return _Parser(text).all()


class _Parser:
    """Recursive descent, the text read once from left to right."""

    def __init__(self, text: str):
        self.text, self.at, self.start = text, 0, 0
        self.trims = False
        """Whether the last action ended in `` ->>``: blanks behind it go."""
        self.known: list[str] = []

    def all(self) -> Body:
        body, end = self._body(0)
        if end:
            raise self._unread()
        return body

    def _unread(self) -> NotPlain:
        return NotPlain(f"{self._shown()} is more of a template than is worked out")

    def _shown(self) -> str:
        shown = " ".join(self.text[self.start : self.start + 60].partition(">>")[0].split())
        return f"<< {shown.removesuffix(' -')} >>"

    def _body(self, depth: int) -> tuple[Body, str]:
        """What stands up to the end of the text (""), ``else`` or ``end``; variables of its own are forgotten."""
        if depth > _MAX_DEPTH:
            raise self._unread()
        known, nodes = len(self.known), list[Node]()
        while True:
            literal, ended = self._literal()
            if literal:
                nodes.append(literal)
            keyword = "" if ended else self._keyword()
            if ended or keyword in ("else", "end"):
                del self.known[known:]
                return tuple(nodes), keyword
            if keyword == "if":
                nodes.append(self._if(depth))
            elif keyword == "range":
                nodes.append(self._range(depth))
            else:
                nodes.append(self._action(depth, 1))

    def _literal(self) -> tuple[str, bool]:
        """The text before the next action, and whether there is none."""
        found = self.text.find("<<", self.at)
        literal = self.text[self.at :] if found < 0 else self.text[self.at : found]
        literal = literal.lstrip(_BLANK) if self.trims else literal
        if found < 0:
            return literal, True
        self.at = self.start = found + 2
        if self.text[self.at : self.at + 1] == "-" and self.text[self.at + 1 : self.at + 2] in tuple(_BLANK):
            literal, self.at = literal.rstrip(_BLANK), self.at + 1
            self.start = self.at
        return literal, False

    def _keyword(self) -> str:
        found = _KEYWORD.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[1]

    def _if(self, depth: int) -> If:
        known, branches = len(self.known), list[tuple[Action, Body]]()
        while True:
            start, condition = self.start, self._action(depth, 1)
            body, end = self._body(depth + 1)
            branches.append((condition, body))
            if end != "else" or (found := _ELSE_IF.match(self.text, self.at)) is None:
                break
            self.at = found.end()
        otherwise = self._rest(end, start, depth)
        del self.known[known:]
        return If(tuple(branches), otherwise)

    def _range(self, depth: int) -> Range:
        known, start = len(self.known), self.start
        over = self._action(depth, 2)
        self.known.append(DOT)
        body, end = self._body(depth + 1)
        self.known.pop()
        otherwise = self._rest(end, start, depth)
        del self.known[known:]
        return Range(over, body, otherwise)

    def _rest(self, end: str, start: int, depth: int) -> Body:
        """The last branch, up to the ``end`` of its block, which began at ``start``."""
        otherwise: Body = ()
        if end == "else":
            self._closed()
            otherwise, end = self._body(depth + 1)
        if end != "end":
            self.start = start if not end else self.start
            raise self._unread()
        self._closed()
        return otherwise

    def _closed(self) -> None:
        """Nothing more stands in the action."""
        token = self._next()
        while token.lastgroup == "blank":
            token = self._next()
        if token["end"] is None:
            raise self._unread()
        self.trims = token["trim"] is not None

    def _action(self, depth: int, most: int) -> Action:
        """What follows up to ``>>``, with at most so many variables in front."""
        found = _DECLARED.match(self.text, self.at)
        names = () if found is None else tuple(name for name in found.groups() if name)
        if found is not None:
            self.at = found.end()
        pipeline = self._pipeline(depth, "end")
        self.known += names
        if len(names) > most or len(self.known) > _MAX_VARIABLES:
            raise self._unread()
        return Action(pipeline, names)

    def _next(self) -> re.Match[str]:
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise self._unread()
        self.at = found.end()
        if found["end"] is not None:
            self.trims = found["trim"] is not None
        return found

    def _pipeline(self, depth: int, until: str) -> Pipeline:
        if depth > _MAX_DEPTH:
            raise self._unread()
        commands: list[Command] = []
        end = "pipe"
        while end == "pipe":
            command, end = self._command(depth, bool(commands))
            commands.append(command)
        if end != until:
            raise self._unread()
        return Pipeline(tuple(commands), self._shown())

    def _command(self, depth: int, piped: bool) -> tuple[Command, str]:
        """It and by what it ended: ``pipe``, ``close`` or ``end``."""
        function: str | None = None
        operands: list[Any] = []
        apart = True
        while True:
            token = self._next()
            kind = "end" if token["end"] is not None else str(token.lastgroup)
            if kind in ("end", "pipe", "close"):
                break
            if kind == "blank":
                apart = True
                continue
            if not apart:
                raise self._unread()
            apart = False
            if kind == "word" and token["word"] not in ("true", "false", INPUTS):
                if function is not None or operands or token["word"] not in FUNCTIONS:
                    raise self._unread()
                function = token["word"]
            else:
                operands.append(self._operand(token, depth))
        if function is None and (piped or len(operands) != 1):
            raise self._unread()
        if function in LAZY and (piped or not operands):
            raise self._unread()
        return Command(function, tuple(operands)), kind

    def _operand(self, token: re.Match[str], depth: int) -> Any:
        if token["text"] is not None:
            return self._written(token["text"])
        if token["number"] is not None:
            return Whole(token["number"])
        if token["word"] in ("true", "false"):
            return token["word"] == "true"
        if token["open"] is not None:
            return Path(self._pipeline(depth + 1, "close"), self._fields(""))
        root = token["word"] or token["variable"] or DOT
        if root != INPUTS and root not in self.known:
            raise self._unread()
        return Path(root, self._fields(token["field"] or ""))

    def _fields(self, first: str) -> tuple[str, ...]:
        """The names behind a value, each behind its dot."""
        names = [first[1:]] if first else []
        while (found := _TOKEN.match(self.text, self.at)) is not None and found["field"] is not None:
            self.at = found.end()
            names.append(found["field"][1:])
        return tuple(names)

    def _written(self, quoted: str) -> str:
        if _NOT_GO.search(quoted):
            raise self._unread()
        if quoted[0] == "`":
            return quoted[1:-1]
        try:
            return str(json.loads(quoted))
        except ValueError:  # Go has escapes that JSON has not
            raise self._unread() from None
