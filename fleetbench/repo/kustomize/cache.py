"""Builds kept on disk between runs, by content: the same inputs and the same program give the same objects.

A build that holds a Secret in the clear is never kept: no Secret's value reaches a file.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetbench.repo.kustomize.inputs import Inputs

FORMAT = 1
"""Raise when what is kept changes."""
MAX_ENTRIES = 4000
"""Beyond it the half that was used least recently goes: some 40 MB for ordinary fleets."""


def content_key(inputs: Inputs, version: str) -> str:
    """The key of a build: everything it can read, and the program that builds it."""
    digest = hashlib.blake2b(f"{FORMAT}\0{version}\0{inputs.directory}\0".encode(), digest_size=20)
    for path in sorted(inputs.files):
        digest.update(f"{path}\0{len(inputs.files[path])}\0".encode())
        digest.update(inputs.files[path])
    return digest.hexdigest()


class BuildCache:
    """A folder of gzipped JSON files, one a build."""

    def __init__(self, folder: Path | None = None):
        self.folder = _default_folder() if folder is None else folder

    def get(self, key: str) -> list[dict[str, Any]] | None:
        """The bodies of a build, or None."""
        try:
            content = gzip.decompress((self.folder / key).read_bytes())
            bodies = json.loads(content)
        except (OSError, ValueError, EOFError):
            return None
        with contextlib.suppress(OSError):
            os.utime(self.folder / key)
        return bodies if isinstance(bodies, list) else None

    def put(self, key: str, bodies: list[dict[str, Any]]) -> None:
        """Keep a build, if it holds no Secret in the clear and the folder can be written."""
        if any(_holds_secret(body) for body in bodies):
            return
        with contextlib.suppress(OSError, TypeError, ValueError):
            content = gzip.compress(json.dumps(bodies, allow_nan=True).encode(), 1)
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".")
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.replace(temporary, self.folder / key)

    def tidy(self) -> None:
        """Drop what was used least recently once there is too much."""
        with contextlib.suppress(OSError):
            entries = sorted(os.scandir(self.folder), key=lambda e: e.stat().st_mtime)
            if len(entries) > MAX_ENTRIES:
                for entry in entries[: len(entries) // 2]:
                    os.unlink(entry.path)


def _default_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("fleetbench", appauthor=False) / "builds"


def _holds_secret(body: Mapping[str, Any]) -> bool:
    if body.get("kind") != "Secret":
        return False
    for field in ("data", "stringData"):
        values = body.get(field)
        if isinstance(values, Mapping) and any(v and not str(v).startswith("ENC[") for v in values.values()):
            return True
    return False
