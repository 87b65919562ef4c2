"""Families of cases: each writes hostile files into a folder and says which command is to read them."""

from __future__ import annotations

import copy
import gzip
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.fuzz import bases, hostile, mutate

Family = Callable[[Random, Path], list[str]]

SCENARIOS = (
    ("--scenario", "commit"),
    ("--scenario", "restart"),
    ("--scenario", "restart", "--restart-by", "evict"),
    ("--scenario", "restart", "--restart-by", "kill", "--restart-of", "kustomize-controller"),
)


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=True).encode()


def _mutated_json(text: str, rng: Random) -> bytes:
    """A JSON text with its bytes, its structure or its meaning changed."""
    kind = rng.random()
    if kind < 0.25:
        return mutate.bytes_of(text.encode(), rng)
    document = json.loads(text)
    if kind < 0.65:
        return _json(mutate.structure(document, rng))
    if kind < 0.97 and isinstance(document, dict) and "kustomizations" in document:
        return _json(mutate.graph_meaning(document, rng))
    deep = json.dumps(mutate.structure(document, rng)).replace(
        "[]", hostile.nested(10_000, rng.choice(("list", "map"))), 1
    )
    return deep.encode()


def _on_graph(rng: Random, file: Path, out: Path) -> list[str]:
    """A command that reads a graph file."""
    few = ["--samples", rng.choice(("1", "2"))]
    return rng.choice(
        (
            lambda: [
                "graph",
                "--graph",
                str(file),
                "--format",
                rng.choice(("table", "json", "dot", "mermaid", "graphml")),
            ],
            lambda: ["graph", "--graph", str(file), "--critical-path"],
            lambda: [
                "simulate",
                "--graph",
                str(file),
                *few,
                "--format",
                rng.choice(("table", "json", "csv", "perfetto")),
            ],
            lambda: [
                "simulate",
                "--graph",
                str(file),
                *few,
                "--why",
                "--strategy",
                rng.choice(("fine", "waves", "both")),
            ],
            lambda: [
                "simulate",
                "--graph",
                str(file),
                *few,
                *rng.choice(SCENARIOS),
                "--until",
                "2h",
            ],
            lambda: ["simulate", "--graph", str(file), *few, "--fail", "flux-system/a", "-o", str(out / "run")],
            lambda: [
                "check",
                "--graph",
                str(file),
                *few,
                "--target",
                "5m",
                "--markdown",
                str(out / "m"),
                "--sarif",
                str(out / "s"),
            ],
            lambda: [
                "check",
                "--graph",
                str(file),
                *few,
                "--baseline",
                str(file),
                "--junit",
                str(out / "j"),
                "--format",
                "json",
            ],
        )
    )()  # type: ignore[no-any-return,no-untyped-call]


def graph(rng: Random, folder: Path) -> list[str]:
    """A mutated graph file."""
    file = folder / "graph.json"
    file.write_bytes(_mutated_json(bases.graph(rng.choice(bases.GRAPHS)), rng))
    return _on_graph(rng, file, folder)


def beliefs(rng: Random, folder: Path) -> list[str]:
    """A mutated profile or durations file."""
    file, known = folder / "belief.yaml", folder / "graph.json"
    known.write_text(bases.graph("small"), encoding="utf-8")
    option = rng.choice(("--durations", "--profile"))
    text = bases.DURATIONS if option == "--durations" else bases.profile()
    file.write_bytes(_mutated_yaml(text, rng))
    return ["simulate", "--graph", str(known), "--samples", "1", "--strategy", "fine", option, str(file)]


def _mutated_yaml(text: str, rng: Random, bodies: Callable[[dict[str, Any], Random], Any] | None = None) -> bytes:
    kind = rng.random()
    if kind < 0.3:
        return mutate.bytes_of(text.encode(), rng)
    if kind < 0.4:
        snippet = rng.choice(hostile.YAML_SNIPPETS)
        return rng.choice((snippet, text + "\n---\n" + snippet, text + "\nx: " + snippet.replace("\n", "\n  "))).encode(
            "utf-8", "surrogatepass"
        )
    try:
        parsed = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return mutate.bytes_of(text.encode(), rng)
    if not parsed:
        return mutate.bytes_of(text.encode(), rng)
    at = rng.randrange(len(parsed))
    if bodies is not None and kind > 0.65 and isinstance(parsed[at], dict):
        parsed[at] = bodies(parsed[at], rng)
    else:
        parsed[at] = mutate.structure(parsed[at], rng)
    try:
        return yaml.safe_dump_all(parsed, allow_unicode=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    except (yaml.YAMLError, RecursionError, TypeError):
        return "\n---\n".join(json.dumps(p, default=str) for p in parsed).encode()


def traces(rng: Random, folder: Path) -> list[str]:
    """A mutated trace: as the recorder writes it, or with its spec."""
    if rng.random() < 0.6:
        file = folder / "trace.jsonl"
        file.write_bytes(_mutated_lines(bases.trace_lines(), rng))
    else:
        document = copy.copy(bases.spec_trace(rng.choice(("helm15-c4", "fail-c4", "commit-c4"))))
        keys = rng.sample(sorted(document["trace"]), min(12, len(document["trace"])))
        document["trace"] = {key: document["trace"][key][:6] for key in keys}
        content = _mutated_json(json.dumps(document), rng)
        zipped = rng.random() < 0.2
        file = folder / ("run.json.gz" if zipped else "run.json")
        packed = gzip.compress(content, 1) if zipped else content
        file.write_bytes(mutate.bytes_of(packed, rng) if zipped and rng.random() < 0.5 else packed)
    return _on_run(rng, file, folder)


def _mutated_lines(text: str, rng: Random) -> bytes:
    if rng.random() < 0.35:
        return mutate.bytes_of(text.encode(), rng)
    lines = text.rstrip("\n").split("\n")
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.choice((0, rng.randrange(len(lines)), len(lines) - 1))
        kind = rng.randrange(7)
        if kind == 0 and len(lines) > 1:
            del lines[at]
        elif kind == 1:
            lines.insert(at, rng.choice((lines[at], "", "null", "[]", "{}", "3", '"x"', hostile.nested(10_000))))
        elif kind == 2:
            lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
        else:
            try:
                lines[at] = json.dumps(mutate.structure(json.loads(lines[at]), rng))
            except (ValueError, RecursionError):
                continue
    return ("\n".join(lines) + rng.choice(("\n", "", "\n\n"))).encode()


def _on_run(rng: Random, run: Path, out: Path) -> list[str]:
    """A command that reads runs."""
    return rng.choice(
        (
            lambda: ["validate", str(run), "--samples", "1", "--format", rng.choice(("table", "json"))],
            lambda: ["report", str(run), "--samples", "0", "--format", rng.choice(("csv", "markdown", "perfetto"))],
            lambda: [
                "report",
                str(run),
                "--format",
                "csv",
                "--table",
                rng.choice(("ready", "events", "intervals", "why", "totals")),
            ],
            lambda: ["report", str(run), "--samples", "1", "-o", str(out / "page.html")],
            lambda: ["calibrate", str(run), "-o", str(out / "profile.yaml")],
        )
    )()  # type: ignore[no-any-return,no-untyped-call]


def runs(rng: Random, folder: Path) -> list[str]:
    """A run folder one of whose files was mutated, cut, emptied or taken away."""
    run = folder / "run"
    run.mkdir()
    for name, content in bases.run_folder().items():
        (run / name).write_bytes(content)
    name = rng.choice(sorted(bases.run_folder()))
    content = bases.run_folder()[name]
    kind = rng.randrange(5)
    if kind == 0:
        (run / name).unlink()
    elif kind == 1:
        (run / name).write_bytes(content[: rng.randrange(len(content) + 1)])
    elif name.endswith(".json"):
        (run / name).write_bytes(_mutated_json(content.decode(), rng))
    elif name.endswith(".jsonl"):
        (run / name).write_bytes(_mutated_lines(content.decode(), rng))
    else:
        (run / name).write_bytes(mutate.bytes_of(content, rng))
    return _on_run(rng, run, folder)


def write_files(files: Mapping[str, str | bytes], folder: Path) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))


def _on_repository(rng: Random, repo: Path, entry: str, out: Path) -> list[str]:
    where = ["--repo", str(repo), "--cluster-path", entry]
    return rng.choice(
        (
            lambda: ["graph", *where, "--format", rng.choice(("table", "json", "dot"))],
            lambda: ["graph", *where, "--format", "json", "-o", str(out / "graph.json")],
            lambda: ["simulate", *where, "--samples", "1", "--strategy", "fine", "--until", "6h"],
            lambda: ["check", *where, "--samples", "1", "--sarif", str(out / "s"), "--junit", str(out / "j")],
            lambda: ["convert", *where, "--to", rng.choice(("waves", "fine")), "-o", str(out / "converted")],
            lambda: ["graph", "--repo", str(repo)],
        )
    )()  # type: ignore[no-any-return,no-untyped-call]


def _hostile_repository(files: dict[str, bytes], rng: Random, repo: Path) -> None:
    """Mutate some files of a repository, and its names and links."""
    files = dict(files)
    for _ in range(rng.choice((1, 1, 2, 4))):
        path = rng.choice(sorted(files))
        files[path] = _mutated_yaml(files[path].decode("utf-8", "replace"), rng, mutate.flux_meaning)
    write_files(files, repo)
    for _ in range(rng.choice((0, 0, 1, 2))):
        path = repo / rng.choice(sorted(files))
        kind = rng.randrange(6)
        if not path.is_file() or path.is_symlink():
            continue
        if kind == 0:
            path.unlink()
        elif kind == 1:
            path.unlink()
            path.symlink_to(rng.choice(("/etc/passwd", path.name, "..", "../../../../..", "/dev/zero", "gone")))
        elif kind == 2:
            path.unlink()
            path.mkdir()
        elif kind == 3:
            (path.parent / "loop").is_symlink() or (path.parent / "loop").symlink_to(".")
        elif kind == 4:
            odd = rng.choice(
                ("\x1b[31m.yaml", "a\nb.yaml", "\u202e.yaml", " .yaml", "-rf", "💥.yml", "kustomization.yml")
            )
            (path.parent / odd).write_bytes(path.read_bytes())
        elif kind == 5:
            pipe = path.parent / f"pipe-{path.name}"
            pipe.exists() or os.mkfifo(pipe)
        else:
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def repository(rng: Random, folder: Path) -> list[str]:
    """The small repository, mutated."""
    repo = folder / "repo"
    _hostile_repository({path: text.encode() for path, text in bases.SMALL.items()}, rng, repo)
    entry = rng.choice(("clusters/dev",) * 8 + ("apps/a", ".", "../x"))
    if rng.random() < 0.1:
        where = ["--repo", str(repo), "--cluster-path", entry, "--samples", "6"]
        return rng.choice((["optimize", *where, "--patch", str(folder / "patch")], ["blast-radius", *where]))
    return _on_repository(rng, repo, entry, folder)


def reference(rng: Random, folder: Path) -> list[str]:
    """The reference fleet, mutated."""
    repo = folder / "repo"
    _hostile_repository(bases.reference(), rng, repo)
    return _on_repository(rng, repo, rng.choice(bases.REFERENCE_ENTRIES), folder)


def arguments(rng: Random, folder: Path) -> list[str]:
    """Hostile arguments beside a fleet that is fine."""
    known = folder / "graph.json"
    known.write_text(bases.graph("small"), encoding="utf-8")
    text = rng.choice((*hostile.TEXTS, *hostile.DURATIONS, *map(str, hostile.NUMBERS))).replace(
        "\0", ""
    )  # no argument holds one
    option = rng.choice(
        (
            "--kustomize-concurrent", "--helm-concurrent", "--source-concurrent", "--requeue-dependency", "--flux-version",
            "--durations", "--profile", "--samples", "--seed", "--fail", "--set-depends-on", "--until", "--changed", "--why",
            "--fix-after", "--strategy", "--format", "--repo", "--cluster-path", "--graph", "--env", "--scenario",
        )
    )  # fmt: skip
    joined = rng.random() < 0.5
    given = [f"{option}={text}"] if joined else [option, text]
    tail = ["--scenario", "commit"] if option in ("--changed", "--fix-after") else []
    argv = ["simulate", "--graph", str(known), "--samples", "1", *given, *tail]
    if option == "--samples" and text.isdigit() and len(text) > 3:
        argv = ["simulate", "--graph", str(known), "--samples", "0" + text + "x"]
    return argv


FAMILIES: dict[str, tuple[Family, int]] = {
    "graph": (graph, 34),
    "beliefs": (beliefs, 18),
    "traces": (traces, 20),
    "runs": (runs, 6),
    "repository": (repository, 12),
    "reference": (reference, 3),
    "arguments": (arguments, 7),
}
"""Name -> family and its share of a run's cases."""


def split(cases: int) -> dict[str, int]:
    """How many cases each family gets."""
    total = sum(share for _, share in FAMILIES.values())
    found = {name: max(1, cases * share // total) for name, (_, share) in FAMILIES.items()}
    found["graph"] += max(0, cases - sum(found.values()))
    return found
