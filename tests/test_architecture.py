"""The structure that the folder names promise, read from the imports: one way, no cycles, nothing heavy where it costs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import pytest

PACKAGE = Path(__file__).parents[1] / "fleetbench"
BASE = {
    "units",
    "ids",
    "phases",
    "errors",
    "findings",
    "data",
    "json_text",
    "json_values",
    "json_node",
    "whole_files",
    "__version__",
}
"""Modules that everybody may know; they know only each other."""
MAY_KNOW: dict[str, set[str]] = {
    "graph": set(),
    "repo": {"graph"},
    "model": {"graph"},
    "timeline": {"graph"},
    "engine": {"graph", "model", "timeline"},
    "runs": {"graph", "model", "timeline"},
    "prediction": {"graph", "model", "timeline", "engine"},
    "validation": {"graph", "model", "timeline", "runs", "prediction"},
    "calibration": {"graph", "model", "timeline", "runs"},
    "decide": {"graph", "repo", "model", "timeline", "engine", "prediction"},
    "sweep": {"graph", "model", "timeline", "prediction", "decide"},
    "measure": {"graph", "repo", "model", "timeline", "runs"},
    "doctor": set(),
    "report": {"graph", "model", "timeline", "runs", "prediction", "validation", "calibration", "decide", "sweep", "doctor"},
    "api": {"graph", "repo", "model", "timeline", "engine", "prediction", "validation", "decide", "runs", "report"},
    "cli": {
        "graph", "repo", "model", "timeline", "engine", "prediction", "validation", "calibration", "decide", "sweep", "runs",
        "measure", "report", "doctor",
    },
    "__main__": {"cli"},
    "__init__": {"api", "report"},
}  # fmt: skip
"""Part of the package -> the other parts it may import, beside the base. Read it top to bottom: it is the flow."""
EXCEPTIONS = {
    ("timeline", "model.parameters"): "why an object waited is told in terms of the controllers' flags (plain data)",
    (
        "measure",
        "report.inert",
    ): "the live view shows names of a cluster, and there is one function that makes them harmless",
}
"""(part, module) -> why it may be imported all the same."""
HEAVY = (
    "pandas",
    "matplotlib",
    "networkx",
    "kubernetes",
    "numpy",
    "pyarrow",
    "rich",
    "jinja2",
    "simpy",
    "distributed",
    "nbformat",
    "nbconvert",
)
LONGEST = 300
LONGER = {
    "graph/objects.py": "the data of a fleet, a docstring under each field",
    "model/profile.py": "the whole of a profile file: what it may hold, and how it is read",
    "report/html/sections.py": "one run of the page: its sentences, figures and tables",
}
"""Module that is longer -> why."""


class Import(NamedTuple):
    """One import statement's target."""

    file: str
    line: int
    target: str
    lazy: bool
    """Inside a function or under ``TYPE_CHECKING``: not run when the module is."""


@cache
def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(file: Path) -> str:
    name = ".".join(("fleetbench", *file.relative_to(PACKAGE).with_suffix("").parts))
    return name.removesuffix(".__init__")


@cache
def names() -> frozenset[str]:
    return frozenset(map(name_of, modules()))


def imports(file: Path) -> Iterator[Import]:
    known = names()

    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            later = lazy or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                later = True
            if isinstance(child, ast.Import):
                yield from (Import(str(file.relative_to(PACKAGE)), child.lineno, a.name, lazy) for a in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                assert child.level == 0, f"{file}:{child.lineno}: a relative import"
                for alias in child.names:
                    inner = f"{child.module}.{alias.name}"
                    target = inner if inner in known or child.module == "fleetbench" else child.module
                    yield Import(str(file.relative_to(PACKAGE)), child.lineno, target, lazy)
            else:
                yield from walk(child, later)

    yield from walk(ast.parse(file.read_text(encoding="utf-8")), False)


@cache
def all_imports() -> list[Import]:
    return [found for file in modules() for found in imports(file)]


def part_of(file: str) -> str:
    """The top-level part that a file of the package belongs to."""
    return file.split("/")[0].removesuffix(".py")


def inside(target: str) -> str | None:
    """Which part an import names; None = it is no import of ours."""
    return target.split(".")[1] if target.startswith("fleetbench.") else None


def test_every_part_of_the_package_has_its_place_in_the_flow() -> None:
    parts = {part_of(str(p.relative_to(PACKAGE))) for p in modules()}
    assert parts - BASE == set(MAY_KNOW), "a new part needs a line in MAY_KNOW, a part that went loses its own"


def test_each_part_imports_only_what_flows_into_it() -> None:
    wrong, used = [], set()
    for found in all_imports():
        part, other = part_of(found.file), inside(found.target)
        if other is None or other == part or (other in BASE and part not in BASE):
            continue
        rest = found.target.split(".", 1)[1]
        if (part, rest) in EXCEPTIONS:
            used.add((part, rest))
        elif other not in MAY_KNOW.get(part, BASE):
            wrong.append(f"{found.file}:{found.line}: {part} imports {found.target}")
    assert wrong == []
    assert used == set(EXCEPTIONS), "an exception that nobody needs any more"


def test_the_flow_itself_has_no_cycle() -> None:
    flow = nx.DiGraph([(part, other) for part, others in MAY_KNOW.items() for other in others])
    assert nx.is_directed_acyclic_graph(flow)


def test_no_module_imports_itself_through_others() -> None:
    graph = nx.DiGraph()
    names = {name_of(p) for p in modules()}
    for found in all_imports():
        here = name_of(PACKAGE / found.file)
        if not found.lazy and found.target in names and found.target != here:
            graph.add_edge(here, found.target)
    assert list(nx.simple_cycles(graph)) == []


def room_of(module: str) -> str:
    """The folder or module right below a part that a module belongs to: ``repo.kustomize``."""
    return ".".join(module.split(".")[1:3])


def test_the_folders_and_modules_of_each_part_know_each_other_one_way() -> None:
    rooms = nx.DiGraph()
    for found in all_imports():
        here = room_of(name_of(PACKAGE / found.file))
        there = room_of(found.target) if inside(found.target) else here
        if here.count(".") and there != here and there.partition(".")[0] == here.partition(".")[0]:
            rooms.add_edge(here, there)
    known = {frozenset(circle) for circle in nx.strongly_connected_components(rooms) if len(circle) > 1}
    assert known == {frozenset({"report.frames", "report.result"})}  # a type alone, under TYPE_CHECKING


def test_nobody_imports_the_command_line() -> None:
    assert [f for f in all_imports() if inside(f.target) == "cli" and part_of(f.file) not in ("cli", "__main__")] == []


@pytest.mark.parametrize(
    ("library", "part"),
    [
        ("click", "cli"),
        ("kubernetes", "measure"),
        ("simpy", "engine"),
        ("matplotlib", "report"),
        ("distributed", "sweep"),
    ],
)
def test_a_library_is_known_to_one_part_alone(library: str, part: str) -> None:
    assert {part_of(f.file) for f in all_imports() if f.target.split(".")[0] == library} <= {part}


OPENING = {
    "open",
    "read_text",
    "write_text",
    "read_bytes",
    "write_bytes",
    "mkdir",
    "unlink",
    "Popen",
    "run",
    "check_output",
    "urlopen",
}


@pytest.mark.parametrize("part", ["engine", "timeline", "graph"])
def test_pure_parts_open_no_file_and_start_no_program(part: str) -> None:
    libraries = {"subprocess", "socket", "urllib", "tempfile", "shutil", "pathlib", "os", "requests", "yaml"}
    found = [f for f in all_imports() if part_of(f.file) == part and f.target.split(".")[0] in libraries]
    assert found == []
    for file in sorted((PACKAGE / part).rglob("*.py")):
        assert opening(file.read_text(encoding="utf-8")) == [], file


def opening(source: str) -> list[str]:
    """Calls that open a file or start a program, by name or as a method; SimPy's clock runs, too."""
    calls = [ast.unparse(n.func) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)]
    return [c for c in calls if c.rpartition(".")[2] in OPENING and not c.endswith("env.run")]


def test_a_file_is_opened_and_a_program_started_by_name_or_as_a_method() -> None:
    assert opening("open(x); path.read_text(); subprocess.run([]); f(x).mkdir()") == [
        "open", "path.read_text", "subprocess.run", "f(x).mkdir"
    ]  # fmt: skip
    assert opening("w.env.run(until=3); reading.fleet; running()") == []


@pytest.mark.parametrize("part", ["engine", "model", "graph", "repo", "timeline", "prediction"])
def test_the_core_never_draws_or_prints(part: str) -> None:
    wrong = {"matplotlib", "kubernetes", "rich", "jinja2", "plotly", "click"}
    assert [f for f in all_imports() if part_of(f.file) == part and f.target.split(".")[0] in wrong] == []
    for file in sorted((PACKAGE / part).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        scripts = [n for n in tree.body if isinstance(n, ast.If) and "__main__" in ast.dump(n.test)]
        calls = [n for top in tree.body if top not in scripts for n in ast.walk(top) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id in ("print", "input")], file


def test_commands_import_nothing_heavy_until_they_run() -> None:
    """``--help`` of each command starts at once: what its module imports by itself stays light."""
    names = {name_of(p): p for p in modules()}
    eager = {name: [f.target for f in imports(path) if not f.lazy] for name, path in names.items()}
    wrong = []
    for start in (n for n in names if n.startswith("fleetbench.cli")):
        waiting, seen = [start], {start}
        while waiting:
            for target in eager[waiting.pop()]:
                if target.split(".")[0] in HEAVY:
                    wrong.append(f"{start} -> {target}")
                elif target in names and target not in seen:
                    seen.add(target)
                    waiting.append(target)
    assert sorted(set(wrong)) == []


def test_modules_can_be_read_in_a_sitting() -> None:
    lengths = {str(p.relative_to(PACKAGE)): len(p.read_text(encoding="utf-8").splitlines()) for p in modules()}
    longer = {name: n for name, n in lengths.items() if n > LONGEST}
    assert set(longer) == set(LONGER), longer
    assert sorted(lengths.values())[len(lengths) // 2] <= 200


def test_randomness_is_an_argument() -> None:
    """No module draws from a generator that all share: a seed must give the same numbers whatever ran before."""
    for file in modules():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
            ):
                shared = node.func.value.id == "random" and node.func.attr not in ("Random", "SystemRandom")
                assert not shared, f"{file}:{node.lineno}: random.{node.func.attr}"
