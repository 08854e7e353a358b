"""Generators of mixed-integer programs: what their recipes promise, and small optima by brute force."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import best_binary, dense, solve_with_scip
from scipy.optimize import linprog

from copt.errors import CoptError
from copt.instances.mip_generators import (
    DIFFICULTIES,
    GENERATORS,
    assignment,
    auction,
    facility_location,
    independent_set,
    item_placement,
    knapsacks,
    set_cover,
)
from copt.instances.mip_graphs import GRAPHS, cliques
from copt.problems.base import same
from copt.problems.mip import MIP

SMALL: dict[str, dict[str, Any]] = {
    "set-cover": {"rows": 8, "columns": 10, "density": 0.3},
    "auction": {"items": 8, "bids": 12},
    "facility-location": {"customers": 4, "facilities": 3, "ratio": 2.0},
    "independent-set": {"nodes": 10, "affinity": 2},
    "item-placement": {"small": 4, "big": 1, "bins": 2},
    "assignment": {"agents": 2, "jobs": 5},
    "knapsacks": {"items": 10, "constraints": 3},
}


def counts_of_columns(instance: MIP) -> Any:
    return np.bincount(instance.columns, minlength=instance.num_variables)


@pytest.mark.parametrize("kind", GENERATORS)
def test_one_seed_one_program(kind: str) -> None:
    build = GENERATORS[kind]
    made = build(**SMALL[kind], seed=3)
    assert same(made, build(**SMALL[kind], seed=3))
    other = build(**SMALL[kind], seed=4)
    assert not (
        same(made.costs, other.costs)
        and same(made.columns, other.columns)
        and same(made.coefficients, other.coefficients)
    )
    assert made.name != other.name
    assert (np.diff(made.starts) > 0).all()
    rows = np.repeat(np.arange(made.num_rows), np.diff(made.starts))
    assert np.unique(np.column_stack([rows, made.columns]), axis=0).shape[0] == made.columns.size  # no entry twice


@pytest.mark.parametrize("kind", GENERATORS)
def test_defaults_have_published_sizes(kind: str) -> None:
    sizes = {"set-cover": "500x1000", "facility-location": "10201x10100", "item-placement": "195x1083"}
    sizes |= {"assignment": "120x2000", "knapsacks": "10x250"}
    made = GENERATORS[kind]()
    if kind in sizes:
        assert made.dimensions == sizes[kind]
    assert made.num_variables == {"auction": 500, "independent-set": 500}.get(kind, made.num_variables)


@pytest.mark.parametrize(("kind", "options"), [
    ("set-cover", {}),
    ("auction", {}),
    ("independent-set", {}),
    ("independent-set", {"graph": "erdos-renyi", "density": 0.4}),
    ("assignment", {"difficulty": "C"}),
    ("assignment", {"difficulty": "D"}),
    ("assignment", {"difficulty": "E"}),
    ("knapsacks", {}),
])  # fmt: skip
@pytest.mark.parametrize("seed", [0, 1])
def test_optimum_of_binary_programs(kind: str, options: dict[str, Any], seed: int) -> None:
    made = GENERATORS[kind](**SMALL[kind], **options, seed=seed)
    best = best_binary(made)
    found = solve_with_scip(made)
    assert (found is None) == (best is None)
    assert best is None or found == pytest.approx(best, abs=1e-6)


@settings(deadline=None)
@given(st.integers(2, 30), st.integers(1, 40), st.floats(0.0, 1.0), st.integers(0, 1000))
def test_set_cover_has_its_density(rows: int, columns: int, density: float, seed: int) -> None:
    nonzeros = int(rows * columns * density)
    if nonzeros < max(rows, 2 * columns):
        with pytest.raises(CoptError, match="density must be from"):
            set_cover(rows=rows, columns=columns, density=density, seed=seed)
        return
    made = set_cover(rows=rows, columns=columns, density=density, seed=seed)
    assert made.columns.size == nonzeros
    assert counts_of_columns(made).min() >= 2
    assert np.diff(made.starts).min() >= 1
    assert set(made.costs) <= set(range(1, 101))
    assert (dense(made) <= 1).all()


def test_auctions_follow_their_scheme() -> None:
    items = 60
    made = auction(items=items, bids=300, seed=1)
    matrix = dense(made)
    assert set(np.unique(matrix)) == {0, 1}
    assert (made.costs == np.floor(made.costs)).all()
    assert (made.costs >= 0).all()
    assert matrix.sum(axis=0).min() >= 1
    rivals = made.num_rows - items  # at most: an item may be in no bid
    assert rivals > 10
    # A bidder with a row of its own has 3 to 6 bids, all in sequence and with bundles of one size.
    for row in matrix[-rivals + 1 :]:
        bids = np.flatnonzero(row)
        assert np.array_equal(bids, np.arange(bids[0], bids[-1] + 1))
        assert bids.size <= 6
        assert bids.size >= 3 or bids[-1] == 299  # the last bidder may be cut off
        assert len(set(matrix[:, bids].sum(axis=0))) == 1
    # Sizes of first bundles are geometric with mean 1 / 0.3; larger ones leave more substitutes.
    assert 2.5 < (matrix[:items].sum(axis=0)).mean() < 6


def test_facility_location_has_its_ratio_and_links() -> None:
    customers, facilities = 30, 7
    made = facility_location(customers=customers, facilities=facilities, ratio=5.0, seed=2)
    matrix = dense(made)
    capacities = -matrix[customers : customers + facilities, customers * facilities :].diagonal()
    demand = made.row_lower[customers + facilities]
    demands = matrix[customers, : customers * facilities : facilities]
    assert demands.sum() == demand
    assert demands.min() >= 5
    assert demands.max() <= 35
    assert 5.0 <= capacities.sum() / demand <= 5.0 + facilities / demand  # rounded up
    assert made.integer.sum() == facilities
    assert not made.integer[: customers * facilities].any()
    assert made.num_rows == customers + facilities + 1 + customers * facilities
    links = matrix[customers + facilities + 1 :]
    assert (links.sum(axis=1) == 0).all()
    assert (np.abs(links).sum(axis=1) == 2).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_optimum_of_facility_location(seed: int) -> None:
    """Every choice of open facilities leaves a transport problem."""
    customers, facilities = 4, 3
    made = facility_location(customers=customers, facilities=facilities, ratio=2.0, seed=seed)
    matrix, best = dense(made), np.inf
    demands = matrix[customers, : customers * facilities : facilities]
    capacities = made.coefficients[made.starts[customers + facilities] : made.starts[customers + facilities + 1]]
    prices = made.costs[: customers * facilities].reshape(customers, facilities)
    for opened in itertools.product((0, 1), repeat=facilities):
        serve = np.kron(np.eye(customers), np.ones(facilities))
        load = np.kron(demands, np.eye(facilities))
        allowed = [(0, float(is_open)) for _ in range(customers) for is_open in opened]
        found = linprog(
            prices.ravel(), A_ub=load, b_ub=capacities * opened, A_eq=serve, b_eq=np.ones(customers), bounds=allowed
        )
        if found.success:
            best = min(best, found.fun + float(made.costs[customers * facilities :] @ opened))
    assert solve_with_scip(made) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("graph", GRAPHS)
def test_independent_sets_have_their_edges(graph: Any) -> None:
    made = independent_set(nodes=60, graph=graph, affinity=3, density=0.2, seed=1)
    edges = (dense(made).T @ dense(made) > 0) & ~np.eye(60, dtype=bool)
    assert edges.any(axis=1).all()
    if graph == "barabasi-albert":
        assert edges.sum() / 2 == 3 * (60 - 3)
        assert (edges.sum(axis=1) >= 3)[3:].all()
    else:
        assert edges.sum() / 2 == pytest.approx(0.2 * 60 * 59 / 2, rel=0.15)  # two deviations of the binomial
    assert np.diff(made.starts).max() >= 3


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 1000), st.floats(0, 1))
def test_cliques_cover_every_edge_and_nothing_else(nodes: int, seed: int, density: float) -> None:
    adjacent = np.triu(np.random.default_rng(seed).random((nodes, nodes)) < density, 1)
    adjacent |= adjacent.T
    covered = np.zeros_like(adjacent)
    for clique in cliques(adjacent):
        assert clique.size > 1
        for a, b in itertools.permutations(clique.tolist(), 2):
            assert adjacent[a, b]
            covered[a, b] = True
    np.testing.assert_array_equal(covered, adjacent)


def test_a_complete_graph_is_one_clique_and_an_empty_one_has_no_rows() -> None:
    assert independent_set(nodes=9, graph="erdos-renyi", density=1.0).dimensions == "1x9"
    assert independent_set(nodes=9, graph="erdos-renyi", density=0.0).dimensions == "0x9"


@pytest.mark.parametrize("seed", [0, 1])
def test_optimum_of_item_placement(seed: int) -> None:
    """Every placement leaves the lacks of its bins, whatever the program says."""
    small, big, bins = 4, 1, 2
    made = item_placement(small=small, big=big, bins=bins, seed=seed)
    items, best = small + big, np.inf
    first = dense(made)[items : items + 3, : items * bins : bins]  # loads of bin 0, shape (resources, items)
    uses, totals = first.T, first.sum(axis=1)
    np.testing.assert_allclose(made.row_upper[items : items + 3], 2 * totals / bins)
    for places in itertools.product(range(bins), repeat=items):
        loads = np.array([uses[np.array(places) == b].sum(axis=0) for b in range(bins)])
        if (loads <= 2 * totals / bins + 1e-9).all():
            lacks = np.maximum(0, 1 - loads * bins / totals)
            best = min(best, lacks.sum() + 10 * bins * 3 * lacks.max(axis=0).sum())
    assert solve_with_scip(made) == pytest.approx(best, rel=1e-6)


def test_items_are_small_and_big() -> None:
    made = item_placement(seed=1)
    uses = dense(made)[105:108, :1050:10].T
    assert (made.integer.sum(), made.num_variables) == (1050, 1083)
    assert uses[:100].max() <= 0.1
    assert 0.9 <= uses[100:].min() <= uses[100:].max() <= 1.0
    assert made.costs[-3:].tolist() == [300.0] * 3


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_assignments_follow_their_type(difficulty: Any) -> None:
    made = assignment(agents=10, jobs=200, difficulty=difficulty, seed=2)
    matrix = dense(made)
    loads = np.array([matrix[200 + agent, agent * 200 : (agent + 1) * 200] for agent in range(10)])
    costs = made.costs.reshape(10, 200)
    np.testing.assert_array_equal(made.row_upper[200:], np.floor(0.8 * loads.sum(axis=1) / 10))
    np.testing.assert_array_equal(matrix[:200], np.tile(np.eye(200), 10))
    least, most = {"C": (5, 25), "D": (1, 100), "E": (1, 200)}[difficulty]
    assert least <= loads.min() <= loads.max() <= most
    if difficulty == "C":
        assert (costs.min(), costs.max()) == (10, 50)
        assert abs(np.corrcoef(loads.ravel(), costs.ravel())[0, 1]) < 0.1
    elif difficulty == "D":
        assert np.abs(costs + loads - 111).max() == 10
    else:
        assert ((costs >= 1000 / (loads + 0.5) - 10.5) & (costs <= 1000 / (np.maximum(loads, 1.5) - 0.5) + 0.5)).all()
        assert loads.mean() == pytest.approx(11, rel=0.1)  # 1 + 10: the mean of an exponential variable


def test_knapsacks_follow_their_recipe() -> None:
    made = knapsacks(items=100, constraints=5, tightness=0.25, seed=1)
    weights = dense(made)
    np.testing.assert_array_equal(made.row_upper, np.floor(0.25 * weights.sum(axis=1)))
    extra = made.costs - weights.mean(axis=0)
    assert -1 < extra.min() < extra.max() <= 500
    assert 1 <= weights.min() <= weights.max() <= 1000
    assert made.maximise


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("set-cover", {"rows": 0}, "rows must be from 1 to"),
        ("set-cover", {"rows": 1}, "density must be from"),
        ("set-cover", {"density": 2.0}, "density must be from 0.004, two rows a column"),
        ("auction", {"bids": -1}, "bids must be from 1 to"),
        ("auction", {"seed": -1}, "seed must be at least 0"),
        ("facility-location", {"ratio": 1.0}, "ratio must be above 1"),
        ("independent-set", {"nodes": 20_000}, "nodes must be from 1 to 10000"),
        ("independent-set", {"nodes": 4}, "affinity must be below the number of nodes, 4, got 4"),
        ("independent-set", {"graph": "star"}, "graph must be one of barabasi-albert, erdos-renyi, got 'star'"),
        ("independent-set", {"density": 2.0}, "density must be from 0 to 1"),
        ("item-placement", {"bins": 0}, "bins must be from 1 to"),
        ("assignment", {"difficulty": "F"}, "difficulty must be one of C, D, E, got 'F'"),
        ("knapsacks", {"tightness": 0.0}, "tightness must be above 0"),
    ],
)
def test_arguments_out_of_range_are_named(kind: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(CoptError, match=message):
        GENERATORS[kind](**arguments)
