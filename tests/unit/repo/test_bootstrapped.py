"""The folder that ``flux bootstrap`` applies, where the entry's kustomization.yaml does not list it."""

from __future__ import annotations

import pytest

from fleetbench.decide.patch.write import writable_part, write_changes
from fleetbench.decide.whatif import SetFlags
from fleetbench.graph.checks import check
from fleetbench.repo import Reading
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import both, codes, config_map, flux, git, ks_id, kustomization, obj

LABELS = {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/version": "v2.8.1"}


def _controller(name: str) -> str:
    container = {"name": "manager", "image": f"ghcr.io/fluxcd/{name}:v1.8.1", "args": ["--log-level=info"]}
    body = obj(
        "apps/v1", "Deployment", name, namespace="flux-system", spec={"template": {"spec": {"containers": [container]}}}
    )
    return body.replace('"metadata": {', '"metadata": {"labels": ' + str(LABELS).replace("'", '"') + ",", 1)


PATCH = {
    "patch": '[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--concurrent=9"}]',
    "target": {"kind": "Deployment", "name": "kustomize-controller"},
}
SYNC = both(git(interval="7m"), flux("flux-system", "./clusters/c", interval="33m", wait=True))
FILES = {
    "clusters/c/kustomization.yaml": kustomization("a.yaml"),
    "clusters/c/a.yaml": flux("a", "./a"),
    "a/m.yaml": config_map("m", "default"),
    "clusters/c/flux-system/kustomization.yaml": kustomization("gotk-components.yaml", "gotk-sync.yaml", patches=[PATCH]),
    "clusters/c/flux-system/gotk-components.yaml": both(_controller("kustomize-controller"), _controller("source-controller")),
    "clusters/c/flux-system/gotk-sync.yaml": SYNC,
}  # fmt: skip


def _facts(reading: Reading) -> tuple[object, ...]:
    fleet = reading.fleet
    root = fleet.kustomization(fleet.root)
    assert root is not None and root.source is not None
    source = fleet.source(root.source)
    assert source is not None
    version = None if fleet.flux is None else fleet.flux.version
    flags = [(f.controller, f.text, f.file) for f in fleet.flags]
    return (
        root.id,
        root.assumed,
        root.file,
        root.interval_s,
        root.wait,
        source.assumed,
        source.interval_s,
        version,
        flags,
    )


def test_what_flux_bootstrap_applies_is_read_though_the_entry_does_not_list_it(read: Read) -> None:
    beside = read(FILES)
    listed = read(FILES | {"clusters/c/kustomization.yaml": kustomization("a.yaml", "flux-system")})
    assert _facts(beside) == _facts(listed)
    assert _facts(beside)[1:5] == (False, "clusters/c/flux-system/gotk-sync.yaml", 1980.0, True)
    assert codes(beside) == [] and [f.code for f in check(beside.fleet)] == [f.code for f in check(listed.fleet)]
    root = beside.fleet.kustomization(ks_id("flux-system"))
    assert root is not None and (root.applies, root.objects) == (1, (ks_id("a"),))  # it does not apply itself


def test_flags_can_be_written_there(read: Read, write: Write) -> None:
    change = SetFlags({"requeue_dependency_s": 5.0})
    reading = read(FILES)
    assert writable_part(write(FILES), reading, change) == change
    written = write_changes(write({}), reading, [change])
    assert written.left == () and list(written.files.changed) == ["clusters/c/flux-system/kustomization.yaml"]


def test_a_folder_that_does_not_build_is_a_warning_and_its_plain_files_count(read: Read) -> None:
    wrong = kustomization("gotk-components.yaml", "gotk-sync.yaml", "nowhere.yaml", patches=[PATCH])
    reading = read(FILES | {"clusters/c/flux-system/kustomization.yaml": wrong})
    assert codes(reading) == ["FB323"]
    *facts, flags = _facts(reading)
    assert facts[1] is False and facts[-1] == "v2.8.1" and flags == []


@pytest.mark.parametrize(
    "files",
    [
        {"clusters/c/flux-system/gotk-sync.yaml": both(git(), flux("flux-system", "./clusters/other"))},
        {"clusters/c/b.yaml": flux("flux-system", "./a"), "clusters/c/kustomization.yaml": kustomization("a.yaml", "b.yaml")},
        {"clusters/c/kustomization.yaml": kustomization("a.yaml", "flux-system/gotk-components.yaml")},
    ],
)  # fmt: skip
def test_a_folder_that_is_not_the_entrys_or_part_of_it_says_no_root(read: Read, files: dict[str, str]) -> None:
    reading = read(FILES | files)
    root = reading.fleet.kustomization(reading.fleet.root)
    assert root is not None and root.assumed


def test_a_flux_instance_goes_before_what_a_bootstrap_left(read: Read) -> None:
    sync = {"kind": "GitRepository", "url": "https://example.test/fleet", "path": "clusters/c", "interval": "3m"}
    instance = obj("fluxcd.controlplane.io/v1", "FluxInstance", "flux", namespace="flux-system", spec={"sync": sync})
    reading = read(
        FILES | {"clusters/c/i.yaml": instance, "clusters/c/kustomization.yaml": kustomization("a.yaml", "i.yaml")}
    )
    assert _facts(reading)[2:7] == ("clusters/c/i.yaml", 600.0, False, True, 180.0)
    assert [f.text for f in reading.fleet.flags] == []


def test_a_kustomization_that_applies_the_folder_has_it_as_its_own(read: Read) -> None:
    itself = flux("flux", "./clusters/c/flux-system")
    reading = read(
        FILES | {"clusters/c/f.yaml": itself, "clusters/c/kustomization.yaml": kustomization("a.yaml", "f.yaml")}
    )
    assert codes(reading) == []
    source = next(s for s in reading.fleet.sources if s.this_repository)
    assert source.parent == ks_id("flux") and reading.fleet.root == ks_id("flux-system")
    assert [(f.controller, f.text) for f in reading.fleet.flags] == [("kustomize-controller", "--concurrent=9")]
