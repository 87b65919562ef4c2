"""What source-controller leaves out of an artifact, case by case as fluxcd/pkg sourceignore v0.18.0 does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.repo.files.ignore import Ignore

PATHS = ["README.md", "deploy/app.yaml", "deploy/docs/notes.md", "a/b/c.yaml", "!x.yaml", "logo.png", ".github/ci.yaml"]


def left_out(*lines: str, **files: list[str]) -> list[str]:
    ignore = Ignore(files, lines)
    return [path for path in PATHS if ignore.matches(path)]


def test_without_a_pattern_of_the_users_the_defaults_hold_and_with_one_only_those_of_git() -> None:
    assert left_out() == ["logo.png", ".github/ci.yaml"]
    assert left_out("# a comment", " ") == ["logo.png", ".github/ci.yaml"]
    assert left_out("nothing") == []
    assert Ignore({}, ["nothing"]).matches(".gitignore")


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["/*", "!/deploy"], [p for p in PATHS if not p.startswith("deploy")]),
        (["/*", "!/deploy", "/deploy/**/*.md"], [p for p in PATHS if p != "deploy/app.yaml"]),
        (["*.md"], ["README.md", "deploy/docs/notes.md"]),
        (["docs/"], ["deploy/docs/notes.md"]),  # a folder at any depth
        (["/docs/"], []),
        (["README.md/"], []),  # no folder
        (["**/b"], ["a/b/c.yaml"]),
        (["a/**/c.yaml"], ["a/b/c.yaml"]),
        (["a/**"], ["a/b/c.yaml"]),
        (["/**"], []),  # git would leave out everything
        (["a**/c.yaml"], []),
        (["[!x]*"], ["!x.yaml"]),  # Go's classes are negated by ^
        (["[^a-zR.]*"], ["!x.yaml"]),
        (["[R-", "*.png"], ["logo.png"]),  # what is malformed fits nothing
        (["\\!x.yaml"], ["!x.yaml"]),
        (["*.md  "], ["README.md", "deploy/docs/notes.md"]),
        (["*.md", "!README.md"], ["deploy/docs/notes.md"]),
    ],
)
def test_patterns(lines: list[str], wanted: list[str]) -> None:
    assert [p for p in left_out(*lines) if p != ".github/ci.yaml" or p in wanted] == wanted


def test_a_file_in_a_folder_speaks_of_that_folder_alone_and_spec_ignore_comes_last() -> None:
    assert left_out(deploy=["*"]) == ["deploy/app.yaml", "deploy/docs/notes.md"]
    assert left_out("!notes.md", deploy=["*"]) == ["deploy/app.yaml"]
    assert left_out(a=["/b"]) == ["a/b/c.yaml"]


@given(
    st.text("ab*?[]^-!\\/.", max_size=12), st.lists(st.sampled_from(["a", "b", "ab", "-", "]"]), min_size=1, max_size=4)
)
def test_no_pattern_is_refused(pattern: str, names: list[str]) -> None:
    assert Ignore({}, [pattern, "x"]).matches("/".join(names)) in (True, False)
