"""Profiles: what is believed about charts, kinds of workload, images, pulls and the controllers' own steps.

One format for what ships (``default``, ``short``) and for what ``fleetbench calibrate`` writes; YAML or JSON. Times
are seconds, a Go duration, ``{p50_s, p90_s}`` or a list of samples; a chart, kind or image that is only a time has it
as its ``total``.

Format history:
    1: first version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from fleetbench.data import shipped
from fleetbench.errors import InputError
from fleetbench.ids import BUCKET, GIT_REPOSITORY, HELM_CHART, HELM_REPOSITORY, OCI_REPOSITORY, ObjectId, parse_object
from fleetbench.model.distributions import Distribution
from fleetbench.model.located import Located, did_you_mean, read_located
from fleetbench.model.steps import read_steps

FORMAT_VERSION = 1
SHIPPED = ("default", "short", "stand-in")
DEFAULT = "default"
"""Key of the entry that holds for every chart, kind or image without one of its own."""
EXPRESSION = "expression"
"""Among kinds: what ``healthCheckExprs`` judge, where its own kind has no entry."""

_EMPTY: Mapping[Any, Any] = MappingProxyType({})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TimePrior:
    """What is believed of one chart or one kind of workload: either ``ready`` or ``total``."""

    ready: Distribution | None = None
    """From the images being there to Ready; scheduling and pulls come on top. A kind: its first replica."""
    total: Distribution | None = None
    """The whole, nothing added."""
    each_more: Distribution | None = None
    """Every further replica, which starts when the one before it is Ready; None = they start together."""
    hook: Distribution | None = None
    """A chart: its pre-install hooks, before anything else."""
    images: tuple[str, ...] = ()
    """What it pulls where the workload itself names no image."""
    source: str = ""
    guess: bool = False
    """No published figure: the spread is wide on purpose."""


@dataclass(frozen=True, slots=True)
class ImagePrior:
    """What is believed of one image repository."""

    megabytes: Distribution | None = None
    """Compressed size in MB (10^6 bytes); zero = every node holds it."""
    ready: Distribution | None = None
    """As for a kind, and preferred to it: what the image does is more than how it is run."""
    total: Distribution | None = None
    source: str = ""
    guess: bool = False

    @property
    def time(self) -> Distribution | None:
        """Whichever of the two is stated."""
        return self.ready or self.total


@dataclass(frozen=True, slots=True)
class PullPrior:
    """How images come to a node."""

    bandwidth_mb_s: Distribution
    """MB/s of compressed image, unpacking included. A property of the cluster: one draw a run, by all pulls."""
    serialized_per_node: bool = True
    """The kubelet pulls one image at a time (``serializeImagePulls``, on by default)."""
    source: str = ""
    guess: bool = False


@dataclass(frozen=True, slots=True)
class NodesPrior:
    """The nodes that pods are spread over."""

    count: int = 1
    max_pods: int = 110
    source: str = ""


@dataclass(frozen=True, slots=True)
class ControllerManagerPrior:
    """How many requests a second each controller of kube-controller-manager may send."""

    qps: int
    """``--kube-api-qps``."""
    burst: int
    """``--kube-api-burst``."""
    source: str = ""


@dataclass(frozen=True)
class Profile:
    """One profile; a section that the file lacks is empty or None."""

    name: str
    """``default``, ``short``, or the file's name."""
    objects: Mapping[ObjectId, Distribution] = field(default_factory=lambda: _EMPTY)
    """Kustomization or HelmRelease -> from applied until all its objects are Current, Flux's own time not in it."""
    charts: Mapping[str, TimePrior] = field(default_factory=lambda: _EMPTY)
    kinds: Mapping[str, TimePrior] = field(default_factory=lambda: _EMPTY)
    """``Deployment``; ``Cluster.postgresql.cnpg.io`` for a custom resource; :data:`EXPRESSION`."""
    images: Mapping[str, ImagePrior] = field(default_factory=lambda: _EMPTY)
    pod_start: Distribution | None = None
    """Scheduling, sandbox, volumes, container start: what every pod needs beside its images; seconds."""
    pull: PullPrior | None = None
    fetch: Mapping[str, Distribution] = field(default_factory=lambda: _EMPTY)
    """Kind of source -> how long it waits for the server that holds it, each time there is something new; seconds."""
    nodes: NodesPrior | None = None
    controller_manager: ControllerManagerPrior | None = None
    steps: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    """The controllers' step costs, as the engine reads them."""
    about: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    """Who wrote it, from what, with what fit: nothing here is computed with."""

    def over(self, base: Profile) -> Profile:
        """This profile with what it leaves out taken from ``base``; step costs are laid over one by one."""
        return replace(
            self,
            charts={**base.charts, **self.charts},
            kinds={**base.kinds, **self.kinds},
            images={**base.images, **self.images},
            pod_start=self.pod_start or base.pod_start,
            pull=self.pull or base.pull,
            fetch={**base.fetch, **self.fetch},
            nodes=self.nodes or base.nodes,
            controller_manager=self.controller_manager or base.controller_manager,
            steps=_laid_over(base.steps, self.steps),
        )


class Durations(dict[ObjectId, Distribution]):
    """A durations file: OBJECT -> time, with where each was read."""

    def __init__(self, items: Mapping[ObjectId, Distribution], file: str, lines: Mapping[ObjectId, int]):
        super().__init__(items)
        self.file = file
        self.lines = lines


def load_durations(path: str | Path) -> Durations:
    """Read a ``--durations`` file: OBJECT -> seconds, a duration, ``{p50_s, p90_s}`` or a list of samples.

    Raises:
        InputError: unreadable, or an object or value that is none.
    """
    top = read_located(Path(path))
    entries = top.mapping()
    if "format_version" in entries:
        raise top.bad("OBJECT: seconds", got="a profile", hint=f"use --profile {path}")
    return Durations(*_objects(top))


def load_profile(name_or_path: str | Path) -> Profile:
    """Read a shipped profile by name (``default``, ``short``) or any by path.

    Raises:
        InputError: neither, unreadable, or a field with a value it cannot have.
    """
    text = str(name_or_path)
    if text in SHIPPED:
        return read_profile(read_located(shipped("profiles", f"{text}.yaml")), text)
    path = Path(name_or_path)
    if not path.exists():
        hint = did_you_mean(text, SHIPPED) or "write one with `fleetbench calibrate RUN... -o PROFILE`"
        raise InputError(f"--profile: got {text!r}, wanted {' or '.join(SHIPPED)} or a file that exists", hint)
    return read_profile(read_located(path), path.name)


def stand_in_profile() -> Profile:
    """What holds for the pods of ``measure --workloads stand-in``, over any other profile."""
    return load_profile("stand-in")


def read_profile(top: Located, name: str) -> Profile:
    """Build a profile from a document that was read.

    Raises:
        InputError: an unknown key, or a field with a value it cannot have.
    """
    parts = top.mapping(_SECTIONS)
    version = parts.get("format_version")
    if version is None:
        raise top.bad(f"format_version: {FORMAT_VERSION}", got="no format_version")
    if version.value != FORMAT_VERSION or isinstance(version.value, bool):
        raise version.bad(f"{FORMAT_VERSION}, which this release reads")

    def section(key: str, read: Callable[[Located], _T], empty: _T) -> _T:
        return read(parts[key]) if key in parts else empty

    return Profile(
        name=name,
        objects=section("objects", lambda at: _objects(at)[0], {}),
        charts=section("charts", lambda at: _each(at, _chart), {}),
        kinds=section("kinds", lambda at: _each(at, _kind), {}),
        images=section("images", lambda at: {repository(k): v for k, v in _each(at, _image).items()}, {}),
        pod_start=section("pod_start", _seconds, None),
        pull=section("pull", _pull, None),
        fetch=section("fetch", _fetch, {}),
        nodes=section("nodes", _nodes, None),
        controller_manager=section("controller_manager", _controller_manager, None),
        steps=section("steps", read_steps, {}),
        about=section("about", lambda at: {key: item.plain() for key, item in at.mapping().items()}, {}),
    )


def repository(image: str) -> str:
    """An image reference without tag, digest and Docker Hub's default parts.

    >>> repository("docker.io/library/redis:7.2@sha256:0a"), repository("quay.io/prometheus/prometheus:v3")
    ('redis', 'quay.io/prometheus/prometheus')
    """
    path, _, last = image.split("@")[0].rpartition("/")
    last = last.split(":")[0]
    path = path.removeprefix("index.").removeprefix("docker.io").strip("/")
    path = "" if path == "library" else path
    return f"{path}/{last}" if path else last


_COMMON = ("source", "guess")
FETCHED = (GIT_REPOSITORY, OCI_REPOSITORY, BUCKET, HELM_REPOSITORY, HELM_CHART)
"""Kinds of source that fetch from elsewhere."""
_TIMES = ("ready", "total", "each_more", "hook")
_SECTIONS = (
    "format_version", "about", "objects", "charts", "kinds", "images", "pod_start", "pull", "fetch", "nodes",
    "controller_manager", "steps",
)  # fmt: skip


def _objects(at: Located) -> tuple[dict[ObjectId, Distribution], str, dict[ObjectId, int]]:
    times, lines = {}, {}
    for key, item in at.mapping().items():
        try:
            id = parse_object(key)
        except ValueError as error:
            raise InputError.at(item.file, item.line, None, key, str(error).split("wanted ")[-1]) from None
        if id in times:
            raise InputError.at(item.file, item.line, None, f"{id} again", "each object once")
        times[id], lines[id] = item.seconds(), item.line
    return times, at.file, lines


def _each(at: Located, read: Callable[[Located], _T]) -> dict[str, _T]:
    return {key: read(item) for key, item in at.mapping().items()}


def _said(parts: Mapping[str, Located]) -> dict[str, Any]:
    """The two fields that every prior has: where it is from, and whether it is a guess."""
    return {
        "source": parts["source"].text() if "source" in parts else "",
        "guess": parts["guess"].flag() if "guess" in parts else False,
    }


def _is_time(at: Located) -> bool:
    """Whether an entry is a time alone, as ``--durations`` states one: the whole, nothing added."""
    return bool({"p50_s", "p90_s"} & set(at.value)) if isinstance(at.value, dict) else at.value is not None


def _time(at: Located, keys: tuple[str, ...]) -> TimePrior:
    if _is_time(at):
        return TimePrior(total=at.seconds())
    parts = at.mapping((*keys, *_COMMON))
    if ("ready" in parts) == ("total" in parts):
        raise at.bad("either ready or total", got="both" if "ready" in parts else "neither")
    times: dict[str, Any] = {key: parts[key].seconds() for key in _TIMES if key in parts}
    images = tuple(item.text() for item in parts["images"].items()) if "images" in parts else ()
    return TimePrior(**times, images=images, **_said(parts))


def _chart(at: Located) -> TimePrior:
    return _time(at, ("ready", "total", "each_more", "hook", "images"))


def _kind(at: Located) -> TimePrior:
    return _time(at, ("ready", "total", "each_more", "images"))


def _image(at: Located) -> ImagePrior:
    if _is_time(at):
        return ImagePrior(total=at.seconds())
    parts = at.mapping(("compressed_mb", "ready", "total", *_COMMON))
    if "ready" in parts and "total" in parts:
        raise at.bad("ready or total", got="both")
    times: dict[str, Any] = {key: parts[key].seconds() for key in _TIMES if key in parts}
    size = parts["compressed_mb"].amount() if "compressed_mb" in parts else None
    return ImagePrior(megabytes=size, **times, **_said(parts))


def _fetch(at: Located) -> dict[str, Distribution]:
    parts = at.mapping(FETCHED)
    return {kind: item.seconds() if _is_time(item) else _seconds(item) for kind, item in parts.items()}


def _seconds(at: Located) -> Distribution:
    parts = at.mapping(("seconds", *_COMMON))
    if "seconds" not in parts:
        raise at.bad("seconds", got="none")
    return parts["seconds"].seconds()


def _pull(at: Located) -> PullPrior:
    parts = at.mapping(("bandwidth_mb_s", "serialized_per_node", *_COMMON))
    if "bandwidth_mb_s" not in parts:
        raise at.bad("bandwidth_mb_s", got="none")
    bandwidth = parts["bandwidth_mb_s"].amount()
    if bandwidth.quantile(1e-12) <= 0:
        raise parts["bandwidth_mb_s"].bad("MB/s above zero")
    serialized = parts["serialized_per_node"].flag() if "serialized_per_node" in parts else True
    return PullPrior(bandwidth, serialized, **_said(parts))


def _nodes(at: Located) -> NodesPrior:
    parts = at.mapping(("count", "max_pods", "source"))
    numbers = {key: parts[key].whole_number(least=1) for key in ("count", "max_pods") if key in parts}
    return NodesPrior(**numbers, source=parts["source"].text() if "source" in parts else "")


def _controller_manager(at: Located) -> ControllerManagerPrior:
    parts = at.mapping(("qps", "burst", "source"))
    missing = [key for key in ("qps", "burst") if key not in parts]
    if missing:
        raise at.bad("qps and burst", got=f"no {missing[0]}")
    numbers = {key: parts[key].whole_number(least=1) for key in ("qps", "burst")}
    return ControllerManagerPrior(**numbers, source=parts["source"].text() if "source" in parts else "")


def _laid_over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged
