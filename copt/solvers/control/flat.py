"""Control problems as arrays that kernels roll out."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray, IntArray
from copt.problems.control import TOLERANCE, ControlProblem
from copt.problems.control_cost import NORMS
from copt.problems.relu import IDENTITY, ZERO, ReluNet
from copt.solvers.control.rollout_kernels import GROUP, Flat, Tape, differentiate, roll

__all__ = ["flatten", "gradient", "rollout", "tables"]

WITHIN = 0.9  # share of the tolerance that a plan may use up, so that rounding does not break the rest


def flatten(problem: ControlProblem) -> Flat:
    """Return a problem in the form that kernels roll out."""
    model, cost = _model(problem.dynamics), problem.cost
    states, inputs = problem.num_states, problem.dynamics.inputs
    maps = _Maps(model.ends[2])
    effort = np.zeros((0, inputs - states)) if cost.action is None else cost.action
    maps.add(effort, np.zeros(len(effort)), np.arange(states, inputs))
    ends = [*model.ends, maps.rows]
    low, high = problem.x_lower, problem.x_upper
    assert low is not None
    assert high is not None
    regions = [maps.rows]
    depths = [r.limits - WITHIN * TOLERANCE * max(1.0, float(np.abs(r.limits).max())) for r in problem.keep_out]
    regions += [maps.rows + int(k) for k in np.cumsum([len(depth) for depth in depths])]
    after = model.ends[1] + np.arange(states)
    maps.add(
        -np.concatenate([np.zeros((0, states)), *(r.rows for r in problem.keep_out)]),
        np.concatenate([np.zeros(0), *depths]),
        after,
    )
    ends.append(maps.rows)
    for matrix in (cost.state, cost.last):
        maps.add(matrix, -matrix @ cost.goal, after)
        ends.append(maps.rows)
    entries = maps.entries()
    used = _reversed(_merged(model.inputs, entries))
    return Flat(
        horizon=problem.horizon,
        states=states,
        actions=inputs - states,
        norm=NORMS.index(cost.norm),
        penalty=_penalty(problem),
        rows=maps.rows + 1,
        ends=np.array(ends),
        floors=model.floors,
        forward=_joined(model.forward, _tape(entries, model.ends[2], maps.rows)),
        constants=np.concatenate([model.constants, maps.constants]).reshape(-1, 2),
        backward=_joined(_tape(used, 0, model.ends[0]), model.backward, _tape(used, model.ends[1], model.ends[2])),
        start=problem.start.copy(),
        u_lower=problem.u_lower.copy(),
        u_upper=problem.u_upper.copy(),
        x_lower=low - WITHIN * TOLERANCE * np.maximum(1.0, np.abs(low)),
        x_upper=high + WITHIN * TOLERANCE * np.maximum(1.0, np.abs(high)),
        limited=np.flatnonzero(np.isfinite(low) | np.isfinite(high)),
        regions=np.array(regions),
    )


def tables(flat: Flat, lanes: int, steps: int = 1) -> FloatArray:
    """Return the tables that ``roll`` needs, shape (steps, rows, lanes)."""
    return np.zeros((steps, flat.rows, lanes))


def rollout(flat: Flat, actions: FloatArray) -> tuple[float, float, FloatArray]:
    """Return what a plan costs, by how much it breaks limits in total, and its states x_1, ..., x_horizon.

    Limits that are kept within their tolerance count as kept, so the violation is 0 just where ``check`` finds none.
    Actions outside their bounds are not counted.

    Args:
        flat: The problem.
        actions: Shape (horizon, actions).
    """
    steps, cost, violation = tables(flat, 1, flat.horizon), np.zeros(1), np.zeros(1)
    roll(flat, np.ascontiguousarray(actions, dtype=np.float64)[:, :, None], steps, cost, violation)
    return float(cost[0]), float(violation[0]), steps[:, flat.ends[1] : flat.ends[1] + flat.states, 0].copy()


def gradient(flat: Flat, actions: FloatArray) -> FloatArray:
    """Return the derivative of cost plus penalty with respect to the actions, both of shape (horizon, actions)."""
    plans = np.ascontiguousarray(actions, dtype=np.float64)[:, :, None]
    steps, slopes = tables(flat, 1, flat.horizon), np.zeros_like(plans)
    roll(flat, plans, steps, np.zeros(1), np.zeros(1))
    differentiate(flat, steps, np.zeros((flat.rows, 1)), slopes)
    return slopes[:, :, 0]


def _penalty(problem: ControlProblem) -> float:
    """Return more than what the cost can gain from breaking a limit by one, as long as the dynamics do not amplify."""
    cost = problem.cost
    gain = max(float(np.abs(matrix).sum(axis=0).max()) for matrix in (cost.state, cost.last))
    if cost.norm == "quadratic":
        gain *= 2.0 * max(float(np.abs(cost.state @ (problem.start - cost.goal)).max()), 1.0)
    faces = [float(np.abs(region.rows).max(axis=1).min()) for region in problem.keep_out]
    return problem.horizon * max(gain, 1e-9) / min([1.0, *(face for face in faces if face > 0)])


class _Entries(NamedTuple):
    """Weights of affine maps: ``weights`` times rows ``columns`` of the table are added to rows ``rows``."""

    rows: IntArray
    columns: IntArray
    weights: FloatArray

    def some(self, which: NDArray[np.bool_]) -> "_Entries":
        """Return those that a mask tells, shape (entries,)."""
        return _Entries(self.rows[which], self.columns[which], self.weights[which])


class _Maps:
    """Affine maps in the order in which a step evaluates them, and the rows that they write.

    Args:
        origin: The first row that is written.
    """

    def __init__(self, origin: int) -> None:
        self.rows = origin
        self.constants = np.zeros(0)
        self._entries: list[_Entries] = []

    def add(self, matrix: FloatArray, constant: FloatArray, columns: IntArray) -> IntArray:
        """Append ``matrix`` times the rows ``columns`` plus ``constant``; return the rows that it writes."""
        written = self.rows + np.arange(len(matrix))
        at = np.nonzero(matrix)
        self._entries.append(_Entries(written[at[0]], columns[at[1]], matrix[at]))
        self.rows += len(matrix) + len(matrix) % 2
        self.constants = np.concatenate([self.constants, constant, np.zeros(len(matrix) % 2)])
        return written

    def entries(self) -> _Entries:
        """Return the weights of all maps."""
        return _merged(*self._entries)


class _Model(NamedTuple):
    """The part of a flat problem that dynamics alone make."""

    ends: tuple[int, int, int]  # row after states and actions, after units, and after next states
    forward: Tape  # of units and next states
    constants: FloatArray
    floors: FloatArray
    backward: Tape  # of the adjoints of units
    inputs: _Entries  # weights by which states and actions enter


@lru_cache(8)
def _model(dynamics: ReluNet) -> _Model:
    """Return dynamics as arrays; in closed loop they are the same in every step.

    Identities are folded away unless that takes more weights: where many units see what few hand on.
    """
    net = min(dynamics.folded(), dynamics, key=lambda net: sum(np.count_nonzero(w) for w in net.weights))
    origin = net.inputs + net.inputs % 2
    maps, seen, floors = _Maps(origin), np.arange(net.inputs), np.zeros(0)
    for weights, bias, kinds in net.hidden():
        some = kinds != ZERO
        seen = np.append(seen, maps.add(weights * some[:, None], bias * some, seen))
        floors = np.append(floors, np.where(kinds == IDENTITY, -np.inf, 0.0))
        floors = np.append(floors, np.zeros(len(kinds) % 2))
    relus = maps.rows
    maps.add(net.weights[-1], net.biases[-1], seen)
    entries = maps.entries()
    entering = entries.columns < origin
    return _Model(
        ends=(origin, relus, maps.rows),
        forward=_tape(entries, origin, maps.rows),
        constants=maps.constants,
        floors=floors,
        backward=_tape(_reversed(entries), origin, relus),
        inputs=entries.some(entering),
    )


def _merged(*entries: _Entries) -> _Entries:
    return _Entries(*(np.concatenate(parts) for parts in zip(*entries, strict=True)))


def _reversed(entries: _Entries) -> _Entries:
    """Return the weights of the adjoints."""
    return _Entries(entries.columns, entries.rows, entries.weights)


def _tape(entries: _Entries, begin: int, end: int) -> Tape:
    """Return the tape of the rows from ``begin`` to ``end``."""
    row, column, weight = entries.some((begin <= entries.rows) & (entries.rows < end))
    width = int(column.max(initial=0)) + 1
    used, place = np.unique((row - begin) // 2 * width + column, return_inverse=True)
    pair, needed = used // width, np.zeros((end - begin) // 2, dtype=np.int64)
    np.add.at(needed, pair, 1)
    begins = np.append(0, np.cumsum(-(-needed // GROUP) * GROUP))
    slot = begins[pair] + np.arange(used.size) - np.repeat(np.cumsum(needed) - needed, needed)
    columns = np.zeros(begins[-1], dtype=np.int64)
    columns[slot] = used % width
    weights = np.zeros((begins[-1] // GROUP, 2, GROUP))
    weights[slot[place] // GROUP, (row - begin) % 2, slot[place] % GROUP] = weight
    return Tape(begins, columns, weights.ravel())


def _joined(*tapes: Tape) -> Tape:
    """Return the tape of all rows of several, one after the other."""
    shifts = np.cumsum([0, *(tape.begins[-1] for tape in tapes)])
    return Tape(
        np.concatenate([*(tape.begins[:-1] + shift for tape, shift in zip(tapes, shifts, strict=False)), shifts[-1:]]),
        np.concatenate([tape.columns for tape in tapes]),
        np.concatenate([tape.weights for tape in tapes]),
    )
