"""Controller flags as a Kustomize patch of the controllers' Deployments, as Flux's documentation writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fleetbench.decide.patch.instance import InstancePlace
from fleetbench.decide.patch.yaml_edit import NotEditable, add_item, child, documents_of
from fleetbench.graph.objects import CPU_LIMIT, TEMP_MEDIUM, ControllerFlag
from fleetbench.model.controller_flags import FLAGS
from fleetbench.repo.files.yamltext import dump
from fleetbench.units import cpu_text, go_duration

_WRITTEN = frozenset({"concurrent", "requeue-dependency", CPU_LIMIT, TEMP_MEDIUM})
FLAG_OF = {field: key for key, (field, _) in FLAGS.items() if key[1] in _WRITTEN}
"""Field of Parameters that a patch can set -> the controller and its flag, or what else of its Deployment it is."""


def flag_text(field: str, value: Any) -> str:
    """``--concurrent=20``; of what is no flag ``resources.limits.cpu=2000m``."""
    controller, flag = FLAG_OF[field]
    if field == "in_memory_builds":
        shown = "Memory"
    elif field == "kustomize_cpus":
        shown = cpu_text(value)
    else:
        shown = go_duration(value) if field.endswith("_s") else str(value)
    return ControllerFlag(controller, flag, shown).text


def _arguments(texts: Iterable[str]) -> list[str]:
    """A JSON 6902 patch that adds arguments."""
    lines = []
    for text in texts:
        lines += ["- op: add", "  path: /spec/template/spec/containers/0/args/-", f"  value: {text}"]
    return lines


def _setting(field: str, value: Any) -> list[str]:
    """A strategic merge patch, as the Deployment may or may not say something there."""
    controller, _ = FLAG_OF[field]
    if field == "in_memory_builds":
        pod = {"volumes": [{"name": "temp", "emptyDir": {"medium": "Memory"}}]}
    else:
        pod = {"containers": [{"name": "manager", "resources": {"limits": {"cpu": cpu_text(value)}}}]}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": controller},
        "spec": {"template": {"spec": pod}},
    }
    return dump(patch).splitlines()


def write_flags(
    flags: Mapping[str, Any],
    set_already: Iterable[ControllerFlag],
    deployment_file: Mapping[str, str | None],
    read: Callable[[str], str],
    write: Callable[[str, str], None],
    kustomization_file: Callable[[str], str | None],
    instance: InstancePlace | None = None,
) -> list[str]:
    """Write flags into the repository.

    Args:
        flags: fields of Parameters -> values.
        set_already: flags that the repository sets, with file and line: those lines are edited in place.
        deployment_file: controller -> the file that defines its Deployment; None = not in this repository.
        read: path -> its text now.
        write: takes a path and its new text.
        kustomization_file: folder -> path of its kustomization file, if it has one.
        instance: where a FluxInstance says what the controllers are, if one does.

    Returns:
        What could not be written, a sentence each.
    """
    left: list[str] = []
    arguments: dict[str, list[str]] = {}
    patches: list[tuple[str, str, list[str]]] = []
    edited: set[tuple[str | None, str, str]] = set()
    for field, value in flags.items():
        if field not in FLAG_OF:
            left.append(f"{field.replace('_', ' ')} is no flag of a controller")
            continue
        controller, flag = FLAG_OF[field]
        known = [f for f in set_already if (f.controller, f.flag) == (controller, flag)]
        # of a FluxInstance the last patch holds, whatever its size or an earlier patch sets
        if known and not (instance is not None and _places(known[-1], read) != 1):
            edit = known[-1].file, known[-1].text, flag_text(field, value)
            if _edited_in_place(known[-1], flag_text(field, value), read, write):
                edited.add(edit)
            elif edit not in edited:  # else one line sets it for several controllers
                left.append(
                    f"{flag_text(field, value)} of {controller}: change it where it is set, {known[-1].file or 'in the repository'}"
                )
        elif deployment_file.get(controller) is None and instance is None:
            left.append(
                f"{flag_text(field, value)} of {controller}: its Deployment is not in this repository (`flux install` brings it): "
                "bootstrap with `flux bootstrap` or set it where the controllers are installed"
            )
        elif flag in (CPU_LIMIT, TEMP_MEDIUM):
            patches.append((controller, flag_text(field, value), _setting(field, value)))
        else:
            arguments.setdefault(controller, []).append(flag_text(field, value))
    patches += [(controller, " ".join(texts), _arguments(texts)) for controller, texts in arguments.items()]
    for controller, said, lines in patches:
        item = ["patch: |", *(f"  {line}" for line in lines), "target:", "  kind: Deployment", f"  name: {controller}"]
        file = deployment_file.get(controller)
        if file is not None:
            problem = _patched(item, file, read, write, kustomization_file)
        else:
            problem = None if instance is None else instance.add(item, read, write)
        if problem is not None:
            left.append(f"{said} of {controller}: {problem}")
    return left


def flag_places(text: str, flag: str, value: str) -> int:
    """How often a text sets a flag to a value."""
    return len(_settings(text, flag, value))


def _settings(text: str, flag: str, value: str) -> list[re.Match[str]]:
    found = re.finditer(rf"--{re.escape(flag)}=[^\s\"',\]]+", text)
    return [m for m in found if m[0] == f"--{flag}={value}"]


def _places(known: ControllerFlag, read: Callable[[str], str]) -> int:
    """How often the file that sets a flag says so in so many words."""
    return 0 if known.file is None else flag_places(read(known.file), known.flag, known.value)


def _edited_in_place(
    known: ControllerFlag, wanted: str, read: Callable[[str], str], write: Callable[[str, str], None]
) -> bool:
    """Replace ``--flag=old`` at the line where it stands, or, as a reader may only know the document, where it stands once."""
    if known.file is None:
        return False
    text = read(known.file)
    matches = _settings(text, known.flag, known.value)
    at_line = [m for m in matches if text.count("\n", 0, m.start()) + 1 == known.line]
    chosen = at_line if len(at_line) == 1 else matches if len(matches) == 1 else []
    if not chosen:
        return False
    write(known.file, text[: chosen[0].start()] + wanted + text[chosen[0].end() :])
    return True


def _patched(
    item: list[str], file: str, read: Callable[[str], str], write: Callable[[str, str], None],
    kustomization_file: Callable[[str], str | None],
) -> str | None:  # fmt: skip
    path = kustomization_file(file.rpartition("/")[0])
    if path is None:
        return f"the folder of {file} has no kustomization.yaml to put a patch into"
    text = read(path)
    try:
        write(path, add_item(text, _top(text), ("patches",), item))
    except NotEditable as error:
        return f"{path}: {error}"
    return None


def _top(text: str) -> Any:
    documents = documents_of(text)
    if len(documents) != 1 or child(documents[0], "spec") is not None:
        raise NotEditable("it is no kustomization file of one document")
    return documents[0]
