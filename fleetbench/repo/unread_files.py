"""Files of the artifact that nothing in the repository leads Flux to: each reconcile unpacks them and no build reads them.

Where in doubt a file counts as wanted, as other clusters of the repository have the same artifact: all manifests, all that
the text of one names, whole charts, and what the builds of this cluster read. What is left are the folders of other tools
(Ansible, Terraform, an application's source, pages).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from fleetbench.repo.files.ignore import defaults_about
from fleetbench.repo.files.tree import KUSTOMIZATION_FILES, Tree, Unreadable, folders_above
from fleetbench.repo.files.yamltext import encoding_of

FEWEST = 20
"""Files of a folder from which it is worth a line."""
_CHART = "Chart.yaml"
_MANIFESTS = (".yaml", ".yml", ".json")
_MANIFEST = re.compile(r"^\s*-?\s*[\"']?apiVersion[\"']?\s*:", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
_PATH = re.compile(r"(?:path|from|chart|dir|directory|folder|file)[\"']?\s*:\s*[\"']?([^\s\"',}\]]+)", re.IGNORECASE)
"""What a field names that holds a path in some custom resource or other: a folder's bare name, too."""
_WORD = re.compile(r"[^\s\"'=,:;|()\[\]{}<>]+")
_PLAIN = re.compile(r"[\w.@+-]([\w .@+-]*[\w.@+-])?")
"""Names of files and folders that mean themselves in a pattern."""


@dataclass(frozen=True)
class UnreadFiles:
    """What the artifact could do without."""

    folders: tuple[str, ...]
    """The topmost folders that hold nothing wanted, the fullest first."""
    patterns: tuple[str, ...]
    """Lines for the ``.sourceignore`` of the repository: those folders, and what Flux leaves out by default as long as there
    is no such file, where it would come back."""
    files: int
    """So many files fewer the artifact has."""
    of: int
    """How many it has now."""


def unread_files(tree: Tree, reads: Iterable[str], tracked: Collection[str] | None) -> UnreadFiles | None:
    """Find folders to leave out of the artifact; None = there are none.

    Args:
        tree: the files of the root's source.
        reads: files and folders, relative to the repository, that the builds of the fleet read.
        tracked: the files that git tracks; None = all count.
    """
    rules = tree.rules
    if rules is None:
        return None
    held = [path for path in tree.files if tracked is None or path in tracked]
    files, folders = _wanted(tree, reads)
    wanted = {path for path in held if path in files or not folders.isdisjoint(folders_above(path))}
    holding = _counts(wanted)
    unread = {d: n for d, n in _counts(held).items() if n >= FEWEST and d not in holding and _plain(d)}
    topmost = {d: n for d, n in unread.items() if unread.keys().isdisjoint(folders_above(d))}
    fullest = tuple(sorted(topmost, key=lambda d: (-topmost[d], d)))
    patterns = [f"/{folder}/" for folder in fullest]
    left_out = [path for path in tree.ignored if (tracked is None or path in tracked) and rules.matches(path)]
    after = rules.with_lines("", patterns)
    patterns += defaults_about([path for path in left_out if not after.matches(path)])
    after = rules.with_lines("", patterns)
    gone = {path for path in held if after.matches(path)}
    fewer = len(gone) - sum(not after.matches(path) for path in left_out)
    return UnreadFiles(fullest, tuple(patterns), fewer, len(held)) if fewer > 0 and gone.isdisjoint(wanted) else None


def _wanted(tree: Tree, reads: Iterable[str]) -> tuple[set[str], set[str]]:
    """Files, and folders with all that they hold, that Flux may be led to, here or by another cluster."""
    files, folders = set[str](), set[str]()
    named = set(reads)
    for path in tree.files:
        folder, _, name = path.rpartition("/")
        if name == _CHART:
            folders.add(folder)
        elif path.endswith(_MANIFESTS) or name in KUSTOMIZATION_FILES:
            text = _text(tree, path)
            if name in KUSTOMIZATION_FILES or _MANIFEST.search(text):
                files.add(path)
                named.update(_named(text, folder, any_word=name in KUSTOMIZATION_FILES))
    files.update(path for path in named if tree.is_file(path))
    folders.update(path for path in named if path and tree.is_directory(path))
    return files, folders


def _named(text: str, folder: str, *, any_word: bool) -> Iterator[str]:
    """All that may be a path in a manifest's text: from the top of the repository, from its own folder, or in a copied one."""
    text = _COMMENT.sub("", text)
    fields = set(_PATH.findall(text))
    for word in {*_WORD.findall(text), *fields}:
        if any_word or word in fields or "/" in word or "." in word:
            plain = word.partition("*")[0]
            inside = plain.partition("/")[2] if plain.startswith("@") else plain
            for path in (posixpath.normpath(f"/{inside}"), posixpath.normpath(f"/{folder}/{inside}")):
                yield path.strip("/")


def _text(tree: Tree, path: str) -> str:
    try:
        content = tree.read(path)
        return content.decode(encoding_of(content), "replace")
    except Unreadable:
        return ""


def _counts(paths: Iterable[str]) -> dict[str, int]:
    """Folder -> how many of the files lie below it."""
    found: dict[str, int] = {}
    for path in paths:
        for folder in folders_above(path):
            found[folder] = found.get(folder, 0) + 1
    return found


def _plain(folder: str) -> bool:
    return all(_PLAIN.fullmatch(part) for part in folder.split("/"))


def with_patterns(text: str, patterns: Iterable[str]) -> str:
    """The text of a ``.sourceignore`` with further lines at its end."""
    end = "\r\n" if "\r\n" in text else "\n"
    start = text if not text or text.endswith("\n") else text + end
    said = "# Nothing that Flux applies lies here; each reconcile would unpack it."
    return start + "".join(line + end for line in (said, *patterns))
