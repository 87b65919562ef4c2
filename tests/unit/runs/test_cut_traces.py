"""A trace that stops before its end is used as far as it goes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from fleetbench.errors import InputError
from fleetbench.ids import GIT_REPOSITORY, KUSTOMIZATION, ObjectId
from fleetbench.json_text import as_far_as_whole, ends_early
from fleetbench.runs.files import read_run
from tests.unit.report.runs import TRACES

PACKED = TRACES / "fine-c4.json.gz"
WHOLE = gzip.decompress(PACKED.read_bytes())


def cut_in(name: str, content: bytes, folder: Path) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def test_each_row_of_a_cut_json_trace_that_is_whole_is_read(tmp_path: Path) -> None:
    whole = read_run(PACKED)
    at = WHOLE.rindex(b'"Kustomization/loki"') + 400
    run = read_run(cut_in("t.json", WHOLE[:at], tmp_path))
    assert run.cut and run.cut.startswith("the recording was cut short, before it came to ")
    assert run.fleet.kustomizations == whole.fleet.kustomizations
    assert set(run.timeline.events) < set(whole.timeline.events) and not run.timeline.complete
    for id, ready_s in run.ready_s().items():
        assert (ready_s is None and id in run.unseen) or ready_s == whole.ready_s()[id]
    loki = ObjectId(KUSTOMIZATION, "flux-system", "loki")
    assert loki in run.unseen and loki in run.timeline.by_object


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_of_a_gzip_that_was_cut_as_much_is_unpacked_as_there_is(tmp_path: Path, share: float) -> None:
    packed = PACKED.read_bytes()
    run = read_run(cut_in("t.json.gz", packed[: int(len(packed) * share)], tmp_path))
    assert run.cut and ObjectId(GIT_REPOSITORY, "flux-system", "flux-system") in run.timeline.by_object


def test_a_gzip_that_lacks_only_its_checksum_is_whole(tmp_path: Path) -> None:
    assert read_run(cut_in("t.json.gz", PACKED.read_bytes()[:-4], tmp_path)).cut is None


@pytest.mark.parametrize("keep", [0, 1, 100, WHOLE.index(b'"spec"') + 300])
def test_a_trace_that_is_cut_before_its_fleet_is_whole_is_refused(tmp_path: Path, keep: int) -> None:
    with pytest.raises(InputError, match=r"t\.json.*wanted a trace \(JSON\) that is whole at least as far as its spec"):
        read_run(cut_in("t.json", WHOLE[:keep], tmp_path))


def test_a_trace_that_is_broken_in_its_middle_is_no_cut_one(tmp_path: Path) -> None:
    middle = WHOLE.rindex(b'"Kustomization/loki"')
    with pytest.raises(InputError, match=r"t\.json:1: got .*, wanted a trace \(JSON\)$"):
        read_run(cut_in("t.json", WHOLE[:middle] + b"?" + WHOLE[middle:], tmp_path))


def test_a_trace_that_is_cut_within_a_character_is_read(tmp_path: Path) -> None:
    text = WHOLE.replace(b"Applied revision", "Applied r\u00e9vision".encode())
    at = text.rindex("\u00e9".encode()) + 1
    assert read_run(cut_in("t.json", text[:at], tmp_path)).cut
    lines = (Path(__file__).parents[3] / "results/dev-fine-1/trace.jsonl").read_bytes()
    assert read_run(cut_in("t.jsonl", b"\n".join(lines.split(b"\n")[:5]) + "\n{\u00e9".encode()[:-1], tmp_path)).cut


def test_wherever_a_document_is_cut_what_is_whole_is_a_part_of_it_and_nothing_is_made_up() -> None:
    document = {
        "a": -12.5e10,
        "t": {"x": [{"n": 1234, "s": 'q"\\\u00e9'}, {"n": None}], "y": [{"n": True}]},
        "z": [1, [2]],
    }
    for text in (json.dumps(document), json.dumps(document, indent=1)):
        for at in range(1, len(text) - 1):
            with pytest.raises(json.JSONDecodeError) as error:
                json.loads(text[:at])
            assert ends_early(text[:at], error.value)
            found = as_far_as_whole(text[:at], ("t", None))
            assert all(found[k] == document[k] for k in found.keys() - {"t"})
            for key, rows in found.get("t", {}).items():
                assert rows == document["t"][key][: len(rows)]
