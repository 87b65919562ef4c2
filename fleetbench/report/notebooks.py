"""The notebooks that ship: executed with parameters (papermill) and exported as one page (nbconvert)."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fleetbench.data import shipped
from fleetbench.errors import EnvironmentLacks, FleetbenchError, InputError
from fleetbench.report.html import notebook_page

NAMES = (
    "01-waves-vs-fine",
    "02-predicted-vs-measured",
    "03-what-if-and-tuning",
    "04-failure-isolation",
    "05-your-own-fleet",
)
CELL_TIMEOUT_S = 900


def export(name: str, runs: Sequence[Path], **parameters: Any) -> str:
    """Execute a notebook on runs and export it as HTML that needs no network.

    Args:
        name: one of :data:`NAMES`, or its number.
        runs: RUN arguments; empty = what the notebook shows by itself.
        **parameters: other parameters of the notebook, such as ``samples`` and ``seed``.

    Raises:
        EnvironmentLacks: papermill, nbconvert or ipykernel is not installed.
        InputError: no such notebook, or a cell failed.
    """
    _full(name)  # a notebook that does not exist is said first
    _check_installed()
    given = {"runs": [str(path.resolve()) for path in runs]} if runs else {}
    executed = execute(name, {**given, **parameters})
    import nbconvert

    # nbconvert's whole-page templates load scripts and fonts from elsewhere; its basic one is the body alone.
    exporter = nbconvert.HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)  # type: ignore[no-untyped-call,unused-ignore]
    body, _ = exporter.from_notebook_node(executed)
    return notebook_page(_full(name), str(body))


def execute(name: str, parameters: dict[str, Any]) -> Any:
    """Execute a notebook and return it with its outputs.

    Raises:
        InputError: no such notebook, or a cell failed.
    """
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    file = shipped("notebooks", f"{_full(name)}.ipynb")
    known = parameters_of(file)
    wanted = {key: value for key, value in parameters.items() if key in known}
    with tempfile.TemporaryDirectory(prefix="fleetbench-notebook-") as folder:
        out = Path(folder) / file.name
        try:
            papermill.execute_notebook(
                str(file), str(out), parameters=wanted, cwd=str(file.parent), kernel_name="python3", progress_bar=False,
                request_save_on_cell_execute=False, execution_timeout=CELL_TIMEOUT_S, log_output=False, config=_transport(),
            )  # fmt: skip
        except PapermillExecutionError as error:
            hint = "give runs that it can show: 02 takes measured ones" if wanted.get("runs") else None
            raise InputError(f"notebook {file.stem}: {_said(error.ename, error.evalue)}", hint) from None
        return nbformat.read(str(out), as_version=4)  # type: ignore[no-untyped-call,unused-ignore]


def parameters_of(file: Path) -> set[str]:
    """The names that a notebook's parameters cell sets."""
    import nbformat

    cells = nbformat.read(str(file), as_version=4).cells  # type: ignore[no-untyped-call,unused-ignore]
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", ())]
    nodes = [node for source in tagged for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assign)]
    return {target.id for node in nodes for target in node.targets if isinstance(target, ast.Name)}


def _said(kind: str, message: str) -> str:
    """What went wrong in a cell; an error of fleetbench's own is a whole message without its class."""
    own = [cls.__name__ for cls in FleetbenchError.__subclasses__()]
    return message if kind in own else f"{kind}: {message}"


def _transport() -> Any:
    """Talk to the kernel over sockets in the file system, where there are some: no port is opened."""
    import sys

    from traitlets.config import Config

    return Config() if sys.platform == "win32" else Config({"KernelManager": {"transport": "ipc"}})


def _full(name: str) -> str:
    found = [n for n in NAMES if n == name.removesuffix(".ipynb") or n.split("-")[0] == name]
    if not found:
        raise InputError(f"--notebook: got {name!r}, wanted one of {', '.join(NAMES)}")
    return found[0]


def _check_installed() -> None:
    import importlib.util

    lacking = [
        package for package in ("papermill", "nbconvert", "ipykernel") if importlib.util.find_spec(package) is None
    ]
    if lacking:
        raise EnvironmentLacks(f"notebooks need {', '.join(lacking)}", "pip install 'fleetbench[notebook]'")
