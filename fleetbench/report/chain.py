"""A causal chain as rows: tries that fail one after the other are told once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fleetbench.report.inert import inert, name_of
from fleetbench.report.rows import Rows
from fleetbench.timeline.causes import MEANING, QUEUE, RETRY, Piece, seconds_of
from fleetbench.units import format_duration

FOLDED_FROM = 3
"""So many tries alike, one after the other, are told once."""
AGAIN = "and again"
_LONGEST = 4
"""Tries that may alternate, of objects that fail in turn."""


class More(NamedTuple):
    """Tries like those just before it."""

    tries: int
    from_s: float
    to_s: float

    @property
    def said(self) -> str:
        """What stands in their place."""
        return f"{self.tries} more like these"


def rows_of(pieces: Sequence[Piece], detailed: bool) -> Rows:
    """The causal chain, a piece a row; in detail also which workload, and who held the workers."""
    rows = Rows()
    rows.numbers("from", "to", "takes")
    rows.labels("cause")
    rows.names("object")
    if detailed:
        rows.words("detail", style="dim")
    for piece in folded(pieces):
        times = map(format_duration, (piece.from_s, piece.to_s, piece.to_s - piece.from_s))
        if isinstance(piece, More):
            cells, detail = (AGAIN, piece.said), f"until {format_duration(piece.to_s)}; --format json has them all"
        else:
            cells, detail = (piece.cause, name_of(piece.object)), inert(piece.detail)
        rows.add(*times, *cells, *([detail] if detailed else []))
    return rows


def by_cause(pieces: Sequence[Piece]) -> Rows:
    """What each cause that occurs comes to, and what it means."""
    rows = Rows()
    rows.numbers("in all")
    rows.labels("cause")
    rows.words("meaning", style="dim")
    for cause, total_s in sorted(seconds_of(pieces).items(), key=lambda item: (-item[1], item[0])):
        rows.add(format_duration(total_s), cause, MEANING[cause])
    return rows


def folded(pieces: Sequence[Piece]) -> list[Piece | More]:
    """A chain with one of many tries that are alike, and how many more there are.

    A try ends with the wait for the next one. Alike are those that spend time at the same objects for the same causes;
    a queue comes and goes.
    """
    tries, rest = _tries(pieces)
    like = [tuple((piece.object, piece.cause) for piece in one if piece.cause != QUEUE) for one in tries]
    found: list[Piece | More] = []
    at = 0
    while at < len(tries):
        size, times = _repeated(like, at)
        found += [piece for one in tries[at : at + size] for piece in one]
        if times > 1:
            again = tries[at + size : at + size * times]
            found.append(More(len(again), again[0][0].from_s, again[-1][-1].to_s))
        at += size * times
    return [*found, *rest]


def _tries(pieces: Sequence[Piece]) -> tuple[list[list[Piece]], list[Piece]]:
    """The chain cut after each wait for a retry, and what follows the last one."""
    tries: list[list[Piece]] = [[]]
    for piece in pieces:
        tries[-1].append(piece)
        if piece.cause == RETRY:
            tries.append([])
    return tries[:-1], tries[-1]


def _repeated(like: Sequence[object], at: int) -> tuple[int, int]:
    """How many tries from there on make up what is repeated most, and how many times it stands there; 1, 1 = not often."""
    best = (1, 1)
    for size in range(1, _LONGEST + 1):
        times = 1
        while like[at + size * times : at + size * (times + 1)] == like[at : at + size]:
            times += 1
        if times >= FOLDED_FROM and size * times > best[0] * best[1]:
            best = (size, times)
    return best
