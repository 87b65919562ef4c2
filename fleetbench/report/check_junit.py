"""A check as JUnit XML: a test case for each thing that is asked of the rollout."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fleetbench.decide.check import BUDGET, FINDING, NEVER, OBJECT, PARALLELISM, TOTAL, Failure, Verdict
from fleetbench.report.check import figures, in_flight
from fleetbench.report.inert import inert

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def check_junit(verdict: Verdict) -> str:
    """One suite; times are left out, as nothing here took the time of a rollout."""
    cases: list[tuple[str, str, list[Failure]]] = []
    by_kind: dict[str, list[Failure]] = {}
    for failure in verdict.failures:
        by_kind.setdefault(failure.kind, []).append(failure)
    if verdict.policy.target_s is not None:
        cases.append((BUDGET, "total within the target", by_kind.get(BUDGET, [])))
    if verdict.policy.min_parallel is not None:
        cases.append(
            (
                PARALLELISM,
                f"at least {in_flight(verdict.policy.min_parallel)}",
                by_kind.get(PARALLELISM, []),
            )
        )
    if verdict.base is not None:
        cases.append((TOTAL, "total no later than the baseline's", by_kind.get(TOTAL, [])))
        late = {f.object: f for f in by_kind.get(OBJECT, [])}
        ids = sorted(set(verdict.now.prediction.services) & set(verdict.base.prediction.services))
        cases += [(OBJECT, str(id), [late[id]] if id in late else []) for id in ids]
    cases.append((NEVER, "nothing that is never Ready", by_kind.get(NEVER, [])))
    cases.append((FINDING, "no new finding of severity error", by_kind.get(FINDING, [])))
    failed = sum(bool(failures) for _, _, failures in cases)
    suite = Element(
        "testsuite", name="fleetbench check", tests=str(len(cases)), failures=str(failed), errors="0", skipped="0"
    )
    for kind, name, failures in cases:
        case = SubElement(suite, "testcase", classname=f"fleetbench.{kind}", name=_xml(name))
        if failures and failures[0].file:
            case.set("file", _xml(failures[0].file))
        if failures:
            text = "\n".join(f.message for f in failures)
            SubElement(case, "failure", message=_xml(failures[0].message), type=kind).text = _xml(text)
    SubElement(suite, "system-out").text = _xml(figures(verdict))
    root = Element("testsuites", name="fleetbench", tests=str(len(cases)), failures=str(failed))
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", inert(text, newlines=True))
