"""A repository's files while they are edited; nothing on disk changes."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path

from fleetbench.decide.patch.yaml_edit import NotEditable
from fleetbench.repo.files.tree import KUSTOMIZATION_FILES


@dataclass
class Files:
    """A repository's files with edits on top; nothing on disk changes."""

    root: Path
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> str:
        """The text as edited so far.

        Raises:
            NotEditable: no UTF-8 text, or it leaves the repository.
        """
        if path not in self.after:
            file = self.root / path
            if not file.resolve().is_relative_to(self.root.resolve()) or file.is_symlink():
                raise NotEditable(f"{path} lies outside the repository")
            try:
                with file.open(encoding="utf-8", newline="") as stream:  # line ends stay as they are
                    self.before[path] = self.after[path] = stream.read()
            except (OSError, UnicodeDecodeError):
                raise NotEditable(f"{path} cannot be read as text") from None
        return self.after[path]

    def read_or_empty(self, path: str) -> str:
        """The text as edited so far; of a file that is not there yet, none.

        Raises:
            NotEditable: as :meth:`read`.
        """
        there = path in self.after or (self.root / path).is_symlink() or (self.root / path).exists()
        return self.read(path) if there else ""

    def write(self, path: str, text: str) -> None:
        """Put an edited text in place of the one that was read."""
        self.after[path] = text

    def kustomization_file(self, folder: str) -> str | None:
        """Path of the kustomization file of a folder."""
        for name in KUSTOMIZATION_FILES:
            path = posixpath.join(folder, name)
            if (self.root / path).is_file():
                return path
        return None

    @property
    def changed(self) -> dict[str, str]:
        """Path -> new text of what differs."""
        return {path: text for path, text in self.after.items() if self.before.get(path) != text}
