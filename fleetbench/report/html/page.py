"""Runs -> the page. The template escapes all; what others wrote is made inert before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fleetbench import __version__
from fleetbench.ids import ObjectId, say, some
from fleetbench.report.html import interactive
from fleetbench.report.html.sections import Detail, RunSection, overview
from fleetbench.report.inert import inert
from fleetbench.report.pictures.style import shorten
from fleetbench.report.reading import Unreadable
from fleetbench.report.result import RunResult
from fleetbench.timeline.causes import MEANING
from fleetbench.units import format_duration
from fleetbench.validation.compare import RunComparison

MOST_BYTES = 5_000_000
"""A page beyond this is hard to mail and slow to open; detail is left out until it fits."""
_LONG = 80
_DETAILS = (
    Detail(),
    Detail(interactive=False),
    Detail(interactive=False, pictures=4),
    Detail(interactive=False, pictures=0),
)


def page(
    runs: Sequence[RunResult | Unreadable],
    held: Mapping[int, RunComparison] | None = None,
    most_bytes: int = MOST_BYTES,
) -> str:
    """Render the page.

    Args:
        runs: in the order in which to show them.
        held: place in ``runs`` of a measured run -> its prediction held against it.
        most_bytes: detail is left out until the page fits.
    """
    held = held or {}
    sections = [RunSection(n, run, held.get(n)) if isinstance(run, RunResult) else run for n, run in enumerate(runs)]
    text = ""
    for detail in _DETAILS:
        text = _render(sections, _title(runs), detail)
        if len(text.encode()) <= most_bytes:
            break
    return text


def _render(sections: Sequence[RunSection | Unreadable], title: str, detail: Detail) -> str:
    readable = [s for s in sections if isinstance(s, RunSection)]
    for section in readable:
        section.show(detail)
    figures = {key: figure for s in readable for key, figure in s.interactive.items()}
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            sections=[{"section": s, "readable": isinstance(s, RunSection)} for s in sections],
            overview=overview(readable),
            figures=figures,
            library=interactive.library() if figures else None,
            left_out=detail != Detail(),
            meaning=MEANING,
            version=__version__,
            written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )


def notebook_page(title: str, body: str) -> str:
    """An executed notebook as a page in the same style: no scripts, no network.

    Args:
        title: the notebook's name.
        body: what nbconvert made of it, as markup.
    """
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped,unused-ignore]

    light, dark = (HtmlFormatter(style=style).get_style_defs(".highlight") for style in ("default", "github-dark"))
    return (
        _environment()
        .get_template("notebook.html.j2")
        .render(
            title=title, body=Markup(body), highlight=Markup(light), highlight_dark=Markup(dark), version=__version__
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fleetbench.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {"duration": format_duration, "named": _named, "text": _text}
    return environment


def _title(runs: Sequence[RunResult | Unreadable]) -> str:
    return some([shorten(inert(run.name), 40) for run in runs], 3)


def _finalize(value: Any) -> Any:
    """Whatever a template prints: markup of our own as it is, all other text inert."""
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(value: Any, most: int = _LONG) -> Markup:
    """A text that others wrote: shortened, the whole of it as the title."""
    whole = inert(str(value))
    short = shorten(whole, most)
    return Markup("{}").format(short) if short == whole else Markup('<span title="{}">{}</span>').format(whole, short)


def _named(id: ObjectId) -> Markup:
    """An object: ``ns/name``, with its kind where it is no Kustomization."""
    return _text(say(id))
