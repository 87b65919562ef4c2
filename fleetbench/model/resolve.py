"""Which time holds for which object: durations file, profile, the pod template's own statement, shipped priors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import HelmRelease, Kustomization, Workload
from fleetbench.ids import ObjectId
from fleetbench.model.distributions import NOTHING, Distribution, Fixed, Shifted
from fleetbench.model.located import did_you_mean
from fleetbench.model.profile import DEFAULT, EXPRESSION, Durations, ImagePrior, Profile, TimePrior, repository
from fleetbench.model.workload_time import ImagePull, PodTime, WorkloadTime
from fleetbench.units import format_duration

NOTHING_TO_WAIT_FOR, NO_PODS = "nothing to wait for", "no pods"
INSTALLED = "installed before Flux"  # its pods run already
DURATIONS_FILE = "durations file"
PRIOR = "prior"
"""What says in :attr:`WorkloadTime.chosen_by` that a shipped prior did."""
_ENTRIES = {DEFAULT: "any kind", EXPRESSION: "what an expression judges"}
_CRDS_ALONE = "*-crds"  # the entry for charts whose names end so
_IN_TURN = "StatefulSet"
"""Starts its pods one by one under podManagementPolicy OrderedReady, the default, and at once under Parallel
(kubernetes pkg/controller/statefulset/stateful_set_utils.go allowsBurst)."""
MAX_PODS = 150_000
"""Kubernetes' own limit for a cluster (kubernetes.io, "Considerations for large clusters")."""


def resolve(
    fleet: Fleet,
    durations: Mapping[ObjectId, Distribution] | None,
    profile: Profile | None,
    default: Profile,
    also: Iterable[Fleet] = (),
) -> dict[ObjectId, WorkloadTime]:
    """Choose each Kustomization's and HelmRelease's workload time.

    A HelmRelease counts by itself, never in the Kustomization that holds it. Where only that Kustomization is
    stated ("until all its objects are Current"), a HelmRelease in it that says nothing itself takes the same time.
    One that was installed before Flux takes none, unless it is named in the durations or the user's profile.

    Args:
        fleet: whose objects; of a scenario that is no bootstrap :func:`~fleetbench.graph.changes.none_installed`.
        durations: the ``--durations`` file; it may also name a workload (``Deployment/ns/name``).
        profile: the user's ``--profile``; the shipped default counts as none.
        default: the shipped priors.
        also: fleets that this one is compared with: the durations may name their objects too.

    Raises:
        InputError: the durations name an object that none of these fleets holds, or the fleet has more pods than
            any cluster.
    """
    durations = durations or {}
    _check_known([fleet, *also], durations)
    _check_pods(fleet)
    if profile is not None and profile.name == default.name:
        profile = None
    choice = _Choice(durations, profile, default, default if profile is None else profile.over(default))
    return {obj.id: choice.of(obj) for obj in fleet.services()}


def _check_known(fleets: Iterable[Fleet], durations: Mapping[ObjectId, Distribution]) -> None:
    services = [obj for fleet in fleets for obj in fleet.services()]
    known = {obj.id for obj in services} | {w.object for obj in services for w in obj.workloads}
    for id in durations:
        if id in known:
            continue
        names = [*(str(k) for k in known), *(k.key for k in known if k.kind == "Kustomization")]
        hint = (
            did_you_mean(str(id), names)
            or did_you_mean(id.key, names)
            or "`fleetbench graph` lists the fleet's objects"
        )
        file = durations.file if isinstance(durations, Durations) else "--durations"
        line = durations.lines.get(id) if isinstance(durations, Durations) else None
        raise InputError.at(file, line, None, str(id), "an object of this fleet", hint)


def _check_pods(fleet: Fleet) -> None:
    counts = [(w.replicas, w.object) for obj in fleet.services() for w in obj.workloads]
    counts += [(h.replicas or 0, h.id) for h in fleet.helmreleases]
    if sum(count for count, _ in counts) > MAX_PODS:
        most, object = max(counts)
        raise InputError(
            f"{object}: got {most} replicas, wanted at most {MAX_PODS} in the whole fleet",
            "Kubernetes supports no more pods in a cluster: correct the number",
        )


@dataclass(frozen=True, slots=True)
class _Pods:
    """The pods of one workload or chart, and who chose them."""

    pods: tuple[PodTime, ...]
    chosen_by: str
    source: str


@dataclass(frozen=True, slots=True)
class _Choice:
    """The four places that can state a time, in order."""

    durations: Mapping[ObjectId, Distribution]
    user: Profile | None
    default: Profile
    merged: Profile
    """The user's profile over the default: pulls, pod start, image sizes."""

    def of(self, obj: Kustomization | HelmRelease) -> WorkloadTime:
        stated = self._whole(obj.id)
        if stated is not None:
            return stated
        if isinstance(obj, HelmRelease) and obj.installed_by is not None:
            return WorkloadTime(obj.id, f"{INSTALLED} ({obj.installed_by})", obj.installed_by)
        if isinstance(obj, Kustomization):
            parts = [self._workload(w, obj.health_check_exprs) for w in obj.workloads]
        else:
            inherited = self._inherited(obj)
            if inherited is not None:
                return inherited
            parts = self._release(obj)
        return _joined(obj.id, [part for part in parts if part.pods])

    def _whole(self, id: ObjectId) -> WorkloadTime | None:
        if id in self.durations:
            return WorkloadTime(id, DURATIONS_FILE, self._file(), self.durations[id])
        if self.user is not None and id in self.user.objects:
            return WorkloadTime(id, f"profile {self.user.name}: this object", self.user.name, self.user.objects[id])
        return None

    def _file(self) -> str:
        return self.durations.file if isinstance(self.durations, Durations) else ""

    def _inherited(self, release: HelmRelease) -> WorkloadTime | None:
        """What its Kustomization's statement says of a release that says nothing itself."""
        says = any(w.stated_ready_s is not None or w.object in self.durations for w in release.workloads)
        found = None if says or release.parent is None else self._whole(release.parent)
        if found is None:
            return None
        return replace(found, object=release.id, chosen_by=f"{found.chosen_by}, stated for {found.object.key}")

    def _release(self, release: HelmRelease) -> list[_Pods]:
        name = release.chart_name
        if release.broken or release.starts_no_pods:
            return []
        workloads = release.workloads
        if self.user is not None and name in self.user.charts:
            return [self._chart(release, self.user.charts[name], f"profile {self.user.name}: chart {name}")]
        says = any(w.stated_ready_s is not None or w.object in self.durations for w in workloads)
        key = _CRDS_ALONE if name not in self.default.charts and name.endswith(_CRDS_ALONE[1:]) else name
        if not says and key in self.default.charts:
            return [self._chart(release, self.default.charts[key], f"{PRIOR}: chart {key}")]
        if release.workloads_known or workloads:
            return [self._workload(w) for w in workloads]
        if self.user is not None and DEFAULT in self.user.charts:
            return [self._chart(release, self.user.charts[DEFAULT], f"profile {self.user.name}: any chart")]
        prior = self.default.charts.get(DEFAULT)
        if prior is None:
            return []
        return [self._chart(release, replace(prior, images=prior.images or (name,)), f"{PRIOR}: any chart")]

    def _chart(self, release: HelmRelease, prior: TimePrior, said: str) -> _Pods:
        object = release.id
        pods = [] if prior.hook is None else [PodTime(object, start=self._start(), ready=prior.hook, hook=True)]
        replicas = 1 if prior.each_more is None else release.replicas or 1
        replicas_in_turn = self._replicas(object, prior, replicas, self._pulls(prior.images))
        return _Pods((*pods, *_counted_from(len(pods), replicas_in_turn)), _named(said, prior), prior.source)

    def _workload(self, workload: Workload, judged: bool = False) -> _Pods:
        """The time of one workload; ``judged``: by expressions, where it is a custom resource."""
        object = workload.object
        if object in self.durations:
            pod = PodTime(object, ready=self.durations[object], hook=workload.hook, from_apply=True)
            return _Pods((pod,), DURATIONS_FILE, self._file())
        if not workload.replicas and object.kind == "Deployment":
            return _Pods((PodTime(object, empty=True),), NO_PODS, "")
        found = None
        if self.user is not None:
            found = self._known(self.user, workload, f"profile {self.user.name}", stated=True, judged=judged)
        if found is None and workload.stated_ready_s is not None:
            found = self._stated(workload, workload.stated_ready_s)
        if found is None:
            found = self._known(self.default, workload, PRIOR, stated=False, judged=judged)
        return found or _Pods((), NOTHING_TO_WAIT_FOR, "")

    def _stated(self, workload: Workload, stated_s: float) -> _Pods | None:
        said, source = f"stated by {workload.stated_by or 'the graph'}", "pod template"
        if workload.stated_by == "minReadySeconds":
            below = self._known(self.default, workload, PRIOR, stated=False, judged=False)
            if below is None:
                return None
            pods = tuple(replace(pod, ready=Shifted(pod.ready, stated_s)) for pod in below.pods)
            said = f"{said} ({format_duration(stated_s)}) on top of {below.chosen_by}"
            return _Pods(pods, said, below.source or source)
        each = Fixed(stated_s)
        prior = TimePrior(ready=each) if workload.stated_by == "probes" else TimePrior(total=each)
        return _Pods(self._of_kind(workload, prior, of_pod=True), said, source)

    def _known(self, profile: Profile, workload: Workload, said: str, *, stated: bool, judged: bool) -> _Pods | None:
        """What a profile says of a workload: by image, then by kind, then by its entry for any kind.

        A user's profile (``stated``) has no say by its entry for any kind where the template states a time itself.
        """
        by_image = [(image, profile.images.get(repository(image))) for image in workload.images]
        timed = [(image, prior) for image, prior in by_image if prior is not None and prior.time is not None]
        if timed and len(timed) == len(by_image):
            image, prior = max(timed, key=lambda pair: _median(pair[1]))
            as_time = TimePrior(ready=prior.ready, total=prior.total, source=prior.source, guess=prior.guess)
            return _Pods(
                self._of_kind(workload, as_time), _named(f"{said}: image {repository(image)}", prior), prior.source
            )
        kind = _kind_key(profile, workload, judged)
        if kind is None or (kind == DEFAULT and stated and workload.stated_ready_s is not None):
            return None
        found = profile.kinds[kind]
        what = _ENTRIES.get(kind, f"kind {kind}")
        return _Pods(self._of_kind(workload, found), _named(f"{said}: {what}", found), found.source)

    def _of_kind(self, workload: Workload, prior: TimePrior, *, of_pod: bool = False) -> tuple[PodTime, ...]:
        """``of_pod``: a whole time counts from the pod's creation, not from the apply."""
        if workload.parallel:
            prior = replace(prior, each_more=None)
        in_turn = prior.each_more is not None or (workload.object.kind == _IN_TURN and not workload.parallel)
        pulls = self._pulls(workload.images or prior.images)
        pods = self._replicas(workload.object, prior, workload.replicas, pulls, in_turn=in_turn)
        whole, at_once = prior.ready is None and not of_pod, workload.replaced_at_once
        return tuple(replace(pod, hook=workload.hook, at_once=at_once, from_apply=whole) for pod in pods)

    def _replicas(
        self, object: ObjectId, prior: TimePrior, replicas: int, pulls: tuple[ImagePull, ...], *, in_turn: bool = True
    ) -> tuple[PodTime, ...]:
        first = prior.ready or prior.total or NOTHING
        whole = prior.ready is None
        return tuple(
            PodTime(
                object,
                replica=i,
                start=NOTHING if whole else self._start(),
                ready=prior.each_more if i and prior.each_more is not None else first,
                pulls=() if whole else pulls,
                after=i - 1 if i and in_turn else None,
            )
            for i in range(replicas)
        )

    def _start(self) -> Distribution:
        return self.merged.pod_start or NOTHING

    def _pulls(self, images: tuple[str, ...]) -> tuple[ImagePull, ...]:
        sizes = self.merged.images
        found = []
        for image in images:
            prior = sizes.get(repository(image))
            if prior is None or prior.megabytes is None:
                prior = sizes.get(DEFAULT)
            found.append(ImagePull(image, NOTHING if prior is None or prior.megabytes is None else prior.megabytes))
        return tuple(found)


def _counted_from(base: int, pods: tuple[PodTime, ...]) -> tuple[PodTime, ...]:
    """The same pods where ``base`` others stand before them."""
    return tuple(pod if pod.after is None else replace(pod, after=pod.after + base) for pod in pods)


def _joined(object: ObjectId, parts: list[_Pods]) -> WorkloadTime:
    """One object's workloads side by side; ``after`` counts within all of its pods."""
    if not parts:
        return WorkloadTime(object, NOTHING_TO_WAIT_FOR)
    pods: list[PodTime] = []
    for part in parts:
        pods.extend(_counted_from(len(pods), part.pods))
    said = "; ".join(dict.fromkeys(part.chosen_by for part in parts))
    return WorkloadTime(object, said, "; ".join(dict.fromkeys(p.source for p in parts if p.source)), pods=tuple(pods))


def _named(said: str, prior: TimePrior | ImagePrior) -> str:
    return f"{said} (guess)" if prior.guess else said


def _median(prior: ImagePrior) -> float:
    return 0.0 if prior.time is None else prior.time.quantile(0.5)


def _kind_key(profile: Profile, workload: Workload, judged: bool) -> str | None:
    """The profile's entry for a workload's kind; with an unknown group, the only kind of that name."""
    kind, group = workload.object.kind, workload.group
    if group and f"{kind}.{group}" in profile.kinds:
        return f"{kind}.{group}"
    if kind in profile.kinds:
        return kind
    if group is None:
        same = [key for key in profile.kinds if key.split(".", 1)[0] == kind]
        if len(same) == 1:
            return same[0]
    elif judged and EXPRESSION in profile.kinds:
        return EXPRESSION
    return DEFAULT if DEFAULT in profile.kinds else None
