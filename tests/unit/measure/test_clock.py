"""Whose clock counts: the monotonic one here for what is seen, the API server's for what it has stamped."""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from fleetbench.ids import KUSTOMIZATION
from fleetbench.measure.api import KubernetesApi
from fleetbench.measure.clock import ClusterClock
from fleetbench.measure.existing import backdated, created_s
from fleetbench.measure.kinds import BY_KIND
from fleetbench.measure.protocols import Disconnected, Seen

KS = BY_KIND[KUSTOMIZATION]
SERVER_S = 1_800_000_000.0


@pytest.fixture
def api(tmp_path):
    """A KubernetesApi of a server that answers nothing but /version, with the Date put into ``dates``."""
    dates = []

    class Version(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"gitVersion": "v1.34.0"}).encode()
            self.send_response_only(200)
            for date in dates:
                self.send_header("Date", date)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Version)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    document = {
        "current-context": "c",
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "u", "user": {}}],
    }
    config.write_text(json.dumps(document), encoding="utf-8")
    found = KubernetesApi(config)
    yield found, dates
    found.close()
    server.shutdown()
    server.server_close()


def stamped(seconds_ago, clock, *, at_s):
    stamp = datetime.fromtimestamp(clock.wall_s() - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": stamp}]
    metadata = {"name": "a", "namespace": "x", "creationTimestamp": stamp}
    return Seen(at_s, KS, "ADDED", {"metadata": metadata, "status": {"conditions": conditions}})


def test_the_servers_time_is_the_date_of_its_answer(api):
    found, dates = api
    dates.append("Fri, 15 Jan 2027 08:00:00 GMT")
    assert found.server_time_s() == SERVER_S + 0.5


def test_an_answer_without_a_date_is_no_time(api):
    with pytest.raises(Disconnected):
        api[0].server_time_s()


@pytest.mark.parametrize("off_s", [-7200.0, 0.0, 300.0])
def test_a_clock_here_that_is_wrong_or_jumps_moves_no_stamp(monkeypatch, off_s):
    clock = ClusterClock(SERVER_S)
    now_s = clock.monotonic_s()
    monkeypatch.setattr(time, "time", lambda: SERVER_S + off_s)
    change = stamped(20, clock, at_s=now_s)
    assert created_s(change, clock) == pytest.approx(now_s - 20, abs=1.1)
    assert backdated(change, clock).at_s == pytest.approx(now_s - 20, abs=1.1)
    assert clock.wall_s() == pytest.approx(SERVER_S, abs=5.0)
