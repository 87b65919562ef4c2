import errno
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.graph.objects import Kustomization
from fleetbench.graph.root import with_root
from fleetbench.ids import ObjectId
from fleetbench.measure.recorder import Recorder, open_folder
from fleetbench.runs.files import read_run
from fleetbench.runs.folder import check_folder
from fleetbench.timeline.events import Event

A = ObjectId("Kustomization", "flux-system", "a")
FLEET = with_root([Kustomization(A)], [], [], None)


def recorder(folder):
    return Recorder(folder, FLEET, {"kustomize_concurrent": 4}, {"workloads": "stand-in"}, 600.0)


def test_a_run_reads_back_as_it_was_recorded(tmp_path):
    with recorder(tmp_path) as r:
        r.event(Event(1.25, A, "Unknown", "Progressing", "Building manifests"), "2026-01-01T00:00:01Z")
        r.note({"pull": {"image": "x"}, "t_s": 2.0})
        r.event(Event(3.5, A, "True", "ReconciliationSucceeded", "", 1, 1, "main@sha1:1"))
        r.end(4.0, complete=True)
    run = read_run(tmp_path)
    assert run.cut is None and run.timeline.complete and run.timeline.until_s == 4.0
    assert run.timeline.ready_s(A) == 3.5
    assert run.flags == {"kustomize_concurrent": 4} and run.limit_s == 600.0
    assert run.meta["workloads"] == "stand-in" and run.meta["notes"] == [{"pull": {"image": "x"}, "t_s": 2.0}]
    assert '"api_time": "2026-01-01T00:00:01Z"' in (tmp_path / "trace.jsonl").read_text()


def test_every_event_is_on_disk_before_the_next_one_comes(tmp_path):
    with recorder(tmp_path) as r:
        for n in range(3):
            r.event(Event(float(n), A, "Unknown", message=str(n)))
            assert len((tmp_path / "trace.jsonl").read_text().splitlines()) == 2 + n


def test_meta_and_graph_are_there_from_the_start(tmp_path):
    with recorder(tmp_path):
        assert json.loads((tmp_path / "meta.json").read_text())["workloads"] == "stand-in"
        assert json.loads((tmp_path / "graph.json").read_text())["kustomizations"][0]["id"] == "flux-system/a"


def test_kill_minus_9_loses_at_most_the_event_in_flight(tmp_path):
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from tests.unit.measure.test_recorder import A, recorder
        from fleetbench.timeline.events import Event
        r = recorder(Path(sys.argv[1]))
        for n in range(100000):
            r.event(Event(n / 10, A, "Unknown", message="m" * 50))
            print(n, flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True)
    last = next(int(line) for line in process.stdout if int(line) >= 200)
    process.send_signal(signal.SIGKILL)
    last = max([last, *map(int, process.stdout.read().split())])
    process.wait()
    run = read_run(tmp_path)
    assert run.cut is not None
    assert len(run.timeline.events) >= last + 1


def test_a_full_disk_is_told_and_what_was_written_can_be_read(tmp_path, monkeypatch):
    with recorder(tmp_path) as r:
        r.event(Event(1.0, A, "Unknown"))

        class Full:
            def write(self, text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            def close(self):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        whole, r._file = r._file, Full()
        with pytest.raises(EnvironmentLacks, match="no space left; 1 event recorded"):
            r.event(Event(2.0, A, "True"))
        whole.close()
    assert len(read_run(tmp_path).timeline.events) == 1


def test_a_folder_that_holds_a_run_is_refused_unless_forced(tmp_path):
    with recorder(tmp_path) as r:
        r.end(1.0, complete=False)
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="holds a run already"):
        open_folder(tmp_path, force=False)
    open_folder(tmp_path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_is_checked_without_being_made(tmp_path):
    check_folder(tmp_path / "some" / "run", force=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "meta.json").write_text("{}")
    with pytest.raises(InputError, match="holds a run already"):
        check_folder(tmp_path, force=False)
    check_folder(tmp_path, force=True)
    assert (tmp_path / "meta.json").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written: .*file is a file, not a folder"):
        check_folder(tmp_path / "file" / "run", force=False)
    with pytest.raises(InputError, match="cannot be written"):
        open_folder(tmp_path / "file" / "run", force=False)
