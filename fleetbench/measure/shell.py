"""Running the programs that measuring stands on: docker, kind, flux, kubectl, git."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetbench.errors import EnvironmentLacks, FleetbenchError

INSTALL = {
    "docker": "install Docker (https://docs.docker.com/get-docker/) or Colima (`brew install colima docker && colima start`)",
    "kind": "install kind: https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    "flux": "install the flux CLI (https://fluxcd.io/flux/installation/#install-the-flux-cli) or give --flux-manifest FILE",
    "kubectl": "install kubectl: https://kubernetes.io/docs/tasks/tools/",
    "git": "install git: https://git-scm.com/downloads",
}


class ProgramFailed(FleetbenchError):
    """A program ended with an error; its last lines say why."""

    exit_code = 3


def need(*programs: str) -> None:
    """Make sure that programs are installed.

    Raises:
        EnvironmentLacks: one is not on PATH.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise EnvironmentLacks(f"{program} is not installed (not on PATH)", INSTALL.get(program))


def run(
    command: Sequence[str | Path],
    *,
    timeout_s: float,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
    what: str | None = None,
) -> str:
    """Run a program to its end and return what it wrote to standard output.

    It runs in a session of its own, so that Ctrl-C reaches this program alone, which then ends the other one and
    cleans up in order.

    Args:
        command: program and arguments.
        timeout_s: seconds it may take.
        input: what it reads on standard input.
        env: variables on top of this process's.
        what: for messages; None = the command.

    Raises:
        EnvironmentLacks: it is not installed.
        ProgramFailed: it failed, or took too long.
    """
    need(str(command[0]))
    shown = what or " ".join(str(c) for c in command[:4])
    process = subprocess.Popen(
        [str(c) for c in command],
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if env is None else {**os.environ, **env},
        start_new_session=True,
    )
    try:
        out, err = process.communicate(input, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        raise ProgramFailed(f"{shown}: not done after {timeout_s:.0f} s") from None
    except BaseException:
        _end(process)
        raise
    if process.returncode != 0:
        lines = [line for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
        raise ProgramFailed(f"{shown}: exit code {process.returncode}: {' | '.join(lines[-4:])[-600:] or 'no message'}")
    return out.decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.communicate(timeout=10)
            return
        except subprocess.TimeoutExpired:
            continue
        except (ProcessLookupError, PermissionError):
            return
