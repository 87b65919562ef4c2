"""A chain of many failed tries that are alike says so once, in text; the seconds by cause and JSON stay whole."""

from __future__ import annotations

from collections.abc import Sequence

from fleetbench.report.chain import More, folded
from fleetbench.timeline.causes import FAILED, FETCH_BUILD_APPLY, QUEUE, RETRY, SOURCE, TIMEOUT, Piece
from tests.builders import ks_id

A, B = ks_id("a"), ks_id("b")


def chain(*steps: tuple[str, str]) -> list[Piece]:
    """Pieces of one second each."""
    return [Piece(ks_id(name), cause, float(n), n + 1.0) for n, (name, cause) in enumerate(steps)]


def causes(found: Sequence[Piece | More]) -> list[str]:
    return [piece.said if isinstance(piece, More) else piece.cause for piece in found]


TRY = [("a", FETCH_BUILD_APPLY), ("a", TIMEOUT), ("a", RETRY)]


def test_many_tries_alike_are_told_once_with_how_many_more_there_are_until_when() -> None:
    pieces = chain(("a", SOURCE), *TRY, *(TRY * 40), *TRY[:1])
    found = folded(pieces)
    again = found[7]
    assert causes(found) == [SOURCE, *(c for _, c in TRY * 2), "39 more like these", FETCH_BUILD_APPLY]
    assert isinstance(again, More) and (again.from_s, again.to_s) == (7.0, pieces[-1].from_s)


def test_a_queue_now_and_then_makes_no_other_try_of_it() -> None:
    queued = [TRY[0], ("a", QUEUE), *TRY[1:]]
    assert causes(folded(chain(*TRY, *queued, *TRY, *queued)))[-1] == "3 more like these"


def test_tries_of_two_objects_in_turn_are_folded_together() -> None:
    other = [("b", FAILED), ("b", RETRY)]
    assert causes(folded(chain(*(TRY + other) * 5))) == [*(c for _, c in TRY + other), "8 more like these"]


def test_what_fails_twice_or_each_time_in_another_way_is_told_in_full() -> None:
    twice = chain(*TRY, *TRY, ("a", SOURCE))
    assert folded(twice) == twice
    different = chain(*TRY, ("a", FAILED), ("a", RETRY), *TRY, ("b", FAILED), ("b", RETRY), *TRY)
    assert folded(different) == different and folded([]) == []
