"""Flux into a cluster: its manifest with the run's flags, and the wait until the controllers lead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.graph.release import FLUX_COMPONENTS
from fleetbench.measure.controllers import NAMESPACE, Flag, flags_in, with_flags, with_pods
from fleetbench.measure.kinds import BY_KIND, DEPLOYMENT, WatchedKind
from fleetbench.measure.kstatus import CURRENT, status_of
from fleetbench.measure.protocols import BOOKMARK, DELETED, Clock, ClusterApi, Disconnected, Gone, Manifest, NotServed
from fleetbench.measure.shell import need, run

APPLY_S, EXPORT_S = 180.0, 120.0
LEASE = WatchedKind("Lease", "coordination.k8s.io", "leases", version="v1")
_DEPLOYMENT = re.compile(r"^kind:\s*Deployment\s*$", re.MULTILINE)
_SEPARATOR = re.compile(r"^---\s*$", re.MULTILINE)


def manifest_text(file: Path | None) -> str:
    """Flux's install manifest: the file's, or what ``flux install --export`` prints.

    Raises:
        InputError: the file cannot be read.
        EnvironmentLacks: no file is given and the flux CLI is not installed.
    """
    if file is None:
        need("flux")
        return run(["flux", "install", "--export"], timeout_s=EXPORT_S, what="flux install --export")
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError.at(file, None, None, got=str(error), wanted="Flux's install manifest") from error


def set_flags(manifest: str, flags: list[Flag]) -> tuple[str, list[dict[str, Any]]]:
    """Put the flags into the controllers' Deployments of an install manifest.

    Returns:
        The manifest, and Flux's Deployments in it.

    Raises:
        InputError: it holds no controller, or not one that a flag is for.
    """
    parts, deployments = [], []
    for part in _SEPARATOR.split(manifest):
        if _DEPLOYMENT.search(part):
            document = yaml.safe_load(part)
            if document["metadata"]["name"] in FLUX_COMPONENTS:
                document = with_flags(document, flags)
                deployments.append(document)
                part = "\n" + yaml.safe_dump(document, sort_keys=False)
        parts.append(part)
    names = {d["metadata"]["name"] for d in deployments}
    if "kustomize-controller" not in names or "source-controller" not in names:
        raise InputError(
            "the Flux manifest holds no source-controller and kustomize-controller",
            "write one with `flux install --export`",
        )
    for flag in flags:
        if flag.controller not in names:
            raise InputError(f"--{flag.flag} is for {flag.controller}, which the Flux manifest does not hold")
    return "---".join(parts), deployments


def install(manifest: str, kubeconfig: Path) -> None:
    """Apply the manifest, server-side.

    Raises:
        EnvironmentLacks: kubectl is missing.
        ProgramFailed: the cluster refused it.
    """
    run(
        ["kubectl", "--kubeconfig", kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", "-"],
        timeout_s=APPLY_S,
        input=manifest.encode(),
        what="kubectl apply of the Flux manifest",
    )


def wait_until(
    api: ClusterApi,
    clock: Clock,
    kind: WatchedKind,
    done: Callable[[Mapping[str, Manifest]], bool],
    timeout_s: float,
    what: str,
) -> None:
    """Watch a kind until its objects (``ns/name`` -> object) are as wanted.

    Raises:
        EnvironmentLacks: that took longer than ``timeout_s``.
    """
    end_s = clock.monotonic_s() + timeout_s
    while clock.monotonic_s() < end_s:
        try:
            items, version = api.list(kind)
            found = {_key(obj): obj for obj in items}
            if done(found):
                return
            for type, obj in api.watch(kind, version):
                if type == DELETED:
                    found.pop(_key(obj), None)
                elif type != BOOKMARK:
                    found[_key(obj)] = obj
                if done(found):
                    return
                if clock.monotonic_s() >= end_s:
                    break
        except Gone:
            continue
        except (Disconnected, NotServed):
            clock.sleep(0.5)
    raise EnvironmentLacks(f"{what}: not so after {timeout_s:.0f} s", "look at it with --keep and kubectl")


def _key(obj: Manifest) -> str:
    meta = obj.get("metadata") or {}
    return f"{meta.get('namespace', '')}/{meta.get('name', '')}"


def wait_ready(api: ClusterApi, clock: Clock, deployments: Iterable[Mapping[str, Any]], timeout_s: float) -> None:
    """Wait until the system's Deployments (DNS: artifacts are fetched by name) and Flux's are available and lead.

    notification-controller, too: until it takes events, each that is posted holds a worker for seconds. One that is
    scaled to 0 is not waited for, nor a lease that a controller does not take.

    Raises:
        EnvironmentLacks: they are not within ``timeout_s``.
    """
    controllers = {f"{NAMESPACE}/{d['metadata']['name']}": flags_in(d) for d in with_pods(deployments)}
    electing = [key for key, flags in controllers.items() if "enable-leader-election" in flags]

    def available(found: Mapping[str, Manifest]) -> bool:
        wanted = [*controllers] + [key for key in found if key.startswith("kube-system/")]
        return all(key in found and status_of(DEPLOYMENT, found[key]).status == CURRENT for key in wanted)

    def lead(found: Mapping[str, Manifest]) -> bool:
        # The lock is named <controller>-leader-election (each main.go); its holder <pod>_<id>.
        holders = {
            key.removesuffix("-leader-election"): (o.get("spec") or {}).get("holderIdentity")
            for key, o in found.items()
        }
        return all(holders.get(key) for key in electing)

    wait_until(api, clock, BY_KIND[DEPLOYMENT], available, timeout_s, "the Flux controllers are available")
    wait_until(api, clock, LEASE, lead, timeout_s, "the Flux controllers hold their leases")
