"""Findings that differ only in the object are one cause, so that a terminal has one line for them."""

from __future__ import annotations

from fleetbench.findings import Finding
from tests.unit.repo.conftest import Read
from tests.unit.repo.manifests import both, config_map, flux, git, obj

ROLES = [obj("rbac.authorization.k8s.io/v1beta1", kind, "x") for kind in ("ClusterRole", "ClusterRoleBinding")]


def of_code(read: Read, code: str, files: dict[str, str]) -> list[Finding]:
    return [f for f in read(files).findings if f.code == code]


def test_objects_of_a_version_that_is_gone_are_one_cause_whatever_their_kinds(read: Read) -> None:
    found = of_code(read, "FB119", {"clusters/c/a.yaml": flux("a", "./a"), "a/x.yaml": both(*ROLES)})
    assert len(found) == 2 and len({f.shared for f in found}) == 1
    assert found[0].shared is not None and "are written as rbac.authorization.k8s.io/v1beta1" in found[0].shared.message


def test_a_secret_of_one_name_that_each_namespace_lacks_is_one_cause(read: Read) -> None:
    def uses(name: str) -> str:
        given = {"substituteFrom": [{"kind": "Secret", "name": "cluster-secrets"}]}
        source = {"kind": "GitRepository", "name": "flux-system", "namespace": "flux-system"}
        return flux("app", "./a", namespace=name, postBuild=given, sourceRef=source)

    files = {"clusters/c/all.yaml": both(*map(uses, ("one", "two", "three"))), "a/x.yaml": config_map("x", a="b")}
    found = of_code(read, "FB309", files)
    assert len(found) == 3 and len({f.shared for f in found}) == 1
    assert found[0].shared is not None and "a Secret cluster-secrets of their own namespaces" in found[0].shared.message


def test_paths_that_are_not_there_are_one_cause_but_where_another_is_meant(read: Read) -> None:
    files = {"clusters/c/all.yaml": both(*(flux(n, f"./{n * 9}") for n in "xyz"), flux("m", "./apps/monitorin"))}
    found = of_code(read, "FB105", files | {"apps/monitoring/x.yaml": config_map("x", a="b")})
    assert [f.shared is None for f in found if "monitorin" in f.message] == [True]
    assert len({f.shared for f in found if "monitorin" not in f.message}) == 1


def test_what_many_apply_after_the_same_first_is_one_cause_and_what_one_does_names_it(read: Read) -> None:
    def twice(names: str) -> list[Finding]:
        files = {"clusters/c/all.yaml": both(flux("all", "./all"), *(flux(n, f"./{n}") for n in names))}
        files |= {f"{n}/x.yaml": config_map(f"of-{n}", a="b") for n in names}
        files["all/x.yaml"] = both(*(config_map(f"of-{n}", a="b") for n in names))
        return of_code(read, "FB301", files)

    assert len({f.shared for f in twice("vwxyz")}) == 1 and len({f.shared for f in twice("yz")}) == 2


def test_an_entry_with_a_root_alone_is_said_to_hold_nothing_beside_it(read: Read) -> None:
    (alone,) = of_code(read, "FB307", {"clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"))})
    assert (
        alone.message == "clusters/c holds no Kustomization beside the root and no HelmRelease: nothing is rolled out"
    )
    web = obj("apps/v1", "Deployment", "web", namespace="default")
    assert not of_code(read, "FB307", {"clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), web)})
