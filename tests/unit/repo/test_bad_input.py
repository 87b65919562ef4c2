"""Files that are broken, hostile or not there: one clear message each, and the rest is still read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.graph.checks import check, combined
from fleetbench.repo import read_repository
from fleetbench.repo.entries import entries
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kustomize import program
from tests.unit.repo.conftest import Read, Write
from tests.unit.repo.manifests import both, codes, config_map, flux, git, ks_id, kustomization, obj

WEB = obj("apps/v1", "Deployment", "web", namespace="apps", spec={})
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{n}: &{n} [{','.join(['*' + p] * 9)}]\n" for p, n in zip("abcdefghi", "bcdefghij", strict=True)
)


def _fleet(**bad: str) -> dict[str, str]:
    """A fleet whose ``bad`` Kustomization holds the given files, beside a good one."""
    return {
        "clusters/c/all.yaml": both(flux("bad", "./bad"), flux("good", "./good")),
        "good/child.yaml": flux("child", "./deep"),
        "deep/web.yaml": WEB,
        **{f"bad/{name.replace('_', '.')}": text for name, text in bad.items()},
    }


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: [1, 2\nb: 3\n", 2, "not valid YAML"),
        ("kind: X\n\tname: y\n", 2, "not valid YAML"),
        (BOMB, None, "aliases that expand"),
        ("a: " + "[" * 5000 + "]" * 5000, 1, "nesting deeper"),
        ("apiVersion: v1\nkind: ConfigMap\n", 1, "metadata.name"),
        ("- just\n- a list\n", 1, "wanted a Kubernetes object"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n<<<<<<< HEAD\n  name: a\n=======\n  name: b\n>>>>>>> other\n",
            4,
            "got a marker of a merge conflict (<<<<<<<)",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nfoo: bar\n",
            5,
            "apiVersion: got nothing, wanted text",
        ),
    ],
    ids=["flow", "tab", "bomb", "deep", "no-name", "list", "conflict", "second-document"],
)
def test_one_bad_file_is_named_with_its_line_and_hides_nothing_else(
    read: Read, text: str, line: int | None, said: str
) -> None:
    reading = read(_fleet(x_yaml=text))
    bad = [f for f in reading.findings if f.severity == "error"]
    assert len(bad) == 1 and bad[0].code == "FB108" and bad[0].file == "bad/x.yaml" and said in bad[0].message
    assert line is None or bad[0].line == line
    assert bad[0].object == ks_id("bad") and bad[0].severity == "error"
    broken = reading.fleet.kustomization(ks_id("bad"))
    assert broken is not None and broken.broken
    assert reading.fleet.kustomization(ks_id("child")) is not None


def test_every_bad_file_of_a_path_is_named_in_one_run(read: Read) -> None:
    reading = read(_fleet(x_yaml="a: [", y_yaml="b: {"))
    assert [f.file for f in reading.findings if f.code == "FB108"] == ["bad/x.yaml", "bad/y.yaml"]


def test_a_binary_file_is_no_manifest(write: Write, read: Read) -> None:
    root = write(_fleet(x_yaml=""))
    (root / "bad/x.yaml").write_bytes(b"\x00\xff\xfe\x01" * 100)
    reading = read_repository(root, "clusters/c", cache=False)
    assert [(f.code, f.file) for f in reading.findings if f.severity == "error"] == [
        ("FB108", "bad/x.yaml")
    ] and "binary" in reading.findings[0].message


def test_text_that_is_no_utf_8_is_named_with_its_line(write: Write, read: Read) -> None:
    root = write(_fleet(x_yaml=""))
    (root / "bad/x.yaml").write_bytes(b"kind: ConfigMap\nmetadata:\n  name: caf\xe9\n")
    reading = read_repository(root, "clusters/c", cache=False)
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert (found.code, found.file, found.line) == ("FB108", "bad/x.yaml", 3) and "wanted UTF-8 text" in found.message


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16_is_read_by_its_byte_order_mark_and_kustomize_takes_its_first_object(
    write: Write, encoding: str
) -> None:
    root = write(_fleet(x_yaml="", kustomization_yaml=kustomization("x.yaml")))
    text = "\ufeff" + both(config_map("first", "apps"), config_map("second", "apps"))
    (root / "bad/x.yaml").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    reading = read_repository(root, "clusters/c", cache=False)
    assert [f for f in reading.findings if f.severity == "error"] == []
    assert [m.name for m in reading.rendered[ks_id("bad")]] == ["first"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_an_entry_in_utf_16_is_found(write: Write, encoding: str) -> None:
    root = write({"clusters/c/all.yaml": ""})
    (root / "clusters/c/all.yaml").write_bytes(
        ("\ufeff" + "apiVersion: kustomize.toolkit.fluxcd.io/v1\n").encode(encoding)
    )
    assert entries(Tree.of_directory(root)) == ["clusters/c"]


@pytest.mark.parametrize("listed", [True, False])
def test_an_object_that_is_there_twice_is_named_where_kustomize_finds_it(read: Read, listed: bool) -> None:
    files = _fleet(x_yaml=WEB, y_yaml=both(config_map("a", "apps"), WEB))
    if listed:
        files["bad/kustomization.yaml"] = kustomization("x.yaml", "y.yaml")
    (found,) = [f for f in read(files).findings if f.severity == "error"]
    assert (found.code, found.file) == ("FB107", "bad/y.yaml")
    assert found.line == 1 + both(config_map("a", "apps"), "").count("\n")


def test_a_failure_that_names_no_file_is_placed_where_the_path_is_chosen(read: Read) -> None:
    patch = {"patch": "- op: remove\n  path: /spec/nothing\n", "target": {"kind": "ConfigMap"}}
    files = _fleet(a_yaml=config_map("a")) | {"clusters/c/all.yaml": flux("bad", "./bad", patches=[patch])}
    (found,) = [f for f in read(files).findings if f.severity == "error"]
    assert (found.code, found.file, found.line) == ("FB107", "clusters/c/all.yaml", 1)


def test_a_huge_file_is_refused_without_being_read(write: Write, read: Read) -> None:
    root = write(_fleet(x_yaml=""))
    with open(root / "bad/x.yaml", "wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    reading = read_repository(root, "clusters/c", cache=False)
    assert [(f.code, f.file) for f in reading.findings if f.severity == "error"] == [("FB108", "bad/x.yaml")]
    assert "100 MiB" in reading.findings[0].message


def test_a_pipe_is_never_opened(write: Write, read: Read) -> None:
    root = write({**_fleet(a_yaml=config_map("a")), "bad/kustomization.yaml": kustomization("a.yaml", "pipe.yaml")})
    os.mkfifo(root / "bad/pipe.yaml")
    reading = read_repository(root, "clusters/c", cache=False)
    error = next(f for f in reading.findings if f.severity == "error")
    assert error.code == "FB107" and "no regular file" in error.message


@pytest.mark.parametrize("target", ["/etc/hostname", "../../outside.yaml", "a.yaml", "link.yaml"])
def test_a_symbolic_link_is_left_out_as_flux_leaves_it_out(write: Write, read: Read, target: str) -> None:
    root = write({**_fleet(a_yaml=config_map("a")), "bad/kustomization.yaml": kustomization("a.yaml", "link.yaml")})
    (root.parent / "outside.yaml").write_text(config_map("secret"))
    (root / "bad/link.yaml").symlink_to(target)
    reading = read_repository(root, "clusters/c", cache=False)
    error = next(f for f in reading.findings if f.severity == "error")
    assert error.code == "FB107" and error.file == "bad/kustomization.yaml" and error.line == 6
    assert "symbolic link" in error.message and target in error.message


@pytest.mark.parametrize("path", ["../../../etc/hostname", "/etc/hostname", "../../outside"])
def test_a_path_that_leaves_the_repository_is_refused(write: Write, read: Read, path: str) -> None:
    root = write({**_fleet(a_yaml=config_map("a")), "bad/kustomization.yaml": kustomization("a.yaml", path)})
    (root.parent / "outside").mkdir()
    reading = read_repository(root, "clusters/c", cache=False)
    error = next(f for f in reading.findings if f.severity == "error")
    assert error.code == "FB107" and "leaves the repository" in error.message and error.line == 6


def test_a_spec_path_cannot_leave_the_repository(read: Read) -> None:
    reading = read({"clusters/c/a.yaml": flux("a", "../../../../etc"), "etc/web.yaml": WEB})
    assert codes(reading) == []
    found = reading.fleet.kustomization(ks_id("a"))
    assert found is not None and found.applies == 1


def test_a_missing_path_is_an_error_that_says_what_is_like_it(read: Read) -> None:
    reading = read(
        {"clusters/c/a.yaml": both(flux("a", "./apps/wep"), flux("b", "./apps/web")), "apps/web/web.yaml": WEB}
    )
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert found.code == "FB105" and found.object == ks_id("a") and (found.file, found.line) == ("clusters/c/a.yaml", 1)
    assert "did you mean apps/web?" in found.message


def test_paths_that_exist_below_one_folder_say_that_the_source_may_hold_only_that(read: Read) -> None:
    reading = read(
        {
            "k8s/clusters/c/a.yaml": both(flux("a", "./apps/web"), flux("b", "./apps/db")),
            "k8s/apps/web/web.yaml": WEB,
            "k8s/apps/db/db.yaml": WEB,
            "old/apps/web/web.yaml": WEB,
        },
        "k8s/clusters/c",
    )
    found = [f for f in reading.findings if f.code == "FB105"]
    assert [f.object for f in found] == [ks_id("a"), ks_id("b")]
    assert found[0].message == (
        "spec.path ./apps/web does not exist, but k8s/apps/web does: the source seems to hold the folder k8s alone"
    )
    assert len({f.fix for f in found}) == 1 and "read it with --repo .../k8s" in found[0].fix


def test_a_source_that_a_file_defines_and_nothing_applies_is_said_so(read: Read) -> None:
    files = {
        "clusters/c/a.yaml": both(flux("flux-system", "./clusters/c"), flux("a", "./apps", source="theirs")),
        "sources/theirs.yaml": both(config_map("theirs"), git("theirs")),
        "sources/other.yaml": config_map("theirs"),
    }
    (found,) = [f for f in read(files).findings if f.code == "FB106"]
    assert "is applied by nothing that was read, though sources/theirs.yaml defines it" in found.message
    assert found.fix.endswith("--installed GitRepository/flux-system/theirs; else have a Kustomization apply it")


def test_a_resource_that_is_missing_is_named_with_its_line(read: Read) -> None:
    reading = read({**_fleet(a_yaml=config_map("a")), "bad/kustomization.yaml": "resources:\n  - a.yaml\n  - b.yaml\n"})
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert (found.code, found.file, found.line) == ("FB107", "bad/kustomization.yaml", 3)
    assert "b.yaml does not exist" in found.message


def test_a_failed_build_carries_kustomizes_own_words(read: Read) -> None:
    patch = {"patch": "- op: remove\n  path: /spec/nothing\n", "target": {"kind": "ConfigMap"}}
    reading = read(
        {**_fleet(a_yaml=config_map("a")), "bad/kustomization.yaml": kustomization("a.yaml", patches=[patch])}
    )
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert found.code == "FB107" and "/spec/nothing" in found.message and "/tmp" not in found.message
    assert found.fix.endswith(" and try `kubectl kustomize --load-restrictor LoadRestrictionsNone bad`")


def test_where_flux_generates_the_kustomization_kubectl_is_no_way_to_see_the_failure(read: Read) -> None:
    patch = {"patch": "- op: remove\n  path: /spec/nothing\n", "target": {"kind": "ConfigMap"}}
    bad = flux("bad", "./bad", patches=[patch])
    reading = read({"clusters/c/all.yaml": bad, "bad/a.yaml": config_map("a")})
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert found.code == "FB107" and "kubectl" not in found.fix


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"timeout": "-5m"}, "timeout"),
        ({"interval": "soon"}, "interval"),
        ({"wait": "yes"}, "wait"),
        ({"dependsOn": "x"}, "dependsOn"),
        ({"path": 3}, "path"),
        ({"healthChecks": {"a": 1}}, "healthChecks"),
        ({"healthChecks": ["web"]}, "healthChecks"),
        ({"postBuild": "nope"}, "postBuild"),
        ({"postBuild": {"substitute": {"replicas": 3}}}, "postBuild.substitute.replicas"),
        ({"postBuild": {"substituteFrom": "vars"}}, "postBuild.substituteFrom"),
        ({"patches": 5}, "patches"),
        ({"components": "../x"}, "components"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_and_flux_default_holds(
    read: Read, spec: dict[str, object], field: str
) -> None:
    path = spec.pop("path", "./apps")
    reading = read({"clusters/c/a.yaml": flux("a", path, **spec), "apps/web.yaml": WEB, "3/web.yaml": WEB})  # type: ignore[arg-type]
    (found,) = [f for f in reading.findings if f.severity == "error"]
    assert found.code == "FB108" and f"spec.{field}: got" in found.message and "wanted" in found.message
    assert found.file == "clusters/c/a.yaml"
    refusing = [k for k in reading.fleet.kustomizations if k.refused]
    assert [k.id for k in refusing] == [reading.fleet.root] and found.message in str(refusing[0].refused)


REQUIRED = ("interval", "prune", "sourceRef")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (None, [f"spec.{name}: got nothing; a Kustomization of Flux 2.9 requires it" for name in REQUIRED]),
        (3, ["spec: got '3'"]),
    ],
)
def test_a_spec_that_is_no_object_is_named(read: Read, spec: object, said: list[str]) -> None:
    text = obj("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "a", namespace="flux-system", spec=spec)
    reading = read({"clusters/c/all.yaml": both(flux("flux-system", "./clusters/c"), text)})
    errors = [f for f in reading.findings if f.severity == "error" and f.object == ks_id("a")]
    assert [f.message.partition(",")[0] for f in errors] == said


def test_a_name_that_is_no_text_is_named(read: Read) -> None:
    text = flux("a", "./apps").replace('"name": "a"', '"name": 5')
    (found,) = [f for f in read({"clusters/c/a.yaml": text, "apps/web.yaml": WEB}).findings if f.severity == "error"]
    assert found.code == "FB108" and found.message == "metadata.name: got '5', wanted text"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"chart": {"spec": 3}}, "chart.spec"),
        ({"install": 5}, "install"),
        ({"install": {"remediation": [1]}}, "install.remediation"),
        ({"chart": {"spec": {"chart": "app", "version": 1.0}}}, "chart.spec.version"),
        ({"valuesFrom": {"name": "x"}}, "valuesFrom"),
    ],
)
def test_a_field_of_a_release_that_cannot_be_read_is_named(read: Read, spec: dict[str, object], field: str) -> None:
    body = {"interval": "10m", "chart": {"spec": {"chart": "app"}}, **spec}
    text = obj("helm.toolkit.fluxcd.io/v2", "HelmRelease", "r", namespace="apps", spec=body)
    reading = read({"clusters/c/r.yaml": text})
    errors = [f for f in reading.findings if f.code == "FB108"]
    assert [f.message.partition(":")[0] for f in errors] == [f"spec.{field}"] and errors[0].file == "clusters/c/r.yaml"


def test_what_a_workload_states_in_another_type_is_named_once_however_many_apply_it(read: Read) -> None:
    template = {"metadata": {"annotations": {"pod-ready.stage.kwok.x-k8s.io/delay": "banana"}}}
    web = obj("apps/v1", "Deployment", "web", namespace="apps", spec={"replicas": "many", "template": template})
    once = {"clusters/c/a.yaml": flux("a", "./apps"), "apps/web.yaml": web}
    for files in (once, once | {"clusters/c/b.yaml": flux("b", "./apps", namePrefix="")}):
        findings = [f for f in read(files).findings if f.code != "FB301"]  # that two apply it
        found = [f for f in findings if f.object is not None and f.object.kind == "Deployment"]
        assert [(f.code, f.severity, f.file, f.line) for f in found] == [
            ("FB108", "error", "apps/web.yaml", 1),
            ("FB308", "warning", "apps/web.yaml", 1),
        ]
        assert found[0].message == "spec.replicas: got 'many', wanted a whole number"
        assert "got 'banana', wanted milliseconds or a duration" in found[1].message


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"interval": "1d"}, "spec.interval: got '1d', wanted a duration such as 1m30s: its units end at hours"),
        ({"wait": "true"}, "spec.wait: got the string 'true', wanted true or false"),
    ],
)
def test_a_value_that_nearly_fits_is_told_apart_from_one_that_does(read: Read, spec: dict[str, str], said: str) -> None:
    reading = read({"clusters/c/a.yaml": flux("a", "./apps", **spec), "apps/a.yaml": config_map("a")})
    assert [f.message for f in reading.findings if f.code == "FB108"] == [said]


# --- the entry itself ---------------------------------------------------------------------------------------------


def test_a_cluster_path_that_does_not_exist_lists_those_that_do(write: Write) -> None:
    root = write({"clusters/prod/flux-system/gotk-sync.yaml": "", "clusters/prod/a.yaml": flux("a", "./x")})
    with pytest.raises(InputError) as error:
        read_repository(root, "clusters/prd", cache=False)
    assert "clusters/prd" in error.value.message and "does not exist" in error.value.message
    assert "did you mean clusters/prod" in (error.value.hint or "")


@pytest.mark.parametrize("path", ["../elsewhere", "/etc", "clusters/../../x"])
def test_a_cluster_path_that_leaves_the_repository_is_refused(write: Write, path: str) -> None:
    root = write({"clusters/c/a.yaml": flux("a", "./x")})
    with pytest.raises(InputError, match="leaves the repository"):
        read_repository(root, path, cache=False)


@pytest.mark.parametrize("path", ["/clusters/c", "/clusters/c/", "//clusters/c"])
def test_a_cluster_path_with_a_leading_slash_is_one_of_the_repository(write: Write, read: Read, path: str) -> None:
    root = write({"clusters/c/a.yaml": flux("a", "/apps/x"), "apps/x/web.yaml": WEB})
    for given in (path, str(root / "clusters/c")):
        reading = read_repository(root, given, cache=False)
        assert reading.fleet.cluster_path == "clusters/c" and codes(reading) == ["FB310"]  # of namespace x


def test_a_cluster_path_with_a_leading_slash_that_is_nowhere_does_not_exist(write: Write) -> None:
    root = write({"clusters/prod/a.yaml": flux("a", "./x")})
    with pytest.raises(InputError) as error:
        read_repository(root, "/clusters/prd", cache=False)
    assert error.value.message == "--cluster-path /clusters/prd: does not exist"
    assert "did you mean clusters/prod" in (error.value.hint or "")


EMPTY = "is a folder without files, and git keeps no such folder"


@pytest.mark.parametrize("asked", ["clusters", "."])
def test_a_folder_of_several_clusters_that_cannot_be_built_as_one_names_them(write: Write, asked: str) -> None:
    text = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec: {path: ./x}\n"
    )
    root = write({"clusters/a/apps.yaml": text, "clusters/b/apps.yaml": text})
    with pytest.raises(InputError) as error:
        read_repository(root, asked, cache=False)
    assert error.value.message == (
        f"--cluster-path {asked}: Flux applies all that lies below it as one, which cannot be built: "
        "it defines Kustomization apps more than once"
    )
    assert error.value.hint == "paths that look like clusters: clusters/a, clusters/b"


def test_a_cluster_path_that_is_an_empty_folder_is_not_called_missing(write: Write) -> None:
    root = write({"clusters/prod/a.yaml": flux("a", "./x")})
    (root / "clusters/prd").mkdir()
    with pytest.raises(InputError) as error:
        read_repository(root, "clusters/prd", cache=False)
    assert error.value.message == f"--cluster-path clusters/prd: {EMPTY}"


@pytest.mark.parametrize(
    ("ignored", "said"), [(None, EMPTY), ("apps/empty", "holds only files that are left out of Flux's artifact (")]
)
def test_a_path_to_a_folder_that_holds_nothing_for_flux_says_so(
    write: Write, read: Read, ignored: str | None, said: str
) -> None:
    root = write({"clusters/c/a.yaml": flux("a", "./apps/empty"), "apps/empty2/web.yaml": WEB})
    (root / "apps/empty/deeper").mkdir(parents=True)
    if ignored is not None:
        (root / ".sourceignore").write_text(f"{ignored}\n")
        (root / "apps/empty/deeper/web.yaml").write_text(WEB)
    reading = read_repository(root, "clusters/c", cache=False)
    (found,) = [f for f in combined(reading.findings, check(reading.fleet), reading.fleet) if f.severity == "error"]
    assert found.code == "FB105" and found.message.startswith(f"spec.path ./apps/empty {said}")
    assert "does not exist" not in found.message and "did you mean" not in found.message


def test_a_cluster_path_that_is_a_link_is_refused(write: Write) -> None:
    root = write({"clusters/c/a.yaml": flux("a", "./x")})
    (root / "clusters/link").symlink_to("c")
    with pytest.raises(InputError, match="symbolic link"):
        read_repository(root, "clusters/link", cache=False)


def test_an_entry_that_cannot_be_built_names_all_its_bad_files(write: Write, read: Read) -> None:
    root = write({"clusters/c/a.yaml": "a: [", "clusters/c/b.yaml": flux("b", "./x"), "clusters/c/c.yaml": "kind: {"})
    with pytest.raises(InputError) as error:
        read_repository(root, "clusters/c", cache=False)
    assert "clusters/c/a.yaml:1" in error.value.message and "clusters/c/c.yaml:1" in error.value.message


def test_a_repository_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a directory that exists"):
        read_repository(tmp_path / "nothing", "clusters/c", cache=False)


def test_without_kustomize_and_kubectl_it_says_what_to_install(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({"clusters/c/a.yaml": flux("a", "./x")})
    monkeypatch.setattr(shutil, "which", lambda name: None)
    program.kustomize.cache_clear()
    try:
        with pytest.raises(EnvironmentLacks) as error:
            read_repository(root, "clusters/c", cache=False)
    finally:
        program.kustomize.cache_clear()
    assert error.value.exit_code == 3 and "kubectl" in error.value.message and "install" in (error.value.hint or "")


def test_what_kubectl_writes_as_a_log_line_is_told_without_its_time_and_process(read: Read) -> None:
    text = kustomization("a.yaml").replace("/v1beta1", "/v1")
    reading = read(
        {
            "clusters/c/all.yaml": both(git(), flux("flux-system", "./clusters/c"), flux("apps", "./apps")),
            "apps/kustomization.yaml": text,
            "apps/a.yaml": config_map("a", "x"),
        }
    )
    (found,) = [f for f in reading.findings if f.code == "FB107"]
    assert "apiVersion for Kustomization should be kustomize.config.k8s.io/v1beta1" in found.message
    assert "run.go" not in found.message and "err=" not in found.message
