"""Prove a patch: apply it to a copy, read that copy as Flux would, and compare with what was promised."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetbench.decide.patch.flags import FLAG_OF, flag_text
from fleetbench.decide.patch.unified import unified_diff
from fleetbench.decide.patch.write import Written, write_changes
from fleetbench.decide.whatif import SetFlags, WhatIf, all_applied
from fleetbench.errors import InputError
from fleetbench.findings import BUILD_FAILED, FILE_UNREADABLE
from fleetbench.graph.changes import with_installed
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import say
from fleetbench.model.scenario import Scenario
from fleetbench.repo import Reading, read_repository
from fleetbench.repo.files.ignore import IGNORE_FILE, not_archived
from fleetbench.repo.files.tree import spec_path


@dataclass(frozen=True)
class Patch:
    """A patch that was tried."""

    text: str
    """Unified diff; empty if there is nothing to write."""
    changes: tuple[WhatIf, ...]
    """What it holds; of one that could be written in part only, ``left`` says what is missing."""
    fleet: Fleet
    """The patched repository as read."""
    left: tuple[str, ...]
    """What could not be written."""
    shared: tuple[str, ...]
    """Patched files outside the cluster's path: other clusters may use them, too."""


def make_patch(
    repo: Path, cluster_path: str, reading: Reading, changes: tuple[WhatIf, ...], scenario: Scenario
) -> Patch:
    """Write the changes, apply them to a copy, and leave out what the copy shows not to have arrived.

    A patch further up (an overlay that sets ``wait`` again, say) can undo an edit; the copy shows it.
    """
    wanted = list(changes)
    left: list[str] = []
    while True:
        written = write_changes(repo, reading, wanted)
        if not written.files.changed:
            return Patch("", (), reading.fleet, (*left, *written.left), ())
        patched = _read_patched(repo, cluster_path, written, reading.fleet.installed)
        promised = all_applied(scenario, tuple(wanted)).fleet
        if isinstance(patched, str):
            undone: str | None = patched
        else:
            fleet = with_installed(patched.fleet, reading.fleet.installed)
            undone = _unreadable(reading, patched) or _differs(promised, fleet, written)
        if undone is None:
            changed = written.files.changed
            shared = tuple(sorted(p for p in changed if not p.startswith(spec_path(cluster_path) + "/")))
            text = unified_diff(written.files.before, changed)
            return Patch(text, written.changes, fleet, (*left, *written.left), shared)
        dropped = wanted.pop()
        left.append(f"{dropped.title}: {undone}")


def _read_patched(repo: Path, cluster_path: str, written: Written, installed: Collection[str]) -> Reading | str:
    """The patched repository as read, or why it cannot be."""
    with tempfile.TemporaryDirectory(prefix="fleetbench-") as folder:
        copy = Path(folder) / repo.resolve().name
        copy_repository(repo, copy, written.files.changed)
        try:
            return read_repository(copy, cluster_path, copy_of=repo, installed=installed)
        except InputError as error:
            return f"the patched repository cannot be read: {error.message}"


def copy_repository(repo: Path, copy: Path, changed: Mapping[str, str]) -> None:
    """A copy with other content for some files; links stay links, and what no artifact holds is left out.

    Raises:
        InputError: a file of the repository cannot be read.
    """
    try:
        shutil.copytree(repo, copy, symlinks=True, ignore=not_archived)
    except shutil.Error as error:
        source, _, reason = error.args[0][0]
        raise InputError(f"{source}: cannot be copied: {reason}", "make it readable, or remove it") from None
    for path, text in changed.items():
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)


def _unreadable(reading: Reading, patched: Reading) -> str | None:
    """What can no longer be read once the patch is in: whatever else differs then differs for it."""
    before = {(f.code, f.object, f.file) for f in reading.findings}
    for finding in patched.findings:
        new = (finding.code, finding.object, finding.file) not in before
        if new and finding.code in (FILE_UNREADABLE, BUILD_FAILED):
            return f"the patched repository cannot be read: {finding.in_full}"
    return None


_COMPARED = {
    "depends_on": "dependsOn",
    "wait": "wait",
    "timeout_s": "timeout",
    "interval_s": "interval",
    "retry_interval_s": "retryInterval",
}
"""Field of a service that an edit may set -> what it is called in a manifest."""


def _differs(promised: Fleet, fleet: Fleet, written: Written) -> str | None:
    """What of the promised fleet the patched repository does not say, as far as it was written at all."""
    unwritten = " ".join(written.left)
    for obj in promised.services():
        found = fleet.service(obj.id)
        if found is None:
            return f"{say(obj.id)} is gone from the patched repository"
        for name, said in _COMPARED.items():
            if getattr(obj, name, None) != getattr(found, name, None) and say(obj.id) not in unwritten:
                return f"{say(obj.id)}: something else in the repository sets {said} again"
    for source in promised.sources:
        now = fleet.source(source.id)
        more = 0 if now is None else (now.files or 0) - (source.files or 0)
        if more not in (0, 1):  # the file itself may be one more
            return f"{IGNORE_FILE}: a {IGNORE_FILE} further down, or the source's spec.ignore, takes back what it leaves out"
    return _flags_differ(promised, fleet, written)


def _flags_differ(promised: Fleet, fleet: Fleet, written: Written) -> str | None:
    """A flag that does not arrive, or one of another controller that would change with it."""
    unwritten = " ".join(written.left)
    fields = {field for change in written.changes if isinstance(change, SetFlags) for field in change.flags}
    meant = {FLAG_OF[field] for field in fields if field in FLAG_OF}
    before = {(f.controller, f.flag): f.value for f in promised.flags}
    for flag in fleet.flags:
        key = flag.controller, flag.flag
        if key not in meant and before.get(key) != flag.value:
            return f"it would set {flag.text} of {flag.controller}, too: one patch of the repository sets both"
    set_now = {f"{flag.text} of {flag.controller}" for flag in fleet.flags}
    for change in written.changes:
        for field, value in change.flags.items() if isinstance(change, SetFlags) else ():
            wanted = f"{flag_text(field, value)} of {FLAG_OF[field][0]}" if field in FLAG_OF else ""
            if wanted and wanted not in set_now and wanted not in unwritten:
                return f"{wanted} does not arrive: something else in the repository sets it, or its place is not clear"
    return None
