"""Features of programs as graphs, whatever their order and scale, and products of their matrices."""

import numpy as np
import pytest
from guide_cases import SMALL, changed, random_weights, relaxed_of
from hypothesis import given, settings
from hypothesis import strategies as st
from mip_cases import any_mips, dense

from copt.models.train_mip import csr_of
from copt.problems.base import FloatArray
from copt.problems.mip import MIP
from copt.solvers.mip import graph_kernels
from copt.solvers.mip.graph import LP_ROWS, LP_VARIABLES, ROWS, VARIABLES, Graph, Sparse, graph_of
from copt.solvers.mip.guide import forward
from copt.solvers.mip.submip import Relaxed


def column(graph: Graph, name: str) -> FloatArray:
    return graph.variables[:, (*VARIABLES, *LP_VARIABLES).index(name)].astype(np.float64)


def row_feature(graph: Graph, name: str) -> FloatArray:
    return graph.rows[:, (*ROWS, *LP_ROWS).index(name)].astype(np.float64)


def squashed(x: float) -> float:
    return x / (1.0 + abs(x))


@pytest.mark.parametrize("instance", SMALL, ids=lambda instance: instance.name)
def test_features_are_what_slow_loops_over_a_dense_matrix_find(instance: MIP) -> None:
    relaxed = relaxed_of(instance)
    graph, matrix = graph_of(instance, relaxed), dense(instance)
    covering = np.isinf(instance.row_upper)
    matrix = np.where(covering[:, None], -matrix, matrix)
    limits = np.where(covering, -instance.row_lower, instance.row_upper)
    costs = instance.sign * instance.costs
    m, n = matrix.shape
    asked = [np.mean([abs(costs[j] / matrix[i, j]) for j in range(n) if matrix[i, j]]) for i in range(m)]
    for j in range(n):
        rows = [i for i in range(m) if matrix[i, j]]
        unit = [matrix[i, j] / max(abs(matrix[i])) for i in rows]
        ranks = []
        for i in rows:
            prices = [costs[k] / abs(matrix[i, k]) for k in range(n) if matrix[i, k]]
            own = costs[j] / abs(matrix[i, j])
            ranks.append(sum(price < own for price in prices) / max(1, len(prices) - 1))
        elsewhere = sum(abs(matrix[i, j]) * asked[i] for i in rows)
        expected = {
            "cost of the largest": costs[j] / max(abs(costs)),
            "rank of the cost": sum(costs < costs[j]) / n,
            "mean coefficient": np.mean(unit),
            "least coefficient": min(unit),
            "largest coefficient": max(unit),
            "mean rank of the price": np.mean(ranks),
            "least rank of the price": min(ranks),
            "largest rank of the price": max(ranks),
            "cost of what its rows ask elsewhere": squashed(costs[j] / elsewhere) if elsewhere else 0.0,
            "place in the bounds": (relaxed.values[j] - instance.lower[j]) / (instance.upper[j] - instance.lower[j]),
            "reduced cost": squashed(relaxed.prices[j] / np.mean(abs(costs[costs != 0]))),
        }
        for name, value in expected.items():
            assert column(graph, name)[j] == pytest.approx(value, abs=1e-6), name
    for i in range(m):
        terms = [a for a in matrix[i] if a]
        slack = (limits[i] - matrix[i] @ relaxed.values) / sum(map(abs, terms))
        least, most = (sum(a for a in terms if sign * a > 0) for sign in (-1, 1))  # all bounds are 0 and 1 here
        expected = {
            "limit of the largest coefficient": squashed(limits[i] / max(map(abs, terms))),
            "limit of all coefficients": squashed(limits[i] / sum(map(abs, terms))),
            "positive coefficients": np.mean([a > 0 for a in terms]),
            "spread of coefficients": np.std([abs(a) / max(map(abs, terms)) for a in terms]),
            "limit within the possible activities": np.clip((limits[i] - least) / (most - least), -0.5, 1.5),
            "slack": squashed(slack),
            "tight": float(abs(slack) <= 1e-6),
        }
        for name, value in expected.items():
            assert row_feature(graph, name)[i] == pytest.approx(value, abs=1e-6), name
    sums = np.abs(matrix).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(csr_of(graph.to_rows, len(graph.variables)).toarray(), matrix / sums, atol=1e-6)
    scaled = matrix / np.abs(matrix).max(axis=1, keepdims=True) / (matrix != 0).sum(axis=0)
    np.testing.assert_allclose(csr_of(graph.to_variables, len(graph.rows)).toarray(), scaled.T, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(any_mips, st.integers(0, 2**32 - 1))
def test_features_do_not_depend_on_order_and_scale(instance: MIP, seed: int) -> None:
    check_invariance(instance, seed)


@pytest.mark.parametrize("instance", SMALL, ids=lambda instance: instance.name)
def test_guesses_do_not_depend_on_order_and_scale(instance: MIP) -> None:
    check_invariance(instance, 7)
    other, _, variables = changed(instance, 7)
    weights = random_weights()
    ours, theirs = forward(graph_of(instance), weights), forward(graph_of(other), weights)
    np.testing.assert_allclose(theirs, ours[variables], atol=1e-4)


def check_invariance(instance: MIP, seed: int) -> None:
    other, rows, variables = changed(instance, seed)
    relaxed = relaxed_of(instance)
    turned = Relaxed(relaxed.values[variables], 4.0 * relaxed.prices[variables], 0.0)
    ours, theirs = graph_of(instance, relaxed), graph_of(other, turned)
    assert np.isfinite(ours.variables).all()
    assert np.isfinite(ours.rows).all()
    np.testing.assert_allclose(theirs.variables, ours.variables[variables], atol=1e-5)
    np.testing.assert_allclose(theirs.rows, ours.rows[rows], atol=1e-5)
    np.testing.assert_allclose(
        csr_of(theirs.to_rows, len(theirs.variables)).toarray(),
        csr_of(ours.to_rows, len(ours.variables)).toarray()[rows][:, variables],
        atol=1e-6,
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_products_and_sorting_are_those_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns, features = rng.integers(1, 8, 3)
    keys = rng.integers(0, columns, rng.integers(0, 30))
    first = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=columns)[:-1])])
    order = np.empty(keys.size, dtype=np.int64)
    graph_kernels.group(keys, first, order)
    assert order.tolist() == np.argsort(keys, kind="stable").tolist()
    starts = np.concatenate([[0], np.sort(rng.integers(0, keys.size + 1, rows - 1)), [keys.size]]).astype(np.int64)
    matrix = Sparse(starts, keys, rng.normal(size=keys.size).astype(np.float32))
    x = rng.normal(size=(columns, features)).astype(np.float32)
    np.testing.assert_allclose(matrix.times(x), csr_of(matrix, columns) @ x, rtol=1e-5, atol=1e-5)
