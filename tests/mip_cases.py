"""Small mixed-integer programs and their optima by brute force and by SCIP, and a line for workers."""

import itertools
import threading
from typing import Any

import numpy as np
from hypothesis import strategies as st

from copt.instances.mip_scip import to_scip
from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, check, objective


class Deaf:
    """The other end of a worker's line, which keeps what it is sent and says nothing."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.over = threading.Event()

    def send(self, message: Any) -> None:
        self.sent.append(message)

    def recv(self) -> Any:
        self.over.wait()
        raise EOFError


def make_mip(rows: Any, **fields: Any) -> MIP:
    """Return a program with the matrix ``rows``; by default its rows are at most 1 and its variables binary."""
    matrix = np.array(rows, dtype=np.float64)
    m, n = matrix.shape
    where = matrix != 0
    values: dict[str, Any] = {
        "costs": np.ones(n),
        "lower": np.zeros(n),
        "upper": np.ones(n),
        "integer": np.ones(n, dtype=bool),
        "starts": np.concatenate([[0], np.cumsum(where.sum(axis=1))]),
        "columns": np.nonzero(where)[1],
        "coefficients": matrix[where],
        "row_lower": np.full(m, -np.inf),
        "row_upper": np.ones(m),
    }
    return MIP(**(values | fields))


def dense(instance: MIP) -> FloatArray:
    """Return the matrix, shape (rows, variables)."""
    matrix = np.zeros((instance.num_rows, instance.num_variables))
    rows = np.repeat(np.arange(instance.num_rows), np.diff(instance.starts))
    np.add.at(matrix, (rows, instance.columns), instance.coefficients)
    return matrix


def best_binary(instance: MIP) -> float | None:
    """Return the optimum of a program whose variables are all binary, by trying every point."""
    assert instance.binary.all()
    matrix, best = dense(instance), None
    for bits in itertools.product((0.0, 1.0), repeat=instance.num_variables):
        x = np.array(bits)
        sums = matrix @ x
        if (sums >= instance.row_lower - 1e-9).all() and (sums <= instance.row_upper + 1e-9).all():
            value = float(instance.costs @ x) + instance.offset
            best = value if best is None or instance.sign * value < instance.sign * best else best
    return best


def solve_with_scip(instance: MIP) -> float | None:
    """Return the optimum that SCIP finds, its point checked; None if there is no feasible point."""
    model, variables = to_scip(instance)
    model.optimizeNogil()
    if model.getStatus() == "infeasible":
        return None
    assert model.getStatus() == "optimal"
    best = model.getBestSol()
    point = Point(np.array([model.getSolVal(best, variable) for variable in variables]))
    assert check(instance, point) == []
    return objective(instance, point)


def random_mip(seed: int) -> MIP:
    """Return a program with rows and bounds of every kind; all numbers are small and whole."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 6)), int(rng.integers(0, 5))
    matrix = rng.integers(-3, 4, (m, n)) * rng.integers(0, 2, (m, n))

    def limits(count: int) -> tuple[FloatArray, FloatArray]:
        ends = np.sort(rng.integers(-9, 10, (count, 2)).astype(float), axis=1)
        ends[rng.random(count) < 0.2, 1] = np.inf
        ends[rng.random(count) < 0.3, 0] = -np.inf
        same = (rng.random(count) < 0.2) & np.isfinite(ends).all(axis=1)
        ends[same, 1] = ends[same, 0]
        return ends[:, 0], ends[:, 1]

    (lower, upper), (row_lower, row_upper) = limits(n), limits(m)
    return make_mip(
        matrix,
        costs=rng.integers(-9, 10, n),
        lower=lower,
        upper=upper,
        integer=rng.random(n) < 0.5,
        row_lower=row_lower,
        row_upper=row_upper,
        offset=float(rng.integers(-9, 10)),
        maximise=bool(rng.random() < 0.5),
        names=tuple(rng.choice(["a", "b[1]", "C", "e1", "x y", "d"], n).tolist()) if rng.random() < 0.5 else (),
        name="any",
    )


any_mips = st.integers(0, 2**32 - 1).map(random_mip)
