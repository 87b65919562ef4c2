"""A Kind cluster of one's own: made, filled with images, and taken away again whatever happens."""

from __future__ import annotations

import json
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.measure.interrupts import shielded
from fleetbench.measure.request import KindOptions
from fleetbench.measure.shell import INSTALL, ProgramFailed, need, run

CREATE_S, LOAD_S, DELETE_S = 600.0, 600.0, 180.0
CLUSTER_LABEL = "io.x-k8s.kind.cluster"
"""kind v0.33.0 pkg/cluster/internal/providers/docker/constants.go."""
LATE_CHECKS = 8
"""Seconds for which a container may still turn up after its making was broken off."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class KindCluster:
    """A cluster that is up."""

    name: str
    kubeconfig: Path
    """Its own file; the user's is never touched."""
    nodes: tuple[str, ...]
    """The names of its containers."""


def check_docker() -> None:
    """Make sure that docker is installed and answers.

    Raises:
        EnvironmentLacks: it is not, or does not.
    """
    need("docker", "kind")
    try:
        run(["docker", "version", "--format", "{{.Server.Version}}"], timeout_s=30, what="docker version")
    except ProgramFailed as error:
        raise EnvironmentLacks(
            f"docker does not answer: {error.message.split(': ', 2)[-1]}",
            f"start it (Docker Desktop, `colima start`, `systemctl start docker`); not there at all: {INSTALL['docker']}",
        ) from error


def check(options: KindOptions) -> None:
    """Make sure, before anything is made, that a cluster can be made as asked.

    Raises:
        EnvironmentLacks: a program is missing, or docker does not answer.
        InputError: a cluster of that name exists, or docker does not hold an image.
    """
    check_docker()
    need("kubectl", "git")
    if options.name is not None:
        _check_name(options.name)
    for image in options.load_images:
        _check_image(image)


def _check_name(name: str) -> None:
    if name in clusters():
        raise InputError(
            f"a Kind cluster named {name} exists already",
            f"choose another --name, or `kind delete cluster --name {name}` if nobody needs it",
        )


def _check_image(image: str) -> None:
    try:
        run(["docker", "image", "inspect", "--format", "{{.Id}}", image], timeout_s=60)
    except ProgramFailed:
        raise InputError(f"--load-image: docker holds no image {image}", f"docker pull {image}") from None


def clusters() -> list[str]:
    """Names of the Kind clusters that exist."""
    return run(["kind", "get", "clusters"], timeout_s=60).split()


@contextmanager
def kind_cluster(options: KindOptions, say: Callable[[str], None] = lambda text: None) -> Iterator[KindCluster]:
    """Make a cluster for the time of a ``with`` block.

    It is deleted on the way out, also when making it failed half-way; ``keep`` leaves it.

    Args:
        options: how it is made.
        say: one line about what becomes of it in the end.

    Raises:
        EnvironmentLacks: docker or kind is missing or stopped.
        InputError: a cluster of that name exists, or an image is not in docker.
        ProgramFailed: kind failed.
    """
    check_docker()
    name = options.name or f"fleetbench-{secrets.token_hex(3)}"
    _check_name(name)
    folder = Path(tempfile.mkdtemp(prefix="fleetbench-kind-"))
    kubeconfig = folder / "kubeconfig"
    made = False
    try:
        run(_create_command(options, name, kubeconfig), timeout_s=CREATE_S, what="kind create cluster")
        nodes = tuple(run(["kind", "get", "nodes", "--name", name], timeout_s=60).split())
        made = True
        load_images(name, options.load_images)
        yield KindCluster(name, kubeconfig, nodes)
    finally:
        with shielded():
            if options.keep and (made or name in clusters()):
                for line in _kept(name, kubeconfig):
                    say(line)
            else:
                say(f"deleting the Kind cluster {name}")
                _delete(name, kubeconfig, folder, broken_off=not made)


def _kept(name: str, kubeconfig: Path) -> list[str]:
    return [
        f"kept the Kind cluster {name}: its kubeconfig is {kubeconfig}; delete it with `kind delete cluster --name {name}`",
        "a repository that was served from here is no longer: Flux in that cluster keeps what it has fetched",
    ]


def _create_command(options: KindOptions, name: str, kubeconfig: Path) -> list[str | Path]:
    command: list[str | Path] = [
        "kind",
        "create",
        "cluster",
        "--name",
        name,
        "--kubeconfig",
        kubeconfig,
        "--wait",
        "180s",
    ]
    if options.image:
        command += ["--image", options.image]
    if options.config:
        command += ["--config", options.config]
    return command


def _delete(name: str, kubeconfig: Path, folder: Path, broken_off: bool) -> None:
    command: list[str | Path] = ["kind", "delete", "cluster", "--name", name, "--kubeconfig", kubeconfig]
    try:
        run(command, timeout_s=DELETE_S)
        # docker goes on making a container after the program that asked for it was ended.
        for _ in range(LATE_CHECKS if broken_off else 0):
            time.sleep(1.0)
            if run(["docker", "ps", "-aq", "--filter", f"label={CLUSTER_LABEL}={name}"], timeout_s=60).strip():
                run(command, timeout_s=DELETE_S)
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def load_images(cluster: str, images: Sequence[str]) -> None:
    """Copy images from the local docker to every node.

    Raises:
        InputError: docker does not hold one.
        ProgramFailed: it cannot be loaded either way.
    """
    if not images:
        return
    for image in images:
        _check_image(image)
    try:
        run(
            ["kind", "load", "docker-image", "--name", cluster, *images],
            timeout_s=LOAD_S,
            what="kind load docker-image",
        )
    except ProgramFailed as error:
        if "digest" not in error.message:
            raise
        # A multi-arch image whose other platforms docker never pulled: "content digest ...: not found".
        for image in images:
            _load_one_platform(cluster, image)


def _load_one_platform(cluster: str, image: str) -> None:
    machine = platform.machine().lower()
    with tempfile.TemporaryDirectory(prefix="fleetbench-image-") as folder:
        archive = Path(folder, "image.tar")
        architecture = _ARCHITECTURES.get(machine, machine)
        run(["docker", "save", "--platform", f"linux/{architecture}", "-o", archive, image], timeout_s=LOAD_S)
        run(["kind", "load", "image-archive", "--name", cluster, archive], timeout_s=LOAD_S)


def gateway() -> str | None:
    """The host's IPv4 address on docker's network ``kind``, where containers reach it; None = it has none."""
    text = run(["docker", "network", "inspect", "kind"], timeout_s=30)
    for network in json.loads(text):
        for settings in (network.get("IPAM") or {}).get("Config") or []:
            address: str = settings.get("Gateway") or ""
            if address and ":" not in address:
                return address
    return None


def host_from_inside(node: str) -> str | None:
    """The host's address as a node sees it where docker runs in a virtual machine (Docker Desktop, Colima)."""
    try:
        found = run(["docker", "exec", node, "getent", "ahostsv4", "host.docker.internal"], timeout_s=30).split()
    except ProgramFailed:
        return None
    return found[0] if found else None


def version() -> str:
    """``kind version``."""
    return run(["kind", "version"], timeout_s=30).strip()
