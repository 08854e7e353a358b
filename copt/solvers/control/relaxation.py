"""The linear relaxation of a control problem within reach, in the columns that are left: actions and unstable units."""

from typing import NamedTuple

import numpy as np

from copt.problems.base import FloatArray, IntArray
from copt.problems.relu import IDENTITY
from copt.solvers.control.horizon import Horizon, Reach
from copt.solvers.control.trace_kernels import EITHER, OFF, PASS, express

__all__ = ["Relaxation"]

SLACK = 1e-12  # of its scale, by which a limit must be kept to be left out


class _Rows(NamedTuple):
    """Affine functions of the columns, constants last, and between what they stay."""

    forms: FloatArray
    low: FloatArray
    high: FloatArray


class Relaxation:
    """A linear program with a triangle for each unit that may be on either side (Ehlers 2017).

    Columns are free inputs, unstable units and what measures terms of the cost. Variables are columns and then rows,
    scaled to about the unit range; those of units and measures begin at zero.

    Args:
        horizon: The problem over its horizon; its cost is linear in pieces.
        reach: Bounds of its network.

    Attributes:
        rows: Rows as functions of the columns, constants last, shape (rows, columns + 1).
        goal: What is minimised, likewise, shape (columns + 1,).
        bounds: Of all variables, shape (2, columns + rows).
        inputs: Inputs of the network that are columns; they come first.
        scale: Their least values and ranges, shape (2, inputs).
        units: Hidden units that may be on either side.
        pairs: Of each unit, the variables that are zero when it passes, and when it is off, shape (units, 2).
        sizes: Their ranges, likewise.
        cost_size: The scale of the last variable, which is what is minimised.
        regions: Where the faces of each region and step begin, and the last end, shape (regions + 1,).
        faces: Variables that are not negative beyond a face, shape (faces,).
        outputs: Which outputs of the network they are, shape (faces,).
    """

    def __init__(self, horizon: Horizon, reach: Reach) -> None:
        net = horizon.net
        self._horizon, self._reach = horizon, reach
        self._low, self._high = np.concatenate(reach.bounds.lower), np.concatenate(reach.bounds.upper)
        for side in (self._low, self._high):
            side[net.units :] += horizon.offsets
        least, most = horizon.inputs(reach.lower), horizon.inputs(reach.upper)
        self.inputs = np.flatnonzero(least < most)
        self.units = np.flatnonzero(reach.bounds.unstable(net))
        self._forms = self._expressed(least)
        goal, measures, widest = self._cost()
        begin = np.concatenate([least[self.inputs], np.zeros(self.units.size + widest.size)])
        width = np.concatenate([(most - least)[self.inputs], self._high[self.units], widest])
        limits = self._limits(begin, width)
        self.regions, self.outputs = self._regions()
        blocks = [*self._triangles(), limits, self._at(net.units + self.outputs)]
        middle, spread = goal[-1] + goal[:-1] @ (begin + width / 2), np.abs(goal[:-1]) @ width / 2
        cost = _Rows(goal[None], np.array([middle - spread]), np.array([middle + spread]))
        forms = np.vstack([*(_padded(block.forms, widest.size) for block in blocks), measures.forms, cost.forms])
        self._scale(forms, goal, begin, width, [*blocks, measures, cost])
        own, columns = np.arange(self.units.size), width.size
        self.pairs = np.stack([columns + own, self.inputs.size + own], axis=1)
        self.faces = columns + 2 * own.size + len(limits.low) + np.arange(self.outputs.size)
        self.scale = np.stack([begin, width])[:, : self.inputs.size]

    def _scale(
        self, forms: FloatArray, goal: FloatArray, begin: FloatArray, width: FloatArray, blocks: list[_Rows]
    ) -> None:
        """Write rows, goal and bounds in scaled variables."""
        low, high = (np.concatenate([block[side] for block in blocks]) for side in (1, 2))
        constants, slopes = forms[:, -1] + forms[:, :-1] @ begin, forms[:, :-1] * width
        size = np.maximum(high - low, np.abs(slopes).max(axis=1, initial=0.0))
        size[size == 0.0] = 1.0
        self.rows = np.hstack([slopes, constants[:, None]]) / size[:, None]
        self.goal = np.append(goal[:-1] * width, goal[-1] + goal[:-1] @ begin)
        most = np.append((width > 0.0).astype(np.float64), high / size)
        self.bounds = np.stack([np.append(np.zeros(width.size), low / size), most])
        count = self.units.size
        self.sizes = np.stack([size[:count], width[self.inputs.size :][:count]], axis=1)
        self.cost_size = float(size[-1])

    def _expressed(self, least: FloatArray) -> FloatArray:
        """Return all pre-activations and outputs as functions of free inputs and unstable units."""
        net = self._horizon.net
        known = np.where((self._low[: net.units] >= 0.0) | (net.kind == IDENTITY), PASS, OFF).astype(np.int8)
        known[self.units] = EITHER
        place, columns = np.zeros(net.units, dtype=np.int64), np.full(net.inputs, -1)
        columns[self.inputs] = np.arange(self.inputs.size)
        place[self.units] = self.inputs.size + np.arange(self.units.size)
        forms = np.empty((net.units + net.outputs, self.inputs.size + self.units.size + 1))
        express(self._horizon.crown.net, known, place, least, columns, forms)
        forms[net.units :, -1] += self._horizon.offsets
        return forms

    def _at(self, rows: IntArray) -> _Rows:
        """Return some pre-activations and outputs."""
        return _Rows(self._forms[rows], self._low[rows], self._high[rows])

    def _triangles(self) -> list[_Rows]:
        """Return by how much each unit is above what enters it, and the chords."""
        own = np.eye(self.units.size, self._forms.shape[1], self.inputs.size)
        low, high = self._low[self.units], self._high[self.units]
        share, nothing = high / (high - low), np.zeros(self.units.size)
        entering = self._forms[self.units]
        return [_Rows(own - entering, nothing, -low), _Rows(own - share[:, None] * entering, nothing, -share * low)]

    def _limits(self, begin: FloatArray, width: FloatArray) -> _Rows:
        """Return the states whose limits do not follow from the bounds of the columns."""
        limits = self._horizon.limits
        rows = np.flatnonzero(np.isfinite(limits).any(axis=0))
        forms, size = self._forms[rows], self._forms.shape[1] - 1
        middle = forms[:, -1] + forms[:, :-1] @ (begin + width / 2)[:size]
        spread = np.abs(forms[:, :-1]) @ width[:size] / 2
        slack = SLACK * (np.abs(middle) + spread)
        kept = (middle - spread - slack >= limits[0, rows]) & (middle + spread + slack <= limits[1, rows])
        return self._at(rows[~kept])

    def _regions(self) -> tuple[IntArray, IntArray]:
        """Return where the faces of regions begin, and which outputs they are: those that a state can be beyond.

        If it is so by tolerance only, there still is the nearest one.
        """
        first, begins, outputs = self._horizon.net.units, [0], [np.zeros(0, dtype=np.int64)]
        for face in self._horizon.entered(self._reach):
            high = self._high[first:][face]
            outputs.append(face.start + np.flatnonzero(high >= min(0.0, float(high.max()))))
            begins.append(begins[-1] + outputs[-1].size)
        return np.array(begins), np.concatenate(outputs)

    def _cost(self) -> tuple[FloatArray, _Rows, FloatArray]:
        """Return what is minimised, the rows of measures and the ranges of their columns."""
        first, count = self._horizon.net.units, self._horizon.terms[-1].stop
        terms = self._at(first + np.arange(count))
        return self._largest(terms) if self._horizon.problem.cost.norm == "linf" else self._sums(terms)

    def _sums(self, terms: _Rows) -> tuple[FloatArray, _Rows, FloatArray]:
        """Measure the sum of absolute values: |d| = 2 max(0, d) - d where the sign of d is not known."""
        mixed = np.flatnonzero((terms.low < 0.0) & (terms.high > 0.0))
        signs = np.where(terms.low >= 0.0, 1.0, -1.0)
        goal = _padded((signs @ terms.forms)[None], mixed.size)[0]
        goal[-1 - mixed.size : -1] = 2.0
        forms = _padded(-terms.forms[mixed], mixed.size)
        forms[:, -1 - mixed.size : -1] = np.eye(mixed.size)
        return goal, _Rows(forms, np.zeros(mixed.size), -terms.low[mixed]), terms.high[mixed]

    def _largest(self, terms: _Rows) -> tuple[FloatArray, _Rows, FloatArray]:
        """Measure the largest absolute value of each norm."""
        sizes = [own.stop - own.start for own in self._horizon.terms]
        owner, widest = np.repeat(np.arange(len(sizes)), sizes), np.zeros(len(sizes))
        np.maximum.at(widest, owner, np.maximum(np.abs(terms.low), np.abs(terms.high)))
        goal = np.zeros(terms.forms.shape[1] + len(sizes))
        goal[-1 - len(sizes) : -1] = 1.0
        blocks = []
        for sign, high in ((-1.0, -terms.low), (1.0, terms.high)):
            forms = _padded(sign * terms.forms, len(sizes))
            forms[:, -1 - len(sizes) : -1] = np.eye(len(sizes))[owner]
            blocks.append(_Rows(forms, np.zeros(owner.size), widest[owner] + high))
        return goal, _Rows(*(np.concatenate(part) for part in zip(*blocks, strict=True))), widest


def _padded(forms: FloatArray, columns: int) -> FloatArray:
    """Return forms with more columns, which are zero."""
    return np.hstack([forms[:, :-1], np.zeros((len(forms), columns)), forms[:, -1:]])
