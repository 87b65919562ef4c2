"""The trace: what Perfetto and chrome://tracing ask of the Trace Event Format."""

import json

import pytest

from fleetbench.report.perfetto import trace
from tests.unit.report import runs


@pytest.fixture(scope="module")
def events():
    rollouts = [*runs.reference().rollouts, runs.measured().rollout, runs.measured("starve4-c4").rollout]
    return json.loads(json.dumps(trace(rollouts), allow_nan=False))["traceEvents"]


def named(events, what):
    return {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == what}


def test_every_slice_has_a_named_track_and_whole_microseconds(events):
    tracks = named(events, "thread_name")
    slices = [e for e in events if e["ph"] == "X"]
    assert slices
    for e in slices:
        assert (e["pid"], e["tid"]) in tracks
        assert isinstance(e["ts"], int) and isinstance(e["dur"], int) and e["ts"] >= 0 and e["dur"] >= 0


def test_a_controller_has_a_track_a_worker_and_not_more(events):
    processes = {pid: name for (pid, _), name in named(events, "process_name").items()}
    for pid, name in processes.items():
        if "workers" in name:
            tracks = [track for (p, _), track in named(events, "thread_name").items() if p == pid]
            assert tracks == [f"worker {n + 1}" for n in range(len(tracks))] and len(tracks) <= 4, name


def test_slices_of_a_track_do_not_lap_over_each_other(events):
    ends: dict[tuple[int, int], int] = {}
    for e in sorted((e for e in events if e["ph"] == "X"), key=lambda e: (e["pid"], e["tid"], e["ts"])):
        track = e["pid"], e["tid"]
        assert e["ts"] >= ends.get(track, 0) - 1
        ends[track] = e["ts"] + e["dur"]


def test_objects_are_tracks_of_their_own_with_their_states(events):
    objects = [pid for (pid, _), name in named(events, "process_name").items() if name.endswith("objects")]
    assert len(objects) == 4
    tracks = [name for (pid, _), name in named(events, "thread_name").items() if pid == objects[0]]
    assert "Kustomization/flux-system/n8n" in tracks
    assert {"workload starting", "waiting for a dependency"} <= {
        e["name"] for e in events if e["pid"] == objects[0] and e["ph"] == "X"
    }
