"""The arrays of a tree."""

import numpy as np

from copt.problems.control import TOLERANCE
from copt.problems.control_cost import NORMS
from copt.solvers.control.horizon import Horizon
from copt.solvers.control.open_kernels import FREE, Pool
from copt.solvers.control.relax_kernels import Program, Room
from copt.solvers.control.relaxation import Relaxation
from copt.solvers.control.trace_kernels import Model
from copt.solvers.control.tree_kernels import Scores, Tree
from copt.solvers.simplex_kernels import Tableau

__all__ = ["model_of", "roomier", "tree_of"]

WITHIN = 0.9  # share of the tolerance that plans may use up
PLACES = 256  # for open nodes at first


def model_of(horizon: Horizon) -> Model:
    """Return a horizon as kernels evaluate plans on it."""
    net = horizon.net
    slack = WITHIN * TOLERANCE * np.fmax(1.0, np.abs(horizon.limits))
    beyond = np.zeros(net.outputs)
    for face in horizon.faces:
        beyond[face] = WITHIN * TOLERANCE * max(1.0, float(np.abs(horizon.offsets[face]).max()))
    return Model(
        net=horizon.crown.net,
        norm=NORMS.index(horizon.problem.cost.norm),
        terms=np.array([0, *(own.stop for own in horizon.terms)]),
        faces=np.array([horizon.terms[-1].stop, *(own.stop for own in horizon.faces)]),
        offsets=horizon.offsets + beyond,
        limits=np.stack([horizon.limits[0] - slack[0], horizon.limits[1] + slack[1]]),
        inputs=np.zeros(net.inputs),
        values=np.zeros(net.inputs + net.units),
        entering=np.zeros(net.units + net.outputs),
    )


def tree_of(relaxation: Relaxation, inputs: int) -> Tree:
    """Return a tree without nodes.

    Args:
        relaxation: Of the root.
        inputs: Number of inputs of the network.
    """
    rows, columns, units = len(relaxation.rows), relaxation.goal.size - 1, relaxation.units.size
    root = _tableau(rows, columns)
    root.table[:rows], root.table[rows] = relaxation.rows, relaxation.goal
    return Tree(
        program=Program(*(getattr(relaxation, field) for field in Program._fields)),
        pool=Pool(
            choices=np.zeros((PLACES + 1, units + relaxation.regions.size - 1), dtype=np.int8),
            costs=np.zeros(PLACES),
            heap=np.zeros(PLACES, dtype=np.int64),
            idle=np.arange(PLACES),
            counts=np.array([0, PLACES]),
        ),
        scores=Scores(gains=np.zeros((units, 2)), counts=np.zeros((units, 2)), tried=np.full(units, -1)),
        root=root,
        work=_tableau(rows, columns),
        spare=_tableau(rows, columns),
        bounds=relaxation.bounds.copy(),
        trial=relaxation.bounds.copy(),
        room=Room(
            point=np.zeros(columns + rows),
            prices=np.zeros(columns + 1),
            mark=np.zeros(columns + 1),
            used=np.zeros(2, dtype=np.int64),
        ),
        numbers=np.zeros(4),
        counters=np.zeros(3, dtype=np.int64),
        best=np.zeros(inputs),
    )


def roomier(tree: Tree) -> Tree:
    """Return a tree with twice as many places for open nodes, or more."""
    pool, size = tree.pool, max(tree.pool.costs.size, tree.program.faces.size + 2)
    old, free = pool.costs.size, int(pool.counts[FREE])
    choices = np.zeros((old + size + 1, pool.choices.shape[1]), dtype=np.int8)
    choices[:old], choices[-1] = pool.choices[:-1], pool.choices[-1]
    idle = np.zeros(old + size, dtype=np.int64)
    idle[:free], idle[free : free + size] = pool.idle[:free], np.arange(old, old + size)
    return tree._replace(
        pool=Pool(
            choices=choices,
            costs=np.append(pool.costs, np.zeros(size)),
            heap=np.append(pool.heap, np.zeros(size, dtype=np.int64)),
            idle=idle,
            counts=pool.counts + np.array([0, size]),
        )
    )


def _tableau(rows: int, columns: int) -> Tableau:
    """Return a tableau whose basic variables are the rows."""
    return Tableau(
        table=np.zeros((rows + 1, columns + 1)),
        head=np.arange(columns, columns + rows),
        tail=np.arange(columns),
        raised=np.zeros(columns, dtype=np.int8),
        values=np.zeros(rows),
        norms=np.zeros(rows),
        room=np.zeros(columns + 1),
    )
