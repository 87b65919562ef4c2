"""Changes that a search chose, as edits of the repository's files; what cannot be written is said, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from yaml import MappingNode

from fleetbench.decide.candidates import Layout
from fleetbench.decide.intervals import INTERVAL_TEXT, SetInterval, with_longer
from fleetbench.decide.leaner_artifact import LeanerArtifact
from fleetbench.decide.paired import signed
from fleetbench.decide.patch.files import Files
from fleetbench.decide.patch.flags import FLAG_OF, flag_places, write_flags
from fleetbench.decide.patch.instance import instance_place
from fleetbench.decide.patch.yaml_edit import NotEditable, add_item, document_of, drop_item, set_scalar
from fleetbench.decide.retries import RETRY_TEXT, SetRetryInterval
from fleetbench.decide.whatif import AddEdges, DropEdges, SetFlags, SetTimeouts, SplitParent, WaitOff, WhatIf
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import Kustomization
from fleetbench.ids import ObjectId, say
from fleetbench.repo import Reading
from fleetbench.repo.files.ignore import IGNORE_FILE
from fleetbench.repo.files.tree import KUSTOMIZATION_FILES
from fleetbench.repo.manifest import CONTROLLERS
from fleetbench.repo.unread_files import with_patterns
from fleetbench.units import go_duration

if TYPE_CHECKING:
    from fleetbench.decide.combine import Added

WAIT, TIMEOUT, DEPENDS_ON = ("spec", "wait"), ("spec", "timeout"), ("spec", "dependsOn")
RETRY, INTERVAL = ("spec", "retryInterval"), ("spec", "interval")

T = TypeVar("T")
Step = tuple[ObjectId, Callable[[str], str], str]
"""The object whose file is edited, the edit, and what it does, for people."""


@dataclass(frozen=True)
class Written:
    """Edits, and what they leave out."""

    files: Files
    left: tuple[str, ...]
    """Sentences for people."""
    changes: tuple[WhatIf, ...] = ()
    """What was written of them."""


def write_changes(repo: Path, reading: Reading, changes: Iterable[WhatIf]) -> Written:
    """Edit the files that define what changes.

    Args:
        repo: the repository's directory.
        reading: the repository as read.
        changes: what to write; each that manifests cannot express is said in the answer.
    """
    files = Files(repo.resolve())
    left: list[str] = []
    made: list[WhatIf] = []
    # What follows from the old interval is stated first, so that another change of it has the last word.
    for change in sorted(changes, key=lambda change: not isinstance(change, SetInterval)):
        before, part = files.changed, change
        if isinstance(change, SetFlags):
            try:
                left += write_flags(
                    change.flags,
                    reading.fleet.flags,
                    _deployments(reading),
                    files.read,
                    files.write,
                    files.kustomization_file,
                    instance_place(reading),
                )
            except NotEditable as error:
                left.append(f"{change.title}: {error}")
        elif isinstance(change, LeanerArtifact):
            left += _ignoring(files, change)
        elif isinstance(change, Layout):
            left.append(f"{change.title}: `fleetbench convert --to {change.to} -o DIR` writes it")
        else:
            refused, edited = _edit_objects(files, reading.fleet, change)
            left, part = left + refused, edited or change
        if files.changed != before:
            made.append(part)
    return Written(files, tuple(left), tuple(made))


def writable_part(repo: Path, reading: Reading, change: WhatIf) -> WhatIf | None:
    """What of a change the repository has a place for; None = nothing.

    Flags have one only where it sets them or installs the controllers, an object where its own file can be edited.
    """
    if isinstance(change, SetFlags):
        return change if _have_a_place(reading, change) else None
    if isinstance(change, Layout):
        return change
    if isinstance(change, LeanerArtifact):
        return None if _ignoring(Files(repo.resolve()), change) else change
    return _edit_objects(Files(repo.resolve()), reading.fleet, change)[1]


def _ignoring(files: Files, change: LeanerArtifact) -> list[str]:
    try:
        files.write(IGNORE_FILE, with_patterns(files.read_or_empty(IGNORE_FILE), change.patterns))
    except NotEditable as error:
        return [f"{change.title}: {error}"]
    return []


def _have_a_place(reading: Reading, change: SetFlags) -> bool:
    there = _deployments(reading)
    if instance_place(reading) is not None:
        return all(field in FLAG_OF for field in change.flags)
    known = {(f.controller, f.flag) for f in reading.fleet.flags}
    return all(f in FLAG_OF and (FLAG_OF[f][0] in there or FLAG_OF[f] in known) for f in change.flags)


def coupled_flags(repo: Path, reading: Reading) -> tuple[frozenset[str], ...]:
    """Flags, as fields of Parameters, that one line of the repository sets for several controllers: all change with it."""
    files = Files(repo.resolve())
    places: dict[tuple[str, str, str], list[str]] = {}
    for field_name, key in FLAG_OF.items():
        known = [f for f in reading.fleet.flags if (f.controller, f.flag) == key]
        if known and known[-1].file is not None:
            places.setdefault((known[-1].file, known[-1].flag, known[-1].value), []).append(field_name)
    found = []
    for (file, flag, value), fields in places.items():
        try:
            once = len(fields) > 1 and flag_places(files.read(file), flag, value) == 1
        except NotEditable:
            once = False
        found += [frozenset(fields)] if once else []
    return tuple(found)


def not_here(beside: Added) -> str:
    """Where to do what cannot be done in this repository, a sentence."""
    return (
        f"{beside.change.title} ({signed(-beside.effect.saves_s)} on top): this repository holds neither the controllers' "
        "Deployments (`flux bootstrap` commits them as gotk-components.yaml) nor a FluxInstance with values that a patch can "
        "edit; set it where Flux is installed"
    )


def _deployments(reading: Reading) -> dict[str, str | None]:
    """Controller -> the file of its Deployment; of one that only patches here name, the kustomization that holds them."""
    rendered = reading.rendered.get(reading.fleet.root, ())
    found: dict[str, str | None] = {m.name: m.file for m in rendered if m.kind == "Deployment"}
    for flag in (
        reading.fleet.flags if instance_place(reading) is None else ()
    ):  # else that makes them, out of kustomize's reach
        if flag.file is not None and flag.file.rpartition("/")[2] in KUSTOMIZATION_FILES:
            for controller in CONTROLLERS:
                found.setdefault(controller, flag.file)
    return found


def _edit_objects(files: Files, fleet: Fleet, change: WhatIf) -> tuple[list[str], WhatIf | None]:
    """What cannot be written, and the rest of the change, which was; None = nothing was."""
    if isinstance(change, SplitParent):
        left = _split(files, fleet, change)
        return left, None if left else change
    if isinstance(change, (DropEdges, AddEdges)):
        step = _dropping if isinstance(change, DropEdges) else _adding
        left, edges = _each(files, fleet, [(edge, step(fleet, *edge)) for edge in change.edges])
        return left, replace(change, edges=edges) if edges else None
    if isinstance(change, (WaitOff, SetRetryInterval, SetInterval)):
        left, ids = _each(files, fleet, [(id, _of_each(fleet, id, change)) for id in change.ids])
        return left, replace(change, ids=ids) if ids else None
    if isinstance(change, SetTimeouts):
        steps = [((id, s), _setting(fleet, id, TIMEOUT, go_duration(s))) for id, s in change.timeouts]
        left, timeouts = _each(files, fleet, steps)
        return left, SetTimeouts(timeouts) if timeouts else None
    return [f"{change.title}: no manifest of this repository says it"], None


def _split(files: Files, fleet: Fleet, change: SplitParent) -> list[str]:
    kids = change.children(fleet)
    steps = [_setting(fleet, change.id, WAIT, "false")]
    for dependant in change.dependants(fleet):
        k = fleet.kustomization(dependant)
        has = {d.target for d in k.depends_on} if k is not None else set()
        steps += [_adding(fleet, dependant, kid) for kid in kids if kid not in has]
    # Half of it would be worse than none: the dependants would start before the children are Ready.
    trial = Files(files.root, dict(files.before), dict(files.after))
    left, _ = _each(trial, fleet, [(None, step) for step in steps])
    if left:
        return [f"{change.title}: {left[0]}"]
    files.before, files.after = trial.before, trial.after
    return []


def _dropping(fleet: Fleet, dependant: ObjectId, dependency: ObjectId) -> Step:
    def edit(text: str) -> str:
        namespaces = (
            (dependency.namespace, None) if dependency.namespace == dependant.namespace else (dependency.namespace,)
        )
        match = {"name": (dependency.name,), "namespace": namespaces}
        return drop_item(text, _document(text, fleet, dependant), DEPENDS_ON, match)

    return dependant, edit, f"drop {say(dependency)}"


def _adding(fleet: Fleet, dependant: ObjectId, dependency: ObjectId) -> Step:
    def edit(text: str) -> str:
        lines = [f"name: {dependency.name}"]
        if dependency.namespace != dependant.namespace:
            lines.append(f"namespace: {dependency.namespace}")
        return add_item(text, _document(text, fleet, dependant), DEPENDS_ON, lines)

    return dependant, edit, f"depend on {say(dependency)}"


def _setting(fleet: Fleet, id: ObjectId, path: tuple[str, ...], value: str) -> Step:
    def edit(text: str) -> str:
        return set_scalar(text, _document(text, fleet, id), path, value)

    return id, edit, f"{path[-1]}: {value}"


def _of_each(fleet: Fleet, id: ObjectId, change: WaitOff | SetRetryInterval | SetInterval) -> Step:
    if isinstance(change, WaitOff):
        return _setting(fleet, id, WAIT, "false")
    return _interval(fleet, id) if isinstance(change, SetInterval) else _setting(fleet, id, RETRY, RETRY_TEXT)


def _interval(fleet: Fleet, id: ObjectId) -> Step:
    now = fleet.kustomization(id)
    assert now is not None
    later = with_longer(now)

    def edit(text: str) -> str:
        text = set_scalar(text, _document(text, fleet, id), INTERVAL, INTERVAL_TEXT)
        for path, name in ((RETRY, "retry_interval_s"), (TIMEOUT, "timeout_s")):
            if getattr(now, name) != (stated_s := getattr(later, name)):
                text = set_scalar(text, _document(text, fleet, id), path, go_duration(stated_s))
        return text

    return id, edit, f"{INTERVAL[-1]}: {INTERVAL_TEXT}"


def _each(files: Files, fleet: Fleet, steps: Sequence[tuple[T, Step]]) -> tuple[list[str], tuple[T, ...]]:
    """What cannot be edited, and for what the others were."""
    left, done = [], []
    for what_for, (id, edit, what) in steps:
        obj = fleet.service(id)
        file = None if obj is None else obj.file
        if file is None:
            left.append(f"{say(id)}: {what}: its file is not known")
            continue
        if isinstance(obj, Kustomization) and obj.assumed:
            left.append(
                f"{say(id)}: {what}: flux-operator makes it of the FluxInstance in {file}, which has no such field"
            )
            continue
        try:
            files.write(file, edit(files.read(file)))
        except NotEditable as error:
            left.append(f"{say(id)}: {what}: {file}: {error}")
        else:
            done.append(what_for)
    return left, tuple(done)


def _document(text: str, fleet: Fleet, id: ObjectId) -> MappingNode:
    obj = fleet.service(id)
    return document_of(text, id, None if obj is None else obj.line)
