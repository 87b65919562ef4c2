"""What helmfiles in the repository install before Flux, and what Flux itself proves to be there."""

from __future__ import annotations

import pytest

from fleetbench.findings import HELMFILE_READ
from fleetbench.ids import HELM_RELEASE, ObjectId
from fleetbench.repo import Reading
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, obj, release

HELMFILE = """
    {{- $chart := readFile "x" | fromYaml }}
    repositories:
      - name: podinfo
        url: https://example.test/charts
    releases:
      - name: cert-manager
        namespace: cert-manager
        chart: oci://example.test/charts/cert-manager
        needs: ['kube-system/cilium']
        hooks:
          - name: podinfo
            namespace: apps
      - name: gone
        namespace: apps
        installed: false
      - name: webhook  # of flux
        namespace: "{{ .Values.namespace }}"
        chart: {{ $chart.spec.url }}
    """


def _installed(reading: Reading) -> dict[str, str | None]:
    return {h.id.key: h.installed_by for h in reading.fleet.helmreleases if h.installed_by}


def _read(read: Read, helmfile: str, *releases: str, file: str = "bootstrap/helmfile.yaml.gotmpl") -> Reading:
    files = {"clusters/c/all.yaml": flux("a", "./a"), "a/r.yaml": both(*releases), file: helmfile}
    return read(files, namespaces=True)


def test_a_release_of_a_helmfile_is_there_before_flux_by_name_and_namespace(read: Read) -> None:
    reading = _read(
        read,
        HELMFILE,
        release("cert-manager", namespace="cert-manager"),
        release("cm", namespace="cert-manager", releaseName="cert-manager"),
        release("cert-manager", namespace="elsewhere", chart="cert-manager"),
        release("stored", namespace="flux-system", targetNamespace="cert-manager", releaseName="cert-manager"),
        release("podinfo"),
        release("gone"),
        release("webhook", namespace="flux-system"),
    )
    place = "bootstrap/helmfile.yaml.gotmpl"
    assert _installed(reading) == {
        "cert-manager/cert-manager": f"{place}:6",
        "cert-manager/cm": f"{place}:6",
        "flux-system/webhook": f"{place}:16",
    }
    (told,) = [f for f in reading.findings if f.code == HELMFILE_READ]
    assert (told.file, told.line, told.object) == (place, 6, None)
    assert "cert-manager, webhook; 3 HelmReleases here only upgraded" in told.message


def test_a_helmfile_that_the_source_leaves_out_was_run_all_the_same(read: Read) -> None:
    files = {
        "clusters/c/all.yaml": flux("a", "./a"),
        "a/r.yaml": release("podinfo", namespace="cert-manager", releaseName="cert-manager"),
        "bootstrap/helmfile.yaml": HELMFILE,
        ".sourceignore": "bootstrap/\n",
    }
    assert _installed(read(files, namespaces=True)) == {"cert-manager/podinfo": "bootstrap/helmfile.yaml:6"}


@pytest.mark.parametrize("folder", ["archive", "old-clusters/_archived", ".deprecated"])
def test_a_helmfile_in_a_folder_for_what_nobody_runs_any_more_was_not_run(read: Read, folder: str) -> None:
    there = release("cert-manager", namespace="cert-manager")
    reading = _read(read, HELMFILE, there, file=f"{folder}/bootstrap/helmfile.yaml")
    assert _installed(reading) == {} and HELMFILE_READ not in {f.code for f in reading.findings}
    assert _installed(_read(read, HELMFILE, there, file="bootstrap/helmfile.yaml"))


@pytest.mark.parametrize(
    ("helmfile", "file"),
    [
        ("helmDefaults:\n  args:\n    - --include-crds\nreleases:\n- name: cert-manager\n", "helmfile.yaml"),
        ("releases:\n  - name: cert-manager\n", "helmfile.d/00-crds.yaml"),
    ],
)
def test_a_helmfile_that_is_rendered_for_its_crds_installs_nothing_else(read: Read, helmfile: str, file: str) -> None:
    certificate = obj("cert-manager.io/v1", "Certificate", "c", namespace="default", spec={})
    reading = _read(read, helmfile, release("cert-manager"), certificate, file=file)
    assert _installed(reading) == {} and all(not k.needs for k in reading.fleet.kustomizations)
    assert "CRDs alone" in next(f.message for f in reading.findings if f.code == HELMFILE_READ)


def test_what_a_helmfile_brings_is_waited_for_by_nobody(read: Read) -> None:
    namespace, secret = obj("v1", "Namespace", "cert-manager"), obj("v1", "Secret", "key", namespace="cert-manager")
    needing = release(
        "cert-manager", namespace="cert-manager", valuesFrom=[{"kind": "Secret", "name": "key"}], chart="cert-manager"
    )
    files = {
        "clusters/c/all.yaml": both(flux("a", "./a"), flux("b", "./b")),
        "a/r.yaml": both(needing, config_map("m", "cert-manager")),
        "b/n.yaml": both(namespace, secret),
        "helmfile.yaml": HELMFILE,
    }
    fleet = read(files).fleet
    found = fleet.helmrelease(ObjectId(HELM_RELEASE, "cert-manager", "cert-manager"))
    assert found is not None and [n.what for n in found.needs] == ["Secret cert-manager/key"], "its values alone"
    a = next(k for k in fleet.kustomizations if k.id.name == "a")
    assert a.needs == (), "helmfile has made the namespace"


def test_flux_operator_runs_where_it_made_the_root_and_fluxs_own_chart_where_flux_reconciles_it(read: Read) -> None:
    sync = {"kind": "GitRepository", "url": "https://example.test/fleet", "ref": "main", "path": "clusters/c"}
    operator = release("flux-operator", namespace="flux-system", chart="flux-operator")
    instance = release("instance", namespace="flux-system", chart="flux-instance", values={"instance": {"sync": sync}})
    own = release("flux", namespace="flux-system", chart="flux2")
    tenant = release("flux", namespace="tenant", chart="flux2")
    all_of = {"clusters/c/all.yaml": both(operator, instance, own, tenant)}
    assert _installed(read(all_of)) == {
        "flux-system/flux-operator": "flux-operator made flux-system/flux-system",
        "flux-system/instance": "flux-operator made flux-system/flux-system",
        "flux-system/flux": "it installs the Flux that reconciles it",
    }
    root = flux("flux-system", "./clusters/c")
    assert _installed(read({"clusters/c/all.yaml": both(root, operator, instance)})) == {}, "flux bootstrap made it"


@pytest.mark.parametrize(
    ("helmfile", "line"),
    [
        ('{\n  releases: [{\n    name: "podinfo",\n    namespace: "apps",\n    installed: true,\n  }],\n}\n', 2),
        ("x: &x {namespace: apps, installed: false}\nreleases:\n- {name: podinfo}\n- {name: gone, <<: *x}\n", 3),
        ("x: 1\n---\nreleases:\n-\n  namespace: apps\n  name: podinfo\n", 5),
    ],
)
def test_a_helmfile_in_any_style_of_yaml_is_read(read: Read, helmfile: str, line: int) -> None:
    reading = _read(read, helmfile, release("podinfo"), release("gone"), file="helmfile.d/01-apps.yaml")
    assert _installed(reading) == {"apps/podinfo": f"helmfile.d/01-apps.yaml:{line}"}


@pytest.mark.parametrize(
    ("helmfile", "line"),
    [
        ("releases:\n{{ range .Values.charts }}\n  - name: {{ .name }}\n{{ end }}\n", 1),
        ("---\n{\n  releases: [{ name: {{ .name }} }],\n}\n", 3),
        ('bases: []\nreleases:\n  - name: "{{ .name }}"\n', 2),
    ],
)
def test_a_helmfile_whose_releases_only_a_template_names_is_told_of(read: Read, helmfile: str, line: int) -> None:
    (told,) = [f for f in _read(read, helmfile, release("podinfo")).findings if f.code == HELMFILE_READ]
    assert (told.file, told.line) == ("bootstrap/helmfile.yaml.gotmpl", line)
    assert "holds releases that only helmfile can read" in told.message


@pytest.mark.parametrize("text", ["releases: []\n", "helmfiles: [a.yaml]\n", "x: {{ y }}\n", "a:\n  releases: 3\n"])
def test_a_helmfile_without_releases_says_nothing(read: Read, text: str) -> None:
    assert HELMFILE_READ not in {f.code for f in _read(read, text, release("podinfo")).findings}


def test_a_release_of_the_same_chart_in_another_namespace_is_installed_beside_that_of_the_helmfile(read: Read) -> None:
    helmfile = (
        "releases:\n- {name: external-secrets, namespace: kube-system, chart: oci://example.test/external-secrets}\n"
    )
    elsewhere = release("external-secrets", namespace="security", chart="external-secrets")
    other_chart = release("external-secrets", namespace="apps", chart="another")
    reading = _read(read, helmfile, elsewhere, other_chart)
    assert _installed(reading) == {}
    (told,) = [f.message for f in reading.findings if f.code == HELMFILE_READ]
    assert "; HelmRelease/security/external-secrets is in another namespace, so installed as well" in told
    same = release("external-secrets", namespace="kube-system", chart="external-secrets")
    (told,) = [f.message for f in _read(read, helmfile, same).findings if f.code == HELMFILE_READ]
    assert "another namespace" not in told
