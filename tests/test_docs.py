"""What the documentation says is so: commands, blocks, codes, and the rows of MODEL.md.

README blocks are held by a mark in the line before them:

- ``<!-- run -->``: the shell block must exit 0 (in a copy of nothing: an empty folder with ``graphs/`` beside it).
- ``<!-- output -->``: a ``console`` block; what follows each ``$ command`` is what it prints, up to numbers and to the
  width of columns. A line ``...`` stands for any lines.
- ``<!-- python -->``: the Python block must run.

``python -m tests.test_docs`` writes the table of findings anew.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from fleetbench.cli.main import COMMANDS, LazyGroup, cli
from fleetbench.findings import RULES
from fleetbench.runs.files import find_runs

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fleetbench"
README, MODEL = ROOT / "README.md", PACKAGE / "MODEL.md"
TABLE = re.compile(r"(<!-- findings -->\n).*?(<!-- /findings -->)", re.S)
TIMEOUT_S = 300


def commands() -> list[str]:
    return [name for name in COMMANDS if command(name) is not None]


def command(name: str) -> click.Command | None:
    assert isinstance(cli, LazyGroup)
    return cli.get_command(click.Context(cli), name)


# --- commands ----------------------------------------------------------------------------------------------------


def test_every_command_of_the_contract_is_there() -> None:
    assert commands() == list(COMMANDS)


@pytest.mark.parametrize("name", commands())
def test_a_commands_help_says_what_it_is_for_and_ends_with_an_example(name: str) -> None:
    found = command(name)
    assert found is not None and found.help
    text = found.get_help(click.Context(found, info_name=f"fleetbench {name}"))
    last = text.rstrip().rsplit("\n\n", 1)[-1]
    assert last.strip().startswith(f"Example: fleetbench {name}")
    for parameter in found.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", commands())
def test_a_commands_example_is_one_that_it_accepts(name: str) -> None:
    found = command(name)
    assert found is not None and found.epilog
    accepts(found.epilog.split("Example: ", 1)[1])


@pytest.mark.parametrize("name", commands())
def test_the_readme_mentions_every_command(name: str) -> None:
    assert f"fleetbench {name}" in README.read_text(encoding="utf-8")


def accepts(line: str) -> None:
    """A command line is one: its command exists, and so do its options, with values of their type."""
    words = shlex.split(line, comments=True)
    words = words[: next((i for i, w in enumerate(words) if w in ("|", "&&", ">", "||", ";")), len(words))]
    if len(words) > 1 and not words[1].startswith("-"):
        found = command(words[1])
        assert found is not None, f"{line}: no such command"
        found.make_context(words[1], words[2:])


def test_every_command_line_in_the_readme_is_one_that_fleetbench_accepts() -> None:
    text = README.read_text(encoding="utf-8")
    lines = re.findall(r"`(fleetbench [^`]+)`", text)
    for block in re.findall(r"```(?:sh|console|bash)\n(.*?)```", text, re.S):
        lines += re.findall(r"^(?:\$ )?(fleetbench .*)$", block.replace("\\\n", " "), re.M)
    assert len(lines) > 5
    for line in lines:
        if "..." not in line and "<" not in line and len(line.split()) > 2:  # two words only name a command
            accepts(line)


# --- blocks ------------------------------------------------------------------------------------------------------


def blocks(mark: str) -> list[str]:
    return re.findall(rf"<!-- {mark} -->\s*```\w*\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run as a reader would, with the fleetbench of these tests first on the PATH and without a terminal."""
    (folder / "graphs").exists() or (folder / "graphs").symlink_to(ROOT / "graphs")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("script", blocks("run"))
def test_a_block_of_the_readme_runs(script: str, tmp_path: Path) -> None:
    done = shell(script, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", blocks("python"))
def test_a_python_block_of_the_readme_runs(script: str, tmp_path: Path) -> None:
    (tmp_path / "graphs").symlink_to(ROOT / "graphs")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("output"))
def test_an_output_in_the_readme_is_what_the_command_prints(block: str, tmp_path: Path) -> None:
    for typed, shown in printed(block):
        done = shell(typed, tmp_path)
        assert done.returncode in (0, 1), done.stderr
        assert re.fullmatch(pattern(shown), normal(done.stdout)), f"{typed}\n{done.stdout}"


def printed(block: str) -> list[tuple[str, str]]:
    """``$ command`` and what is shown below it."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.M)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def normal(text: str) -> str:
    """Text with every number, duration and width of a column taken out of it."""
    text = re.sub(r"(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?(?:ms|s)\b|never", "#", text)
    text = re.sub(r"\d+(?:\.\d+)?", "#", text)
    lines = [re.sub(r"[ ─━-]{2,}", " ", line).strip() for line in text.strip().splitlines()]
    return "\n".join(line for line in lines if line)


def pattern(shown: str) -> str:
    return r"\n?".join(r"(?:.*\n?)*?" if line == "..." else re.escape(line) for line in normal(shown).splitlines())


def test_an_output_that_differs_in_a_word_is_noticed() -> None:
    real = normal("total  12m01s\nloki   ready 3.2s\nlast line\n")
    assert re.fullmatch(pattern("total 9m59s\nloki ready 10s\nlast line"), real)
    assert re.fullmatch(pattern("total 9m59s\n...\nlast line"), real)
    assert not re.fullmatch(pattern("total 9m59s\nloki failed 10s\nlast line"), real)
    assert not re.fullmatch(pattern("total 9m59s\nlast line"), real)


# --- findings ----------------------------------------------------------------------------------------------------


def findings_table() -> str:
    """Every code with its severity and meaning."""
    rows = [f"| {code} | {rule.severity} | {rule.title} |" for code, rule in sorted(RULES.items())]
    return "\n".join(["| code | severity | what is so |", "|---|---|---|", *rows]) + "\n"


def test_the_table_of_findings_is_up_to_date() -> None:
    found = TABLE.search(MODEL.read_text(encoding="utf-8"))
    assert found is not None, "MODEL.md: no <!-- findings --> ... <!-- /findings -->"
    assert found[0] == f"<!-- findings -->\n{findings_table()}<!-- /findings -->", "run: python -m tests.test_docs"


# --- MODEL.md ----------------------------------------------------------------------------------------------------


def rows() -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of every table row in MODEL.md that has a column ``ours``."""
    header: list[str] = []
    for number, line in enumerate(MODEL.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells(line)
        elif not set(line) <= set("|-: ") and "ours" in header:
            yield number, dict(zip(header, cells(line), strict=True))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


@cache
def names_in(file: Path) -> frozenset[str]:
    """Functions, classes, methods, fields and constants that a module defines."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return frozenset(found)


def files_named(path: str) -> list[Path]:
    return [p for p in sorted((ROOT / "fleetbench").rglob("*.py")) if str(p).endswith(f"/{path}")]


def test_every_rule_of_the_model_names_functions_that_exist() -> None:
    everywhere = frozenset[str]().union(*(names_in(p) for p in (ROOT / "fleetbench").rglob("*.py")))
    wrong, seen = [], 0
    for number, row in rows():
        here: list[Path] = []
        for word in re.findall(r"[\w/.]+\.py|[A-Za-z_][\w.]*", row["ours"]):
            if word.endswith(".py"):
                here = files_named(word)
                if not here:
                    wrong.append(f"MODEL.md:{number}: no file {word}")
                continue
            known = frozenset[str]().union(*(names_in(p) for p in here)) if here else everywhere
            for name in word.strip(".").split("."):
                seen += 1
                if name not in known and name not in ("same", "of", "and", "the"):
                    where = ", ".join(str(p.relative_to(ROOT)) for p in here) or "the package"
                    wrong.append(f"MODEL.md:{number}: {name} is defined nowhere in {where}")
    assert wrong == []
    assert seen > 20


def test_every_rule_of_the_model_names_a_test_that_exists() -> None:
    tests = {n for p in (ROOT / "tests").rglob("test_*.py") for n in names_in(p) if n.startswith("test_")}
    wrong, seen = [], 0
    for number, row in rows():
        if "test" not in row:
            continue
        named = re.findall(r"tests/[\w/]+\.py|test_\w+|same", row["test"])
        if not named:
            wrong.append(f"MODEL.md:{number}: names no test")
        for name in named:
            seen += 1
            there = (
                (ROOT / name).is_file()
                if name.startswith("tests/")
                else name == "same" or any(t.startswith(name) for t in tests)
            )
            if not there:
                wrong.append(f"MODEL.md:{number}: there is no {name}")
    assert wrong == []
    assert seen > 10


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in (README, MODEL, ROOT / "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_runs_that_the_documents_count_are_those_that_are_committed() -> None:
    def counted(command: str) -> int:
        return len(find_runs([ROOT / path for path in command.split()]))

    all_of_them = re.search(
        r"`fleetbench validate ([\w/ ]+)` holds\npredictions against all (\w+)",
        (ROOT / "results/README.md").read_text(),
    )
    assert all_of_them is not None and all_of_them[2] == "ten" and counted(all_of_them[1]) == 10
    again = re.search(r"^\| \|(.*)\|\n.*\n\| rollouts \| (\d+) \| (\d+) \|$", MODEL.read_text(), re.M)
    assert again is not None
    paths = re.findall(r"`fleetbench validate (\S+) --samples 200`", again[1])
    assert [counted(path) for path in paths] == [int(again[2]), int(again[3])] == [8, 9]
    assert "; 9 of them are in [tests/traces/]" in README.read_text()


ROLE = re.compile(r":(mod|func|class|data|attr|meth):`~?([^`]+)`")


def _resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one; fields of data classes count."""
    parts = name.split(".")
    for at in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:at]))
        except ImportError:
            continue
        for part in parts[at:]:
            fields = {**getattr(found, "__dataclass_fields__", {}), **getattr(found, "__annotations__", {})}
            if part not in fields and not hasattr(found, part):
                return False
            found = getattr(found, part, None)
        return True
    return False


def test_what_a_docstring_refers_to_exists() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        module = importlib.import_module(name)
        text = path.read_text(encoding="utf-8")
        for _, target in ROLE.findall(text):
            within = target.lstrip(".")
            if target.startswith("."):
                above = package.split(".")
                found = _resolves(".".join([*above[: len(above) - (len(target) - len(within) - 1)], within]))
            elif target.startswith("fleetbench"):
                found = _resolves(target)
            else:
                own = [c for c in vars(module).values() if isinstance(c, type)]
                of_a_class = any(hasattr(c, within) or within in getattr(c, "__annotations__", {}) for c in own)
                found = _resolves(f"{name}.{within}") or of_a_class or f"self.{within}" in text
            wrong += [] if found else [f"{path.relative_to(PACKAGE)}: {target}"]
    assert wrong == []


if __name__ == "__main__":
    MODEL.write_text(TABLE.sub(rf"\g<1>{findings_table()}\g<2>", MODEL.read_text(encoding="utf-8")), encoding="utf-8")
