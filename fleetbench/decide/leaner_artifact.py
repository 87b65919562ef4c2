"""A ``.sourceignore`` that leaves out of the artifact what nothing leads Flux to: every reconcile unpacks it whole.

Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go reconcile (fetches and unpacks the source's
artifact into a temporary folder, and removes that at the end); what weighs, and how much: MODEL.md, "Files".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetbench.decide.candidates import Candidate
from fleetbench.ids import ObjectId, some
from fleetbench.model.scenario import Scenario
from fleetbench.repo import Reading
from fleetbench.repo.files.ignore import IGNORE_FILE
from fleetbench.repo.unread_files import unread_files

LEAST_SHARE = 0.1
"""Of the artifact's files: less is not worth a file."""
YOURS_TO_SAY = (
    "no manifest here leads there; what else takes this source's artifact (another repository's sources) you must know"
)


@dataclass(frozen=True)
class LeanerArtifact:
    """Fewer files in the artifact of the root's source."""

    source: ObjectId
    folders: tuple[str, ...]
    patterns: tuple[str, ...]
    """Lines for the ``.sourceignore``."""
    files: int
    """So many fewer."""
    of: int

    @property
    def title(self) -> str:
        """``.sourceignore: leave out 3,667 of 5,652 files (ansible/, docs/)``."""
        named = some([f"{folder}/" for folder in self.folders], 3)
        return f"{IGNORE_FILE}: leave out {self.files:,} of {self.of:,} files ({named})"

    def applied(self, scenario: Scenario) -> Scenario:
        """With them gone."""
        sources = tuple(
            replace(s, files=s.files - self.files) if s.id == self.source and s.files is not None else s
            for s in scenario.fleet.sources
        )
        return replace(scenario, fleet=replace(scenario.fleet, sources=sources))


def leaner_artifact(reading: Reading) -> list[Candidate]:
    """That change, where the repository holds much that nothing leads Flux to; else nothing."""
    fleet = reading.fleet
    root = None if fleet.root is None else fleet.kustomization(fleet.root)
    if reading.tree is None or root is None or root.source is None:
        return []
    reads = (path for k in fleet.kustomizations for path in k.reads)
    found = unread_files(reading.tree, reads, reading.tracked)
    if found is None or found.files < LEAST_SHARE * found.of:
        return []
    change = LeanerArtifact(root.source, found.folders, found.patterns, found.files, found.of)
    return [Candidate(change, True, f"each reconcile unpacks them; {YOURS_TO_SAY}")]
