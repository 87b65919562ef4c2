"""What the tests on a real cluster share: accounts, a connection that can be cut, the command as a program."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from fleetbench.measure.kind import KindCluster

FLEET = Path(__file__).parent.parent / "fleets" / "small-real"
PLANTED = ("PLANTED-IN-A-SECRET", "PLANTED-IN-VALUES", "PLANTED-IN-A-CONFIGMAP", "PLANTED-IN-A-SUBSTITUTION")
FLEETBENCH = [sys.executable, "-m", "fleetbench"]


def kind_arguments() -> list[str]:
    """Options of ``measure`` from the environment (see conftest)."""
    given = [
        ("--kind-image", os.environ.get("FLEETBENCH_KIND_IMAGE")),
        ("--kind-config", os.environ.get("FLEETBENCH_KIND_CONFIG")),
        ("--flux-manifest", os.environ.get("FLEETBENCH_FLUX_MANIFEST")),
        *(("--load-image", image) for image in os.environ.get("FLEETBENCH_LOAD_IMAGES", "").split()),
    ]
    return [text for option, value in given if value for text in (option, value)]


def copy_fleet(into: Path) -> Path:
    """The small fleet in a folder of its own."""
    shutil.copytree(FLEET, into)
    return into


def measure(
    *arguments: object, env: dict[str, str] | None = None, timeout: float = 400
) -> subprocess.CompletedProcess[str]:
    """Run ``fleetbench measure`` to its end."""
    command = [*FLEETBENCH, "measure", *map(str, arguments)]
    return subprocess.run(
        command, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=timeout, check=False
    )


def start(*arguments: object, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start ``fleetbench measure`` and go on."""
    command = [*FLEETBENCH, "measure", *map(str, arguments)]
    return subprocess.Popen(
        command, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_line(process: subprocess.Popen[str], text: str) -> list[str]:
    """Read standard error until a line holds ``text``; returns the lines so far."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"{text!r} was never said: {''.join(lines)}")


def rows(folder: Path) -> list[dict[str, Any]]:
    """The lines of a trace after its header."""
    return [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()[1:]]


class Proxy:
    """A TCP proxy in front of the API server, whose connections can be cut."""

    def __init__(self, host: str, port: int):
        self._target = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    @contextlib.contextmanager
    def to(cls, kubeconfig: Path) -> Iterator[Proxy]:
        """A proxy to the server that a kubeconfig names."""
        server = urlsplit(yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
        proxy = cls(server.hostname or "", server.port or 443)
        try:
            yield proxy
        finally:
            proxy._server.close()
            proxy.cut()

    def cut(self) -> int:
        """Cut every connection that is open; returns how many."""
        cut = list(self._open)
        for connection in cut:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return len(cut) // 2

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                try:
                    upstream = socket.create_connection(self._target, timeout=10)
                except OSError:
                    client.close()
                    continue
                upstream.settimeout(None)
                self._open |= {client, upstream}
                for source, sink in ((client, upstream), (upstream, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._open.discard(end)


@dataclass(frozen=True)
class Cluster:
    """The shared cluster."""

    kind: KindCluster
    proxy: Proxy
    fleet: Path
    """The repository that is served; commit and push to change it."""
    folder: Path
    url: str

    def kubectl(self, *arguments: object, input: str | None = None) -> str:
        """Run kubectl as the administrator."""
        command = ["kubectl", "--kubeconfig", str(self.kind.kubeconfig), *map(str, arguments)]
        return subprocess.run(command, input=input, capture_output=True, text=True, timeout=120, check=True).stdout

    def push(self, message: str) -> str:
        """Commit the fleet as it lies there, serve it, and have it fetched at once; returns the commit."""
        from fleetbench.measure.served import commit_all, git

        commit = commit_all(self.fleet, message)
        git(self.fleet, "push", "--quiet", str(self.folder / "served.git"), "HEAD:refs/heads/main")
        self.kubectl(
            "-n",
            "flux-system",
            "annotate",
            "--overwrite",
            "gitrepository/flux-system",
            f"reconcile.fluxcd.io/requestedAt={commit}",
        )
        return commit

    def restart_api_server(self) -> None:
        """End the API server's process; the kubelet starts its container again."""
        subprocess.run(
            ["docker", "exec", self.kind.nodes[0], "pkill", "-x", "kube-apiserver"], capture_output=True, check=True
        )

    def account(self, name: str, role: str | None) -> Path:
        """The kubeconfig of a service account with one ClusterRole (None = nothing), through the proxy."""
        self.kubectl("-n", "default", "create", "serviceaccount", name)
        if role is not None:
            self.kubectl(
                "create", "clusterrolebinding", name, f"--clusterrole={role}", f"--serviceaccount=default:{name}"
            )
        token = self.kubectl("-n", "default", "create", "token", name, "--duration=2h").strip()
        config = yaml.safe_load(self.kind.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.proxy.port}"
        config["users"][0]["user"] = {"token": token}
        file = self.folder / f"{name}.kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return file
