"""Routing problems, their costs and their checker."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from routing_cases import make

from copt.errors import InvalidInstanceError, InvalidSolutionError
from copt.problems.routing import Routes, Routing, check, costs, objective, toy


def fields(**changes: Any) -> dict[str, Any]:
    """A depot and three customers on a line, capacity 5."""
    return {
        "coordinates": [[0, 0], [3, 4], [6, 8], [9, 12]],
        "metric": "euc_2d",
        "depot": 0,
        "demand": [0, 2, 3, 4],
        "capacity": 5,
    } | changes


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"matrix": [[0.0]]}, "give coordinates or a matrix, one of the two"),
        ({"coordinates": None}, "give coordinates or a matrix"),
        ({"coordinates": [[0, 0, 0]]}, r"coordinates must have shape \(nodes, 2\), got \(1, 3\)"),
        ({"coordinates": [[0, 0], [1, np.nan]]}, r"coordinates\[1\] = \[ 1. nan\] must be finite"),
        ({"coordinates": [["a", 0]]}, "coordinates must be a table of numbers"),
        ({"coordinates": [[1e16, 0], [0, 0]]}, "coordinates holds 1e\\+16, too large for exact sums; scale it down"),
        ({"coordinates": None, "matrix": [[0, 1], [1, 0], [2, 2]]}, r"matrix must have shape \(nodes, nodes\)"),
        ({"coordinates": None, "matrix": [[0, -1], [1, 0]]}, r"matrix\[0, 1\] = -1 is below 0; add a constant"),
        ({"metric": "manhattan"}, "unknown metric 'manhattan'; choose one of: exact, euc_2d"),
        ({"coordinates": [[0, 0]]}, "needs a node to visit, got 1 nodes"),
        ({"depot": 4}, "depot = 4 is no node; they count from 0 to 3"),
        ({"depot": None, "demand": None}, "capacity needs a depot; pass depot="),
        ({"depot": None}, "demand needs a depot"),
        ({"depot": None, "demand": None, "capacity": None, "open_routes": True}, "open_routes needs a depot"),
        ({"demand": [0, 1]}, "demand has 2 entries for 4 nodes"),
        ({"demand": [1, 1, 1, 1]}, r"demand\[0\] = 1, but the depot has none; put 0"),
        ({"demand": [0, 1, 6, 1]}, r"demand\[2\] = 6 exceeds capacity = 5"),
        ({"demand": [0, 1, -1, 1]}, r"demand\[2\] = -1 is below 0"),
        ({"capacity": 0}, "capacity must be a positive whole number, got 0"),
        ({"capacity": 5.5}, "capacity must be a positive whole number, got 5.5"),
        ({"max_routes": 1}, "demand of 9 does not fit max_routes = 1 of capacity 5"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(changes: dict[str, Any], text: str) -> None:
    Routing(**fields())
    with pytest.raises(InvalidInstanceError, match=text):
        Routing(**fields(**changes))


def test_a_matrix_may_not_be_large() -> None:
    with pytest.raises(InvalidInstanceError, match="matrix has 5001 rows, over 5000; give coordinates instead"):
        make(matrix=np.zeros((5001, 5001)))


@pytest.mark.parametrize(
    ("metric", "expected"), [("exact", math.sqrt(13)), ("euc_2d", 4), ("ceil_2d", 4), ("att", 2), ("geo", 376)]
)
def test_costs_follow_tsplib(metric: Any, expected: float) -> None:
    """From (2, 3) to (0, 0); att: sqrt(13 / 10) = 1.14 is rounded to 1, which is too short, so 2."""
    instance = make(coordinates=[[0, 0], [2, 3]], metric=metric)
    there, back = costs(instance, [0], [1]), costs(instance, [1], [0])
    assert there.tolist() == back.tolist()
    if metric == "geo":  # by the formula with pi = 3.141592 and whole degrees
        latitude, longitude = (math.radians(v) * 3.141592 / math.pi for v in (2, 3))
        assert there[0] == int(6378.388 * math.acos(math.cos(latitude) * math.cos(longitude)) + 1.0)
    else:
        assert there[0] == pytest.approx(expected, rel=1e-15)
    assert costs(instance, [1], [1]).tolist() == [0]


def test_minutes_of_geographical_coordinates_are_hundredths() -> None:
    """2.30 is two degrees and thirty minutes."""
    instance = make(coordinates=[[2.30, 0.0], [2.0, 0.0]], metric="geo")
    assert costs(instance, [0], [1])[0] == int(6378.388 * (0.5 * 3.141592 / 180.0) + 1.0)


def test_objective_by_hand() -> None:
    closed, routes = Routing(**fields()), Routes.from_lists([[1, 2], [3]])
    assert objective(closed, routes) == 5 + 5 + 10 + 15 + 15
    assert objective(Routing(**fields(open_routes=True)), routes) == 5 + 5 + 15
    one_way = make(matrix=[[0, 1, 5], [7, 0, 2], [3, 9, 0]])
    assert objective(one_way, Routes.from_lists([[0, 1, 2]])) == 1 + 2 + 3
    assert objective(one_way, Routes.from_lists([[2, 1, 0]])) == 9 + 7 + 5
    assert objective(one_way, Routes.from_lists([])) == 0


def test_integral_problems_have_whole_values() -> None:
    exact = Routing(**fields(metric="exact"))
    routes = Routes.from_lists([[1], [2], [3]])
    assert isinstance(objective(Routing(**fields()), routes), int)
    assert isinstance(objective(exact, routes), float)
    assert (exact.integral, Routing(**fields()).integral) == (False, True)
    assert not make(matrix=[[0, 0.5], [1, 0]]).integral


@pytest.mark.parametrize(
    ("routes", "violations"),
    [
        ([[1, 2], [3]], []),
        ([[1], [3]], ["visits: node 2 is visited 0 times, not once"]),
        ([[1, 2], [3, 2]], ["visits: node 2 is visited 2 times, not once", "capacity: route 1 carries 7, over 5"]),
        ([[1, 2, 3]], ["capacity: route 0 carries 9, over 5"]),
        ([[1, 2], [], [3]], ["routes: route 1 is empty"]),
        ([[1, 2], [3], []], ["routes: route 2 is empty"]),
        ([[1, 2], [3, 0]], ["visits: visit 3 is to 0, which is no customer"]),
        ([[1, 2], [4]], ["visits: visit 2 is to 4, which is no customer"]),
        ([[1, 2], [-1]], ["visits: visit 2 is to -1, which is no customer"]),
    ],
)
def test_every_violation_is_told(routes: list[list[int]], violations: list[str]) -> None:
    assert [str(v) for v in check(Routing(**fields()), Routes.from_lists(routes))] == violations


def test_the_number_of_routes_is_limited() -> None:
    two = Routing(**fields(max_routes=2))
    assert check(two, Routes.from_lists([[1, 2], [3]])) == []
    assert [str(v) for v in check(two, Routes.from_lists([[1], [2], [3]]))] == [
        "routes: there are 3 routes, at most 2 are allowed"
    ]
    tour = make(coordinates=[[0, 0], [1, 0], [1, 1]])
    assert check(tour, Routes.from_lists([[0, 2, 1]])) == []
    assert [v.constraint for v in check(tour, Routes.from_lists([[0, 2], [1]]))] == ["routes"]


def test_a_solution_with_wrong_fields_is_refused() -> None:
    with pytest.raises(InvalidSolutionError, match="offsets must rise from 0 to 2"):
        Routes(np.array([1, 2]), np.array([0, 1]))
    with pytest.raises(InvalidSolutionError, match="nodes must hold whole numbers"):
        Routes(np.array([1.5]), np.array([0, 1]))


def test_lists_come_back() -> None:
    lists = [[3, 1], [], [2]]
    assert Routes.from_lists(lists).to_lists() == lists


def test_the_toys_optimum_is_36() -> None:
    instance = toy()
    best = math.inf
    for order in itertools.permutations(range(1, 7)):
        for cut in itertools.product((False, True), repeat=5):
            routes: list[list[int]] = [[order[0]]]
            for node, new in zip(order[1:], cut, strict=True):
                if new:
                    routes.append([node])
                else:
                    routes[-1].append(node)
            solution = Routes.from_lists(routes)
            if max(map(len, routes)) <= 3:
                best = min(best, objective(instance, solution))
    assert best == 36
