"""What a cluster that refuses, or is not there, makes of a command: whose fault it is, and which cluster it was."""

import contextlib
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from click.testing import CliRunner

from fleetbench.cli.main import cli
from fleetbench.errors import EnvironmentLacks
from fleetbench.measure.api import KubernetesApi
from fleetbench.measure.existing import create
from fleetbench.measure.kinds import BY_KIND
from fleetbench.measure.permissions import readable
from fleetbench.measure.protocols import Disconnected


class Server(ThreadingHTTPServer):
    """An API server that answers (method, plural) as told, and everything else with an empty list."""

    def __init__(self):
        self.answers, self.asked, self.slow = {}, [], None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer("GET")

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer("POST")

            def log_message(self, *_):
                pass

            def answer(self, method):
                path, _, query = self.path.partition("?")
                server.asked.append((method, path, query))
                code, message = server.answers.get(
                    (method, path.rpartition("/")[2]), server.answers.get("all", (200, ""))
                )
                groups = [
                    {"name": f"{n}.toolkit.fluxcd.io", "preferredVersion": {"version": "v1"}}
                    for n in ("source", "kustomize", "helm")
                ]
                body = {"groups": groups, "items": []} if code == 200 else {"kind": "Status", "message": message}
                data = json.dumps(body).encode()
                self.send_response(code)
                if "watch=" in query and server.slow is not None:
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.flush()
                    server.slow.set()
                    time.sleep(4)
                    return
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def server():
    with Server() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def kubeconfig(tmp_path, server, monkeypatch):
    def write(user=None, address=None):
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "prod",
            "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": address or f"http://127.0.0.1:{server.server_port}"}}],
            "users": [{"name": "u", "user": user or {"token": "t"}}],
        }  # fmt: skip
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
        return tmp_path / "config"

    return write


def test_a_token_that_ran_out_is_no_missing_role(server, kubeconfig):
    server.answers["all"] = (401, "Unauthorized")
    with pytest.raises(EnvironmentLacks) as refused:
        readable(KubernetesApi(kubeconfig()))
    assert refused.value.message == (f"not authenticated (401) at context prod (http://127.0.0.1:{server.server_port})")
    assert "--print-rbac" not in refused.value.hint


def plugin(command, *arguments):
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": list(arguments)}}


@pytest.mark.parametrize(
    ("user", "says"),
    [
        (plugin("no-such-plugin"), "the exec plugin no-such-plugin of context prod"),
        (
            plugin("sh", "-c", "echo one >&2; echo two >&2; exit 1"),
            "gave no credentials: exec: process returned 1. one two",
        ),
    ],
)
@pytest.mark.parametrize("command", [["graph", "--from-cluster"], ["measure", "--cluster", "existing"]])
def test_an_exec_plugin_that_gives_no_credentials_is_named(server, kubeconfig, user, says, command, tmp_path, capfd):
    kubeconfig(user)
    before = list(logging.getLogger().handlers)
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 3 and says in done.stderr and "not authenticated" in done.stderr
    assert "\\n" not in done.stderr and server.asked == []
    assert logging.getLogger().handlers == before and "ERROR:root" not in capfd.readouterr().err


def test_a_cluster_that_does_not_answer_is_named_with_the_reason(kubeconfig):
    with pytest.raises(EnvironmentLacks) as lacks:
        readable(KubernetesApi(kubeconfig(address="http://127.0.0.1:9")))
    assert "of context prod (http://127.0.0.1:9): Connection refused" in lacks.value.message


def test_what_a_server_says_of_its_own_trouble_is_one_line(server, kubeconfig):
    server.answers["all"] = (500, "etcd\nis away " + "x" * 400)
    with pytest.raises(EnvironmentLacks, match=r"HTTP 500 etcd is away x+\.\.\.$"):
        readable(KubernetesApi(kubeconfig()))


ROOTS = [
    {"apiVersion": f"{g}.toolkit.fluxcd.io/v1", "kind": k, "metadata": {"namespace": "flux-system", "name": "x"}}
    for g, k in (("source", "GitRepository"), ("kustomize", "Kustomization"))
]


def test_a_right_to_create_that_is_missing_is_named_and_then_nothing_is_created(server, kubeconfig):
    server.answers["POST", "kustomizations"] = (403, "forbidden")
    with pytest.raises(EnvironmentLacks) as refused:
        create(KubernetesApi(kubeconfig()), ROOTS)
    assert refused.value.message == (
        "--apply: no permission to create kustomizations.kustomize.toolkit.fluxcd.io in namespace flux-system"
    )
    assert {query for method, _, query in server.asked if method == "POST"} == {"dryRun=All"}


def test_what_exists_already_is_left_as_it_is_and_a_missing_namespace_is_told(server, kubeconfig):
    server.answers["POST", "gitrepositories"] = (409, "exists")
    create(KubernetesApi(kubeconfig()), ROOTS)
    server.answers["POST", "kustomizations"] = (404, "not found")
    with pytest.raises(EnvironmentLacks, match="or the namespace is not there"):
        create(KubernetesApi(kubeconfig()), ROOTS)


def test_a_stream_that_is_being_read_ends_when_it_is_told_to(server, kubeconfig):
    """Else its thread is in the middle of a read when the interpreter ends, which aborts it."""
    server.slow = threading.Event()
    api, ended = KubernetesApi(kubeconfig()), threading.Event()

    def follow():
        with contextlib.suppress(Disconnected):
            list(api.watch(BY_KIND["Kustomization"], "1"))
        ended.set()

    threading.Thread(target=follow, daemon=True).start()
    assert server.slow.wait(5) and not ended.wait(0.2)
    api.end_streams()
    assert ended.wait(2)
    assert list(api.watch(BY_KIND["Kustomization"], "1")) == []
