"""What the cluster gets to see of a repository: its committed HEAD, or a stand-in's, as a bare repository of its own."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet
from fleetbench.ids import GIT_REPOSITORY, ObjectId
from fleetbench.measure.roots import BRANCH, NO_ACCESS, pointed_at
from fleetbench.measure.shell import ProgramFailed, run
from fleetbench.repo.files.git import PROGRAMS_OFF
from fleetbench.repo.files.tree import KUSTOMIZATION_FILES
from fleetbench.repo.kinds import SOURCE_GROUP

GIT_S = 300.0
_ENV = {
    # Nobody's hooks, signing keys or templates: only what is committed counts.
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
}
_AUTHOR = ("-c", "user.name=fleetbench", "-c", "user.email=fleetbench@localhost", "-c", "commit.gpgsign=false")
_SCP_USER = re.compile(r"^(?!git@)[^/:@\s]+@")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, none of the programs that its configuration may name.

    Raises:
        ProgramFailed: it failed.
    """
    return run(["git", *PROGRAMS_OFF, "-C", folder, *arguments], timeout_s=GIT_S, env=_ENV, what=f"git {arguments[0]}")


def clone_head(repo: Path, into: Path) -> str:
    """Check out a repository's committed HEAD elsewhere; the repository itself is only read.

    Returns:
        The commit.

    Raises:
        InputError: it is no git repository, or has no commit.
    """
    try:
        top = Path(git(repo, "rev-parse", "--show-toplevel").strip())
        commit = git(repo, "rev-parse", "--verify", "HEAD").strip()
    except ProgramFailed as error:
        raise InputError(
            f"--repo {repo}: measure needs a git repository with a commit ({error.message.split(': ')[-1]})",
            "the cluster is served what is committed: `git init && git add -A && git commit`",
        ) from error
    if top.resolve() != repo.resolve():
        raise InputError(
            f"--repo {repo}: lies inside the git repository {top}",
            f"give --repo {top}: sources serve whole repositories",
        )
    run(
        [
            "git",
            *PROGRAMS_OFF,
            *("-c", "protocol.file.allow=always"),
            "clone",
            "--quiet",
            "--no-local",
            "--depth",
            "1",
            "--no-tags",
            f"file://{top.resolve()}",
            into,
        ],
        timeout_s=GIT_S,
        env=_ENV,
        what="git clone",
    )
    return commit


def uncommitted(repo: Path) -> bool:
    """Whether the working tree differs from HEAD: that part is not measured."""
    return bool(git(repo, "status", "--porcelain").strip())


def commit_all(folder: Path, message: str) -> str:
    """Commit everything in a folder, a new repository where there is none yet; returns the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", f"--initial-branch={BRANCH}")
    git(folder, "add", "--all", "--force")
    git(folder, *_AUTHOR, "commit", "--quiet", "--allow-empty", "--no-verify", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def bare_copy(folder: Path, into: Path) -> Path:
    """A bare repository whose branch ``main`` is the folder's HEAD."""
    run(["git", "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", into], timeout_s=GIT_S, env=_ENV)
    push(folder, into)
    return into


def push(folder: Path, bare: Path) -> None:
    """Make the folder's HEAD the branch ``main`` of a bare repository."""
    git(folder, "push", "--quiet", str(bare), f"HEAD:refs/heads/{BRANCH}")


def require_git(fleet: Fleet) -> None:
    """Refuse a root that reads anything but a git repository, as one is served.

    Raises:
        InputError: it does.
    """
    if fleet.root_source is not None and fleet.root_source.kind != GIT_REPOSITORY:
        raise InputError(
            f"--workloads real serves a git repository, and the root's source is {fleet.root_source}",
            "measure it with --workloads stand-in, or with --source remote",
        )


def point_at_served(checkout: Path, fleet: Fleet, url: str) -> None:
    """Make the entry render the root's GitRepository with the served URL, so that the root does not undo it.

    Args:
        checkout: the checked out HEAD; changed in place.
        fleet: the fleet that was read from it.
        url: where the served repository is.

    Raises:
        InputError: the root's source is no GitRepository.
    """
    root = fleet.kustomization(fleet.root)
    require_git(fleet)
    assert root is not None and root.source is not None
    source = fleet.source(root.source)
    if source is None or source.assumed or source.file is None:
        return  # nothing in the repository renders it
    entry = checkout / root.path
    patch = _patch(root.source, url)
    for name in KUSTOMIZATION_FILES:
        if (entry / name).is_file() and not (entry / name).is_symlink():  # links are in no artifact
            document = yaml.safe_load((entry / name).read_text(encoding="utf-8")) or {}
            document.setdefault("patches", []).append(patch)
            (entry / name).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
            return
    _edit(checkout / source.file, root.source, url)


def _patch(id: ObjectId, url: str) -> dict[str, Any]:
    body = {
        "apiVersion": f"{SOURCE_GROUP}/v1",
        "kind": id.kind,
        "metadata": {"name": id.name, "namespace": id.namespace},
        # null removes a field: a merge patch.
        "spec": {
            "url": url,
            "ref": {"branch": BRANCH, "tag": None, "semver": None, "commit": None, "name": None},
            **dict.fromkeys(NO_ACCESS),
        },
    }
    target = {"group": SOURCE_GROUP, "kind": id.kind, "name": id.name, "namespace": id.namespace}
    return {"target": target, "patch": yaml.safe_dump(body)}


def _edit(file: Path, id: ObjectId, url: str) -> None:
    documents = [d for d in yaml.safe_load_all(file.read_text(encoding="utf-8")) if d is not None]
    for document in documents:
        if document.get("kind") == id.kind and (document.get("metadata") or {}).get("name") == id.name:
            document["spec"] = pointed_at(document.get("spec") or {}, url)
    file.write_text(yaml.safe_dump_all(documents, sort_keys=False), encoding="utf-8")


def remote_url(repo: Path, wanted_by: str = "--source remote") -> str:
    """The URL of the repository's remote ``origin`` as Flux can read it (https).

    Args:
        repo: the repository.
        wanted_by: the option that needs it, for messages.

    Raises:
        InputError: it has none, or one that Flux cannot read without credentials.
    """
    instead = (
        "measure it with --source served"
        if wanted_by == "--source remote"
        else "commit the source's object to the repository, or create it in the cluster first"
    )
    try:
        url = git(repo, "remote", "get-url", "origin").strip()
    except ProgramFailed as error:
        raise InputError(f"{wanted_by}: the repository has no remote `origin`", instead) from error
    if url.startswith("git@"):
        host, _, path = url.removeprefix("git@").partition(":")
        url = f"https://{host}/{path}"
    if not url.startswith(("https://", "http://")):
        # user@host:path, as ssh has it; of a URL the message itself takes the user away
        shown = _SCP_USER.sub("***@", url)
        raise InputError(f"{wanted_by}: got {shown}, wanted an https URL", instead)
    return url
