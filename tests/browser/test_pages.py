"""Pages in a real browser: they render, say nothing in the console, and no text lies over another one.

``pytest -m browser`` runs them; they need Chromium and its driver (``apt-get install chromium chromium-driver``).
"""

import importlib.util
import os
from pathlib import Path

import pytest

from tests.browser import browser as b
from tests.unit.report import runs

lacks = next(
    (
        words
        for there, words in (
            (b.CHROMIUM, "no Chromium: apt-get install chromium"),
            (b.DRIVER, "no chromedriver: apt-get install chromium-driver"),
            (importlib.util.find_spec("selenium"), "no selenium: pip install 'fleetbench[dev]'"),
        )
        if not there
    ),
    None,
)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(lacks is not None, reason=lacks or "")]
KEEP = os.environ.get("FLEETBENCH_SCREENSHOTS")
"""A folder in which to keep the screenshots; unset = they go with the test."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    from fleetbench.report.html import Unreadable, page
    from fleetbench.validation.compare import compare_run

    folder = tmp_path_factory.mktemp("pages")
    measured, failing = runs.measured(), runs.measured("fail-c4")
    texts = {
        "both": page([runs.reference(), measured], {1: compare_run(measured.run, 5)}),
        "hostile": page([runs.hostile(), Unreadable(runs.HOSTILE["html"], runs.LONG)]),
        "failing": page([failing, runs.measured("commit-c4")]),
        "large": page([runs.large()]),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("scheme", b.SCHEMES)
@pytest.mark.parametrize("width", b.WIDTHS)
@pytest.mark.parametrize("name", ["both", "hostile", "failing"])
def test_a_page_renders_without_console_error_overlap_or_cut_label(pages, tmp_path, name, width, scheme):
    with b.browser(*b.WIDTHS[width], scheme) as driver:
        driver.get((pages / f"{name}.html").as_uri())
        _looks_right(driver, at_least=40)
        b.open_all(driver)
        _looks_right(driver, at_least=60)
        assert driver.get_log("browser") == []
        shot = Path(KEEP or tmp_path) / f"{name}-{width}-{scheme}.png"
        b.whole_page(driver, shot)
        assert _paper(shot) == (scheme == "light")


def test_a_page_of_200_objects_renders(pages):
    with b.browser(*b.WIDTHS["desktop"], "light") as driver:
        driver.get((pages / "large.html").as_uri())
        _looks_right(driver, at_least=800)
        assert driver.get_log("browser") == []


def test_a_page_that_runs_no_script_still_shows_its_pictures(pages):
    with b.browser(*b.WIDTHS["desktop"], "light") as driver:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get((pages / "both.html").as_uri())
        assert len(driver.find_elements("css selector", "svg[role=img]")) >= 7


def test_a_hostile_name_runs_nothing(pages):
    with b.browser(*b.WIDTHS["desktop"], "light") as driver:
        driver.get((pages / "hostile.html").as_uri())
        b.open_all(driver)
        assert (
            driver.execute_script("return document.querySelectorAll('img, a[href^=\"javascript\"], svg a').length") == 0
        )
        assert "<script>alert(1)" in driver.find_element("tag name", "body").text


def test_a_zoomed_picture_tells_the_object_under_the_pointer(pages):
    with b.browser(*b.WIDTHS["desktop"], "light") as driver:
        driver.get((pages / "both.html").as_uri())
        b.open_all(driver)
        said = driver.execute_script(
            "const p = document.querySelector('.plot'); Plotly.Fx.hover(p, [{curveNumber: 0, pointNumber: 0}]);"
            "return p.querySelector('.hoverlayer').textContent;"
        )
        assert "Kustomization/flux-system/" in said or "HelmRelease/" in said


def test_the_checks_see_an_overlap_and_a_cut_label(tmp_path):
    file = tmp_path / "wrong.html"
    file.write_text(
        "<!doctype html><body><p style='position:absolute;top:20px'>one text</p><p style='position:absolute;top:22px'>another text</p>"
        "<svg role=img width=100 height=40 style='position:absolute;top:90px;overflow:visible'><text x=60 y=20>leaves the picture</text></svg>"
    )
    with b.browser(*b.WIDTHS["desktop"], "light") as driver:
        driver.get(file.as_uri())
        assert driver.execute_script(b.OVERLAPS)[1] == ["one text | another text"]
        assert driver.execute_script(b.CUT) == ["leaves the picture"]


def _looks_right(driver, at_least):
    count, overlapping = driver.execute_script(b.OVERLAPS)
    assert overlapping == [] and count >= at_least
    assert driver.execute_script(b.CUT) == []
    assert driver.execute_script(b.SIDEWAYS) == 0, "the page itself scrolls sideways"


def _paper(shot):
    """Whether the page's ground is light."""
    from PIL import Image

    red, green, blue = Image.open(shot).convert("RGB").getpixel((3, 3))
    return red + green + blue > 3 * 128
