"""The same services in waves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetbench.findings import CHILD_TIMEOUT, CYCLE, DEPENDENCY_MISSING, SELF_DEPENDENCY_LOOP
from fleetbench.graph.checks import check
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.layers import layers
from fleetbench.graph.objects import Dependency, Kustomization, Need, Source
from fleetbench.graph.paths import blocked_by, critical_path
from fleetbench.graph.wave_order import NAMESPACE
from fleetbench.graph.waves import is_waves, to_waves
from fleetbench.ids import GIT_REPOSITORY, ObjectId
from tests.builders import NS, fleet, hr, ks, ks_id


def in_waves(of: Fleet) -> list[list[str]]:
    """The names in each wave."""
    laid_out = to_waves(of)
    waves = sorted(k.id for k in laid_out.kustomizations if k.id.name.startswith("wave-"))
    return [[kid.name for kid in laid_out.children.get(wave, ())] for wave in waves]


ROOT = ks("flux-system", wait=False)
DIAMOND = fleet(ks("a"), ks("b", "a"), ks("c", "a"), ks("d", "b", "c"))


def test_each_layer_of_the_dependson_graph_becomes_a_wave() -> None:
    assert in_waves(DIAMOND) == [["a"], ["b", "c"], ["d"]]


def test_each_wave_waits_and_depends_on_the_one_before() -> None:
    laid_out = to_waves(DIAMOND)
    waves = [laid_out.kustomization(ks_id(f"wave-{n}")) for n in range(3)]
    assert all(w and w.wait and w.parent == laid_out.root for w in waves)
    assert [[d.target.name for d in w.depends_on] for w in waves if w] == [[], ["wave-0"], ["wave-1"]]


def test_services_keep_path_wait_and_durations_and_lose_their_dependson() -> None:
    before, after = DIAMOND.kustomization(ks_id("d")), to_waves(DIAMOND).kustomization(ks_id("d"))
    assert before and after
    assert after == replace(before, parent=ks_id("wave-2"), depends_on=())


def test_a_wave_outlives_its_slowest_child() -> None:
    laid_out = to_waves(
        fleet(ks("quick", timeout_s=60.0), ks("slow", timeout_s=601.0, interval_s=3600.0, retry_interval_s=90.0))
    )
    wave = laid_out.kustomization(ks_id("wave-0"))
    assert wave and wave.timeout_s == 720.0
    assert (wave.interval_s, wave.retry_interval_s) == (3600.0, 60.0)
    assert CHILD_TIMEOUT not in {f.code for f in check(laid_out)}


def test_helm_releases_keep_their_own_dependencies() -> None:
    of = fleet(ks("a"), ks("b", "a"), hr("x", "a"), hr("y", "b", "x"))
    assert to_waves(of).helmreleases == of.helmreleases


def test_a_waiting_parent_keeps_its_children() -> None:
    of = fleet(ks("base"), ks("group", "base"), ks("x", parent="group"), ks("y", "x", parent="group"), ks("z", "group"))
    assert in_waves(of) == [["base"], ["group"], ["z"]]
    y = to_waves(of).kustomization(ks_id("y"))
    assert y and y.parent == ks_id("group") and [d.target.name for d in y.depends_on] == ["x"]


def test_a_parent_that_only_groups_hands_its_services_to_the_waves() -> None:
    of = fleet(ks("base"), ks("apps", "base", wait=False), ks("x", parent="apps"), ks("y", "x", parent="apps"))
    assert in_waves(of) == [["base"], ["apps", "x"], ["y"]]


def test_a_waiting_parent_that_alone_holds_an_ordered_fleet_only_groups_it() -> None:
    of = fleet(ROOT, ks("all"), ks("x", parent="all"), ks("y", "x", parent="all"))
    assert in_waves(of) == [["all", "x"], ["y"]]


def test_a_dependency_on_nothing_stays_so_its_wave_never_ends() -> None:
    of = fleet(ks("a", "nothing"), ks("b"), ks("c", "b"))
    laid_out = to_waves(of)
    a = laid_out.kustomization(ks_id("a"))
    assert a and [d.target.name for d in a.depends_on] == ["nothing"]
    assert DEPENDENCY_MISSING in {f.code for f in check(laid_out)}
    assert ks_id("c") in blocked_by(laid_out, ks_id("a"))[ks_id("a")]


def test_what_is_below_a_group_that_depends_on_nothing_stays_never_ready() -> None:
    of = fleet(ROOT, ks("apps", "nothing", wait=False), ks("x", parent="apps"))
    x = to_waves(of).kustomization(ks_id("x"))
    assert x and [d.target.name for d in x.depends_on] == ["nothing"]


def test_members_of_a_cycle_keep_it_within_one_wave() -> None:
    of = fleet(ks("a"), ks("b", "a", "c"), ks("c", "b"), ks("d", "c"))
    assert in_waves(of) == [["a"], ["b", "c"], ["d"]]
    assert CYCLE in {f.code for f in check(to_waves(of))}


def test_a_deeper_dependency_on_a_service_does_not_become_a_deadlock() -> None:
    # Taken alone "group" is of layer 0 and "late" of layer 2; but group waits for x, which depends on late.
    of = fleet(ks("one"), ks("two", "one"), ks("late", "two"), ks("group"), ks("x", "late", parent="group"))
    assert in_waves(of) == [["one"], ["two"], ["group", "late"]]
    assert SELF_DEPENDENCY_LOOP not in {f.code for f in check(to_waves(of))}


def test_an_undeclared_need_does_not_become_a_deadlock() -> None:
    need = Need("CustomResourceDefinition x", ObjectId("X", "", "x"), ks_id("crds"), "apply")
    of = fleet(ks("base"), ks("crds", "base"), ks("user", needs=(need,)))
    assert in_waves(of) == [["base"], ["crds", "user"]]


TEAM = ObjectId(NAMESPACE, "", "team")


def in_team(name: str, *depends_on: str, parent: str, **fields: Any) -> Kustomization:
    """A Kustomization in another namespace."""
    k = ks(name, *depends_on, parent=parent, **fields)
    return replace(k, id=k.id._replace(namespace=TEAM.name))


def making_its_namespace(*kids: Kustomization, **fields: Any) -> Kustomization:
    return ks("tenants", "infra", objects=(TEAM, *(k.id for k in kids)), **{"wait": False, **fields})


def test_who_makes_the_namespace_of_a_service_is_in_an_earlier_wave() -> None:
    # A wave that applies the service while its namespace is yet to come applies nothing: its dry-run fails.
    x = in_team("x", parent="tenants")
    of = fleet(ks("infra"), making_its_namespace(x), x)
    assert in_waves(of) == [["infra"], ["tenants"], ["x"]]
    there = (
        replace(of, installed=("Namespace/team",)),
        replace(
            of, kustomizations=tuple(replace(k, objects=(TEAM,)) if k.id == of.root else k for k in of.kustomizations)
        ),
    )
    assert [in_waves(other) for other in there] == [[["infra"], ["tenants", "x"]]] * 2


def test_what_a_parent_needed_to_apply_a_service_goes_with_it_into_the_wave() -> None:
    x = in_team("x", parent="group")
    need = Need("Namespace team", x.id, ks_id("tenants"), "apply")
    of = fleet(ks("infra"), making_its_namespace(), ks("group", wait=False, needs=(need,)), x)
    assert in_waves(of) == [["group", "infra"], ["tenants"], ["x"]]
    laid_out = to_waves(of)
    assert {k.id.name for k in laid_out.kustomizations if k.needs == (need,)} == {"wave-2"}


def test_what_a_service_itself_needs_stays_its_own() -> None:
    need = Need("ConfigMap flux-system/vars", ks_id("user"), ks_id("vars"), "build")
    of = fleet(ks("vars"), ks("user", needs=(need,)))
    assert in_waves(of) == [["user", "vars"]]
    assert {k.id.name for k in to_waves(of).kustomizations if k.needs} == {"user"}


def test_a_service_stays_with_its_parent_where_that_needs_it_and_makes_its_namespace() -> None:
    x, y = in_team("x", parent="tenants"), ks("y", parent="tenants")
    need = Need("Secret s", ObjectId("Deployment", "default", "tenants"), x.id, "workload")
    after = replace(ks("after"), depends_on=(Dependency(x.id),))
    of = fleet(ks("infra"), making_its_namespace(x, y, needs=(need,)), x, y, after)
    assert in_waves(of) == [["infra"], ["tenants", "y"], ["after"]]
    laid_out = to_waves(of)
    kept = {id: k for id in (x.id, after.id) if (k := laid_out.kustomization(id)) is not None}
    assert kept[x.id].parent == ks_id("tenants")
    # No wave waits for x, so who depends on it has to say so.
    assert kept[after.id].depends_on == (Dependency(x.id),)


def test_a_source_comes_no_later_than_its_user() -> None:
    charts = ObjectId(GIT_REPOSITORY, NS, "charts")
    root = replace(ROOT, source=charts._replace(name="flux-system"))
    of = fleet(root, ks("base"), ks("owner", "base"), ks("user", source=charts))
    of = replace(of, sources=(*(s for s in of.sources if s.id != charts), Source(charts, parent=ks_id("owner"))))
    assert in_waves(of) == [["base"], ["owner", "user"]]


def test_a_fleet_in_waves_already_is_left_as_it_is() -> None:
    of = fleet(ks("infra"), ks("apps", "infra", wait=False), ks("a", parent="infra"), ks("b", parent="apps"))
    assert is_waves(of)
    assert to_waves(of) is of


def test_a_line_with_an_order_inside_is_taken_apart_into_its_layers() -> None:
    of = fleet(
        ks("infra"),
        ks("apps", "infra", wait=False),
        ks("i1", parent="infra"),
        ks("i2", "i1", parent="infra"),
        ks("a1", parent="apps"),
        ks("a2", "a1", parent="apps"),
    )
    assert not is_waves(of)
    assert in_waves(of) == [["i1", "infra"], ["i2"], ["a1", "apps"], ["a2"]]
    assert is_waves(to_waves(of))


def test_releases_ordered_inside_a_line_are_no_order_that_waves_could_take_over() -> None:
    of = fleet(ks("infra"), ks("apps", "infra"), hr("x", "infra"), hr("y", "infra", "x"), hr("z", "apps"))
    assert is_waves(of)


def test_configuration_that_holds_no_service_may_stand_between_controllers_and_apps() -> None:
    configs = replace(ks("configs", "controllers", wait=False), workloads=())
    of = fleet(ks("controllers"), configs, ks("apps", "configs"), hr("cert-manager", "controllers"), hr("app", "apps"))
    assert is_waves(of)
    leaf = replace(configs, workloads=ks("configs").workloads)
    assert not is_waves(replace(of, kustomizations=tuple(leaf if k.id == leaf.id else k for k in of.kustomizations)))


def test_a_circle_that_no_wave_can_replace_is_left_inside_it() -> None:
    laid_out = to_waves(fleet(ks("a"), ks("b", "a", "c"), ks("c", "b")))
    assert is_waves(laid_out) and to_waves(laid_out) is laid_out


def test_what_stays_away_from_the_waves_leaves_them_waves() -> None:
    laid_out = to_waves(fleet(ks("a"), ks("b", "a"), ks("asleep", suspend=True)))
    assert is_waves(laid_out)


def test_who_checks_the_health_of_a_later_service_comes_no_earlier_than_that() -> None:
    of = fleet(ks("a"), ks("b", "a"), ks("gate", wait=False, health_checks=(ks_id("b"),)))
    assert in_waves(of) == [["a"], ["b", "gate"]]


def test_waves_below_a_parent_that_only_groups_them_are_waves() -> None:
    of = fleet(
        ROOT,
        ks("all", wait=False),
        ks("w0", parent="all"),
        ks("w1", "w0", parent="all"),
        ks("a", parent="w0"),
        ks("b", parent="w1"),
    )
    assert is_waves(of)


def test_fine_grained_fleets_are_not_waves() -> None:
    assert not is_waves(DIAMOND)
    assert not is_waves(fleet(ks("a"), ks("b")))


def test_parents_beside_each_other_are_not_waves() -> None:
    assert not is_waves(fleet(ks("p"), ks("q"), ks("a", parent="p"), ks("b", parent="q")))


def test_parents_that_do_not_wait_are_not_waves() -> None:
    of = fleet(ks("p", wait=False), ks("q", "p"), ks("a", parent="p"), ks("b", parent="q"))
    assert not is_waves(of)


def test_names_of_waves_avoid_those_in_the_fleet() -> None:
    names = {k.id.name for k in to_waves(fleet(ks("wave-0"), ks("b", "wave-0"))).kustomizations}
    assert {"wave-0", "rollout-wave-0", "rollout-wave-1"} <= names


def test_a_fleet_without_services_stays_as_it_is() -> None:
    of = fleet()
    assert to_waves(of) is of


@st.composite
def acyclic_fleets(draw: st.DrawFn) -> Fleet:
    objects = []
    for number in range(draw(st.integers(1, 10))):
        earlier = [f"s{i}" for i in range(number)]
        depends_on = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)) if earlier else []
        objects.append(ks(f"s{number}", *depends_on))
    return fleet(*objects)


@settings(deadline=None)
@given(acyclic_fleets())
def test_waves_of_plain_fleets_are_the_layers_and_laying_out_twice_changes_nothing(of: Fleet) -> None:
    laid_out = to_waves(of)
    level = layers(of)
    for k in of.kustomizations:
        if k.id != of.root:
            moved = laid_out.kustomization(k.id)
            assert moved and moved.parent == ks_id(f"wave-{level[k.id]}")
    assert is_waves(laid_out)
    assert to_waves(laid_out) is laid_out


@settings(deadline=None)
@given(acyclic_fleets(), st.randoms(use_true_random=False))
def test_no_layout_in_waves_is_shorter_than_the_fine_grained_path(of: Fleet, random) -> None:
    durations = {k.id: random.uniform(1, 100) for k in of.kustomizations if k.id != of.root}
    assert critical_path(to_waves(of), durations)[1] >= critical_path(of, durations)[1] - 1e-9


def test_a_suspended_service_goes_into_no_wave_which_would_wait_for_it_in_vain() -> None:
    of = to_waves(fleet(ks("a"), ks("b", "a"), ks("asleep", "a", suspend=True)))
    asleep = of.kustomization(ks_id("asleep"))
    assert asleep is not None and asleep.parent == of.root and asleep.id in of.children[of.root]
    assert [d.target for d in asleep.depends_on] == [ks_id("a")]
