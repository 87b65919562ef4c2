"""A headless Chromium: opens a page from disk at a width and colour scheme, and says what is wrong with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")

OVERLAPS = """
const rects = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode()); ) {
  const parent = node.parentElement;
  if (!node.textContent.trim() || !parent.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
  if (parent.closest('.hidden, .skip, script, style, .modebar')) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const r of range.getClientRects())
    if (r.width > 1 && r.height > 1) rects.push([r.left, r.top, r.right, r.bottom, node.textContent.trim().slice(0, 60), rects.length]);
}
rects.sort((a, b) => a[1] - b[1]);
const found = [];
for (let i = 0; i < rects.length; i++) {
  const a = rects[i];
  for (let j = i + 1; j < rects.length && rects[j][1] < a[3]; j++) {
    const b = rects[j];
    const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), high = Math.min(a[3], b[3]) - b[1];
    if (wide > 2 && high > 0.35 * Math.min(a[3] - a[1], b[3] - b[1])) found.push(a[4] + ' | ' + b[4]);
  }
}
return [rects.length, found.slice(0, 10)];
"""
"""Texts whose boxes lie over each other by more than a third of a line (boxes hold the line's leading, too)."""
CUT = """
return [...document.querySelectorAll('svg[role=img] text')].filter((t) => {
  const box = t.getBoundingClientRect(), svg = t.ownerSVGElement.getBoundingClientRect();
  return box.width && (box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 2 || box.bottom > svg.bottom + 2);
}).map((t) => t.textContent).slice(0, 10);
"""
SIDEWAYS = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"


@contextmanager
def browser(width: int, height: int, scheme: str) -> Iterator[Any]:
    """A browser with a profile of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            driver.execute_cdp_cmd(
                "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            )
            yield driver
        finally:
            driver.quit()


def whole_page(driver: Any, file: Path) -> None:
    """A screenshot of the page from top to bottom."""
    import base64

    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
    file.write_bytes(base64.b64decode(shot["data"]))


def open_all(driver: Any) -> None:
    """Open every fold of the page, and wait until the interactive pictures are drawn."""
    from selenium.webdriver.support.ui import WebDriverWait

    driver.execute_script("document.querySelectorAll('details').forEach((d) => (d.open = true));")
    drawn = "return [...document.querySelectorAll('.plot')].every((p) => p.dataset.done);"
    WebDriverWait(driver, 60).until(lambda d: d.execute_script(drawn))
