"""The page: whole in one file, below 5 MB, and what others wrote is text in it."""

import re
from html.parser import HTMLParser

import pytest

from fleetbench.model.assemble import Choice
from fleetbench.prediction.strategies import predict_strategies
from fleetbench.report.html import MOST_BYTES, Unreadable, page
from fleetbench.report.html.sections import RunSection
from fleetbench.report.pictures import Picture
from fleetbench.report.simulated import result_of
from fleetbench.validation.compare import compare_run
from tests.builders import fleet, hr, hr_id, ks, ks_id
from tests.unit.report import runs

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Collects what a browser would make of the page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.texts, self.titles, self.urls, self.handlers = [], [], [], [], [], [], []
        self.wrong = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            elif name == "title":
                self.titles.append(value)
            elif name in ("src", "href", "xlink:href", "data", "action", "srcset"):
                self.urls.append(value)
            elif name.startswith("on"):
                self.handlers.append((tag, name))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.texts.append(data)


@pytest.fixture(scope="module")
def whole():
    run = runs.measured()
    return page([runs.reference(), run], {1: compare_run(run.run, 5)})


@pytest.fixture(scope="module")
def hostile():
    return page([runs.hostile(), Unreadable(runs.HOSTILE["html"], runs.HOSTILE["control"], runs.LONG)])


def test_the_page_is_well_formed_and_its_ids_are_unique(whole):
    read = Reader(whole)
    assert read.wrong == [] and read.open == []
    assert len(read.ids) == len(set(read.ids))
    assert whole.startswith("<!doctype html>") and '<html lang="en">' in whole


def test_the_page_asks_no_network(whole):
    read = Reader(whole)
    assert all(url.startswith(("#", "data:")) for url in read.urls)
    assert "default-src 'none'" in whole and "connect-src" not in whole
    assert "@import" not in whole and not re.search(
        r"url\(\s*['\"]?(https?:)?//",
        re.sub(r'<script type="application/octet-stream".*?</script>', "", whole, flags=re.S),
    )


def test_the_page_stays_below_5_mb(whole):
    assert len(whole.encode()) < MOST_BYTES


def test_the_page_leaves_detail_out_rather_than_grow():
    text = page([runs.measured(), runs.measured("waves-c4")], most_bytes=400_000)
    assert len(text.encode()) < 400_000 and "left out" in text and "plotly-gz" not in text


def test_a_picture_is_drawn_once_whatever_the_page_leaves_out(monkeypatch):
    drawn = []
    svg = Picture.svg
    monkeypatch.setattr(Picture, "svg", lambda self, key: drawn.append(key) or svg(self, key))
    page([runs.measured()], most_bytes=1)
    assert drawn and len(drawn) == len(set(drawn))


def test_verdict_figures_causes_findings_and_origin_are_there(whole):
    text = " ".join(" ".join(Reader(whole).texts).split())
    for words in ("the median of 8 samples", "times as long as", "The prediction said", "Why it takes that long", "Findings",
                  "Fix:", "How it was computed", "seed", "kustomize_concurrent", "default (Flux 2.9)", "dependency-poll"):  # fmt: skip
        assert words in text, words


def test_every_picture_is_described_in_words(whole):
    pictures = re.findall(r'<svg role="img" aria-labelledby="([^"]+)"', whole)
    assert len(pictures) >= 7
    for key in pictures:
        assert re.search(rf'id="{key}">[^<]{{30,}}<', whole), key


def test_a_picture_takes_its_ink_from_the_page(whole):
    svgs = re.findall(r"<svg .*?</svg>", whole, flags=re.S)
    assert all("var(--ink)" in svg and "#1a1a1b" not in svg for svg in svgs)


def test_hostile_names_are_text(hostile):
    read = Reader(hostile)
    assert read.handlers == [] and read.wrong == []
    assert "img" not in read.tags and read.tags.count("script") == hostile.count("<script")
    assert not any("javascript:" in url for url in read.urls)
    assert any("<script>alert(1)" in text for text in read.texts)


def test_no_control_character_reaches_the_page(hostile):
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", hostile)


def test_a_long_name_is_shortened_with_the_whole_as_its_title(hostile):
    read = Reader(hostile)
    assert any(runs.LONG in title for title in read.titles)
    assert max(len(text.strip()) for text in read.texts if "very-" in text) < 450


def test_the_scripts_of_the_page_are_its_own(hostile):
    scripts = re.findall(r"<script([^>]*)>", hostile)
    assert all(attributes == "" or "application/" in attributes for attributes in scripts)
    data = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', hostile, flags=re.S)
    assert data and all("<" not in text for text in data)


def test_a_run_that_could_not_be_read_is_a_part_of_the_page():
    text = page([Unreadable("broken", "prediction.json:3: got no whole JSON document", "simulate again")])
    assert "could not be read" in text and "simulate again" in text
    assert Reader(text).wrong == []


def test_a_run_without_events_gets_a_page_without_gantt():
    from dataclasses import replace

    reference = runs.reference()
    bare = replace(
        reference,
        rollouts=tuple(replace(r, explanation=None, totals_s=()) for r in reference.rollouts),
        notes=("an older release wrote it",),
    )
    text = page([bare])
    assert "an older release wrote it" in text and "gantt" not in text and "run-1-graph" in text


def test_a_release_and_its_kustomization_of_the_same_name_are_told_apart():
    of = fleet(ks("a"), hr("a", "a"))
    result = predict_strategies(of, Choice(fail=frozenset({ks_id("a"), hr_id("a")}), until_s=3600.0), "fine", samples=2)
    said = RunSection(0, result_of(result), None).verdict
    assert "Never Ready in fine: HelmRelease/flux-system/a, flux-system/a." in said


def test_what_is_suspended_is_named_with_its_kind_and_called_so_in_the_table():
    of = fleet(ks("a"), ks("asleep", suspend=True), hr("below", "asleep"))
    section = RunSection(0, result_of(predict_strategies(of, Choice(), samples=3)), None)
    assert section.verdict[-1].endswith("left out: HelmRelease/flux-system/below, flux-system/asleep.")
    text = page([section.run])
    for row in re.findall(r"<tr><th scope=.row. class=.name.>.*?</tr>", text, re.DOTALL):
        assert ("suspended" in row and "never" not in row) == ("asleep" in row or "below" in row)


def test_every_state_that_a_picture_knows_has_a_pattern_on_the_page():
    from fleetbench.report.html.interactive import HATCH
    from fleetbench.report.pictures.style import STATES

    assert {look.hatch for look in STATES.values()} <= HATCH.keys()
    nobody = fleet(ks("a"), ks("b", unwatched="its labels are not what kustomize-controller selects"))
    assert "nobody" in page([result_of(predict_strategies(nobody, Choice(), samples=2))])


def test_findings_of_one_code_that_are_errors_for_some_and_not_for_others_are_apart():
    from dataclasses import replace

    from fleetbench.findings import BUILD_FAILED, Finding

    found = (
        Finding(BUILD_FAILED, "a", "mend", ks_id("a")),
        Finding(BUILD_FAILED, "b", "mend", ks_id("b"), dormant=True),
    )
    run = replace(runs.reference(), findings=tuple(f.to_json() for f in found))
    groups = RunSection(0, run, None).findings
    assert [(g["severity"], len(g["rows"])) for g in groups] == [("error", 1), ("warning", 1)]
