"""Rows under headers, for every report: numbers and names stay whole at any width.

Rich alone cuts a number (``10m…``) or drops a column where a table is wider than the terminal. Here widths are settled
first, and rich only draws: side by side, with headers wrapped if need be; else what wraps goes below its row; else
names are broken after a slash, also in lists of names; else a row becomes a paragraph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult

GAP = 2
"""Columns of the terminal between two columns of a table; also how far what belongs to a row is indented."""
LEAST = 20
"""A word of prose that is longer than this may be broken before the layout gives way."""
_NOTHING = ("", "-")


class Column(NamedTuple):
    """A column and how it may give way."""

    header: str
    justify: JustifyMethod = "left"
    wraps: bool = False
    """Its cells may take several lines; otherwise they stay whole."""
    is_name: bool = False
    """Its cells may be broken after a slash."""
    least: int | None = None
    """Wrapping, from which width on a word may be broken; None = never."""
    style: str = ""

    @property
    def is_prose(self) -> bool:
        """Whether its cells wrap and are no list of names."""
        return self.wraps and self.least is not None

    @property
    def names(self) -> bool:
        """Whether its cells are names, one or a list."""
        return self.is_name or (self.wraps and self.least is None)

    def wish(self, cells: Sequence[Text]) -> int:
        """The width at which nothing wraps."""
        return max(len(self.header), *(cell.cell_len for cell in cells), 1)

    def need(self, cells: Sequence[Text], wrap_header: bool, break_names: bool) -> int:
        """The width below which something that must stay whole would break."""
        header = _longest_word(Text(self.header)) if wrap_header or self.wraps else len(self.header)
        if self.is_name and break_names:
            return max(header, *(part.cell_len for cell in cells for part in _parts(cell)), 1)
        if not self.wraps:
            return max(header, *(cell.cell_len for cell in cells), 1)
        if self.least is None and break_names:
            return max(header, *(len(part.plain.rstrip()) for cell in cells for part in _parts(cell)), 1)
        longest = max(map(_longest_word, cells), default=1)
        return max(header, longest if self.least is None else min(longest, self.least))


class Rows:
    """A table of a report, one object a row; it is no wider than what it is printed on."""

    def __init__(self) -> None:
        self._columns: list[Column] = []
        self._rows: list[tuple[Text, ...]] = []
        self._title: int | None = None

    def names(self, *headers: str) -> None:
        """Add columns of names, broken after a slash at most; the first one of all is what a row is about."""
        if self._title is None:
            self._title = len(self._columns)
        self._columns += [Column(header, is_name=True) for header in headers]

    def labels(self, *headers: str) -> None:
        """Add columns of short words that say something about the row."""
        self._columns += [Column(header) for header in headers]

    def numbers(self, *headers: str) -> None:
        """Add columns of numbers and durations, aligned at the right."""
        self._columns += [Column(header, "right") for header in headers]

    def words(self, *headers: str, least: int | None = LEAST, style: str = "") -> None:
        """Add columns that wrap at blanks; with ``least`` None (lists of names) no word of them is ever broken."""
        self._columns += [Column(header, wraps=True, least=least, style=style) for header in headers]

    def add(self, *cells: str | Text) -> None:
        """Add a row, a cell a column."""
        self._rows.append(tuple(Text(cell) if isinstance(cell, str) else cell for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it in the first layout that fits."""
        everything = range(len(self._columns))
        beside = [n for n in everything if not self._columns[n].is_prose]
        if widths := self._widths(everything, options.max_width):
            yield from self._lines(everything, widths, console, options)
        elif 0 in beside and (widths := self._widths(beside, options.max_width, break_names=self._columns[0].wraps)):
            yield from self._with_prose_below(beside, widths, console, options)
        elif widths := self._widths(everything, options.max_width, break_names=True):
            yield from self._lines(everything, widths, console, options)
        else:
            yield from self._paragraphs(options.max_width)

    def _cells(self, column: int) -> list[Text]:
        return [row[column] for row in self._rows]

    def _widths(self, shown: Sequence[int], available: int, break_names: bool = False) -> list[int] | None:
        """A width for each column; None where they do not fit side by side, not even with headers wrapped."""
        for wrap_header in (False, True):
            widths = [self._columns[n].need(self._cells(n), wrap_header, break_names) for n in shown]
            wanting = [
                (self._columns[n].wish(self._cells(n)) - widths[place], place)
                for place, n in enumerate(shown)
                if self._columns[n].wraps or self._columns[n].is_name
            ]
            spare = available - sum(widths) - GAP * (len(widths) - 1)
            # A header wraps before a cell does: on one line only where nothing else lacks the room.
            if spare >= (0 if wrap_header else sum(wanted for wanted, _ in wanting)):
                return _widened(widths, wanting, spare)
        return None

    def _lines(
        self, shown: Sequence[int], widths: Sequence[int], console: Console, options: ConsoleOptions
    ) -> Iterator[Segment]:
        """The columns that are shown, drawn by rich."""
        table = Table(box=None, padding=(0, GAP, 0, 0), header_style="bold")
        for n, width in zip(shown, widths, strict=True):
            column = self._columns[n]
            table.add_column(column.header, justify=column.justify, width=width, overflow="fold", style=column.style)
        for row in self._rows:
            cells = ((self._columns[n], row[n], width) for n, width in zip(shown, widths, strict=True))
            table.add_row(*(_broken(cell, width) if column.names else cell for column, cell, width in cells))
        # The gap that rich also puts after the last column may reach beyond the edge: it is blank.
        yield from console.render(table, options.update_width(options.max_width + GAP))

    def _with_prose_below(
        self, beside: Sequence[int], widths: Sequence[int], console: Console, options: ConsoleOptions
    ) -> RenderResult:
        lines = list(Segment.split_lines(self._lines(beside, widths, console, options)))
        heights = [self._height(row, beside, widths) for row in self._rows]
        headers = len(lines) - sum(heights)
        title = beside.index(self._title or 0)
        indent = sum(widths[:title]) + GAP * (title + 1)
        below = [n for n in range(len(self._columns)) if n not in beside]
        yield from (part for line in lines[:headers] for part in (*line, Segment.line()))
        at = headers
        for row, height in zip(self._rows, heights, strict=True):
            yield from (part for line in lines[at : at + height] for part in (*line, Segment.line()))
            at += height
            for n in below:
                yield from self._said([n], row, indent)

    def _height(self, row: Sequence[Text], shown: Sequence[int], widths: Sequence[int]) -> int:
        """How many lines of the terminal a row takes; only names are broken."""
        cells = ((self._columns[n], row[n], width) for n, width in zip(shown, widths, strict=True))
        return max(_broken(cell, width).plain.count("\n") + 1 if column.names else 1 for column, cell, width in cells)

    def _paragraphs(self, width: int) -> RenderResult:
        title = self._title or 0
        rest = [n for n in range(len(self._columns)) if n != title]
        yield Text(self._columns[title].header, style="bold")
        for row in self._rows:
            yield _broken(row[title], width) if self._columns[title].is_name else row[title]
            yield from self._said(rest, row, GAP)

    def _said(self, columns: Sequence[int], row: Sequence[Text], indent: int) -> Iterator[Padding]:
        """Cells as a sentence, each after its header; nothing of those that hold nothing."""
        said = [
            Text.assemble((f"{self._columns[n].header} ".lstrip(), "dim"), row[n])
            for n in columns
            if row[n].plain not in _NOTHING
        ]
        if said:
            yield indented(Text(", ").join(said), indent)


def _widened(widths: list[int], wanting: list[tuple[int, int]], spare: int) -> list[int]:
    """What is left over goes to the columns that want more (how much, which), to none more than it can use."""
    for done, (wanted, place) in enumerate(sorted(wanting)):
        given = min(wanted, spare // (len(wanting) - done))
        widths[place] += given
        spare -= given
    return widths


def indented(text: Text, columns: int) -> Padding:
    """A text of which every line starts so far to the right."""
    return Padding(text, (0, 0, 0, columns), expand=False)


def _parts(name: Text) -> list[Text]:
    """A name, or a list of names, cut after each slash and blank."""
    return list(name.divide([n + 1 for n, c in enumerate(name.plain[:-1]) if c in "/ "]))


def _broken(name: Text, width: int) -> Text:
    """A name on as few lines as its width allows; a line that ends in a slash reads as going on."""
    lines = [Text()]
    for part in _parts(name):
        if lines[-1].cell_len + len(part.plain.rstrip()) > width and lines[-1]:
            lines[-1].rstrip()
            lines.append(Text())
        lines[-1].append_text(part)
    return Text("\n").join(lines)


def _longest_word(text: Text) -> int:
    return max((Text(word).cell_len for word in text.plain.split()), default=1)
