"""What each Kustomization and HelmRelease cannot do without, and who brings it, edges or none."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from fleetbench.findings import VARIABLES_ELSEWHERE, Finding, Shared
from fleetbench.graph.nearest import nearest
from fleetbench.graph.objects import ALWAYS_THERE, RUN_TIME, HelmRelease, Kustomization, Need
from fleetbench.ids import CRD, ObjectId, some
from fleetbench.repo.helm.charts import Chart
from fleetbench.repo.kinds import CLUSTER_SCOPED, is_built_in, is_flux
from fleetbench.repo.manifest import Manifest, mapping, mappings
from fleetbench.repo.needs.config_watch import ConfigWatch
from fleetbench.repo.needs.hosts import hosts_of, hosts_of_values
from fleetbench.repo.needs.pods import ADMITTED_BY, workload_wants
from fleetbench.repo.needs.providers import Key, Providers
from fleetbench.repo.needs.services import Services
from fleetbench.repo.needs.unread import Hedge, Unread
from fleetbench.repo.needs.value_names import classes_of_values, kinds_of_values, secrets_of_values
from fleetbench.repo.nodes import Node, Walk

APPLY, BUILD, WORKLOAD = "apply", "build", "workload"
_Want = tuple[Key, ObjectId, str]
"""What, by which object, and what it blocks."""
_Named = tuple[str, str, ObjectId]
"""A host, the namespace of its client, and the client."""


class Needs:
    """Finds the needs of a fleet's members against all that the fleet brings."""

    def __init__(
        self,
        providers: Providers,
        services: Services,
        parents: Mapping[ObjectId, ObjectId | None],
        edges: Mapping[ObjectId, frozenset[ObjectId]],
        flux_namespace: str,
        unread: Unread,
        watch: ConfigWatch,
    ):
        self.unread, self.watch = unread, watch
        self.providers, self.services, self.flux_namespace = providers, services, flux_namespace
        self.parents, self.edges = parents, edges

    def of_kustomization(self, node: Node, kustomization: Kustomization) -> tuple[Need, ...]:
        """Needs of a Kustomization's build, apply and workloads, and of these as they run."""
        wants: list[_Want] = []
        named: list[_Named] = []
        if node.parent is not None:  # who creates the root by hand creates what its first build needs with it
            wants += [((s.kind, s.namespace, s.name), node.id, BUILD) for s in kustomization.substitute_from]
        for manifest in node.rendered:
            namespace = manifest.namespace or node.id.namespace
            wants += _wants(manifest, namespace, written=bool(manifest.namespace))
            named += self._named(manifest, namespace)
        return (*self._resolved(wants, node.id), *self._at_run_time(named, node.id))

    def of_release(self, release: HelmRelease, manifest: Manifest, chart: Chart | None) -> tuple[Need, ...]:
        """Needs of a HelmRelease's values, namespace and, where its chart is known, its objects."""
        namespace = release.release_namespace
        wants: list[_Want] = []
        for id, _ in values_from(release, manifest):
            wants.append(((id.kind, id.namespace, id.name), release.id, BUILD))
        if release.cluster is not None:  # the rest is the other cluster's
            return self._resolved(wants, release.id)
        if not mapping(manifest.spec, "install").get("createNamespace") and namespace != release.id.namespace:
            wants.append((("Namespace", "", namespace), release.id, APPLY))
        for name in secrets_of_values(manifest.spec.get("values"), release.id.name):
            if self.providers.of(secret := ("Secret", namespace, name)):
                wants.append((secret, release.id, WORKLOAD))
        wants += [(key, release.id, WORKLOAD) for key in classes_of_values(manifest.spec.get("values"))]
        # Most charts look whether the cluster knows the kind and leave it out else: no install fails for it.
        wants += [(key, release.id, RUN_TIME) for key in kinds_of_values(manifest.spec.get("values"), namespace)]
        named: list[_Named] = [
            (host, namespace, release.id)
            for host in hosts_of_values(manifest.spec.get("values"), self._known_in(namespace))
        ]
        for held in chart.manifests if chart else ():
            wants += _wants(held, held.namespace or namespace, written=False)
            named += self._named(held, held.namespace or namespace)
        return (*self._resolved(wants, release.id), *self._at_run_time(named, release.id))

    def _known_in(self, namespace: str) -> Callable[[str], bool]:
        return lambda host: bool(self.services.bringing(host, namespace))

    def _named(self, manifest: Manifest, namespace: str) -> Iterator[_Named]:
        for host in hosts_of(manifest, self._known_in(namespace)):
            yield host, namespace, manifest.id_in(namespace)

    def _at_run_time(self, named: Iterable[_Named], owner: ObjectId) -> tuple[Need, ...]:
        """What each other object brings that the owner names as a host, one need for each; in doubt all that may."""
        before = self._ancestors(owner)
        found: dict[ObjectId, Need] = {}
        for host, namespace, wanted_by in named:
            for by, service in self.services.bringing(host, namespace).items():
                if by != owner and by not in before and owner not in self._ancestors(by):
                    found.setdefault(by, Need(f"Service {service}", wanted_by, by, RUN_TIME))
        return tuple(found.values())

    def _resolved(self, wants: Iterable[_Want], owner: ObjectId) -> tuple[Need, ...]:
        found: dict[tuple[Key, str], Need] = {}
        for key, wanted_by, blocks, config in self._with_stores(wants, owner):
            if (key, blocks) in found:
                continue
            provider = self._provider(key, owner, blocks)
            if key[0] == CRD and blocks == APPLY and provider is not None:
                provider = self._unless_unread(key, owner, wanted_by, provider)
            if provider is not None:
                queues = blocks == BUILD and self.watch.queues(owner.kind, self.providers.labels(config))
                found[key, blocks] = Need(self._what(key), wanted_by, provider, blocks, queues)
        return tuple(found.values())

    def _with_stores(self, wants: Iterable[_Want], owner: ObjectId) -> Iterator[tuple[Key, ObjectId, str, Key]]:
        """The same, and what an ExternalSecret cannot make a wanted Secret without; each with what is wanted in the end.

        A store that can only follow the owner (it serves the store's secrets), or that the owner itself brings, did not
        make the first Secret: somebody did by hand, and the ExternalSecret keeps it.
        """
        for key, wanted_by, blocks in wants:
            yield key, wanted_by, blocks, key
            made_from = self.providers.external_secret(key)
            store = None if made_from is None else _store_of(made_from, key[1])
            if made_from is None or store is None:
                continue
            by = self.providers.of(store)
            said = not set(by).isdisjoint(self.providers.of(key))  # the first need says it all
            if not said and not any(store_by == owner or self._follows(store_by, owner) for store_by in by):
                yield store, made_from.id_in(key[1]), blocks, key

    def _provider(self, key: Key, owner: ObjectId, blocks: str) -> ObjectId | None:
        """Who brings it; None where nothing here does, or where it is there before the owner is."""
        if key[0] == "Namespace" and key[2] in (self.flux_namespace, *self.providers.namespaces_before):
            return None
        providers = self.providers.of(key)
        before = self._ancestors(owner)
        if not providers or any(p in before for p in providers):
            return None
        if self.providers.is_fanned_out(key) and all(self._is_after(p, owner) for p in providers):
            return None  # somebody made the first one by hand, as for a store
        if owner in providers:
            return owner if blocks == BUILD else None  # a build comes before the apply that would bring it
        waited_for = self.edges.get(owner, frozenset())
        return next((p for p in providers if p in waited_for or self.parents.get(p) in waited_for), providers[0])

    def _unless_unread(self, key: Key, owner: ObjectId, wanted_by: ObjectId, provider: ObjectId) -> ObjectId | None:
        """Who brings a CRD where all that is known to can only follow the owner: something unread before it, if any.

        None where nothing makes the owner wait until that is Ready.
        """
        if not all(self._is_after(by, owner) for by in self.providers.of(key)):
            return provider
        with_it = [owner, *sorted(self._ancestors(owner))]
        before = self.unread.before(with_it, self.edges, self._ancestors)
        found = self.unread.among([*with_it, *(id for id in before if id not in with_it)], key[1])
        if not found:
            return provider
        self.unread.counted(Hedge(owner, key[1], key[2], wanted_by, provider, tuple(found.values())))
        return next((by for by in found if before.get(by)), None)

    def _is_after(self, later: ObjectId, owner: ObjectId) -> bool:
        """Whether the one is the owner, is applied by it, or follows it."""
        return later == owner or owner in self._ancestors(later) or self._follows(later, owner)

    def _follows(self, later: ObjectId, owner: ObjectId) -> bool:
        """Whether dependsOn lets the one begin only after the owner, or after what applies the owner."""
        first = {owner, *self._ancestors(owner)}
        todo, seen = [later], set()
        while todo:
            id = todo.pop()
            if id in seen:
                continue
            seen.add(id)
            waited_for = self.edges.get(id, frozenset())
            if not first.isdisjoint(waited_for):
                return True
            todo += [*waited_for, *self._ancestors(id)]
        return False

    def _ancestors(self, owner: ObjectId) -> set[ObjectId]:
        """The Kustomizations that apply the owner, up to the root: what they bring beside it is applied with or before it."""
        found: set[ObjectId] = set()
        parent = self.parents.get(owner)
        while parent is not None and parent not in found:
            found.add(parent)
            parent = self.parents.get(parent)
        return found

    def _what(self, key: Key) -> str:
        kind, namespace, name = key
        if kind == CRD:
            return f"{CRD} {self.providers.crd_names.get((namespace, name)) or f'{name}.{namespace}'}"
        return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def from_elsewhere(
    providers: Providers,
    kustomizations: Iterable[Kustomization],
    releases: Iterable[HelmRelease],
    walk: Walk,
    told: Container[ObjectId] = (),
) -> Iterator[Finding]:
    """The ``substituteFrom`` and ``valuesFrom`` objects, not optional, that nothing in the fleet brings: a finding each.

    Source: kustomize-controller v1.9.4 internal/controller/kustomization_controller.go build, fluxcd/pkg kustomize
    v1.35.4 kustomize_varsub.go LoadVariables: one that is not found fails the build; helm-controller v1.6.3
    internal/controller/helmrelease_controller.go reconcileRelease: ValuesError.
    """
    users: dict[ObjectId, list[Kustomization | HelmRelease]] = {}
    for k in kustomizations:
        for id in k.substitute_from:
            users.setdefault(id, []).append(k)
    for release in releases:
        for id in dict.fromkeys(id for id, _ in values_from(release, walk.releases[release.id][0])):
            users.setdefault(id, []).append(release)
    there = [m.id_in(node.id.namespace) for node, m in walk.manifests() if m.kind in ("ConfigMap", "Secret")]
    for id, needing in users.items():
        if id in told or providers.of((id.kind, id.namespace, id.name)):
            continue
        first = needing[0]
        what, step = ("variables", "build") if isinstance(first, Kustomization) else ("values", "install")
        steps = f"its {step}" if len(needing) == 1 else f"the {step}s of {some([k.id.key for k in needing], 5)}"
        text = f"takes {what} from {id}, which nothing here creates: until it is there {steps} cannot succeed"
        near = nearest(id, [other for other in there if (other.kind, other.namespace) == (id.kind, id.namespace)])
        meant = f"; did you mean {near}?" if near is not None else ""
        fix = f"nothing to do if it is created by hand or by something outside{meant}; else define it, or set optional: true"
        wanting = f"take {what} from a {id.kind} {id.name} of their own namespaces, which nothing here creates: until they are there none of their {step}s can succeed"
        shared = Shared(wanting, fix) if near is None else None
        yield Finding(VARIABLES_ELSEWHERE, text, fix, first.id, first.file, first.line, shared)


def values_from(release: HelmRelease, manifest: Manifest) -> Iterator[tuple[ObjectId, str]]:
    """The Secrets and ConfigMaps of ``valuesFrom`` that are not optional, each with the key that is asked for."""
    for reference in mappings(manifest.spec, "valuesFrom"):
        if not reference.get("optional"):
            id = ObjectId(str(reference.get("kind")), release.id.namespace, str(reference.get("name")))
            yield id, str(reference.get("valuesKey") or "values.yaml")


def _wants(manifest: Manifest, namespace: str, *, written: bool) -> Iterator[_Want]:
    """What one object needs.

    Args:
        manifest: the object.
        namespace: where it goes.
        written: whether the object itself names that namespace.
    """
    id = manifest.id_in(namespace)
    group = manifest.group
    if not is_built_in(group) and not is_flux(group):
        yield (CRD, group, manifest.kind), id, APPLY
    if written and manifest.kind not in CLUSTER_SCOPED and namespace not in ALWAYS_THERE:
        yield ("Namespace", "", namespace), id, APPLY
    if manifest.kind == "ExternalSecret" and (store := _store_of(manifest, namespace)) is not None:
        yield store, id, WORKLOAD
    for key in workload_wants(manifest, namespace):
        yield key, id, APPLY if manifest.kind == "Pod" and key[0] in ADMITTED_BY else WORKLOAD


def _store_of(external_secret: Manifest, namespace: str) -> Key | None:
    """The store that an ExternalSecret reads, if it names one for all its keys."""
    store = mapping(external_secret.spec, "secretStoreRef")
    if not store.get("name"):
        return None
    kind = str(store.get("kind") or "SecretStore")
    return kind, "" if kind == "ClusterSecretStore" else namespace, str(store["name"])
