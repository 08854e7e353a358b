"""Optimal plans within their activation regions, and walks from region to region."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray, IntArray
from copt.solvers.control.active_set_kernels import Bends
from copt.solvers.control.flat import tables
from copt.solvers.control.region_kernels import ROUND, Region, classify, settle, urge
from copt.solvers.control.rollout_kernels import LINF, QUADRATIC, Flat, roll
from copt.solvers.control.swarm import Deadline, Found

__all__ = ["Walker"]

GAIN = 1e-7  # relative improvement that is worth a step to another region
TIGHT = 1e-7  # depth at which a state still is at a face
PIVOTS = 20  # of a program, times its variables


class Change(NamedTuple):
    """To a neighbouring region: another phase, or another face."""

    step: int
    row: int  # of the bend in between
    where: NDArray[Any]  # phases or faces
    place: tuple[int, int]
    value: float


class Walker:
    """Improves plans of one problem by programs over their regions.

    Where all ReLUs keep their phases, and states stay beyond the same faces of regions to keep out of, states are
    affine in the actions, and the best plan is that of a linear or a quadratic program. Its multipliers tell which
    neighbours hold better plans. The walk goes to the one that promises most, and on from there (Tong, Cai and Serra
    2024 free all phases that are tight instead).

    Args:
        flat: The problem.
    """

    def __init__(self, flat: Flat) -> None:
        self._flat = flat
        self._region = _region(flat)
        self._bends = _bends(flat, self._region)
        self._tables = tables(flat, 1, flat.horizon)
        self._middle = np.tile((flat.u_upper + flat.u_lower) / 2, flat.horizon)
        self._half = np.tile((flat.u_upper - flat.u_lower) / 2, flat.horizon)
        self.programs = 0  # solved so far

    def walk(self, plan: Found, deadline: Deadline) -> Found:
        """Return the best plan of a walk that begins with ``plan``: never a worse one."""
        least, going, bends = self._enter(plan.actions), True, self._bends
        reached = bends.point.copy()
        while going and not deadline.over():
            going, fresh, held = False, 0, bends.held[: bends.number[0]].copy()
            for change in self._changes():
                if deadline.over():
                    break
                before = change.where[change.place]
                change.where[change.place] = change.value
                found = self._settle(min(fresh, change.step), reached, held[held != change.row])
                if found < least - GAIN * abs(least):
                    reached, least, going = bends.point.copy(), found, True
                    break
                change.where[change.place] = before
                fresh = change.step
        return min(plan, self._plan(reached), key=self._score)

    def judge(self, actions: FloatArray) -> Found:
        """Return a plan and what it costs."""
        cost, violation = np.zeros(1), np.zeros(1)
        roll(self._flat, np.ascontiguousarray(actions)[:, :, None], self._tables, cost, violation)
        return Found(float(cost[0]), float(violation[0]), actions)

    def _enter(self, actions: FloatArray) -> float:
        """Move to the best plan in the region of another; return its cost plus penalty."""
        self.judge(actions)
        classify(self._flat, self._region, self._tables)
        point = np.zeros(self._bends.point.size)
        scaled = (actions.ravel() - self._middle) / np.where(self._half > 0.0, self._half, 1.0)
        point[: scaled.size] = np.clip(scaled, -1.0, 1.0)
        return self._settle(0, point, np.zeros(0, dtype=np.int64))

    def _settle(self, begin: int, point: FloatArray, held: IntArray) -> float:
        """Move to the best plan in a region whose steps before ``begin`` are as they were; return its cost.

        Args:
            begin: A step.
            point: A point of the region, shape (variables,).
            held: Bends that are zero there.
        """
        bends = self._bends
        bends.point[:] = point
        bends.held[: held.size], bends.number[0] = held, held.size
        self.programs += 1
        return float(settle(self._flat, self._region, bends, begin, PIVOTS * point.size))

    def _plan(self, point: FloatArray) -> Found:
        """Return the plan at a point."""
        scaled = np.clip(point[: self._middle.size], -1.0, 1.0)
        return self.judge((self._middle + self._half * scaled).reshape(self._flat.horizon, -1))

    def _score(self, plan: Found) -> float:
        score = plan.cost + self._flat.penalty * plan.violation
        return score if score < np.inf else np.inf

    def _changes(self) -> list[Change]:
        """Return the changes of phases that promise to help, most first, then the changes of faces."""
        bends, region = self._bends, self._region
        urge(self._flat, region, bends)
        held = bends.held[: bends.number[0]]
        step, k = np.divmod(held, region.stride)
        inside = step < self._flat.horizon
        found = []
        for i in np.flatnonzero(inside & (k < region.limits)):
            place = int(step[i]), int(k[i])
            gain = float(region.urges[place] * bends.norms[held[i]])
            if gain > 0.0:
                change = Change(place[0], int(held[i]), region.phases, place, 1.0 - region.phases[place])
                found.append((gain, change))
        changes = [change for _, change in sorted(found, key=lambda x: -x[0])]
        for i in np.flatnonzero(inside & (k >= region.regions) & (k < region.terms) & (bends.weights[: held.size] > 0)):
            t, own = int(step[i]), int(k[i]) - region.regions
            for face in range(*self._flat.regions[own : own + 2]):
                row = region.tables[t, face]
                depth = row[0] + row[1 : 1 + self._middle.size] @ bends.point[: self._middle.size]
                if face != region.faces[t, own] and depth <= TIGHT:
                    changes.append(Change(t, int(held[i]), region.faces, (t, own), face))
        return changes


def _region(flat: Flat) -> Region:
    relus = int(flat.ends[1] - flat.ends[0])
    regions = relus + 2 * flat.limited.size
    terms = regions + flat.regions.size - 1
    count = int(flat.ends[3] - flat.ends[2] + max(flat.ends[5] - flat.ends[4], flat.ends[6] - flat.ends[5]))
    return Region(
        phases=np.zeros((flat.horizon, relus)),
        faces=np.zeros((flat.horizon, flat.regions.size - 1), dtype=np.int64),
        tables=tables(flat, -(-(1 + flat.horizon * flat.actions) // ROUND) * ROUND, flat.horizon),
        adjoints=np.zeros((flat.rows, 1)),
        urges=np.zeros((flat.horizon, relus)),
        limits=relus,
        regions=regions,
        terms=terms,
        stride=terms + (0 if flat.norm == QUADRATIC else 2 * count if flat.norm == LINF else count),
    )


def _bends(flat: Flat, region: Region) -> Bends:
    width = flat.horizon * (flat.actions + (2 if flat.norm == LINF else 0))
    rows, squared = flat.horizon * region.stride + 2 * width, width if flat.norm == QUADRATIC else 0
    return Bends(
        constant=np.zeros(1),
        gradient=np.zeros(width),
        hessian=np.zeros((squared, squared)),
        rows=np.zeros((rows, width + 1)),
        norms=np.zeros(rows),
        low=np.zeros(rows),
        high=np.zeros(rows),
        live=np.zeros(rows, dtype=np.int64),
        point=np.zeros(width),
        values=np.zeros(rows),
        sides=np.zeros(rows, dtype=np.int64),
        slope=np.zeros(width),
        held=np.zeros(width, dtype=np.int64),
        number=np.zeros(2, dtype=np.int64),
        basis=np.zeros((width, width)),
        factor=np.zeros((width, width)),
        step=np.zeros(width),
        changes=np.zeros(rows),
        weights=np.zeros(width),
        reduced=np.zeros((width, width)),
    )
