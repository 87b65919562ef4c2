"""Progress on the terminal: a table that redraws itself, or plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fleetbench.measure.progress import FAILED, READY, WAITING, WORKING, Progress
from fleetbench.report.inert import inert
from fleetbench.timeline.events import Event
from fleetbench.units import counted, format_duration

Interval = tuple[float, float]
"""Predicted total: 5 % and 95 % quantile, seconds."""


class PlainView:
    """One line for each service that turns Ready, and for each new failure."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._said: set[tuple[Any, ...]] = set()

    def event(self, event: Event, progress: Progress, first_ready: bool) -> None:
        """Say what is new of a service."""
        t_s = event.t_s - progress.since_s
        if first_ready:
            count = f"{len(progress.ready_s)}/{progress.total}"
            self._say(f"{t_s:8.1f}s  {event.object} Ready ({count})")
        elif progress.holds(event.object) and progress.waits_for is None:
            row = progress.row(event.object)
            key = (event.object, row.detail)
            if row.state == FAILED and key not in self._said:
                self._said.add(key)
                self._say(f"{t_s:8.1f}s  {event.object} {row.detail}")

    def trouble(self, text: str) -> None:
        """Say what the watch lost."""
        self._say(text)

    def tick(self, t_s: float, progress: Progress) -> None:
        """Nothing: lines come with events."""

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


class TableView:
    """A live table on a terminal."""

    def __init__(self, workers: dict[str, int], predicted: Interval | None = None):
        from rich.console import Console
        from rich.live import Live

        self._workers, self._predicted = workers, predicted
        self._trouble = ""
        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)

    def event(self, event: Event, progress: Progress, first_ready: bool) -> None:
        """Nothing: the next tick shows it."""

    def trouble(self, text: str) -> None:
        """Kept below the table."""
        self._trouble = text

    def tick(self, t_s: float, progress: Progress) -> None:
        """Redraw."""
        self._live.update(self._draw(t_s, progress), refresh=True)

    def __enter__(self) -> TableView:
        self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def _draw(self, t_s: float, progress: Progress) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=Text(headline(t_s, progress, self._workers, self._predicted)), title_justify="left", expand=False
        )
        table.add_column("Object")
        table.add_column("State")
        table.add_column("Ready", justify="right")
        table.add_column("")
        rows, limit = progress.rows(), max(self._live.console.size.height - 7, 5)
        # Those that are done are the first to make room.
        hidden = max(len(rows) - limit, 0)
        for row in rows[hidden:]:
            ready = "" if row.ready_s is None else format_duration(row.ready_s)
            table.add_row(
                Text(inert(str(row.object))),
                Text(row.state, style=_STYLES.get(row.state, "")),
                ready,
                Text(inert(row.detail)),
            )
        notes = [f"{hidden} more above" if hidden else "", self._trouble]
        table.caption = Text(inert("; ".join(n for n in notes if n)))
        return table


_STYLES = {READY: "green", WORKING: "cyan", WAITING: "yellow", FAILED: "red"}


def headline(t_s: float, progress: Progress, workers: dict[str, int], predicted: Interval | None) -> str:
    """Elapsed, how many are Ready, workers busy, and the prediction to hold it against."""
    if progress.waits_for is not None:
        return f"{format_duration(t_s)}, waiting for {progress.waits_for}"
    parts = [format_duration(t_s), f"{len(progress.ready_s)} of {progress.total} Ready"]
    for kind, count in workers.items():
        parts.append(f"{progress.busy(kind)} of {counted(count, f'{kind} worker')} busy")
    if predicted is not None:
        parts.append(f"predicted {format_duration(predicted[0])} to {format_duration(predicted[1])}")
    return ", ".join(parts)
