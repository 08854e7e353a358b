"""Control problems as arrays that kernels roll out."""

import numpy as np

from copt.problems.base import FloatArray, IntArray
from copt.problems.control import TOLERANCE, ControlProblem
from copt.problems.control_cost import NORMS
from copt.solvers.control.rollout_kernels import GROUP, Flat, Tape, differentiate, roll

__all__ = ["flatten", "gradient", "rollout", "tables"]

WITHIN = 0.9  # share of the tolerance that a plan may use up, so that rounding does not break the rest


def flatten(problem: ControlProblem) -> Flat:
    """Return a problem in the form that kernels roll out; identities of the dynamics are folded away."""
    net, cost = problem.dynamics.folded(), problem.cost
    states, inputs = problem.num_states, problem.dynamics.inputs
    maps = _Maps(inputs)
    seen = np.arange(inputs)
    for weights, bias, _ in net.hidden():
        seen = np.append(seen, maps.add(weights, bias, seen))
    ends = [maps.origin, maps.rows]
    after = maps.add(net.weights[-1], net.biases[-1], seen)
    ends.append(maps.rows)
    effort = np.zeros((0, inputs - states)) if cost.action is None else cost.action
    maps.add(effort, np.zeros(len(effort)), np.arange(states, inputs))
    ends.append(maps.rows)
    low, high = problem.x_lower, problem.x_upper
    assert low is not None
    assert high is not None
    regions = [maps.rows]
    depths = [r.limits - WITHIN * TOLERANCE * max(1.0, float(np.abs(r.limits).max())) for r in problem.keep_out]
    regions += [maps.rows + int(k) for k in np.cumsum([len(depth) for depth in depths])]
    maps.add(
        -np.concatenate([np.zeros((0, states)), *(r.rows for r in problem.keep_out)]),
        np.concatenate([np.zeros(0), *depths]),
        after,
    )
    ends.append(maps.rows)
    for matrix in (cost.state, cost.last):
        maps.add(matrix, -matrix @ cost.goal, after)
        ends.append(maps.rows)
    forward, backward = maps.tapes(ends[2])
    return Flat(
        horizon=problem.horizon,
        states=states,
        actions=inputs - states,
        norm=NORMS.index(cost.norm),
        penalty=_penalty(problem),
        rows=maps.rows + 1,
        ends=np.array(ends),
        forward=forward,
        constants=np.concatenate([np.zeros(0), *maps.constants]).reshape(-1, 2),
        backward=backward,
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


class _Maps:
    """Affine maps in the order in which a step evaluates them, and the rows that they write.

    Args:
        inputs: Rows that are given.
    """

    def __init__(self, inputs: int) -> None:
        self.origin = self.rows = inputs + inputs % 2
        self.constants: list[FloatArray] = []
        self._entries: list[tuple[IntArray, IntArray, FloatArray]] = []  # rows, columns, weights

    def add(self, matrix: FloatArray, constant: FloatArray, columns: IntArray) -> IntArray:
        """Append ``matrix`` times the rows ``columns`` plus ``constant``; return the rows that it writes."""
        written = self.rows + np.arange(len(matrix))
        at = np.nonzero(matrix)
        self._entries.append((written[at[0]], columns[at[1]], matrix[at]))
        self.rows += len(matrix) + len(matrix) % 2
        self.constants += [np.asarray(constant), np.zeros(len(matrix) % 2)]
        return written

    def tapes(self, last: int) -> tuple[Tape, Tape]:
        """Return the tape of all rows that are written, and that of the adjoints of the rows before ``last``."""
        row, column, weight = (np.concatenate(parts) for parts in zip(*self._entries, strict=True))
        return _tape(row, column, weight, self.origin, self.rows), _tape(column, row, weight, 0, last)


def _tape(row: IntArray, column: IntArray, weight: FloatArray, begin: int, end: int) -> Tape:
    """Return the tape that adds ``weight`` times ``column`` to ``row``, of the rows from ``begin`` to ``end``."""
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
