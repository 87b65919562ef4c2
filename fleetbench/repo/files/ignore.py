"""Which files source-controller leaves out: ``.sourceignore`` files, ``spec.ignore`` and its defaults.

The patterns look like git's and are read otherwise: ``/**`` alone excludes nothing, ``[!a]`` is an exclamation mark or an a.

Source: fluxcd/pkg sourceignore v0.18.0 sourceignore.go, gitignore/pattern.go, matcher.go, and artifact v0.18.1 storage/archive.go
SourceIgnoreFilter: with any pattern of the user's, only the version control ones of the defaults stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fleetbench.repo.files.go_pattern import expression

IGNORE_FILE = ".sourceignore"
_VCS = [".git/", ".gitignore", ".gitmodules", ".gitattributes"]
_EXTENSIONS = ["*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"]
_CI = [
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
]
_EXTRA = ["**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"]


class Ignore:
    """The rules of one source, ready to be asked about paths."""

    def __init__(self, files: Mapping[str, Sequence[str]], spec: Sequence[str]):
        """Build the rules.

        Args:
            files: directory of a ``.sourceignore`` -> its lines.
            spec: the lines of ``spec.ignore``, which come last and therefore win.
        """
        self._files, self._spec = files, spec
        by_directory = sorted(files, key=_parts)
        own = [_Rule.of(line, directory) for directory in by_directory for line in files[directory] if _counts(line)]
        own += [_Rule.of(line) for line in spec if _counts(line)]
        rules = [*map(_Rule.of, _VCS), *(own or map(_Rule.of, _EXTENSIONS + _CI + _EXTRA))]
        self._last_first = rules[::-1]

    def matches(self, path: str) -> bool:
        """Whether the file at that path is left out: the last rule that is about it says so."""
        parts = _parts(path)
        return next((not rule.keeps for rule in self._last_first if rule.is_about(parts)), False)

    def with_lines(self, directory: str, lines: Sequence[str]) -> Ignore:
        """The rules with further lines at the end of a directory's ``.sourceignore``."""
        return Ignore({**self._files, directory: [*self._files.get(directory, ()), *lines]}, self._spec)


def defaults_about(paths: Iterable[str]) -> list[str]:
    """The default patterns that hold only beside no others and leave out any of these files."""
    about = [_parts(path) for path in paths]
    return [line for line in _EXTENSIONS + _CI + _EXTRA if any(map(_Rule.of(line).is_about, about))]


class _Rule(NamedTuple):
    """One line of the rules."""

    directory: tuple[str, ...]
    """Of what lies below it alone."""
    pattern: tuple[str, ...]
    keeps: bool
    folders_only: bool

    @classmethod
    def of(cls, line: str, directory: str = "") -> _Rule:
        """A line, as ParsePattern reads it."""
        keeps = line.startswith("!")
        text = line[1:] if keeps else line
        text = text if text.endswith("\\ ") else text.rstrip(" ")
        folders_only = text.endswith("/")
        return cls(_parts(directory), tuple(text.removesuffix("/").split("/")), keeps, folders_only)

    def is_about(self, path: tuple[str, ...]) -> bool:
        """Whether it tells something of the file at that path."""
        below = len(self.directory)
        if len(path) <= below or path[:below] != self.directory:
            return False
        return self._leads_to(path[below:]) if len(self.pattern) > 1 else self._names(path[below:])

    def _names(self, path: tuple[str, ...]) -> bool:
        """simpleNameMatch: the file, or a folder that it lies in, has that name."""
        for at, name in enumerate(path):
            fits = _fits(self.pattern[0], name)
            if fits is None:
                return False
            if fits:
                return not (self.folders_only and at == len(path) - 1)
        return False

    def _leads_to(self, path: tuple[str, ...]) -> bool:
        """globMatch: the pattern's parts are met one after the other, from the top or after any number of folders."""
        found = anywhere = False
        for at, part in enumerate(self.pattern):
            if part == "":
                anywhere = False
                continue
            if part == "**":
                if at == len(self.pattern) - 1:
                    break
                anywhere = True
                continue
            if "**" in part or not path:
                return False
            if anywhere:
                anywhere = False
                while path:
                    fits, path = _fits(part, path[0]), path[1:]
                    if fits is None:
                        return False
                    if fits:
                        found = True
                        break
                    found = found and bool(path)
            elif not _fits(part, path[0]):
                return False
            else:
                found, path = True, path[1:]
        return found and not (self.folders_only and not path)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")) if path else ()


def _fits(pattern: str, name: str) -> bool | None:
    """Whether a pattern without slashes fits a whole name; None = it is malformed."""
    found = expression(pattern)
    return None if found is None else found.fullmatch(name) is not None


def not_archived(folder: str, names: Sequence[str]) -> set[str]:
    """For ``shutil.copytree``: what no artifact holds and no copy needs, git's own folder, pipes, sockets and devices."""
    paths = {name: Path(folder, name) for name in names}
    return {n for n, p in paths.items() if n == ".git" or not (p.is_symlink() or p.is_file() or p.is_dir())}


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")
