"""The command line's frame: exit codes, messages, nothing heavy imported, nothing that steers the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fleetbench.cli import main as frame
from fleetbench.errors import CheckFailed, EnvironmentLacks, FleetbenchError, InputError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(frame.cli, list(arguments))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command that raises what it is given."""

    def invoke(error: BaseException, *options: str) -> Result:
        @click.command()
        def command() -> None:
            raise error

        monkeypatch.setattr(frame.LazyGroup, "list_commands", lambda self, ctx: ["graph"])
        monkeypatch.setattr(frame.LazyGroup, "get_command", lambda self, ctx, name: command)
        return run(*options, "graph")

    return invoke


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(InputError("bad"), 2), (CheckFailed("bad"), 1), (EnvironmentLacks("bad"), 3), (KeyboardInterrupt(), 130)],
)
def test_each_kind_of_failure_has_its_exit_code(
    failing: Callable[..., Result], error: BaseException, exit_code: int
) -> None:
    assert failing(error).exit_code == exit_code


def test_a_failure_is_a_message_and_a_hint_on_standard_error(failing: Callable[..., Result]) -> None:
    result = failing(FleetbenchError("graph.json:3: kustomizations: wanted a list", "write one with ..."))
    assert result.stdout == ""
    assert result.stderr == "Error: graph.json:3: kustomizations: wanted a list\nHint: write one with ...\n"


def test_an_unexpected_exception_asks_for_a_report_and_shows_no_traceback(failing: Callable[..., Result]) -> None:
    result = failing(KeyError("oops"))
    assert result.exit_code == 2
    assert "a fault of fleetbench, not of your fleet: KeyError: 'oops'" in result.stderr
    assert "fleetbench --debug graph" in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback(failing: Callable[..., Result]) -> None:
    assert "Traceback" in failing(KeyError("oops"), "--debug").stderr


def test_a_file_that_cannot_be_opened_is_named(failing: Callable[..., Result]) -> None:
    result = failing(PermissionError(13, "Permission denied", "secret.yaml"))
    assert (result.exit_code, result.stderr) == (2, "Error: secret.yaml: Permission denied\n")


def test_escape_sequences_in_a_message_are_shown_not_obeyed(failing: Callable[..., Result]) -> None:
    result = failing(InputError("name \x1b[2J\u202eevil\n::error::forged"))
    assert result.stderr == "Error: name \\x1b[2J\\u202eevil\\n::error::forged\n"


def test_a_poll_interval_that_cannot_be_is_told_by_the_name_of_its_option() -> None:
    result = run("simulate", "--requeue-dependency", "0s")
    assert result.exit_code == 2
    assert "Invalid value for '--requeue-dependency': got '0s', wanted 1ms to 24h0m0s" in result.stderr


def test_a_command_that_does_not_exist_gets_a_suggestion() -> None:
    result = run("grap")
    assert result.exit_code == 2
    assert "Did you mean 'graph'?" in result.stderr


def test_help_lists_only_commands_whose_module_exists() -> None:
    listed = run("--help").stdout
    for name, entry in frame.COMMANDS.items():
        there = (Path(frame.__file__).parent / f"{entry.module}.py").exists()
        assert (f"\n  {name} " in listed) == there, name


def test_the_help_of_every_command_ends_with_an_example() -> None:
    for name in frame.cli.list_commands(click.Context(frame.cli)):
        result = run(name, "--help")
        assert result.exit_code == 0, result.stderr
        paragraphs = result.stdout.rstrip().split("\n\n")
        assert paragraphs[-1].strip().startswith("Example: fleetbench " + name), name


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'networkx', 'numpy', 'pandas', 'matplotlib', 'kubernetes', 'rich', 'simpy', 'yaml'}"
    code = (
        "import sys\nfrom fleetbench.cli.main import cli\n"
        "try:\n    cli(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', sorted({heavy} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.rstrip().endswith("LOADED []")


def test_output_into_a_closed_pipe_is_quiet_and_keeps_the_exit_code() -> None:
    golden = Path(__file__).parents[2] / "golden" / "fleets" / "troubled.json"
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "fleetbench", "graph", "--graph", str(golden)]
    result = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert (result.returncode, result.stderr) == (1, "")


def test_a_terminal_without_utf8_gets_escapes_not_a_traceback(tmp_path: Path) -> None:
    graph = tmp_path / "graph.json"
    graph.write_text('{"kustomizations": [{"id": "flux-system/caf\\u00e9"}]}', encoding="utf-8")
    command = [sys.executable, "-m", "fleetbench", "graph", "--graph", str(graph)]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stderr
    assert "caf\\xe9" in result.stdout
