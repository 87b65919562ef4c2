"""One Kind cluster with Flux for all tests here, and accounts and connections to it that tests can break.

What kind itself would download can be named in the environment: FLEETBENCH_KIND_IMAGE, FLEETBENCH_KIND_CONFIG,
FLEETBENCH_FLUX_MANIFEST (else `flux install`), FLEETBENCH_LOAD_IMAGES (images of the local docker, blank-separated).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetbench.measure import flux, kind
from fleetbench.measure.api import KubernetesApi
from fleetbench.measure.clock import SystemClock
from fleetbench.measure.git_server import serve
from fleetbench.measure.request import KindOptions
from fleetbench.measure.served import bare_copy, commit_all
from tests.kind.rig import Cluster, Proxy, copy_fleet, kind_arguments


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = _lacks()
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.kind)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


def _lacks() -> str | None:
    for program in ("docker", "kind", "kubectl", "git"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if "FLEETBENCH_FLUX_MANIFEST" not in os.environ and shutil.which("flux") is None:
        return "neither the flux CLI nor FLEETBENCH_FLUX_MANIFEST"
    done = subprocess.run(["docker", "info"], capture_output=True, check=False)
    return None if done.returncode == 0 else "docker does not answer"


@pytest.fixture
def kind_args() -> list[str]:
    """Options of ``measure`` that this machine needs."""
    return kind_arguments()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with Flux, and a served repository that nothing in it points at yet."""
    config = os.environ.get("FLEETBENCH_KIND_CONFIG")
    options = KindOptions(
        image=os.environ.get("FLEETBENCH_KIND_IMAGE"),
        config=Path(config) if config else None,
        load_images=tuple(os.environ.get("FLEETBENCH_LOAD_IMAGES", "").split()),
    )
    folder = tmp_path_factory.mktemp("cluster")
    manifest_file = os.environ.get("FLEETBENCH_FLUX_MANIFEST")
    manifest, deployments = flux.set_flags(flux.manifest_text(Path(manifest_file) if manifest_file else None), [])
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(kind.kind_cluster(options))
        flux.install(manifest, made.kubeconfig)
        api = KubernetesApi(made.kubeconfig)
        stack.callback(api.close)
        flux.wait_ready(api, SystemClock(), deployments, 300)
        fleet = copy_fleet(folder / "fleet")
        commit_all(fleet, "First")
        address = kind.gateway()
        assert address is not None
        url = stack.enter_context(serve(bare_copy(fleet, folder / "served.git"), address))
        proxy = stack.enter_context(Proxy.to(made.kubeconfig))
        yield Cluster(made, proxy, fleet, folder, url)
