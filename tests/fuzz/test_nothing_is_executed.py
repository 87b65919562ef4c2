"""A repository is read: nothing in it is executed, nothing is downloaded, and nothing outside of it is loaded."""

from __future__ import annotations

import contextlib
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fleetbench.cli.main import cli
from fleetbench.repo.files.tree import Tree
from fleetbench.repo.kustomize.inputs import collect
from fleetbench.repo.kustomize.program import BuildFailed, kustomize

pytestmark = pytest.mark.skipif(
    not (shutil.which("kustomize") or shutil.which("kubectl")), reason="needs kustomize or kubectl"
)
SECRET = "content-of-a-file-outside"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file beside the repository."""
    file = tmp_path / "outside.txt"
    file.write_text(SECRET)
    return file


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What a script of the repository would make if anybody ran it."""
    return tmp_path / "executed"


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine, and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}", asked
        httpd.shutdown()


def repository(tmp_path: Path, base: str, **files: str) -> Path:
    """A repository whose entry has a base with this kustomization; in names of files ``__`` is a slash, ``_`` a dot."""
    repo = tmp_path / "repo"
    for path, text in {
        "entry/kustomization.yaml": "resources: [../base, ok.yaml]\n",
        "base/kustomization.yaml": base,
    }.items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text)
    (repo / "entry" / "ok.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ok}\n")
    for name, text in files.items():
        target = repo / "base" / name.replace("__", "/").replace("_", ".")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755)
    return repo


def graph(repo: Path) -> Result:
    return CliRunner().invoke(cli, ["graph", "--repo", str(repo), "--cluster-path", "entry", "--format", "json"])


def script(marker: Path) -> str:
    return f"#!/bin/sh\ntouch {marker}\ncat\n"


GENERATOR = """apiVersion: example.com/v1
kind: Runs
metadata:
  name: runs
  annotations:
    config.kubernetes.io/function: |
      {how}
"""
FILES_IN_BASE64 = "ZmlsZXM="
LEAK = "files: ['a=OUT']"
CROOKED = "../../x=y/../outside.txt"
"""A path that leads out only if all of it counts, and not just what follows ``=``."""
BUILTIN = "apiVersion: builtin\nkind: {kind}\nmetadata: {{name: x}}\n{rest}\n"


@pytest.mark.parametrize("field", ["generators", "transformers", "validators"])
@pytest.mark.parametrize(
    "how", ["exec: {path: ./run.sh}", "container: {image: 'busybox:1'}", "starlark: {path: run.star}"]
)
def test_an_exec_or_container_plugin_never_runs(tmp_path: Path, marker: Path, field: str, how: str) -> None:
    repo = repository(
        tmp_path, f"{field}: [plugin.yaml]\n", plugin_yaml=GENERATOR.format(how=how), run_sh=script(marker)
    )
    result = graph(repo)
    assert result.exit_code == 2 and "cannot be built" in result.stderr
    assert not marker.exists()


@pytest.mark.parametrize("field", ["generators", "transformers", "validators"])
@pytest.mark.parametrize("how", ["exec: {path: ./run.sh}", "container: {image: 'busybox:1'}"])
def test_an_exec_or_container_plugin_of_a_directory_never_runs(
    tmp_path: Path, marker: Path, field: str, how: str
) -> None:
    repo = repository(
        tmp_path,
        f"{field}: [./plugins]\n",
        plugins__kustomization_yaml="resources: [plugin.yaml]\n",
        plugins__plugin_yaml=GENERATOR.format(how=how),
        plugins__run_sh=script(marker),
        run_sh=script(marker),
    )
    result = graph(repo)
    assert result.exit_code == 2 and "external plugins disabled" in result.stderr
    assert not marker.exists()


def test_a_legacy_exec_plugin_never_runs(tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = "apiVersion: example.com/v1\nkind: Runs\nmetadata: {name: x}\n"
    repo = repository(
        tmp_path, "generators: [plugin.yaml]\n", plugin_yaml=plugin, example_com__v1__runs__Runs=script(marker)
    )
    home = tmp_path / "plugins"
    program = home / "example.com" / "v1" / "runs" / "Runs"
    program.parent.mkdir(parents=True)
    program.write_text(script(marker))
    program.chmod(0o755)
    monkeypatch.setenv("KUSTOMIZE_PLUGIN_HOME", str(home))
    assert graph(repo).exit_code == 2
    assert not marker.exists()


@pytest.mark.parametrize(
    "base",
    [
        "helmCharts: [{name: x, repo: 'URL', version: '1', releaseName: x}]\n",
        "helmChartInflationGenerator: [{chartName: x, chartRepoUrl: 'URL'}]\n",
        "helmGlobals: {chartHome: charts}\nhelmCharts: [{name: x, releaseName: x}]\n",
        "generators: [plain]\n",
        "generators: [charted]\n",
    ],
)
def test_helm_is_never_run(
    tmp_path: Path, marker: Path, server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("helm", "git", "docker"):
        (programs / name).write_text(script(marker))
        (programs / name).chmod(0o755)
    for name in ("kustomize", "kubectl"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    kustomize.cache_clear()
    result = graph(
        repository(
            tmp_path,
            base.replace("URL", server[0]),
            charts__x__Chart_yaml="name: x\nversion: '1'\n",
            plain__kustomization_yaml="resources: [helm.yaml]\n",
            plain__helm_yaml=BUILTIN.format(kind="HelmChartInflationGenerator", rest=f"name: x\nrepo: '{server[0]}'"),
            charted__kustomization_yaml=f"helmCharts: [{{name: x, repo: '{server[0]}', version: '1', releaseName: x}}]\n",
        )
    )
    kustomize.cache_clear()
    assert result.exit_code == 2
    assert not marker.exists() and server[1] == []


@pytest.mark.parametrize(
    "base",
    [
        "resources: ['URL/x.yaml']\n",
        "resources: ['URL/repo.git//base?ref=main', 'git::URL/x', 'ssh://git@127.0.0.1:9/x', 'git@127.0.0.1:x/y']\n",
        "Resources: ['URL/x.yaml']\n",
        "components: ['URL/x']\n",
        "patches: [{path: 'URL/p.yaml', target: {kind: ConfigMap}}]\n",
        "patches: [{Path: 'URL/p.yaml', target: {kind: ConfigMap}}]\n",
        "configMapGenerator: [{name: x, files: ['a=URL/x']}]\n",
        "openapi: {path: 'URL/x'}\n",
        "crds: ['URL/x']\n",
        "replacements: [{path: 'URL/x'}]\n",
        "transformers: ['{apiVersion: builtin, kind: ValueAddTransformer, metadata: {name: x}, targetFilePath: \"URL/x\"}']\n",
        "transformers: ['{apiVersion: builtin, kind: PatchTransformer, metadata: {name: x}, path: \"URL/x\"}']\n",
        "transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  path: 'URL/x'\n",
    ],
)
def test_nothing_is_downloaded(tmp_path: Path, server: tuple[str, list[str]], base: str) -> None:
    url, asked = server
    result = graph(repository(tmp_path, base.replace("URL", url)))
    assert result.exit_code in (0, 1, 2), result.output
    assert asked == []


@pytest.mark.parametrize("field", ["generators", "transformers", "validators"])
def test_nothing_is_downloaded_for_a_directory_of_plugins(
    tmp_path: Path, server: tuple[str, list[str]], field: str
) -> None:
    url, asked = server
    repo = repository(
        tmp_path,
        f"resources: [plugins]\n{field}: [plugins]\n",
        plugins__kustomization_yaml=f"resources: ['{url}/x', '{url}/repo.git//base?ref=main', more]\n",
        plugins__more__kustomization_yaml="resources: [config.yaml]\n",
        plugins__more__config_yaml=BUILTIN.format(kind="ConfigMapGenerator", rest=f"files: ['a={url}/y']"),
    )
    result = graph(repo)
    assert result.exit_code == 2 and "names a remote file" in result.stderr
    assert asked == []


def test_what_was_left_out_of_a_kustomization_does_not_come_back_with_a_plugin(
    tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    """The same file as a base, and as a configuration that is written anew for its merge."""
    url, asked = server
    repo = repository(
        tmp_path,
        "resources: [other]\ngenerators: [other/kustomization.yaml]\n",
        other__kustomization_yaml=f"kind: Kustomization\nmetadata: {{name: x, <<: {{}}}}\nresources: ['{url}/x']\n",
    )
    graph(repo)
    assert asked == []


def test_a_file_that_is_named_like_an_address_does_not_open_the_network(
    tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    url, asked = server
    repo = repository(tmp_path, f"resources: ['{url}/x.yaml']\n")
    local = repo / "base" / "http:" / url.removeprefix("http://") / "x.yaml"
    local.parent.mkdir(parents=True)
    local.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    graph(repo)
    assert asked == []


@pytest.mark.parametrize(
    ("base", "files"),
    [
        ("configMapGenerator: [{name: leak, files: ['a=OUT']}]\n", {}),
        ("configMapGenerator: [{name: leak, files: [a=../../outside.txt]}]\n", {}),
        ("configMapGenerator: [{name: leak, Files: ['a=OUT']}]\n", {}),
        ("configMapGenerator: [{name: leak, envs: ['OUT']}]\n", {}),
        ("secretGenerator: [{name: leak, eNvs: ['OUT']}]\n", {}),
        ("ConfigMapGenerator: [{name: leak, files: ['a=OUT']}]\n", {}),
        ("configMapGenerator: [{name: leak, file\u017f: ['a=OUT']}]\n", {}),
        ("configMapGenerator: [!!set {name: leak, files: ['a=OUT']}]\n", {}),
        ("RESOURCES: ['OUT']\n", {}),
        ("resources: ['OUT']\n", {}),
        ("resources: [../../../../../../../../OUT]\n", {}),
        ('resources: ["x\\n/../../../outside.txt"]\n', {}),
        ("resources: ['{/../../../outside.txt']\n", {}),
        ("patchesStrategicMerge: ['{/../../../outside.txt']\n", {}),
        ("generators: [g.yaml]\n", {"g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest="files: ['a=OUT']")}),
        ("generators: [g.yaml]\n", {"g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest="FILES: ['a=OUT']")}),
        ("generators: [g.yaml]\n", {"g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest="file\u017f: ['a=OUT']")}),
        ("generators: [g.yaml]\n", {"g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest=f"envs: [{CROOKED}]")}),
        (
            "generators: [g.yaml]\n",
            {"g_yaml": f"!!set {{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {{name: x}}, {LEAK}}}\n"},
        ),
        (
            "generators: [g.yaml]\n",
            {"g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest=f"!!binary {FILES_IN_BASE64}: ['a=OUT']")},
        ),
        (
            "transformers: [t.yaml]\n",
            {"t_yaml": BUILTIN.format(kind="ValueAddTransformer", rest="value: x\ntargetFilePath: 'OUT'")},
        ),
        (
            "transformers: [t.yaml]\n",
            {"t_yaml": BUILTIN.format(kind="PatchStrategicMergeTransformer", rest=f"paths: [{CROOKED}]")},
        ),
        (
            "generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: x}\n  files: ['a=OUT']\n",
            {},
        ),
        ("generators: ['{apiVersion: builtin, kind: SecretGenerator, metadata: {name: x}, files: [\"a=OUT\"]}']\n", {}),
        (
            "generators: [g]\n",
            {
                "g__kustomization_yaml": "resources: [g.yaml]\n",
                "g__g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest="files: ['a=OUT']"),
            },
        ),
        (
            "generators: [g]\n",
            {
                "g__kustomization_yaml": "resources: [g.yaml]\n",
                "g__g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest="files: [a=../../outside.txt]"),
            },
        ),
        ("transformers: [g]\n", {"g__kustomization_yaml": "resources: ['OUT']\n"}),
        ("transformers: [g]\n", {"g__kustomization_yaml": "resources: [../../../outside.txt]\n"}),
        ("generators: [../..]\n", {}),
        ("generators: [g]\n", {"g__kustomization_yaml": "resources: [..]\n"}),
        *(
            (
                "generators: [g]\n",
                {
                    "g__kustomization_yaml": f"resources: [g.yaml]\n{more}",
                    "g__g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest="literals: [b=OUT]"),
                },
            )
            for more in (
                "patches: [{target: {kind: ConfigMapGenerator}, patch: '[{op: move, from: /literals, path: /files}]'}]\n",
                "patchesStrategicMerge: ['{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}, files: [\"a=OUT\"]}']\n",
                "replacements: [{source: {kind: ConfigMapGenerator, fieldPath: literals}, targets: [{select: {}, fieldPaths: [files]}]}]\n",
                "components: [../c]\n",
                "transformers: [../t.yaml]\n",
                "configMapGenerator: [{name: y, files: ['a=OUT']}]\n",
            )
        ),
        (
            "resources: [g]\ngenerators: [g]\n",
            {
                "g__kustomization_yaml": "resources: [g.yaml]\nconfigurations: [c.yaml]\nnamePrefix: a\n",
                "g__c_yaml": "namePrefix: [{path: env, create: true}]\n",
                "g__g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest="literals: [a=b]"),
            },
        ),
    ],
)
def test_nothing_outside_the_repository_is_loaded(
    tmp_path: Path, outside: Path, base: str, files: dict[str, str]
) -> None:
    here = {name: text.replace("OUT", str(outside)) for name, text in files.items()}
    repo = repository(tmp_path, base.replace("OUT", str(outside)), **here)
    result = graph(repo)
    assert result.exit_code == 2, result.output
    assert SECRET not in result.output
    inputs = collect(Tree.of_directory(repo), "entry", {})
    assert inputs.problems and not any(SECRET.encode() in content for content in inputs.files.values())


@pytest.mark.parametrize(
    ("base", "files"),
    [
        ("configMapGenerator: [{name: leak, files: [in.txt], <<: {files: ['a=OUT']}}]\n", {}),
        ("configMapGenerator: [{name: leak, <<: [{files: ['a=OUT']}, {files: [in.txt]}]}]\n", {}),
        ("!!merge configMapGenerator: [{name: leak, files: ['a=OUT']}]\n", {}),
        (
            "generators: [g.yaml]\n",
            {"g_yaml": BUILTIN.format(kind="ConfigMapGenerator", rest=f"<<: [{{{LEAK}}}, {{files: [in.txt]}}]")},
        ),
        (
            "generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: x}\n"
            f"  <<: [{{{LEAK}}}, {{files: [in.txt]}}]\n",
            {},
        ),
    ],
)
def test_what_only_another_reader_finds_in_a_file_is_not_there(
    tmp_path: Path, outside: Path, base: str, files: dict[str, str]
) -> None:
    """Of two values under one name a reader of YAML keeps either: kustomize is to see the one that was looked at."""
    here = {name: text.replace("OUT", str(outside)) for name, text in files.items()}
    repo = repository(tmp_path, "resources: [ok.yaml]\n" + base.replace("OUT", str(outside)), **here, in_txt="inside")
    (repo / "base" / "ok.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inner}\n")
    inputs = collect(Tree.of_directory(repo), "entry", {})
    if not inputs.problems:
        with contextlib.suppress(BuildFailed):
            assert SECRET not in kustomize().run(inputs.files, "entry")


def test_a_text_that_kustomize_takes_for_a_configuration_is_no_path(tmp_path: Path, outside: Path) -> None:
    """Even where a file has that very name."""
    text = f'--- {{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {{name: x}}, files: ["a={outside}"]}}'
    repo = repository(tmp_path, f"generators: ['{text}']\n")
    file = repo / "base" / text
    file.parent.mkdir(parents=True)
    file.write_text(BUILTIN.format(kind="ConfigMapGenerator", rest="literals: [a=b]"))
    assert any("leaves the repository" in p.text for p in collect(Tree.of_directory(repo), "entry", {}).problems)


def test_the_same_files_inside_the_repository_are_loaded(tmp_path: Path) -> None:
    """So that the tests above fail for where the file lies, and not for how it is named."""
    base = "configMapGenerator: [{name: kept, files: [a=inside.txt]}]\ngenerators: [g.yaml]\n"
    more = BUILTIN.format(kind="ConfigMapGenerator", rest="files: [a=inside.txt]")
    repo = repository(tmp_path, base, inside_txt=SECRET, g_yaml=more)
    inputs = collect(Tree.of_directory(repo), "entry", {})
    assert inputs.problems == []
    assert kustomize().run(inputs.files, "entry").count(SECRET) == 2


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path, outside: Path) -> None:
    repo = repository(tmp_path, "configMapGenerator: [{name: leak, files: [a=link.txt]}]\n")
    (repo / "base" / "link.txt").symlink_to(outside)
    result = graph(repo)
    assert result.exit_code == 2 and "symbolic link" in result.stderr and SECRET not in result.output


def test_a_link_in_a_directory_of_plugins_is_not_followed(tmp_path: Path, outside: Path) -> None:
    outside.write_text(BUILTIN.format(kind="ConfigMapGenerator", rest=f"literals: [a={SECRET}]"))
    repo = repository(tmp_path, "generators: [g]\n", g__kustomization_yaml="resources: [link.yaml]\n")
    (repo / "base" / "g" / "link.yaml").symlink_to(outside)
    result = graph(repo)
    assert result.exit_code == 2 and "symbolic link" in result.stderr and SECRET not in result.output
    shutil.move(repo / "base" / "g", tmp_path / "g")
    (repo / "base" / "g").symlink_to(tmp_path / "g")
    result = graph(repo)
    assert result.exit_code == 2 and "symbolic link" in result.stderr and SECRET not in result.output


def test_kustomize_sees_no_credential_and_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        seen.update(options, command=command)
        return subprocess.CompletedProcess(command, 1, b"", b"no")

    monkeypatch.setenv("KUBECONFIG", "/somewhere/config")
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    program = kustomize()
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(BuildFailed):
        program.run({"a/kustomization.yaml": b"resources: []\n"}, "a")
    environment = seen["env"]
    assert isinstance(environment, dict)
    assert "t0ken" not in environment.values() and environment["KUBECONFIG"] == "/dev/null"
    assert shutil.which("git", path=environment["PATH"]) is None
    command = seen["command"]
    assert isinstance(command, list)
    assert not any(word in part for part in command for word in ("enable", "alpha", "exec", "helm", "network"))


def test_a_post_build_value_is_text_and_never_a_command(tmp_path: Path, marker: Path) -> None:
    repo = repository(tmp_path, "resources: []\n")
    (repo / "entry" / "ok.yaml").write_text(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: x}\n"
        "spec:\n  path: ./base\n  interval: 1m\n  prune: true\n  sourceRef: {kind: GitRepository, name: s}\n"
        f"  postBuild: {{substitute: {{a: '$(touch {marker})', b: '`touch {marker}`', c: '; touch {marker}'}}}}\n"
    )
    result = graph(repo)
    assert result.exit_code in (0, 1), result.output
    assert not marker.exists()
