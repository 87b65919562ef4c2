"""Findings about a fleet: a stable code, where it is, and a way to mend it.

A finding never stops a command; all of them are collected in one run. The registry below is the one home of
the codes: the table in the documentation is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from fleetbench.errors import masked, place
from fleetbench.ids import ObjectId, say

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)


class Rule(NamedTuple):
    """One kind of finding: its severity and what it means, in a line."""

    severity: str
    title: str


RULES: dict[str, Rule] = {}
"""Code -> rule, filled by :func:`rule` below."""


def rule(code: str, severity: str, title: str) -> str:
    """Register a code and return it."""
    assert code not in RULES and severity in SEVERITIES
    RULES[code] = Rule(severity, title)
    return code


# FB1xx: what Flux can never reconcile (error), and its near relations.
CYCLE = rule("FB101", ERROR, "dependsOn forms a cycle")
DEPENDENCY_MISSING = rule("FB102", ERROR, "dependsOn names an object that exists nowhere")
DEPENDENCY_OTHER_KIND = rule("FB103", ERROR, "dependsOn names an object of the other kind")
DEPENDENCY_OTHER_NAMESPACE = rule("FB104", ERROR, "dependsOn names an object that lives in another namespace")
PATH_MISSING = rule("FB105", ERROR, "spec.path does not exist in the repository")
SOURCE_MISSING = rule("FB106", ERROR, "the source is defined nowhere")
BUILD_FAILED = rule("FB107", ERROR, "kustomize cannot build the path")
FILE_UNREADABLE = rule("FB108", ERROR, "a file or a field of the fleet holds what cannot be read")
CHART_MISSING = rule("FB109", ERROR, "the chart does not exist in the repository")
CRD_DEADLOCK = rule("FB110", WARNING, "a custom resource sits beside the release that brings its CRD")
SELF_DEPENDENCY_LOOP = rule("FB111", WARNING, "a Kustomization waits for what can only follow it")
NEVER_CREATED = rule("FB112", ERROR, "an object that nothing creates: its parent is not there, or comes after it")
APPLY_REFUSED = rule("FB113", ERROR, "something of what it applies is refused")
OBJECT_REFUSED = rule("FB114", ERROR, "the API server refuses an object of Flux's: no such kind, version or field")
ACCESS_DENIED = rule("FB115", ERROR, "a source that the controller's flags forbid")
NOT_WATCHED = rule("FB116", ERROR, "no controller watches an object, for its labels or its kind")
EXPRESSION_NEVER = rule("FB117", ERROR, "a readyExpr that can never be true")
VARIABLE_UNSET = rule("FB118", ERROR, "a variable that nothing sets fails the build")
API_GONE = rule("FB119", ERROR, "an API version that no Kubernetes serves any more")
SET_WAITS_IN_VAIN = rule("FB120", ERROR, "a ResourceSet depends on an object that exists nowhere")
NEVER_FOUND = rule("FB121", ERROR, "values or variables that are never found: no such name, no such key")
IMMUTABLE = rule("FB122", ERROR, "the API server refuses what a commit changes")
# FB2xx: what costs time.
NEED_UNDECLARED = rule("FB201", WARNING, "a needed edge is not declared")
EDGE_REDUNDANT = rule("FB202", WARNING, "an edge is implied by others")
WAIT_UNUSED = rule("FB203", WARNING, "wait: true that nothing depends on")
WORKERS_EXHAUSTED = rule("FB204", WARNING, "waiting parents can hold every worker")
CHILD_TIMEOUT = rule("FB205", WARNING, "a child's timeout is not shorter than its waiting parent's")
TIMEOUT_TOO_LONG = rule("FB206", WARNING, "a timeout longer than it can matter")
EDGE_WITHOUT_STATUS = rule("FB207", WARNING, "an edge leans on an object whose status says nothing")
DEPENDENCY_SUSPENDED = rule("FB208", WARNING, "a dependency is suspended")
NODE_CAPACITY = rule("FB209", WARNING, "more pods than the nodes hold")
HEALTH_CHECK_MISSING = rule("FB210", WARNING, "a health check names an object that nothing here creates")
NEVER_RECONCILED = rule("FB211", WARNING, "the root or a source is suspended")
TIMEOUT_TOO_SHORT = rule("FB212", WARNING, "a timeout shorter than what it waits for is known to take")
RETRY_LATE = rule("FB213", WARNING, "a failed health check is tried again only after a long interval")
EVENTS_REFUSED = rule("FB214", WARNING, "events are posted to a notification-controller that is not there")
# FB3xx: what was read differently from what one may expect.
DUPLICATE_OBJECT = rule("FB301", WARNING, "several Kustomizations apply the same object")
NOT_EXPANDED = rule("FB302", INFO, "an object whose content this repository does not hold")
REMOTE_BASE = rule("FB303", WARNING, "a remote base was left out")
VARIABLE_UNKNOWN = rule("FB304", WARNING, "a variable without a value")
SEVERAL_ROOTS = rule("FB305", INFO, "the cluster has several Kustomizations that no other one applies")
CHART_NOT_RENDERED = rule("FB306", INFO, "a chart's workloads are not known")
ENTRY_EMPTY = rule("FB307", WARNING, "the entry holds nothing that Flux rolls out")
STATED_TIME_UNREADABLE = rule("FB308", WARNING, "a stated time cannot be read, so it does not hold")
VARIABLES_ELSEWHERE = rule("FB309", INFO, "variables or values come from an object that nothing here creates")
NAMESPACE_ELSEWHERE = rule("FB310", WARNING, "objects go to a namespace that nothing here creates")
API_UNKNOWN = rule("FB311", WARNING, "a kind, version or field of Flux's that is not known here")
EXPRESSION_NOT_READ = rule("FB312", INFO, "a CEL expression is not evaluated")
DEPENDENCY_UNREAD = rule("FB313", WARNING, "dependsOn names an object that only something unread may make")
ACCOUNT_MISSING = rule("FB314", WARNING, "applied as a service account that nothing here creates")
CRD_ELSEWHERE = rule("FB315", WARNING, "objects of a kind whose CRD nothing here brings")
CRD_UNREAD = rule("FB316", INFO, "objects of kinds whose CRDs only something unread may bring")
ROOT_DECRYPTS = rule("FB317", WARNING, "an encrypted Secret of a root that is only assumed")
NAMESPACE_MISSING = rule("FB318", WARNING, "objects of a namespaced kind without a namespace")
WAIT_NOT_MODELLED = rule("FB319", WARNING, "a ResourceSet waits for what is not modelled")
HELMFILE_READ = rule("FB320", INFO, "a helmfile says what the cluster has before Flux")
EXPRESSION_IDLE = rule("FB321", WARNING, "healthCheckExprs that nothing asks")
INSTALLED_TWICE = rule("FB322", WARNING, "several installs set Flux's controllers otherwise")
BOOTSTRAP_UNBUILT = rule("FB323", WARNING, "kustomize cannot build what flux bootstrap applies")
RELEASE_JUDGED = rule("FB324", WARNING, "the newest Flux does not serve what is applied, so an older one is assumed")


TAKEN_AS_GIVEN = (
    NOT_EXPANDED, REMOTE_BASE, VARIABLES_ELSEWHERE, NAMESPACE_ELSEWHERE, EXPRESSION_NOT_READ, DEPENDENCY_UNREAD,
    ACCOUNT_MISSING, CRD_ELSEWHERE, CRD_UNREAD, NAMESPACE_MISSING, WAIT_NOT_MODELLED,
)  # fmt: skip
"""What a prediction counts as there, empty, true or right, though nothing in the repository shows it."""


DEADLOCKS = (CRD_DEADLOCK, SELF_DEPENDENCY_LOOP, NEVER_RECONCILED, DEPENDENCY_SUSPENDED)
"""Warnings, as a cluster that runs has got over them; a bootstrap has not."""


class Shared(NamedTuple):
    """A finding as one says it of several objects at once, where one cause holds for them all."""

    message: str
    """What is so of them, a verb in the plural first, without what differs from one to the next."""
    fix: str
    """What to change for all of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a fleet."""

    code: str
    """``FB###``, a key of :data:`RULES`."""
    message: str
    """What is so, with names and figures."""
    fix: str
    """What to change."""
    object: ObjectId | None = None
    """Which object, if one."""
    file: str | None = None
    """Path relative to the repository, if it lies in a file."""
    line: int | None = None
    """1-based line in that file."""
    shared: Shared | None = None
    """What it has in common with findings of other objects; equal = one cause. For people alone: JSON leaves it out."""
    settled_by: tuple[str, ...] = ()
    """With all these names given to ``--installed`` there is nothing left to say; empty = it always holds. Not in JSON."""
    dormant: bool = False
    """Nothing builds or applies it as long as something is suspended: no error yet."""
    given: bool = False
    """A prediction takes the better case, as with those of :data:`TAKEN_AS_GIVEN`. Not in JSON."""

    def __post_init__(self) -> None:
        """A remote base may be named with a token in its URL."""
        object.__setattr__(self, "message", masked(self.message))
        object.__setattr__(self, "fix", masked(self.fix))

    @property
    def severity(self) -> str:
        """error, warning or info: the rule's, but for an error that is none before something is resumed."""
        severity = RULES[self.code].severity
        return WARNING if self.dormant and severity == ERROR else severity

    @property
    def of_object(self) -> str:
        """``flux-system/apps: depends on ...``: the message with whom it is about, for a line of its own."""
        return self.message if self.object is None else f"{say(self.object)}: {self.message}"

    @property
    def in_full(self) -> str:
        """``apps.yaml:3 flux-system/apps: depends on ...``: with its place as well."""
        return f"{place(self.file, self.line)} {self.of_object}".lstrip()

    def to_json(self) -> dict[str, Any]:
        """The finding as the JSON contract writes it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "object": None if self.object is None else str(self.object),
            "file": self.file,
            "line": self.line,
            "message": self.message,
            "fix": self.fix,
        }


def in_order(findings: list[Finding]) -> list[Finding]:
    """Sort findings for people: errors first, then by code, file, line, object; doubles dropped."""
    unique = list(dict.fromkeys(findings))
    return sorted(
        unique,
        key=lambda f: (
            SEVERITIES.index(f.severity),
            f.code,
            f.file or "",
            f.line or 0,
            "" if f.object is None else str(f.object),
            f.message,
        ),
    )
