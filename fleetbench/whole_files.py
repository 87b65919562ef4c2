"""Files and folders that appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleetbench.errors import unwritable


@contextmanager
def replacing(path: Path, hint: str | None = None) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place at the end of the ``with`` block, once it is on the disk.

    Args:
        path: the file to write; one that is there keeps its permissions.
        hint: what to do where it cannot be written.

    Raises:
        InputError: the folder does not exist or cannot be written, or the disk is full.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:60]}.", suffix=".part", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(_mode(path))
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error.strerror or str(error), hint) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()


def put_folder(folder: Path, output: Path) -> None:
    """Put a copy of a folder where nothing is, or an empty folder.

    Raises:
        InputError: it cannot be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output.name[:60]}.", dir=output.parent) as beside:
            shutil.copytree(folder, Path(beside) / "copy", symlinks=True)
            (Path(beside) / "copy").replace(output)  # an empty folder gives way
    except shutil.Error as error:
        raise unwritable(output, error.args[0][0][2]) from error
    except OSError as error:
        raise unwritable(output, error.strerror) from error


def _mode(path: Path) -> int:
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
