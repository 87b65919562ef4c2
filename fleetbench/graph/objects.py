"""The objects of a fleet as plain data: Kustomizations, HelmReleases, sources, and what is known of each.

Defaults are Flux's own, each from the API types of the release named beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fleetbench.graph.rolling import replaced_at_once
from fleetbench.ids import CRD, HELM_CHART, KUSTOMIZATION, ObjectId

DEFAULT_INTERVAL_S = 600.0
"""What ``flux create kustomization`` and this tool assume where no interval is given."""
EXPRESSION_S = (30.0, 300.0)
"""What a custom resource is guessed to take until its status makes ``healthCheckExprs`` true: the median, and what one in
ten exceeds. From a certificate to a database; no general figure. ``kinds.expression`` of the shipped priors says the same."""
BOOTSTRAP_INTERVAL_S = 60.0
"""Of the root's source where nothing in the repository states one: ``flux bootstrap`` (fluxcd/flux2 v2.9.4 cmd/flux/
bootstrap_git.go ``--interval``) and flux-operator (v0.58.1 api/v1/fluxinstance_types.go Sync) make it with 1 m, and the
Kustomization beside it with 10 m (pkg/manifestgen/sync/sync.go Generate; internal/builder/templates.go syncTmpl)."""
MIN_TIMEOUT_S = 30.0
"""kustomize-controller v1.9.4 api/v1/kustomization_types.go GetTimeout: interval - 30 s, never under 30 s."""
HELM_TIMEOUT_S = 300.0
"""helm-controller v1.6.3 api/v2/helmrelease_types.go GetTimeout: 5 m."""
HELM_RETRY_INTERVAL_S = 300.0
"""helm-controller v1.6.3 api/v2/helmrelease_types.go GetRetryInterval: 5 m, for strategy RetryOnFailure."""
PROGRESS_DEADLINE_S = 600.0
"""A Deployment's ``progressDeadlineSeconds`` where unset: k8s.io/kubernetes pkg/apis/apps/v1/defaults.go."""
OPERATOR_REQUEUE_S = 5.0
"""How often flux-operator looks again at what a ResourceSet depends on: controlplaneio-fluxcd/flux-operator v0.58.1
cmd/operator/main.go ``--requeue-dependency``. The health check of a step looks as often (resourceset_controller.go
waitForStep)."""
RUN_TIME = "run-time"
"""What a need blocks that no controller waits for: see :attr:`Need.blocks`."""
CHECKED_AS = "apps/v1"
"""The ``apiVersion`` of a health check that states none: kustomize-controller v1.9.4 internal/inventory/inventory.go
ReferenceToObjMetadataSet."""
ALWAYS_THERE = ("default", "kube-system", "kube-public", "kube-node-lease")
"""Namespaces that every cluster has."""
NO_PATH = "spec.path "
"""How the reason begins why a Kustomization is broken whose path holds nothing."""
NO_VALUES = "valuesFrom"
"""How the reason begins why a release is broken that has a chart, and asks for values in vain."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One entry of ``spec.dependsOn``: always an object of the dependant's own kind."""

    target: ObjectId
    """The object named; its namespace is the dependant's where none is written."""
    ready_expr: str | None = None
    """``readyExpr``: CEL that replaces the built-in check unless AdditiveCELDependencyCheck is on."""
    never: str | None = None
    """What that expression reads and nothing sets, so that it is never true; None = it may be."""
    maker: ObjectId | None = None
    """Of a target that nothing here is seen to make: what could not be read to the end and may make it."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One object that takes time to become Current: a Deployment, a StatefulSet, a custom resource ..."""

    object: ObjectId
    replicas: int = 1
    images: tuple[str, ...] = ()
    stated_ready_s: float | None = None
    """What the pod template itself says (see ``stated_by``), ``minReadySeconds`` included; None = nothing."""
    stated_by: str | None = None
    """``annotation`` (the pod's whole time, as KWOK reads it), ``minReadySeconds`` or ``probes``."""
    hook: bool = False
    """A Helm pre-install hook: runs before the rest of its release."""
    deadline_s: float | None = None
    """``progressDeadlineSeconds`` / ``activeDeadlineSeconds``: when kstatus calls it Failed; None = the kind's default."""
    group: str | None = None
    """API group, where it is known: tells CloudNativePG's ``Cluster`` from another's."""
    parallel: bool = False
    """``podManagementPolicy: Parallel`` of a StatefulSet: its pods start at once instead of one after the other."""
    at_once: int | None = None
    """How many pods an update replaces at one time, 0 = none (OnDelete, a hook of the install alone); None = the default
    of its kind, or it has no updates."""

    @property
    def replaced_at_once(self) -> int | None:
        """How many pods an update replaces at one time (:func:`fleetbench.graph.rolling.replaced_at_once`)."""
        return replaced_at_once(self.object.kind, self.replicas) if self.at_once is None else self.at_once

    @property
    def given_up_s(self) -> float | None:
        """Seconds without progress after which Kubernetes gives it up, and kstatus calls it Failed; None = it never does.

        Source: fluxcd/cli-utils v1.2.2 pkg/kstatus/status/core.go deploymentConditions (ProgressDeadlineExceeded) and
        jobConditions.
        """
        if self.object.kind == "Deployment":
            return self.deadline_s or PROGRESS_DEADLINE_S
        return self.deadline_s if self.object.kind == "Job" else None


@dataclass(frozen=True, slots=True)
class Need:
    """Something an object cannot do without and that another one brings, whether an edge says so or not."""

    what: str
    """For people: ``CustomResourceDefinition clusters.postgresql.cnpg.io``, ``Secret n8n/n8n-db`` ..."""
    wanted_by: ObjectId
    """The object inside the Kustomization that wants it (a custom resource, a Deployment ...)."""
    provided_by: ObjectId | None
    """The Kustomization or HelmRelease that brings it; None = nothing in this fleet does."""
    blocks: str
    """``apply`` (the dry-run fails: ReconciliationFailed, retryInterval), ``build`` (substituteFrom, valuesFrom: the
    build fails), ``workload`` (applied, but not ready before it is there) or :data:`RUN_TIME` (it names a Service as a
    host, or its values ask for a custom kind: nothing in Flux or Kubernetes waits for that, so the engine does not
    either; an edge that says so is needed)."""
    queues: bool = False
    """A ConfigMap or Secret that the controller watches (``--watch-configs-label-selector``): the build that lacks it is tried
    again as soon as it is there."""

    @property
    def kind(self) -> str:
        """The kind of what is needed."""
        return self.what.partition(" ")[0]

    @property
    def of_store(self) -> bool:
        """Whether it is the store of an ExternalSecret, whose Secret is what the controllers miss."""
        return self.wanted_by.kind == "ExternalSecret" and self.kind.endswith("SecretStore")

    @property
    def in_first_stage(self) -> bool:
        """Whether it comes with the first stages of a Kustomization's apply, whatever is refused of the last.

        Source: fluxcd/pkg ssa v0.76.1 manager_apply.go ApplyAllStaged: CRDs and namespaces, then classes, then the rest;
        utils/is.go IsClassDefinition.
        """
        by_kustomization = self.provided_by is not None and self.provided_by.kind == KUSTOMIZATION
        return by_kustomization and (self.kind in (CRD, "Namespace") or self.kind.endswith("Class"))


@dataclass(frozen=True, slots=True)
class Made:
    """How flux-operator comes to make an object."""

    by: ObjectId
    """The ResourceSet."""
    waited: bool = False
    """That one turns Ready only once the object is, and so does who waits for it."""
    after: tuple[ObjectId, ...] = ()
    """What must have been Ready before the object is made: of ``spec.dependsOn``, and of the steps before its own; ``by``
    itself where its apply is refused, so that it makes nothing."""
    refused_by: tuple[str, ...] = ()
    """The releases of Flux whose CRDs refuse that apply, where not all do and the repository states none; empty = none."""

    def under(self, release: str) -> Made:
        """The same where that release of Flux is installed: a ResourceSet that it refuses makes nothing."""
        is_refused = release in self.refused_by and self.by not in self.after
        return replace(self, after=(*self.after, self.by)) if is_refused else self

    @property
    def gates(self) -> tuple[ObjectId, ...]:
        """The objects among them that may turn Ready."""
        return tuple(id for id in self.after if id != self.by)


@dataclass(frozen=True, slots=True)
class MisnamedCheck:
    """A health check of a kind that its API group does not have, so that what it names is never found."""

    object: ObjectId
    api_version: str | None = None
    """As it is written; None = it is not, and counts as :data:`CHECKED_AS`."""


@dataclass(frozen=True, slots=True)
class GivenCheck:
    """A health check of what nothing here creates and somebody most likely makes by hand, so that it counts as there."""

    object: ObjectId
    why: str
    """What speaks for that, for people: ``by-hand/istio.yaml defines it``."""


@dataclass(frozen=True, slots=True)
class Source:
    """A GitRepository, OCIRepository, HelmRepository, Bucket or ExternalArtifact."""

    id: ObjectId
    parent: ObjectId | None = None
    """The Kustomization that applies it; None = it is there before the rollout (or assumed to be)."""
    also_by: tuple[ObjectId, ...] = ()
    """Further Kustomizations that apply it: it is there once the first of them is applied."""
    interval_s: float = DEFAULT_INTERVAL_S
    suspend: bool = False
    """``spec.suspend``, where it does anything: not of a static source."""
    static: bool = False
    """A HelmRepository of ``type: oci``: nobody reconciles it, and its charts need no artifact of it."""
    this_repository: bool = False
    """Its content is the repository that was read."""
    copied_from: ObjectId | None = None
    """For an ExternalArtifact that an ArtifactGenerator fills: the source it copies from; for a HelmChart its repository."""
    defined: bool = True
    """False: named by an object but defined nowhere (never has an artifact)."""
    assumed: bool = False
    """The root's source, which no file of the repository holds: as ``flux bootstrap`` or flux-operator make it."""
    files: int | None = None
    """How many files and folders its artifact holds, which every reconcile unpacks; None = not known."""
    unwatched: str | None = None
    """As of a Kustomization: it never gets an artifact."""
    made: Made | None = None
    """As of a Kustomization."""
    notified_by: str | None = None
    """Where a Receiver names it (``flux/receiver.yaml:3``), so that a push need not wait for its interval; None = none does."""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Kustomization:
    """A kustomize.toolkit.fluxcd.io Kustomization as its parent renders it."""

    id: ObjectId
    path: str = "./"
    parent: ObjectId | None = None
    """The Kustomization whose build holds it; None = the root or an orphan."""
    depends_on: tuple[Dependency, ...] = ()
    wait: bool = False
    health_checks: tuple[ObjectId, ...] = ()
    misnamed_checks: tuple[MisnamedCheck, ...] = ()
    """Those of ``health_checks`` that are looked for where they cannot be."""
    given_checks: tuple[GivenCheck, ...] = ()
    """Those of ``health_checks`` that count as there."""
    health_check_exprs: bool = False
    """``spec.healthCheckExprs`` is set: custom kinds are judged by CEL, which is not evaluated. Those whose status it reads
    are among ``workloads``."""
    judged_kinds: tuple[str, ...] = ()
    """What those expressions are for: ``group/Kind``, ``group/`` = any kind of the group; empty = not known."""
    interval_s: float = DEFAULT_INTERVAL_S
    timeout_s: float | None = None
    """``spec.timeout``; None = not set. See :attr:`effective_timeout_s`."""
    timeout_from: ObjectId | None = None
    """The Kustomization whose patch sets the timeout, which the object's own file does not; None = that does, or nobody."""
    retry_interval_s: float | None = None
    """``spec.retryInterval``; None = not set. See :attr:`effective_retry_s`."""
    suspend: bool = False
    source: ObjectId | None = None
    target_namespace: str | None = None
    """``spec.targetNamespace``: everything in its build that lives in a namespace is put there."""
    assumed: bool = False
    """No file holds it: made up for a repository without a root, or (then ``file`` is where that is said) what flux-operator
    makes of a FluxInstance. It counts as existing."""
    expanded: bool = True
    """False: its content lies elsewhere (another repository); ``not_expanded`` says why."""
    not_expanded: str | None = None
    broken: str | None = None
    """Why Flux cannot build it (a path without files, which begins with :data:`NO_PATH`, or a failing build): it never
    turns Ready; None = it builds."""
    unset_variables: tuple[str, ...] = ()
    """Variables in its build that nothing sets and that have no default: strict substitution fails the build."""
    refused: str | None = None
    """What the API server or kustomize-controller refuses of what it applies, so that all of it fails; None = nothing known."""
    refused_by: tuple[str, ...] = ()
    """The releases of Flux whose CRDs refuse that, where the repository states no release; empty = any."""
    denied: str | None = None
    """The source that the controller's flags keep from it (in another namespace, or an ExternalArtifact), so that it
    never turns Ready."""
    unwatched: str | None = None
    """The labels that no controller of the repository watches, so that nobody reconciles it, of a HelmRelease also
    :data:`WITHOUT_HELM`; None = one does, or not known."""
    made: Made | None = None
    """How a ResourceSet that ``parent`` applies comes to make it; None = ``parent`` applies it itself."""
    applies: int = 0
    """How many objects its build holds."""
    objects: tuple[ObjectId, ...] = ()
    """Those objects, in the order in which Flux applies them, and behind them what ResourceSets among them make; may be
    empty when only ``applies`` is known."""
    unexpanded: tuple[ObjectId, ...] = ()
    """The ResourceSets among them of which it is not known what they make."""
    workloads: tuple[Workload, ...] = ()
    needs: tuple[Need, ...] = ()
    shard: str | None = None
    """Which controller of its kind reconciles it, by what that selects: the value of a label, of several ``a,b``; None =
    the main one. Where the controllers are not known, the value of its label ``sharding.fluxcd.io/key``."""
    substitute_from: tuple[ObjectId, ...] = ()
    """Secrets and ConfigMaps of ``postBuild.substituteFrom`` that are not optional."""
    cluster: str | None = None
    """The other cluster that it is applied to, named by the Secret or ConfigMap of ``spec.kubeConfig``: its workloads start
    there, and carry it in their namespace (``apps@spoke``); None = this cluster."""
    reads: tuple[str, ...] = ()
    """What its build reads, as paths in the repository, sorted: files, and folders where it reads all manifests in them.
    Empty = not known."""
    shaped_by: tuple[str, ...] = ()
    """Files beside ``file`` that change what it is: patches, and generators of what it takes variables from."""
    file: str | None = None
    line: int | None = None

    @property
    def obstacle(self) -> str | None:
        """Why nothing of it is ever applied, whatever release makes it so (see :meth:`under`); None = nothing known."""
        if self.broken is None and self.refused is not None:
            return f"refused is {self.refused}"
        unset = f"nothing sets {', '.join(self.unset_variables)}" if self.unset_variables else None
        return self.broken or unset or _out_of_reach(self)

    @property
    def never_found(self) -> dict[ObjectId, MisnamedCheck]:
        """What its health checks name and never find, each with how it is looked for."""
        return {check.object: check for check in self.misnamed_checks}

    def may_hold_unread(self, named: ObjectId) -> bool:
        """Whether its content, which lies elsewhere, may hold an object: of that content only the namespace is known."""
        acts = not (self.expanded or self.suspend or self.cluster)
        return acts and self.target_namespace in (None, named.namespace)

    def under(self, release: str, strict_substitution: bool) -> Kustomization:
        """The same with those obstacles alone that it meets under a release of Flux.

        Args:
            release: ``2.9``.
            strict_substitution: a variable that nothing sets fails the build.
        """
        unset = self.unset_variables if strict_substitution else ()
        refused = self.refused if self.is_refused_by(release) else None
        return replace(
            self, unset_variables=unset, refused=refused, refused_by=() if refused is None else self.refused_by
        )

    def is_refused_by(self, release: str) -> bool:
        """Whether the API server refuses something of what it applies where that release of Flux is installed."""
        return self.refused is not None and (not self.refused_by or release in self.refused_by)

    @property
    def effective_timeout_s(self) -> float:
        """Seconds that build, apply and health check each may take (GetTimeout)."""
        return self.default_timeout_s if self.timeout_s is None else max(self.timeout_s, MIN_TIMEOUT_S)

    @property
    def default_timeout_s(self) -> float:
        """The timeout where none is set."""
        return max(self.interval_s - 30.0, MIN_TIMEOUT_S)

    @property
    def effective_retry_s(self) -> float:
        """Seconds until a failed reconcile is tried again (GetRetryInterval: the interval where unset)."""
        return self.interval_s if self.retry_interval_s is None else self.retry_interval_s


@dataclass(frozen=True, slots=True)
class HelmRelease:
    """A helm.toolkit.fluxcd.io HelmRelease as its parent Kustomization renders it."""

    id: ObjectId
    parent: ObjectId | None = None
    depends_on: tuple[Dependency, ...] = ()
    interval_s: float = DEFAULT_INTERVAL_S
    timeout_s: float = HELM_TIMEOUT_S
    timeout_from: ObjectId | None = None
    """As of a Kustomization."""
    suspend: bool = False
    chart: str | None = None
    """Name or path of the chart."""
    chart_version: str | None = None
    source: ObjectId | None = None
    """Where the chart comes from: HelmRepository, GitRepository, OCIRepository (``chartRef``), HelmChart ..."""
    chart_ref: bool = False
    """``spec.chartRef``: no HelmChart object is made."""
    target_namespace: str | None = None
    disable_wait: bool = False
    wait_strategy: str | None = None
    """``spec.waitStrategy.name``: ``poller`` or ``legacy``; None = the release's default."""
    strategy: str | None = None
    """``spec.install.strategy.name``; None = not stated: RemediateOnFailure, or RetryOnFailure where
    DefaultToRetryOnFailure is on. Files of before that was told apart state RemediateOnFailure for both."""
    retries: int = 0
    """``spec.install.remediation.retries``; -1 = for ever."""
    upgrade_retries: int = 0
    """``spec.upgrade.remediation.retries``; -1 = for ever."""
    retry_interval_s: float = HELM_RETRY_INTERVAL_S
    remediate_last_failure: bool = False
    workloads: tuple[Workload, ...] = ()
    workloads_known: bool = False
    """The chart was rendered; False: its workloads are the priors' business."""
    replicas: int | None = None
    """The greatest whole number that ``spec.values`` states, at any depth, under ``replicas``, ``replicaCount`` or
    ``instances``: how many pods of a chart start in turn; None = it states none."""
    cron_jobs: bool = False
    """``spec.values`` make all controllers CronJobs, as app-template has them (``controllers.*.type``)."""
    needs: tuple[Need, ...] = ()
    shard: str | None = None
    chart_of_revision: bool = False
    """``spec.chart.spec.reconcileStrategy: Revision``: each commit of the chart's repository makes a new chart; False:
    only a new version in Chart.yaml does."""
    cluster: str | None = None
    """As of a Kustomization."""
    broken: str | None = None
    """Why source-controller cannot build its chart (missing path), or its values are never found: it never turns Ready;
    None = neither, or not known."""
    denied: str | None = None
    """As of a Kustomization: the source of its chart."""
    unwatched: str | None = None
    """As of a Kustomization."""
    made: Made | None = None
    """As of a Kustomization."""
    installed_by: str | None = None
    """Who installed its Helm release before Flux came (``bootstrap/helmfile.yaml:12``): in a bootstrap helm-controller
    upgrades it to what it is already, so no pod of it starts; None = nobody did."""
    shaped_by: tuple[str, ...] = ()
    """Files beside ``file`` that change what it is: patches, and generators of what it takes values from."""
    file: str | None = None
    line: int | None = None

    @property
    def chart_name(self) -> str:
        """The chart's name, also where a path (``./charts/loki``) or an OCI address states it; "" = it names none."""
        return (self.chart or "").rstrip("/").rsplit("/", 1)[-1].split("@")[0].split(":")[0]

    @property
    def starts_no_pods(self) -> bool:
        """Whether its chart makes nothing but CronJobs, which are Current at once, and nobody waits for their pods.

        Not the releases of app-template that have a controller ``main`` of their own, whatever the values name.
        """
        has_its_own = (self.chart_version or "").startswith(("1.", "2."))
        return self.cron_jobs and self.chart_name == "app-template" and not has_its_own

    @property
    def chart_id(self) -> ObjectId | None:
        """The HelmChart that it makes for itself; None with ``spec.chartRef`` or without a source.

        Source: helm-controller v1.6.3 api/v2/helmrelease_types.go GetHelmChartName, internal/reconcile/helmchart_template.go
        buildHelmChartFromTemplate.
        """
        if self.chart_ref or self.source is None:
            return None
        return ObjectId(HELM_CHART, self.source.namespace, f"{self.id.namespace}-{self.id.name}")

    @property
    def chart_object(self) -> ObjectId | None:
        """The HelmChart that holds its chart: the one it makes for itself, or the one that ``spec.chartRef`` names."""
        named = self.chart_ref and self.source is not None and self.source.kind == HELM_CHART
        return self.source if named else self.chart_id

    @property
    def chart_in_folder(self) -> bool:
        """Whether ``chart`` is a name or a path in the chart's repository; False: a chartRef names the artifact itself."""
        return not self.chart_ref or self.chart_object is not None

    @property
    def obstacle(self) -> str | None:
        """Why nothing of it is ever applied; None = nothing is known to."""
        return self.broken or _out_of_reach(self)

    @property
    def lacks_values(self) -> bool:
        """Whether its values are what it is broken for: helm-controller says ValuesError, of a chart that is there."""
        return self.broken is not None and self.broken.startswith(NO_VALUES)

    @property
    def release_namespace(self) -> str:
        """Where the release's objects go."""
        return self.target_namespace or self.id.namespace

    @property
    def effective_timeout_s(self) -> float:
        """Seconds that each Helm action may take, its wait included."""
        return self.timeout_s

    @property
    def effective_retry_s(self) -> float:
        """Seconds until a failed release is tried again."""
        return self.retry_interval_s


WITHOUT_HELM = "HelmReleases (this Flux has no helm-controller)"
"""What no controller watches where helm-controller is not installed."""
WITH_HELM = "--components of flux bootstrap and flux install, spec.components of a FluxInstance"
"""Where it is said which controllers are installed."""


def _out_of_reach(obj: Kustomization | HelmRelease) -> str | None:
    """Why its controller leaves it alone."""
    if obj.denied is not None:
        return f"it may not use {obj.denied}"
    return None if obj.unwatched is None else f"no controller watches {obj.unwatched}"


CPU_LIMIT, TEMP_MEDIUM = "resources.limits.cpu", "volumes.temp.emptyDir.medium"
"""Settings of a controller's Deployment that are no flags."""
EVENTS_ADDR = "events-addr"
"""Among a fleet's flags only where it names a notification-controller that is not there to take events."""


@dataclass(frozen=True, slots=True)
class ControllerFlag:
    """A flag of a Flux controller that the repository itself sets."""

    controller: str
    """``kustomize-controller``, ``helm-controller`` or ``source-controller``."""
    flag: str
    """Without dashes: ``concurrent``, ``requeue-dependency``, ``feature-gates`` ...; :data:`CPU_LIMIT` and
    :data:`TEMP_MEDIUM` for what the Deployment itself says."""
    value: str
    file: str | None = None
    line: int | None = None

    @property
    def text(self) -> str:
        """``--concurrent=20``; of what is no flag ``resources.limits.cpu=2000m``."""
        return f"{'' if self.flag in (CPU_LIMIT, TEMP_MEDIUM) else '--'}{self.flag}={self.value}"


@dataclass(frozen=True, slots=True)
class ControllerShard:
    """Another Deployment of a controller, for what its label selector selects, and the flags that are set on it."""

    controller: str
    shard: str
    """As :attr:`Kustomization.shard` has it."""
    flags: tuple[ControllerFlag, ...] = ()
    """What is not among them has the release's default, whatever the main controller's is."""


@dataclass(frozen=True, slots=True)
class FluxVersion:
    """Which Flux the repository installs."""

    version: str
    """A version (``v2.7.5``), or the range of a FluxInstance (``2.7.x``)."""
    file: str | None = None
    line: int | None = None
    because: str | None = None
    """Why it counts as installed, where the entry itself does not state it; None = it does."""
