"""flux-operator's templates filled in, as far as :mod:`.template_syntax` takes them apart.

What cannot be worked out for sure, and whatever the operator itself would refuse (an input that is not there, a comparison of
unlike values), is not guessed: :class:`NotPlain` says what it is.

Source: Go 1.26 text/template exec.go walkIfOrWith, isTrue, walkRange (keys of maps sorted, one variable takes the element),
evalField, evalCall (``and`` and ``or`` stop early) and fmt (how ``%v`` prints); controlplaneio-fluxcd/flux-operator v0.58.1
internal/builder/resourceset.go newTemplate (``missingkey=error``), api/v1/resourceset_types.go GetInputs (whole numbers are
int64, any other float64).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from fleetbench.repo.resource_sets.template_functions import FUNCTIONS, LAZY
from fleetbench.repo.resource_sets.template_nodes import DOT, INPUTS, Action, Body, Command, If, Path, Pipeline, Range
from fleetbench.repo.resource_sets.template_syntax import parsed
from fleetbench.repo.resource_sets.template_values import MAX_TEXT, NotPlain, Whole, keys, printed, truth

MAX_EFFORT = 1_000_000
"""Steps that the templates of one ResourceSet may take, ten characters that a function takes or gives being one: seconds."""
_parsed = lru_cache(maxsize=4)(parsed)


class Effort:
    """What is left of the steps that filling in may take: nested ranges could go on for ever without a letter."""

    def __init__(self, left: int = MAX_EFFORT):
        self.left = left

    def take(self, steps: int) -> None:
        """Take steps.

        Raises:
            NotPlain: that is more than are left.
        """
        self.left -= steps
        if self.left < 0:
            raise NotPlain(f"filling in its templates takes more than {MAX_EFFORT:,} steps")


def rendered(text: str, inputs: Mapping[str, Any], effort: Effort | None = None) -> str:
    """A template filled in with one set of inputs.

    Args:
        text: the template.
        inputs: name -> value, as JSON has it.
        effort: what it may take; None = as much as one ResourceSet may.

    Raises:
        NotPlain: it holds more than is worked out, names an input that is not there, or becomes too long.
    """
    filling = _Filling(inputs, effort or Effort())
    filling.walk(_parsed(text))
    return "".join(filling.parts)


class _Filling:
    """One template with one set of inputs."""

    def __init__(self, inputs: Mapping[str, Any], effort: Effort):
        self.effort = effort
        self.parts: list[str] = []
        self.length = 0
        self.values: list[tuple[str, Any]] = [(INPUTS, inputs)]
        """Variables in force, the innermost last."""

    def walk(self, body: Body) -> None:
        """Fill in what stands one after the other; its variables end with it."""
        mark = len(self.values)
        for node in body:
            self.effort.take(1)
            if isinstance(node, str):
                self._print(node)
            elif isinstance(node, If):
                self._if(node)
            elif isinstance(node, Range):
                self._range(node)
            else:
                value = self._declared(node)
                if not node.names:
                    self._print(printed(value))
        del self.values[mark:]

    def _print(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)
        if self.length > MAX_TEXT:
            raise NotPlain(f"a template of more than {MAX_TEXT} characters")

    def _declared(self, action: Action) -> Any:
        """Its value, which its variables have from here on."""
        value = self._pipeline(action.pipeline)
        self.values += ((name, value) for name in action.names)
        return value

    def _if(self, node: If) -> None:
        mark = len(self.values)
        for condition, body in node.branches:
            self.effort.take(1)
            if truth(self._declared(condition)):
                self.walk(body)
                break
        else:
            self.walk(node.otherwise)
        del self.values[mark:]

    def _range(self, node: Range) -> None:
        mark = len(self.values)
        elements = _elements(self._declared(node.over), node.over)
        empty = True
        for index, element in elements:
            empty = False
            self.effort.take(1)
            del self.values[mark:]
            self.values += zip(node.over.names, (index, element)[-len(node.over.names) :], strict=False)
            self.values.append((DOT, element))
            self.walk(node.body)
        if empty:
            self.walk(node.otherwise)
        del self.values[mark:]

    def _pipeline(self, pipeline: Pipeline) -> Any:
        value: Any = None
        for n, command in enumerate(pipeline.commands):
            value = self._command(command, [value] if n else [], pipeline)
        return value

    def _command(self, command: Command, piped: list[Any], of: Pipeline) -> Any:
        if command.function is None:
            return self._operand(command.operands[0])
        if command.function in LAZY:
            for operand in command.operands:
                value = self._operand(operand)
                if truth(value) == (command.function == "or"):
                    break
            return value
        values = [*map(self._operand, command.operands), *piped]
        try:
            found = FUNCTIONS[command.function](*values)
        except TypeError:  # another number of arguments, or one of another kind, than the function takes
            raise NotPlain(f"{of.shown} is more of a template than is worked out") from None
        self.effort.take(sum(len(value) for value in (*values, found) if isinstance(value, (str, list, Mapping))) // 10)
        return found

    def _operand(self, operand: Any) -> Any:
        self.effort.take(1)
        if not isinstance(operand, Path):
            return operand
        if isinstance(operand.of, Pipeline):
            value = self._pipeline(operand.of)
        else:
            value = next(value for name, value in reversed(self.values) if name == operand.of)
        for name in operand.names:
            if not isinstance(value, Mapping) or name not in value:
                shown = operand.of if isinstance(operand.of, str) else "(...)"
                path = ".".join(["" if shown == DOT else shown, *operand.names])
                raise NotPlain(f"<< {path} >> names an input that is not there")
            value = value[name]
        return value


def _elements(value: Any, of: Action) -> Iterable[tuple[Any, Any]]:
    """What a range goes over: index or key, and element. Nothing (``null``) is as good as empty."""
    if value is None:
        return ()
    if isinstance(value, list):
        return ((Whole(n), element) for n, element in enumerate(value))
    if isinstance(value, Mapping):
        return ((key, value[key]) for key in sorted(keys(value)))
    raise NotPlain(f"{of.pipeline.shown} goes over what is no list or object")
