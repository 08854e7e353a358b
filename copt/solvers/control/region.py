"""Optimal plans within their activation regions, and walks from region to region."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from copt.problems.base import FloatArray, IntArray
from copt.solvers.control.active_set_kernels import Bends, minimise, value
from copt.solvers.control.flat import tables
from copt.solvers.control.region_kernels import Region, classify, cover, linearise
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
    phases the plan would rather leave. The walk changes these one after the other, and goes on from the first that
    helps (Tong, Cai and Serra 2024 relax all phases that are tight instead).

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
        least = self._enter(plan.actions)
        best, going = min(plan, self._reached(), key=self._score), True
        while going and not deadline.over():
            going = False
            point, held, fresh = self._bends.point.copy(), self._bends.held[: self._bends.number[0]].copy(), 0
            for change in self._changes():
                if deadline.over():
                    break
                before = change.where[change.place]
                change.where[change.place] = change.value
                found = self._solve(min(fresh, change.step), point, held[held != change.row])
                if found < least - GAIN * abs(least):
                    best, least, going = min(best, self._reached(), key=self._score), found, True
                    break
                change.where[change.place] = before
                fresh = change.step
        return best

    def judge(self, actions: FloatArray) -> Found:
        """Return a plan and what it costs."""
        cost, violation = np.zeros(1), np.zeros(1)
        roll(self._flat, np.ascontiguousarray(actions)[:, :, None], self._tables, cost, violation)
        return Found(float(cost[0]), float(violation[0]), actions)

    def _enter(self, actions: FloatArray) -> float:
        """Move to the best plan in the region of another; return its cost plus penalty."""
        self.judge(actions)
        classify(self._flat, self._region, self._tables)
        scaled = (actions.ravel() - self._middle) / np.where(self._half > 0.0, self._half, 1.0)
        self._bends.point[: scaled.size] = np.clip(scaled, -1.0, 1.0)
        return self._solve(0, self._bends.point.copy(), np.zeros(0, dtype=np.int64))

    def _solve(self, begin: int, point: FloatArray, held: IntArray) -> float:
        """Move to the best plan in a region whose steps before ``begin`` are as they were; return its cost.

        Args:
            begin: A step.
            point: A point of the region, shape (variables,).
            held: Bends that are zero there.
        """
        bends = self._bends
        bends.point[:] = point
        bends.held[: held.size], bends.number[0] = held, held.size
        linearise(self._flat, self._region, bends, begin)
        cover(self._flat, self._region, bends)
        minimise(bends, PIVOTS * point.size)
        self.programs += 1
        return value(bends)

    def _reached(self) -> Found:
        """Return the plan at the point."""
        scaled = np.clip(self._bends.point[: self._middle.size], -1.0, 1.0)
        return self.judge((self._middle + self._half * scaled).reshape(self._flat.horizon, -1))

    def _score(self, plan: Found) -> float:
        score = plan.cost + self._flat.penalty * plan.violation
        return score if score < np.inf else np.inf

    def _changes(self) -> list[Change]:
        """Return the changes of phases and faces that the multipliers of the program ask for, most urgent first."""
        bends, region, found = self._bends, self._region, []
        for i in range(bends.number[0]):
            row = int(bends.held[i])
            step, k = divmod(row, region.stride)
            urgency = float(bends.weights[i] * np.linalg.norm(bends.rows[row, :-1]))
            if step >= self._flat.horizon or urgency <= 0.0:
                continue
            if k < region.limits:
                found.append((urgency, Change(step, row, region.phases, (step, k), 1.0 - region.phases[step, k])))
            elif region.regions <= k < region.terms:
                own = k - region.regions
                for face in range(*self._flat.regions[own : own + 2]):
                    if face != region.faces[step, own] and self._tables[step, face, 0] <= TIGHT:
                        found.append((urgency, Change(step, row, region.faces, (step, own), face)))
        return [change for _, change in sorted(found, key=lambda x: -x[0])]


def _region(flat: Flat) -> Region:
    relus = int(flat.ends[1] - flat.ends[0])
    regions = relus + 2 * flat.limited.size
    terms = regions + flat.regions.size - 1
    count = int(flat.ends[3] - flat.ends[2] + max(flat.ends[5] - flat.ends[4], flat.ends[6] - flat.ends[5]))
    width = flat.horizon * (flat.actions + (2 if flat.norm == LINF else 0))
    return Region(
        phases=np.zeros((flat.horizon, relus)),
        faces=np.zeros((flat.horizon, flat.regions.size - 1), dtype=np.int64),
        tables=tables(flat, width + 1, flat.horizon),
        limits=relus,
        regions=regions,
        terms=terms,
        stride=terms + (0 if flat.norm == QUADRATIC else 2 * count if flat.norm == LINF else count),
    )


def _bends(flat: Flat, region: Region) -> Bends:
    width = region.tables.shape[2] - 1
    rows, squared = flat.horizon * region.stride + 2 * width, width if flat.norm == QUADRATIC else 0
    return Bends(
        constant=np.zeros(1),
        gradient=np.zeros(width),
        hessian=np.zeros((squared, squared)),
        rows=np.zeros((rows, width + 1)),
        low=np.zeros(rows),
        high=np.zeros(rows),
        point=np.zeros(width),
        values=np.zeros(rows),
        sides=np.zeros(rows, dtype=np.int64),
        slope=np.zeros(width),
        held=np.zeros(width, dtype=np.int64),
        number=np.zeros(1, dtype=np.int64),
        basis=np.zeros((width, width)),
        factor=np.zeros((width, width)),
        step=np.zeros(width),
        changes=np.zeros(rows),
        weights=np.zeros(width),
        reduced=np.zeros((width, width)),
    )
