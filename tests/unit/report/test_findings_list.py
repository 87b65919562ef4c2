"""Findings in the terminal: one cause is one line, however many objects it has."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from fleetbench.findings import BUILD_FAILED, EDGE_REDUNDANT, NEED_UNDECLARED, Finding, Shared
from fleetbench.report.findings import by_cause, findings_list
from tests.builders import ks_id

SHARED = Shared("need the CRD, which x brings.", "add x to the dependsOn of each")


def lines(findings: list[Finding]) -> list[str]:
    console = Console(file=StringIO(), width=1000)
    for part in findings_list(findings):
        console.print(part)
    return [line.strip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def found(*names: str, shared: Shared | None = SHARED, code: str = NEED_UNDECLARED) -> list[Finding]:
    return [Finding(code, f"{n} needs the CRD.", f"mend {n}", ks_id(n), f"{n}.yaml", 1, shared) for n in names]


def test_many_findings_of_one_cause_are_one_line_with_a_count_and_the_first_names() -> None:
    said = lines(found("a", "b", "c", "d", "e"))
    assert (
        "5 objects (flux-system/a, flux-system/b, flux-system/c, flux-system/d and 1 more) need the CRD, which x brings."
        in said
    )
    assert "fix: add x to the dependsOn of each" in said and not any("a.yaml" in line for line in said)
    assert said[0] == "Findings: 5 warnings" and "--format json has each with its file and line" in said[-1]


def test_two_of_one_cause_and_what_has_none_in_common_keep_their_lines() -> None:
    said = lines([*found("a", "b"), *found("c", "d", "e", shared=None)])
    assert [line for line in said if ".yaml:1" in line] == [
        f"{n}.yaml:1 flux-system/{n}: {n} needs the CRD." for n in "abcde"
    ]


def test_one_cause_is_counted_within_its_code() -> None:
    said = lines([*found("a", "b"), *found("c", "d", code=EDGE_REDUNDANT)])
    assert not any("objects (" in line for line in said)


def test_warnings_of_one_cause_are_the_first_and_how_many_more() -> None:
    shared = Shared("have apiVersion: gone", "write v1")
    alike = [Finding("FB114", "apiVersion: gone", "write v1", ks_id(name), "a.yaml", 1, shared) for name in "abcd"]
    alone = Finding("FB102", "depends on nothing", "correct it", ks_id("z"))
    assert by_cause([*alike, alone]) == [
        "FB102: flux-system/z: depends on nothing",
        "FB114: a.yaml:1 flux-system/a: apiVersion: gone; so of 3 more (`fleetbench graph` names them)",
    ]


def test_what_only_suspended_objects_would_meet_is_told_as_the_warning_it_is() -> None:
    said = lines(
        [Finding(BUILD_FAILED, "a", "mend", ks_id("a")), Finding(BUILD_FAILED, "b", "mend", ks_id("b"), dormant=True)]
    )
    assert said[0] == "Findings: 1 error, 1 warning"
    assert [line.split()[0] for line in said if "FB107" in line] == ["error", "warning"]
