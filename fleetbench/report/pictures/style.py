"""What all pictures share: colours and hatches, names, the time axis, and how they become PNG and SVG.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any common colour vision tell
apart; each state also has a hatch or a lightness of its own, so that a black and white print reads.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator

from fleetbench.ids import KUSTOMIZATION, ObjectId
from fleetbench.report.inert import inert
from fleetbench.timeline import stats

INK, MUTED, GRID, PAPER = "#1a1a1b", "#5b5b5d", "#d0d0d2", "#fefeff"
"""Exact values on purpose: a page replaces them in the SVG by its own colours, so that it has a dark mode."""
ON_COLOUR = "#000001"
"""Ink on a coloured ground, the same in both modes."""
ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE, GREY = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999",
)  # fmt: skip
RENDER_DPI = 110
MAX_NAME = 38
"""Characters of a name that a picture shows; the page's tables show more."""


class Look(NamedTuple):
    """How a state is drawn."""

    colour: str
    hatch: str


STATES: dict[str, Look] = {
    stats.UPSTREAM: Look(GREY, "||||"),
    stats.WAITING: Look("#DDDDDD", ""),
    stats.POLLING: Look(YELLOW, "////"),
    stats.QUEUED: Look(ORANGE, "xxxx"),
    stats.APPLYING: Look(BLUE, ""),
    stats.STARTING: Look(SKY, ""),
    stats.HEALTH_POLLING: Look(PURPLE, "\\\\\\\\"),
    stats.FAILING: Look(VERMILLION, "++++"),
    stats.ASLEEP: Look(GREY, "...."),
    stats.UNATTENDED: Look(GREY, "oo"),
}
"""State -> look, in the order of a service's life; Ready is what comes after the last one."""
STRATEGIES: dict[str, Look] = {"fine": Look(SKY, ""), "waves": Look(ORANGE, "////")}
_RC: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11.0,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "hatch.color": ON_COLOUR,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "savefig.facecolor": PAPER,
}
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


class Picture(Figure):
    """A matplotlib figure that shows itself in a notebook and writes PNG and SVG in this module's style."""

    def __init__(self, width: float, height: float, description: str):
        with matplotlib.rc_context(_RC):
            super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)
        self.description = inert(description)
        """What it shows, in a sentence, for those who do not see it."""

    def axes_below(self, *heights: float) -> list[Axes]:
        """Axes one below the other that share the time axis."""
        with matplotlib.rc_context(_RC):
            found = self.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
        return [row[0] for row in found]

    def png(self, dpi: int = RENDER_DPI) -> bytes:
        """As PNG, in 128 colours: a third of the size, and no eye sees it."""
        from PIL import Image

        out = io.BytesIO()
        image = Image.open(io.BytesIO(self._written("png", dpi=dpi))).convert("RGB")
        image.quantize(128, dither=Image.Dither.NONE).save(out, "png", optimize=True)
        return out.getvalue()

    def svg(self, salt: str = "picture") -> str:
        """As an ``<svg>`` element for a page.

        Args:
            salt: makes the ids in it differ from those of the page's other pictures.
        """
        with matplotlib.rc_context({"svg.hashsalt": salt}):
            text = self._written("svg", metadata={"Date": None, "Creator": None}).decode()
        text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
        return re.sub(r'<g id="[^"]*"', "<g", text)  # groups are counted per picture, and nothing refers to them

    def _written(self, format: str, **options: Any) -> bytes:
        out = io.BytesIO()
        with matplotlib.rc_context(_RC), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a script that the font lacks: boxes, not noise
            self.savefig(out, format=format, **options)
        return out.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/png": self.png(), "text/plain": self.description}, {"image/png": {"alt": self.description}}


def styled() -> Any:
    """The style as a context, for code that adds artists."""
    return matplotlib.rc_context(_RC)


def names(ids: Iterable[ObjectId], most: int = MAX_NAME) -> dict[ObjectId, str]:
    """Short names of objects.

    The name, with the kind where it is no Kustomization, with the namespace where two would else be the same; the
    middle of what is too long is left out.
    """
    listed = list(ids)
    shown = {id: _with_kind(id, id.name) for id in listed}
    seen: dict[str, int] = {}
    for text in shown.values():
        seen[text] = seen.get(text, 0) + 1
    return {id: shorten(_with_kind(id, id.key) if seen[text] > 1 else text, most) for id, text in shown.items()}


def _with_kind(id: ObjectId, name: str) -> str:
    short = {"HelmRelease": "HR", "GitRepository": "Git", "OCIRepository": "OCI"}.get(id.kind, id.kind)
    return inert(name if id.kind == KUSTOMIZATION else f"{short} {name}")


def shorten(text: str, most: int = MAX_NAME) -> str:
    """At most so many characters: the start and the end, with an ellipsis between.

    >>> shorten("a-very-long-name-1", 10)
    'a-very…e-1'
    """
    if len(text) <= most:
        return text
    tail = max(most // 3, 1)
    return text[: most - tail - 1] + "…" + text[-tail:]


def time_axis(axes: Axes, until_s: float, label: str = "since the start") -> None:
    """Ticks at round times, at most nine, with a grid."""
    axes.set_xlim(0, max(until_s, 0.1) * 1.02)
    time_ticks(axes, until_s)
    axes.set_xlabel(label)


def time_ticks(axes: Axes, span_s: float) -> None:
    """Round times as ticks of an axis that spans so many seconds."""
    axes.xaxis.set_major_locator(MultipleLocator(round_step(span_s)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick(round(x, 6))))
    axes.grid(axis="x")


def round_step(span_s: float) -> float:
    """The distance of ticks, a round time, so that at most nine of them lie in the span."""
    return next((s for s in _STEPS_S if span_s / s <= 8), _STEPS_S[-1] * max(math.ceil(span_s / _STEPS_S[-1] / 8), 1))


def tick(seconds: float) -> str:
    """A tick's label: ``90``-second steps and such without needless zeros.

    >>> tick(0), tick(0.5), tick(30), tick(90), tick(600), tick(7200), tick(-30)
    ('0', '0.5s', '30s', '1m30s', '10m', '2h', '-30s')
    """
    if abs(seconds) < 1e-9:
        return "0"
    if seconds < 0:
        return "-" + tick(-seconds)
    if seconds < 60:
        return f"{seconds:g}s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n)


def row_axis(axes: Axes, labels: list[str], bold: Iterable[int] = ()) -> None:
    """One row a label, the first on top."""
    small = len(labels) > 60
    axes.set_yticks(range(len(labels)), labels, fontsize=7.5 if small else 8.5)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    for n in bold:
        axes.get_yticklabels()[n].set_fontweight("bold")
    for text in axes.get_yticklabels():
        text.set_parse_math(False)


def row_height(count: int) -> float:
    """Inches of a row, so that 22 rows are comfortable and 200 can still be read."""
    return 0.21 if count <= 60 else 0.165


def legend(picture: Figure, looks: Mapping[str, Look], extra: Iterable[Any] = (), columns: int = 4) -> None:
    """The legend below the picture."""
    handles: list[Any] = [
        Patch(facecolor=look.colour, hatch=look.hatch, edgecolor=ON_COLOUR, linewidth=0.3, label=name)
        for name, look in looks.items()
    ]
    handles += list(extra)
    if handles:
        picture.legend(
            handles=handles, loc="outside lower left", ncols=columns, fontsize=8.5, handlelength=2.4, labelcolor=INK
        )
