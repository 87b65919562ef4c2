"""The files that Flux would hold of a repository: what source-controller archives of it, and nothing else.

Symbolic links, pipes and devices are never part of that archive (artifact v0.18.1 storage/archive.go Archive:
"Ignore anything that is not a file or directories"), so nothing here follows one and no path can leave the root.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from fleetbench.errors import InputError
from fleetbench.repo.files.ignore import IGNORE_FILE, Ignore

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Larger files are not read. The API server takes 3 MiB a request; the largest CRD bundles in use are near 6 MiB."""
MAX_FILES = 500_000
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""kustomize api/konfig RecognizedKustomizationFileNames, in its order."""


DOES_NOT_EXIST = "does not exist"
_LEFT_OUT_BY = f"{IGNORE_FILE}, the source's spec.ignore or spec.sparseCheckout"


class Unreadable(Exception):
    """A path that cannot be read, with the reason for people."""

    def __init__(self, path: str, reason: str, line: int | None = None):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason, self.line = path, reason, line


class Escapes(Unreadable):
    """A path that leaves the repository."""


@dataclass(frozen=True)
class Tree:
    """A read-only tree of regular files; every path is relative, with slashes, ``""`` being the root."""

    files: Mapping[str, Path]
    """Path in the tree -> file on disk. For a copied artifact the two differ."""
    names: Mapping[str, str]
    """Path in the tree -> path in the repository, for messages; only where they differ."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links that were left out -> what they point to."""
    odd: frozenset[str] = frozenset()
    """Pipes, sockets, devices, and names that are no text: left out."""
    folders: frozenset[str] = frozenset()
    """Directories on disk, also those that hold nothing of the tree."""
    ignored: Mapping[str, Path] = field(default_factory=dict)
    """Files that ``.sourceignore``, ``spec.ignore`` or ``spec.sparseCheckout`` leave out, and where they lie."""
    rules: Ignore | None = None
    """What left them out; None = nothing was asked (a copied artifact)."""
    _directories: dict[str, list[str]] = field(default_factory=dict, repr=False, compare=False)
    _content: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What readers derive of a file's content, so that it is derived once however many builds read the file."""

    def __post_init__(self) -> None:
        children: dict[str, set[str]] = {"": set()}
        for path in self.files:
            while path:
                parent, _, name = path.rpartition("/")
                known = parent in children
                children.setdefault(parent, set()).add(name)
                if known and path in self.files:
                    break
                path = parent
        self._directories.update({path: sorted(names) for path, names in children.items()})

    @classmethod
    def of_directory(cls, root: Path, ignore: Iterable[str] = (), only: Iterable[str] = ()) -> Tree:
        """Read the names (not the content) of all files below a directory.

        Args:
            root: the directory.
            ignore: further patterns, as in the source's ``spec.ignore``.
            only: where not empty, the directories of the source's ``spec.sparseCheckout``.

        Raises:
            InputError: it cannot be listed, or holds more files than a Flux repository can.
        """
        found: dict[str, Path] = {}
        links: dict[str, str] = {}
        odd: set[str] = set()
        folders: set[str] = set()
        patterns: dict[str, list[str]] = {}
        pending = [""]
        while pending:
            below = pending.pop()
            try:
                entries = sorted(os.scandir(root / below), key=lambda e: e.name)
            except OSError as error:
                if not below:
                    raise InputError.at(root, None, None, wanted=f"a readable directory ({error.strerror})") from None
                odd.add(below)
                continue
            for entry in entries:
                path = f"{below}/{entry.name}" if below else entry.name
                if not _is_text(entry.name):
                    odd.add(path)  # nothing in YAML can name it
                elif entry.is_symlink():
                    links[path] = _link_target(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name != ".git":
                        pending.append(path)
                        folders.add(path)
                elif entry.is_file(follow_symlinks=False):
                    found[path] = Path(entry.path)
                    if entry.name == IGNORE_FILE:
                        patterns[below] = _lines(Path(entry.path))
                else:
                    odd.add(path)
            if len(found) > MAX_FILES:
                raise InputError.at(root, None, None, got=f"over {MAX_FILES} files", wanted="a Flux repository")
        rules = Ignore(patterns, list(ignore))
        wanted = tuple(o.strip("/") + "/" for o in only)
        kept = {
            path: file
            for path, file in found.items()
            if not rules.matches(path) and (not wanted or "/" not in path or path.startswith(wanted))
        }
        ignored = {path: file for path, file in found.items() if path not in kept}
        return cls(dict(sorted(kept.items())), {}, links, frozenset(odd), frozenset(folders), ignored, rules)

    def with_ignored(self) -> Tree:
        """The tree with what its source leaves out: what people run by hand, Flux has no part in."""
        return Tree(dict(sorted({**self.files, **self.ignored}.items())), self.names) if self.ignored else self

    def is_file(self, path: str) -> bool:
        """Whether the tree holds a regular file there."""
        return path in self.files

    def is_directory(self, path: str) -> bool:
        """Whether anything lies below that path."""
        return path in self._directories

    def directories(self) -> list[str]:
        """All directories that hold something, sorted."""
        return sorted(d for d in self._directories if d)

    def listing(self, directory: str) -> list[str]:
        """Names in a directory, sorted."""
        return self._directories.get(directory, [])

    def name(self, path: str) -> str:
        """The path as the repository names it, for messages."""
        return self.names.get(path, path)

    def kustomization_file(self, directory: str) -> str | None:
        """Path of the kustomization file of a directory, or None."""
        for name in KUSTOMIZATION_FILES:
            path = join(directory, name)
            if path in self.files:
                return path
        return None

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            Unreadable: it is not there, no regular file any more, or too large.
        """
        content = self._content.get(path)
        if content is None:
            content = self._content[path] = self._read(path)
        return content

    def _read(self, path: str) -> bytes:
        file = self.files.get(path)
        if file is None:
            raise Unreadable(self.name(path), self.why_missing(path))
        try:
            handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(handle, "rb") as stream:
                status = os.fstat(stream.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise Unreadable(self.name(path), "is no regular file")
                if status.st_size > MAX_FILE_BYTES:
                    raise Unreadable(
                        self.name(path),
                        f"got {status.st_size / 1048576:.0f} MiB, wanted at most {MAX_FILE_BYTES // 1048576} MiB",
                    )
                return stream.read()
        except OSError as error:
            raise Unreadable(self.name(path), f"cannot be read: {error.strerror}") from None

    def why_missing(self, path: str) -> str:
        """Say why there is nothing at a path: a link, a pipe, empty, ignored, or simply not there."""
        at = path
        while at:
            if at in self.links:
                return f"{at} is a symbolic link to {self.links[at]}, and Flux leaves links out of its artifact"
            if at in self.odd:
                return f"{at} is no regular file"
            at = at.rpartition("/")[0]
        if path in self.ignored:
            return f"is left out of Flux's artifact ({_LEFT_OUT_BY})"
        if path not in self.folders:
            return DOES_NOT_EXIST
        if any(file.startswith(f"{path}/") for file in self.ignored):
            return f"holds only files that are left out of Flux's artifact ({_LEFT_OUT_BY})"
        return "is a folder without files, and git keeps no such folder"

    def like(self, path: str, among: Iterable[str] | None = None) -> str:
        """``; did you mean ...?`` with the closest paths that exist, or nothing."""
        close = get_close_matches(path, list(self._directories if among is None else among), 3, 0.7)
        return f"; did you mean {' or '.join(close)}?" if close else ""


def _is_text(name: str) -> bool:
    """Whether a file's name is UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _link_target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return "?"


def _lines(file: Path) -> list[str]:
    try:
        with open(file, "rb") as stream:
            return stream.read(1024 * 1024).decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def join(directory: str, path: str) -> str:
    """Join and clean two tree paths.

    Raises:
        Escapes: the result lies outside the tree.
    """
    clean = posixpath.normpath(posixpath.join(directory, path))
    if clean.startswith("/") or clean.split("/")[0] == "..":
        raise Escapes(path, "leaves the repository")
    return "" if clean == "." else clean


def folders_above(path: str) -> list[str]:
    """The folders that hold a file or folder, the topmost first, the repository itself not among them."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def spec_path(path: object) -> str:
    """``spec.path`` of a Flux Kustomization as a tree path: Flux confines it to the root (securejoin)."""
    return posixpath.normpath("/" + str(path or "")).strip("/")
