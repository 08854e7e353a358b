"""Small control problems, and their optima by brute force."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.optimize import LinearConstraint, linprog, minimize

from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem
from copt.problems.control_cost import Cost
from copt.problems.relu import ReluNet


def random_dynamics(states: int, actions: int, units: int, seed: int) -> ReluNet:
    """States that turn slowly, are moved by actions and bent by ReLUs."""
    rng = np.random.default_rng(seed)
    return ReluNet.residual(
        skip=np.hstack([0.9 * np.eye(states), 0.5 * rng.normal(size=(states, actions))]),
        shift=0.1 * rng.normal(size=states),
        lift=0.6 * rng.normal(size=(states, units)),
        weights=rng.normal(size=(units, states + actions)),
        biases=0.3 * rng.normal(size=units),
    )


def random_problem(
    seed: int, *, states: int = 2, actions: int = 1, units: int = 2, horizon: int = 2, **changes: Any
) -> ControlProblem:
    """A start, a goal and weights near one, for random dynamics."""
    rng = np.random.default_rng([seed, 1])
    fields: dict[str, Any] = {
        "dynamics": random_dynamics(states, actions, units, seed),
        "start": rng.normal(size=states),
        "horizon": horizon,
        "u_lower": -np.ones(actions),
        "u_upper": np.ones(actions),
        "cost": random_cost(seed, states, actions),
        "name": f"random-{seed}",
    }
    return ControlProblem(**fields | changes)


def random_cost(seed: int, states: int, actions: int, **changes: Any) -> Cost:
    """A full matrix for the states before the last one, diagonals for the others."""
    rng = np.random.default_rng([seed, 2])
    fields: dict[str, Any] = {
        "goal": rng.normal(size=states),
        "state": rng.normal(size=(states, states)),
        "terminal": 1.0 + rng.random(states),
        "action": rng.random(actions),
    }
    return Cost(**fields | changes)


def optimum(problem: ControlProblem) -> float:
    """The least cost of all plans: a convex program for each pattern of ReLUs on and off and of faces kept beyond."""
    return min((_least(problem, *piece) for piece in _pieces(problem)), default=np.inf)


Piece = tuple[FloatArray, FloatArray, FloatArray, FloatArray]  # x = A u + b for all states, where C u <= d


def _pieces(problem: ControlProblem) -> Iterator[Piece]:
    net = problem.dynamics.folded()
    size = problem.horizon * problem.num_actions
    regions = [range(len(region.rows)) for region in problem.keep_out] * problem.horizon
    for pattern in itertools.product((0.0, 1.0), repeat=net.units * problem.horizon):
        states, rows, limits = _affine(problem, net, np.reshape(pattern, (problem.horizon, net.units)))
        for faces in itertools.product(*regions):
            more = list(zip(rows, limits, strict=True))
            for k, face in enumerate(faces):
                t, region = divmod(k, len(problem.keep_out))
                a, b = states[t]
                normal, limit = problem.keep_out[region].rows[face], problem.keep_out[region].limits[face]
                more.append((-(normal @ a)[None], np.atleast_1d(normal @ b - limit)))
            c, d = (np.concatenate(part) for part in zip(*more, strict=True))
            yield np.vstack([a for a, _ in states]), np.concatenate([b for _, b in states]), c.reshape(-1, size), d


def _affine(
    problem: ControlProblem, net: ReluNet, pattern: FloatArray
) -> tuple[list[tuple[FloatArray, FloatArray]], list[FloatArray], list[FloatArray]]:
    """States as affine functions of all actions, and the rows that keep ReLUs to the pattern and states to limits."""
    size = problem.horizon * problem.num_actions
    a, b = np.zeros((problem.num_states, size)), problem.start
    states, rows, limits = [], [np.zeros((1, size))], [np.zeros(1)]
    for t, phases in enumerate(pattern):
        own = np.eye(problem.num_actions, size, t * problem.num_actions)
        through, constant = np.vstack([a, own]), np.append(b, np.zeros(problem.num_actions))
        first = 0
        for w, bias, _ in net.hidden():
            on = phases[first : first + len(bias)]
            first += len(bias)
            slope, value = w @ through, w @ constant + bias
            sign = np.where(on == 1, -1.0, 1.0)
            rows.append(sign[:, None] * slope)
            limits.append(-sign * value)
            through, constant = np.vstack([through, on[:, None] * slope]), np.append(constant, on * value)
        a, b = net.weights[-1] @ through, net.weights[-1] @ constant + net.biases[-1]
        states.append((a, b))
        for way, side in ((1.0, problem.x_upper), (-1.0, problem.x_lower)):
            assert side is not None
            kept = np.isfinite(side)
            rows.append(way * a[kept])
            limits.append(way * (side - b)[kept])
    return states, rows, limits


def _least(problem: ControlProblem, a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> float:
    """The least cost where states are ``a @ u + b`` and ``c @ u <= d``; infinite if there is no such u."""
    size, cost = a.shape[1], problem.cost
    lower, upper = np.tile(problem.u_lower, problem.horizon), np.tile(problem.u_upper, problem.horizon)
    slopes, offsets = [], []
    for t, (own, rest) in enumerate(zip(np.split(a, problem.horizon), np.split(b, problem.horizon), strict=True)):
        q = cost.last if t == problem.horizon - 1 else cost.state
        slopes.append(q @ own)
        offsets.append(q @ (rest - cost.goal))
        if cost.action is not None:
            slopes.append(cost.action @ np.eye(problem.num_actions, size, t * problem.num_actions))
            offsets.append(np.zeros(len(slopes[-1])))
    if cost.norm == "quadratic":
        return _least_squares(np.vstack(slopes), np.concatenate(offsets), c, d, lower, upper)
    owners = [np.full(len(s), k) for k, s in enumerate(slopes)]
    wide = np.vstack(slopes)
    group = np.arange(len(wide)) if cost.norm == "l1" else np.concatenate(owners)
    covers = -np.eye(group.max() + 1)[group]
    offset = np.concatenate(offsets)
    found = linprog(
        np.append(np.zeros(size), np.ones(covers.shape[1])),
        A_ub=np.vstack(
            [np.hstack([c, np.zeros((len(c), covers.shape[1]))]), np.hstack([wide, covers]), np.hstack([-wide, covers])]
        ),
        b_ub=np.concatenate([d, -offset, offset]),
        bounds=[*zip(lower, upper, strict=True), *[(0, None)] * covers.shape[1]],
    )
    return float(found.fun) if found.status == 0 else np.inf


def _least_squares(
    slopes: FloatArray, offsets: FloatArray, c: FloatArray, d: FloatArray, lower: FloatArray, upper: FloatArray
) -> float:
    inside = linprog(np.zeros(len(lower)), A_ub=c, b_ub=d, bounds=list(zip(lower, upper, strict=True)))
    if inside.status != 0:
        return np.inf
    found = minimize(
        lambda u: float(((slopes @ u + offsets) ** 2).sum()),
        inside.x,
        jac=lambda u: 2 * slopes.T @ (slopes @ u + offsets),
        bounds=list(zip(lower, upper, strict=True)),
        constraints=[LinearConstraint(c, -np.inf, d)],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    return float(found.fun)
