"""The repository as a Kind cluster gets it: served from here, one state after the other, or its own remote."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleetbench.errors import InputError
from fleetbench.ids import KUSTOMIZATION
from fleetbench.measure import kind, served
from fleetbench.measure.api import KubernetesApi
from fleetbench.measure.git_server import serve
from fleetbench.measure.kinds import BY_KIND
from fleetbench.measure.manifests import write_repository
from fleetbench.measure.roots import root_objects
from fleetbench.measure.shell import run
from fleetbench.measure.subject import State
from fleetbench.repo.files.ignore import not_archived
from fleetbench.repo.kinds import KUSTOMIZE_GROUP, SOURCE_GROUP
from fleetbench.runs.run import REMOTE

_REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
"""What `flux reconcile source git` and notification-controller's Receiver set (fluxcd/pkg/apis/meta ReconcileRequestAnnotation)."""


class Source:
    """What the root's source reads, for the time of a ``with`` block.

    Args:
        state: what it holds first.
        origin: ``served`` or ``remote``.
        cluster: who reads it.
        work: a folder for the served repository and its content.
    """

    def __init__(self, state: State, origin: str, cluster: kind.KindCluster, work: Path):
        self._state, self._origin, self._cluster = state, origin, cluster
        self._content, self._bare = work / "content", work / "served.git"
        self._stack = ExitStack()
        self._url = ""

    def __enter__(self) -> Source:
        if self._origin == REMOTE:
            assert self._state.subject.repo is not None
            self._url = served.remote_url(self._state.subject.repo)
            return self
        with ExitStack() as stack:  # where the content cannot be served, nothing goes on listening
            gateway = kind.gateway()
            try:
                if gateway is None:
                    raise InputError("docker's network `kind` has no IPv4 gateway")
                self._url = stack.enter_context(serve(self._bare, gateway))
            except Exception:
                inside = kind.host_from_inside(self._cluster.nodes[0])
                if inside is None:
                    raise
                # docker runs in a virtual machine that forwards to this machine's loopback.
                self._url = stack.enter_context(serve(self._bare, "127.0.0.1", inside))
            self._content.mkdir()
            self._commit("Serve the fleet")
            served.bare_copy(self._content, self._bare)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def objects(self, api: KubernetesApi) -> list[dict[str, Any]]:
        """The GitRepository and the root Kustomization to create."""
        versions = {
            SOURCE_GROUP: api.api_version(BY_KIND["GitRepository"]),
            KUSTOMIZE_GROUP: api.api_version(BY_KIND[KUSTOMIZATION]),
        }
        state = self._state
        return root_objects(state.fleet, self._url, versions, state.held, keep_ref=self._origin == REMOTE)

    def push(self, state: State) -> None:
        """Serve another state as the next commit, and have source-controller fetch it at once, as a Receiver would."""
        self._state = state
        for path in self._content.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self._commit("Change the fleet")
        served.push(self._content, self._bare)
        source = state.fleet.root_source
        assert source is not None
        stamp = f"{_REQUESTED_AT}={datetime.now(UTC).isoformat()}"
        resource = BY_KIND[source.kind].resource
        command: list[str | Path] = ["kubectl", "--kubeconfig", self._cluster.kubeconfig, "-n", source.namespace]
        command += ["annotate", "--overwrite", resource, source.name, stamp]
        run(command, timeout_s=60, what="kubectl annotate")

    def _commit(self, message: str) -> None:
        state = self._state
        if state.stand_in is not None:
            write_repository(state.stand_in, self._content)
        else:
            assert state.subject.checkout is not None
            # Commits of its own, as one follows in any case and the history is of no use to the cluster.
            shutil.copytree(
                state.subject.checkout, self._content, symlinks=True, ignore=not_archived, dirs_exist_ok=True
            )
            served.point_at_served(self._content, state.subject.fleet, self._url)
        served.commit_all(self._content, message)
