"""Names that would steer a terminal, break out of a format, or run in a browser are shown, and do nothing."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.fuzz import hostile
from tests.fuzz.bases import graph
from tests.fuzz.worker import harmful_in

GROUPS = {"escapes": hostile.ESCAPES, "forgeries": hostile.FORGERIES, "markup": hostile.MARKUP}


@pytest.fixture(params=GROUPS)
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A fleet whose objects (and their paths, images, dependencies) are all named so."""
    names = [name for name in GROUPS[request.param] if "/" not in name]
    document = json.loads(graph("small"))
    document["name"] = names[0]
    for n, name in enumerate(names):
        document["kustomizations"].append(
            {
                "id": f"flux-system/{name}",
                "path": f"./apps/{name}",
                "wait": True,
                "depends_on": [f"flux-system/{names[n - 1]}" if n else "flux-system/a"],
                "workloads": [{"object": f"Deployment/{name}/{name}", "images": [name]}],
                "health_checks": [f"Deployment/x/{name}"],
            }
        )
    document["kustomizations"].append(
        {"id": "flux-system/z", "depends_on": [f"flux-system/gone{name}" for name in names]}
    )
    file = tmp_path / "fleet.json"
    file.write_text(json.dumps(document))
    return file


def run(*argv: object) -> str:
    from fleetbench.cli.main import cli

    done = CliRunner().invoke(cli, [str(a) for a in argv])
    assert done.exit_code in (0, 1), done.output
    assert harmful_in(done.stderr) is None, ascii(done.stderr)
    return done.stdout


@pytest.mark.parametrize("format", ["table", "json", "dot", "mermaid", "graphml"])
def test_a_graph_is_printed_without_harm(fleet: Path, format: str) -> None:
    text = run("graph", "--graph", fleet, "--format", format)
    assert harmful_in(text) is None, ascii(harmful_in(text))
    if format == "json":
        json.loads(text)
    elif format == "graphml":
        ET.fromstring(text)
    elif format == "dot":
        assert len(re.findall(r'(?<!\\)"', text)) % 2 == 0
    elif format == "mermaid":
        assert "<script" not in text and "javascript:" not in text


def test_a_prediction_is_printed_and_kept_without_harm(fleet: Path, tmp_path: Path) -> None:
    for format in ("table", "json", "csv", "perfetto"):
        text = run("simulate", "--graph", fleet, "--samples", "1", "--format", format, "--why")
        assert harmful_in(text) is None, (format, ascii(harmful_in(text)))
        if format == "csv":
            rows = list(csv.reader(io.StringIO(text)))
            assert len({len(row) for row in rows}) == 1
            assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    run("simulate", "--graph", fleet, "--samples", "1", "-o", tmp_path / "run")
    for name in ("report.md", "ready.csv"):
        assert harmful_in((tmp_path / "run" / name).read_text(encoding="utf-8")) is None, name
    assert "<script" not in (tmp_path / "run" / "report.md").read_text(encoding="utf-8")


class _Elements(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.wrong += [
            f"{tag} {k}={v}"
            for k, v in attrs
            if k.startswith("on") or (v or "").strip().lower().startswith("javascript:")
        ]
        if tag in ("img", "iframe", "object", "embed") and not (dict(attrs).get("src") or "").startswith("data:"):
            self.wrong.append(tag)


def test_a_page_holds_no_element_that_a_name_made(fleet: Path, tmp_path: Path) -> None:
    def elements(file: Path, out: str) -> _Elements:
        run("simulate", "--graph", file, "--samples", "1", "-o", tmp_path / f"run-{out}")
        run("report", tmp_path / f"run-{out}", "-o", tmp_path / f"{out}.html")
        found = _Elements()
        found.feed((tmp_path / f"{out}.html").read_text(encoding="utf-8"))
        return found

    plain = tmp_path / "plain.json"
    plain.write_text(graph("small"))
    hostile_page, plain_page = elements(fleet, "hostile"), elements(plain, "plain")
    assert hostile_page.wrong == [] and hostile_page.scripts == plain_page.scripts
    text = (tmp_path / "hostile.html").read_text(encoding="utf-8")
    assert not set("\x1b\x07\x9b\u202e\u2066") & set(text)


def test_a_check_is_reported_without_harm(fleet: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("junit.xml", "comment.md", "found.sarif")}
    argv = [
        "--samples",
        "1",
        "--target",
        "1s",
        "--junit",
        files["junit.xml"],
        "--markdown",
        files["comment.md"],
        "--sarif",
        files["found.sarif"],
    ]
    assert harmful_in(run("check", "--graph", fleet, *argv)) is None
    for name, file in files.items():
        assert harmful_in(file.read_text(encoding="utf-8")) is None, name
    ET.parse(files["junit.xml"])
    json.loads(files["found.sarif"].read_text())
    assert "<script" not in files["comment.md"].read_text(encoding="utf-8")


def test_annotations_for_github_stay_on_their_line(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    text = run("check", "--graph", fleet, "--samples", "1", "--target", "1s")
    commands = [line for line in text.splitlines() if line.startswith("::")]
    assert all(re.match(r"::(error|warning|notice|group|endgroup)\b", line) for line in commands)
