"""A short run of the fuzz suite, and proof that it would notice: ``python -m tests.fuzz --cases 20000`` is the full one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fuzz import campaign, worker
from tests.fuzz.families import FAMILIES, split

KUSTOMIZE = shutil.which("kubectl") or shutil.which("kustomize")


@pytest.mark.parametrize(
    ("family", "count"),
    [("graph", 40), ("beliefs", 25), ("traces", 25), ("runs", 8), ("arguments", 10), ("repository", 8)],
)
def test_hostile_input_ends_in_a_message(family: str, count: int) -> None:
    if family == "repository" and not KUSTOMIZE:
        pytest.skip("needs kustomize or kubectl")
    result = campaign.run_chunk(family, 0, count)
    assert result.failures == []
    assert result.cases[family] == count
    assert set(result.exit_codes) <= {"0", "1", "2", "3"}
    assert result.memory_mb < 1024


def test_a_full_run_is_split_over_all_families() -> None:
    assert sum(split(20_000).values()) >= 20_000
    assert set(split(20_000)) == set(FAMILIES) and min(split(20_000).values()) >= 500


PLANTED = """
import sys, time
from tests.fuzz import families, worker
def planted(rng, folder):
    return ["graph", "--graph", str(folder)]
families.FAMILIES["planted"] = (planted, 1)
def fault(*args, **options):
    {fault}
import fleetbench.cli.graph
fleetbench.cli.graph.load_fleet = fault
worker.LIMIT_S = 0.5
worker.main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        ("raise KeyError('oops')", "a fault of fleetbench"),
        ("raise SystemExit(7)", "exit code 7"),
        ("raise SystemExit(2)", "without a word"),
        ("print('\\x1b[31m'); raise SystemExit(0)", "reached standard output"),
        ("\n    while True: pass", "took over"),
        ("bytearray(2 << 30)", "MemoryError"),
        ("import os; os.kill(os.getpid(), 11)", "ended with -11"),
        ("import os; os._exit(3)", "ended with 3"),
        ("time.sleep(60)", "hung"),
    ],
)
def test_what_a_case_must_not_do_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, noticed: str
) -> None:
    (tmp_path / "planted_worker.py").write_text(PLANTED.format(fault=fault))
    monkeypatch.setattr(campaign, "GRACE_S", 2.0 - worker.LIMIT_S + 0.5)
    monkeypatch.setattr(campaign, "PYTHONPATH", f"{campaign.ROOT}:{tmp_path}")
    result = campaign.run_chunk("planted", 0, 1, module="planted_worker")
    assert [f["case"] for f in result.failures] == ["planted:0"]
    assert noticed in result.failures[0]["problem"]


def test_the_campaign_goes_on_behind_a_case_that_kills_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted_worker.py").write_text(PLANTED.format(fault="import os; os._exit(3)"))
    monkeypatch.setattr(campaign, "PYTHONPATH", f"{campaign.ROOT}:{tmp_path}")
    result = campaign.run_chunk("planted", 0, 3, module="planted_worker")
    assert [f["case"] for f in result.failures] == ["planted:0", "planted:1", "planted:2"]


def test_a_case_can_be_played_again_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from tests.fuzz.__main__ import play

    assert play("graph:3", str(tmp_path / "case")) == 0
    assert "fleetbench" in capsys.readouterr().out and list((tmp_path / "case").iterdir())
