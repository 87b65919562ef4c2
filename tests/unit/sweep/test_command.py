from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli

SMALL = ["sweep", "--samples", "6", "--profile", "short", "--processes", "1"]


def invoke(*arguments):
    return CliRunner().invoke(cli, [*SMALL, *arguments])


def test_json_is_one_document_on_standard_output():
    result = invoke("--kustomize-concurrent", "2,4", "--cpus", "1,2", "--format", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["axes"] == {"kustomize_concurrent": [2, 4], "cpus": [1.0, 2.0], "profile": ["short"]}
    assert [cell["cell"] for cell in document["cells"]] == [0, 1, 2, 3]
    assert document["base"] == 3
    assert {knee["axis"] for knee in document["knees"]} == {"kustomize_concurrent", "cpus"}


def test_the_table_shows_the_axes_that_vary_and_names_the_base_and_the_knee():
    result = invoke("--kustomize-concurrent", "2,4")
    assert result.exit_code == 0, result.output
    assert "in every cell: --profile short" in result.stdout
    assert "base" in result.stdout
    assert "--kustomize-concurrent 4" in result.stdout


def test_a_repeated_command_goes_on_where_it_was(tmp_path):
    arguments = ("--cpus", "1,2", "-o", str(tmp_path / "s"))
    first, second = invoke(*arguments), invoke(*arguments)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "Going on: 2 of 2 cells done" in second.stderr
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cpus", "0"], "got '0', wanted a number of processors"),
        (["--cpus", "1,,2"], "wanted values with a comma between each two"),
        (["--cpus", "1,1.0"], "got '1.0' twice"),
        (["--kustomize-concurrent", "2,many"], "got 'many', wanted a whole number from 1 to 10000"),
        (["--requeue-dependency", "5s,1"], "wanted a duration"),
        (["--strategy", "fine,both"], "got 'both', wanted fine or waves"),
        (["--event-driven", "maybe"], "got 'maybe', wanted yes or no"),
        (["--flux-version", "1.0"], "got '1.0', wanted one of 2.6"),
        (["--fail", "none,flux-system/nobody"], "got flux-system/nobody, wanted a Kustomization, HelmRelease"),
        (["--cpus", "1", "--force"], "--force belongs to -o"),
        (["--cpus", "1", "--dask-scheduler", "tcp://x:1"], "give one of them"),
    ],
)
def test_bad_usage_says_what_it_got_and_wanted(arguments, said):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
