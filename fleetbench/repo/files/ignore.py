"""Which files source-controller leaves out: ``.sourceignore`` files, ``spec.ignore`` and its defaults.

Source: fluxcd/pkg sourceignore v0.18.0 sourceignore.go and artifact v0.18.1 storage/archive.go SourceIgnoreFilter: with any
pattern of the user's, only the version control ones of the defaults stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

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
        own = [anchored(line, directory) for directory in sorted(files) for line in files[directory] if _counts(line)]
        own += [line for line in spec if _counts(line)]
        rules = _VCS + (own or _EXTENSIONS + _CI + _EXTRA)
        self._spec = GitIgnoreSpec.from_lines(line for line in rules if _is_pattern(line))

    def matches(self, path: str) -> bool:
        """Whether the file at that path is left out."""
        return self._spec.match_file(path)


def not_archived(folder: str, names: Sequence[str]) -> set[str]:
    """For ``shutil.copytree``: what no artifact holds and no copy needs, git's own folder, pipes, sockets and devices."""
    paths = {name: Path(folder, name) for name in names}
    return {n for n, p in paths.items() if n == ".git" or not (p.is_symlink() or p.is_file() or p.is_dir())}


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _is_pattern(line: str) -> bool:
    """Whether it is a pattern at all; git takes one that is not, as a lone backslash, to match nothing."""
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def anchored(line: str, directory: str) -> str:
    """A pattern of a ``.sourceignore`` in a sub-directory, as a pattern of the root.

    >>> anchored("*.md", "apps"), anchored("!/x", "apps"), anchored("*.md", "")
    ('/apps/**/*.md', '!/apps/x', '*.md')
    """
    if not directory:
        return line
    negation, pattern = ("!", line[1:]) if line.startswith("!") else ("", line)
    inside = "" if "/" in pattern.rstrip("/") else "**/"
    quoted = "".join("\\" + c if c in "\\*?[]" else c for c in directory)
    return f"{negation}/{quoted}/{inside}{pattern.lstrip('/')}"
