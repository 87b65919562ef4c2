"""Read another revision of a git repository: no checkout, no filters, nothing of it executed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fleetbench.errors import EnvironmentLacks, InputError
from fleetbench.repo.files.git import run

_LINK, _SUBMODULE = "120000", "160000"


@dataclass(frozen=True, slots=True)
class Base:
    """The state a branch started from."""

    commit: str
    repo: Path
    """The same folder as the one that was asked for, as it was then; may not exist in that commit."""
    name: str
    """For people: ``merge base 1a2b3c4d5e6f with origin/main``."""
    submodules: tuple[str, ...] = ()
    """Paths of submodules: their content is not part of the commit."""

    def without_fleet(self, repo: Path, error: InputError) -> InputError:
        """Why it holds no fleet to compare with, said of ``repo``, which it was asked of, not of where it lies."""
        why = error.message.replace(str(self.repo), str(repo))
        return InputError(f"{self.name} holds no fleet to compare with: {why}", error.hint)


def top_level(folder: Path) -> Path | None:
    """The work tree that holds a folder; None where there is no git or no repository."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel"))
    except (InputError, EnvironmentLacks):
        return None


def write_merge_base(repo: Path, revision: str, into: Path) -> Base:
    """Write the files of the merge base of HEAD and a revision, as far as they lie in ``repo``, below a folder.

    Args:
        repo: a git work tree or a folder inside one.
        revision: a branch, tag or commit, e.g. ``origin/main``.
        into: an empty folder.

    Raises:
        InputError: no git repository, an unknown revision, or no common history (a shallow clone).
        EnvironmentLacks: git is not installed.
    """
    prefix = _git(repo, "rev-parse", "--show-prefix")
    shallow = _git(repo, "rev-parse", "--is-shallow-repository") == "true"
    resolved = []
    for name in ("HEAD", revision):
        try:
            resolved.append(_git(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"))
        except InputError:
            hint = f"`git fetch origin` brings remote branches; `git -C {repo} branch -a` lists what is known"
            if name == "HEAD":
                raise InputError(f"--against {revision}: the repository at {repo} has no commit yet") from None
            raise InputError(
                f"--against: got {revision!r}, wanted a revision that git knows", _SHALLOW if shallow else hint
            ) from None
    try:
        commit = _git(repo, "merge-base", *resolved)
    except InputError:
        raise InputError(
            f"--against {revision}: it has no common ancestor with HEAD"
            + (" in this shallow clone" if shallow else ""),
            _SHALLOW if shallow else "name a branch that HEAD grew from",
        ) from None
    folder = into / repo.resolve().name
    folder.mkdir(parents=True)
    name = f"merge base {commit[:12]} with {revision}"
    return Base(commit, folder, name, _write(repo, commit, prefix, folder))


_SHALLOW = (
    "this is a shallow clone: fetch the history first (actions/checkout with fetch-depth: 0, or git fetch --unshallow)"
)


def _write(repo: Path, commit: str, prefix: str, folder: Path) -> tuple[str, ...]:
    """Blobs as they are stored: attributes, end-of-line conversion and filters of any kind play no part."""
    listing = run(repo, "ls-tree", "-r", "-z", "--full-tree", commit, *(["--", prefix] if prefix else []))
    wanted: list[tuple[str, str, str]] = []
    submodules = []
    for row in listing.decode("utf-8", "surrogateescape").split("\0"):
        if not row:
            continue
        about, _, path = row.partition("\t")
        mode, _, blob = about.split(" ")
        if mode == _SUBMODULE:
            submodules.append(path)
        else:
            wanted.append((mode, blob, path.removeprefix(prefix)))
    asked = "".join(f"{blob}\n" for _, blob, _ in wanted).encode()
    answer = memoryview(run(repo, "cat-file", "--batch", stdin=asked))
    for mode, _, path in wanted:
        header, answer = _line(answer)
        if header.endswith(b" missing"):
            raise EnvironmentLacks(
                f"--against: commit {commit[:12]} cannot be read, as this clone lacks the content of {path}",
                "fetch it: git fetch --refetch, or clone without --filter",
            )
        size = int(header.split(b" ")[2])
        _put(folder, path, mode, bytes(answer[:size]))
        answer = answer[size + 1 :]
    return tuple(submodules)


def _line(view: memoryview) -> tuple[bytes, memoryview]:
    end = bytes(view[:200]).index(b"\n")
    return bytes(view[:end]), view[end + 1 :]


def _put(folder: Path, path: str, mode: str, content: bytes) -> None:
    if any(part in ("", ".", "..", ".git") for part in path.split("/")):
        return  # git itself refuses to check such a path out
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode == _LINK:
        os.symlink(os.fsdecode(content), target)  # never followed: Flux leaves links out, and so does the reader
    elif target.parent.resolve().is_relative_to(folder.resolve()):
        target.write_bytes(content)


def _git(folder: Path, *args: str) -> str:
    return run(folder, *args).decode("utf-8", "surrogateescape").removesuffix("\n")
