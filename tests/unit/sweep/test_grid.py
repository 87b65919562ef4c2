from __future__ import annotations

from dataclasses import replace

import pytest

from fleetbench.errors import InputError
from fleetbench.graph.fleet import Fleet
from fleetbench.graph.objects import ControllerFlag, FluxVersion
from fleetbench.model.assemble import Choice
from fleetbench.sweep.grid import make_grid
from tests.builders import fleet, ks, ks_id


def test_every_combination_is_a_cell_and_the_last_axis_runs_fastest(grid):
    assert [cell.values for cell in grid.cells] == [(1, 5.0), (1, 30.0), (4, 5.0), (4, 30.0), (8, 5.0), (8, 30.0)]
    assert [cell.number for cell in grid.cells] == list(range(6))


def test_axes_stand_in_one_order_however_they_were_given(small_fleet, choice, grid):
    turned = make_grid(small_fleet, choice, {"requeue_dependency_s": (5.0, 30.0), "kustomize_concurrent": (1, 4, 8)})
    assert [cell.values for cell in turned.cells] == [cell.values for cell in grid.cells]


def test_a_value_reaches_the_cells_parameters(grid):
    first, last = grid.cells[0].parameters, grid.cells[-1].parameters
    assert (first.kustomize_concurrent, last.kustomize_concurrent) == (1, 8)
    assert (first.requeue_dependency_s, last.requeue_dependency_s) == (5.0, 30.0)


def test_the_poll_of_dependencies_is_that_of_both_controllers(grid):
    assert grid.cells[0].parameters.helm_requeue_dependency_s == 5.0


def test_the_base_is_what_holds_today_where_that_is_listed(grid):
    assert grid.cells[grid.base].values == (4, 30.0)


def test_the_base_follows_the_flux_that_the_repository_installs(small_fleet, choice):
    of = replace(small_fleet, flux=FluxVersion("v2.7.5"))
    grid = make_grid(of, choice, {"flux_version": ("2.9", "2.7")})
    assert grid.cells[grid.base].values == ("2.7",)
    assert [s.parameters.flux_version for s in grid.scenarios] == ["2.9", "2.7"]


def test_the_base_follows_the_flags_that_the_repository_sets(small_fleet, choice):
    flag = ControllerFlag("kustomize-controller", "concurrent", "8")
    flagged = Fleet(
        small_fleet.root, small_fleet.kustomizations, small_fleet.helmreleases, small_fleet.sources, (flag,)
    )
    grid = make_grid(flagged, choice, {"kustomize_concurrent": (2, 8), "cpus": (1.0, 4.0)})
    assert grid.cells[grid.base].values == (8, 1.0)  # 2 CPUs, today's, are not on the list: the first that is


def test_what_the_repository_sets_holds_where_no_axis_says_otherwise(small_fleet, choice):
    flag = ControllerFlag("kustomize-controller", "concurrent", "8")
    flagged = Fleet(
        small_fleet.root, small_fleet.kustomizations, small_fleet.helmreleases, small_fleet.sources, (flag,)
    )
    assert {c.parameters.kustomize_concurrent for c in make_grid(flagged, choice, {"nodes": (1, 3)}).cells} == {8}


def test_cells_that_differ_in_flags_alone_share_a_scenario(small_fleet, choice, grid):
    assert len(grid.scenarios) == 1
    both = make_grid(small_fleet, choice, {"strategy": ("fine", "waves"), "cpus": (1.0, 2.0)})
    assert [cell.group for cell in both.cells] == [0, 0, 1, 1]
    assert ks_id("wave-0") in both.scenarios[1].fleet


def test_failures_are_cells_of_their_own(small_fleet, choice):
    grid = make_grid(small_fleet, choice, {"fail": ("none", "flux-system/a+HelmRelease/flux-system/h")})
    assert [sorted(str(id) for id in cell.fail) for cell in grid.cells] == [
        [],
        ["HelmRelease/flux-system/h", "Kustomization/flux-system/a"],
    ]


def test_without_a_list_there_is_nothing_to_sweep(small_fleet, choice):
    with pytest.raises(InputError, match="nothing to sweep") as raised:
        make_grid(small_fleet, choice, {})
    assert "--kustomize-concurrent" in raised.value.hint


def test_a_grid_too_large_to_mean_is_refused_before_it_is_built(small_fleet):
    many = tuple(range(1, 201))
    with pytest.raises(InputError, match="40000 cells, wanted at most 10000"):
        make_grid(small_fleet, Choice(), {"kustomize_concurrent": many, "helm_concurrent": many})


def test_a_profile_that_does_not_exist_is_named(choice):
    with pytest.raises(InputError, match="nowhere"):
        make_grid(fleet(ks("a")), choice, {"profile": ("short", "nowhere")})
