"""What options name is read once, however many scenarios and findings ask for it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetbench.cli.main import cli


@pytest.mark.parametrize(
    ("option", "text"),
    [("--durations", "flux-system/n8n: 10s\n"), ("--profile", "format_version: 1\nnodes: {count: 2, max_pods: 50}\n")],
)
def test_a_file_may_be_a_pipe_whoever_asks_for_it(tmp_path: Path, option: str, text: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    file, pipe = tmp_path / "a" / "given", tmp_path / "b" / "given"
    file.write_text(text)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(text,), daemon=True)
    writer.start()
    simulate = ["simulate", "--samples", "2", "--format", "json", option]
    through_a_pipe, of_a_file = (CliRunner().invoke(cli, [*simulate, str(path)]) for path in (pipe, file))
    writer.join(timeout=10)
    assert of_a_file.exit_code == through_a_pipe.exit_code == 0
    assert through_a_pipe.stdout.replace(str(pipe), str(file)) == of_a_file.stdout


@pytest.mark.parametrize(("command", "option"), [("check", "--tolerance"), ("sweep", "--knee-within")])
def test_a_default_in_percent_is_shown_as_one_would_type_it(command: str, option: str) -> None:
    shown = " ".join(CliRunner().invoke(cli, [command, "--help"]).output.partition(option)[2].split())
    assert shown.partition("]")[0].endswith("[default: 5%")


def test_simulate_warns_of_a_timeout_below_the_time_that_the_user_gives(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("flux-system/n8n: 2h\n")
    done = CliRunner().invoke(cli, ["simulate", "--samples", "1", "--durations", str(tmp_path / "d.yaml")])
    assert (
        "FB212: base/services/n8n.yaml:2 flux-system/n8n: timeout 15m0s, but Kustomization/flux-system/n8n takes at least 2h0m0s, as given"
        in done.stderr
    )


@pytest.mark.parametrize("given", [[], ["--env", "prod"], ["--graph", "x.json"], ["--from-cluster"]])
def test_convert_names_in_its_help_only_what_holds_manifests_and_refuses_the_rest(
    tmp_path: Path, given: list[str]
) -> None:
    shown = CliRunner().invoke(cli, ["convert", "--help"]).output
    assert "--cluster-path" in shown
    assert not any(option in shown for option in ("--graph", "--from-cluster", "--context", "--env"))
    refused = CliRunner().invoke(cli, ["convert", "--to", "waves", "-o", str(tmp_path / "w"), *given])
    assert refused.exit_code == 2 and "give it a repository with --repo and --cluster-path" in refused.output
