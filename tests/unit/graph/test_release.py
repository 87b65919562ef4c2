"""Whose defaults stand for the version, or the range of versions, that a repository states."""

from __future__ import annotations

import pytest

from fleetbench.graph.release import release_of


@pytest.mark.parametrize(
    ("stated", "release"),
    [
        ("v2.7.5", "2.7"),
        ("2.8.0-rc.1", "2.8"),
        ("2.7.x", "2.7"),
        ("2.7", "2.7"),
        ("=2.6.4", "2.6"),
        ("~2.8.1", "2.8"),
        ("^2.6", "2.9"),
        ("2.x", "2.9"),
        ("2", "2.9"),
        ("*", "2.9"),
        (">=2.6.0 <2.8.0", "2.7"),
        (">= 2.6, < 2.8", "2.7"),
        ("<2.8.3", "2.8"),
        ("<=2.7", "2.7"),
        ("2.6.0 - 2.8.0", "2.8"),
        ("2.6.x || 2.7.x", "2.7"),
        (">2.7.0, !=2.9.x", "2.8"),
        ("<3.0.0", "2.9"),
        (">=1.0", "2.9"),
    ],
)
def test_the_newest_known_release_that_lies_in_the_range(stated: str, release: str) -> None:
    assert release_of(stated) == (release, True)


@pytest.mark.parametrize(
    ("stated", "nearest"), [("v2.4.0", "2.6"), ("<2.5", "2.6"), ("2.12.x", "2.9"), ("v3.0.0", "2.9"), ("latest", "2.9")]
)
def test_the_nearest_stands_for_what_is_not_known(stated: str, nearest: str) -> None:
    assert release_of(stated) == (nearest, False)
