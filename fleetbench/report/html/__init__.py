"""One self-contained HTML page about runs: no network, opens from disk, light and dark, phone and desktop."""

from fleetbench.report.html.page import MOST_BYTES, notebook_page, page
from fleetbench.report.reading import Unreadable

__all__ = ["MOST_BYTES", "Unreadable", "notebook_page", "page"]
