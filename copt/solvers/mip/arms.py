"""Neighbourhoods: which variables of a program are held, and where, while the rest is searched."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from copt.problems.base import FloatArray, IntArray
from copt.problems.mip import MIP
from copt.solvers.mip.corner import decisiveness
from copt.solvers.mip.points import Points
from copt.solvers.mip.submip import Mask, Relaxed

__all__ = ["ARMS", "Arm", "Hold", "State", "dive", "doubt", "greedy", "guess", "unlikely"]

POOL = 10  # points kept
EQUAL = 1e-9  # relative difference of costs that rounding makes
WHOLE = 1e-6  # values nearer to a whole number are whole
DITHER = 0.3  # random part of the order in which later dives fix


class Hold(NamedTuple):
    """A neighbourhood.

    Args:
        fixed: Which variables are held, shape (variables,).
        values: Where, shape (variables,).
        start: A point in it, None if none is known.
    """

    fixed: Mask
    values: FloatArray
    start: FloatArray | None


@dataclass
class State:
    """What is known of a program so far.

    Args:
        instance: The program.
        rng: Source of random choices.
        relaxed: Solution of its linear relaxation, once there is one.
        pool: Cost and values of the best points, best first.
        guess: Probability of each variable to be above its lower bound, NaN where nothing is known, shape (variables,).
    """

    instance: MIP
    rng: np.random.Generator
    relaxed: Relaxed | None = None
    pool: list[tuple[float, FloatArray]] = field(default_factory=list)
    guess: FloatArray | None = None

    def __post_init__(self) -> None:
        self.whole = np.flatnonzero(self.instance.integer)
        self.points = Points(self.instance)
        self.dives = self.guesses = self.greeds = 0  # not counting those that held everything

    @cached_property
    def decisiveness(self) -> FloatArray:
        """How much each variable's cost says, shape (variables,)."""
        return decisiveness(self.instance)

    @property
    def best(self) -> float:
        """Cost of the best point, infinity without one."""
        return self.pool[0][0] if self.pool else np.inf

    def add(self, value: float, values: FloatArray) -> bool:
        """Keep a point if it is among the best; return whether it is the best."""
        if any(np.array_equal(values[self.whole], known[self.whole]) and value >= cost for cost, known in self.pool):
            return False
        better = not self.pool or value < self.best - EQUAL * max(1.0, abs(self.best))
        self.pool.append((value, values))
        self.pool.sort(key=lambda pair: pair[0])
        del self.pool[POOL:]
        return better

    def rows_of(self, variable: int) -> IntArray:
        """Return the rows that a variable is in."""
        rows = self.points.rows
        found: IntArray = rows.rows_of[rows.first[variable] : rows.first[variable + 1]]
        return found

    def columns_of(self, row: int) -> IntArray:
        """Return the variables in a row."""
        found: IntArray = self.instance.columns[self.instance.starts[row] : self.instance.starts[row + 1]]
        return found


class Arm(NamedTuple):
    """A kind of neighbourhood.

    Args:
        name: Its name.
        points: How many points it needs to be known.
        relaxed: Whether it needs the linear relaxation.
        hold: Makes one; takes the share of integer variables that are to be held. None if there is none.
        guided: Whether it needs a guess.
    """

    name: str
    points: int
    relaxed: bool
    hold: Callable[[State, float], Hold | None]
    guided: bool = False


def _around(state: State, held: IntArray) -> Hold:
    """Hold ``held`` where the best point has them."""
    fixed = np.zeros(state.instance.num_variables, dtype=np.bool_)
    fixed[held] = True
    best = state.pool[0][1]
    return Hold(fixed, np.where(state.instance.integer, np.round(best), best), best)


def _trimmed(state: State, agreeing: IntArray, share: float) -> Hold | None:
    """Hold at most a share of the integer variables, of those that ``agreeing`` names."""
    most = int(share * state.whole.size)
    if agreeing.size > most:
        agreeing = state.rng.choice(agreeing, most, replace=False)
    return _around(state, agreeing)


def rins(state: State, share: float) -> Hold | None:
    """Hold what the best point and the relaxation agree on (Danna, Rothberg and Le Pape 2005)."""
    assert state.relaxed is not None
    whole = state.whole
    same = np.abs(state.pool[0][1][whole] - state.relaxed.values[whole]) < WHOLE
    return _trimmed(state, whole[same], share)


def crossover(state: State, share: float) -> Hold | None:
    """Hold what the best point and another one agree on (Rothberg 2007)."""
    whole, other = state.whole, state.pool[int(state.rng.integers(1, len(state.pool)))][1]
    same = np.abs(state.pool[0][1][whole] - other[whole]) < WHOLE
    return _trimmed(state, whole[same], share)


def mutation(state: State, share: float) -> Hold | None:
    """Hold random variables at the best point (Rothberg 2007)."""
    return _around(state, state.rng.choice(state.whole, int(share * state.whole.size), replace=False))


def rows(state: State, share: float) -> Hold | None:
    """Hold all but the variables of some neighbouring rows."""
    instance, rng = state.instance, state.rng
    wanted = max(1, state.whole.size - int(share * state.whole.size))
    free = np.zeros(instance.num_variables, dtype=np.bool_)
    seen = np.zeros(instance.num_rows, dtype=np.bool_)
    front: list[int] = []
    count = 0
    for _ in range(instance.num_rows):
        if count >= wanted:
            break
        row = front.pop(int(rng.integers(len(front)))) if front else int(rng.integers(instance.num_rows))
        if seen[row]:
            continue
        seen[row] = True
        new = state.columns_of(row)
        new = new[~free[new] & instance.integer[new]]
        if new.size > wanted - count:
            new = rng.choice(new, wanted - count, replace=False)
        free[new] = True
        count += new.size
        for variable in new[:20]:
            around = state.rows_of(int(variable))
            front.extend(rng.choice(around, min(3, around.size), replace=False).tolist())
    return _around(state, state.whole[~free[state.whole]])


def prices(state: State, share: float) -> Hold | None:
    """Hold the variables whose change costs most by their reduced costs in the relaxation."""
    assert state.relaxed is not None
    whole, best = state.whole, state.pool[0][1]
    away = np.abs(best[whole] - state.relaxed.values[whole])
    score = np.abs(state.relaxed.prices[whole]) * (away < WHOLE) + 1e-3 * state.rng.random(whole.size)
    return _around(state, whole[np.argsort(-score)[: int(share * whole.size)]])


def everything(state: State, share: float) -> Hold | None:
    """Hold nothing."""
    none = np.zeros(state.instance.num_variables, dtype=np.bool_)
    best = state.pool[0][1] if state.pool else None
    return Hold(none, np.zeros(state.instance.num_variables), best)


def dive(state: State, share: float) -> Hold:
    """Fix variables near the relaxation with propagation, the surest first, those that are not zero before others."""
    assert state.relaxed is not None
    whole, values = state.whole, state.relaxed.values
    near = np.round(values[whole])
    doubt = np.abs(values[whole] - near) + 0.5 * (near == state.instance.lower[whole])
    order = whole[np.argsort(doubt + DITHER * state.rng.random(whole.size) * (state.dives > 0))]
    state.dives += share < 1.0
    return _dived(state, order, values, share)


def greedy(state: State, share: float) -> Hold | None:
    """Dive for what costs ask of each variable, where these say most first: the dearest out, the most profitable in.

    What a cost says is measured by what the variable's rows ask of others for the same (Dobson 1982 for covering).
    """
    instance = state.instance
    costs = instance.sign * instance.costs
    told = state.whole[costs[state.whole] != 0.0]
    targets = np.where(costs > 0.0, instance.lower, instance.upper)
    told = told[np.isfinite(targets[told])]
    if told.size == 0:
        return None
    says = (state.decisiveness * (1.0 + state.rng.random(costs.size) * (state.greeds > 0)))[told]
    state.greeds += share < 1.0
    order = told[np.argsort(-says, kind="stable")]
    return _dived(state, order, targets, share)


def guess(state: State, share: float) -> Hold | None:
    """Dive for what a guide guesses, the surest first (Nair et al. 2020).

    A general integer that is guessed to be above its lower bound goes near the relaxation, so far as there is one.
    """
    assert state.guess is not None
    instance, chances = state.instance, state.guess
    told = state.whole[~np.isnan(chances[state.whole])]
    if told.size == 0:
        return None
    up = chances[told] >= 0.5
    targets = instance.lower.copy()
    targets[told[up]] += 1.0
    wide = told[up & ~instance.binary[told]]
    if state.relaxed is not None:
        targets[wide] = state.relaxed.values[wide]
    else:
        told, up = np.setdiff1d(told, wide), chances[np.setdiff1d(told, wide)] >= 0.5
    doubt = np.abs(chances[told] - up)
    if state.guesses:
        doubt *= 1.0 + state.rng.random(told.size)
    order = told[np.argsort(doubt, kind="stable")]
    state.guesses += share < 1.0
    return _dived(state, order, targets, share)


def _dived(state: State, order: IntArray, targets: FloatArray, share: float) -> Hold:
    """Hold what is fixed once variables, so many in this order, were moved to their targets with propagation."""
    lower, upper = state.points.dive(order[: int(share * state.whole.size)], targets)
    return Hold((lower == upper) & state.instance.integer, lower, None)


def unlikely(state: State, share: float) -> Hold:
    """Hold at their lower bounds the variables, so many, that a guide most surely guesses there."""
    assert state.guess is not None
    chances = state.guess[state.whole]
    order = np.argsort(chances, kind="stable")[: int(share * state.whole.size)]  # the unknown are last
    return _dived(state, state.whole[order[chances[order] < 0.5]], state.instance.lower, 1.0)


def doubt(state: State, share: float) -> Hold | None:
    """Hold the variables on which the best point and a guide that is sure agree."""
    assert state.guess is not None
    whole, chances = state.whole, np.nan_to_num(state.guess[state.whole], nan=0.5)
    away = np.abs((state.pool[0][1][whole] > state.instance.lower[whole] + 0.5) - chances)
    order = np.argsort(away + DITHER * state.rng.random(whole.size))
    return _around(state, whole[order[: int(share * whole.size)]])


ARMS = (
    Arm("dive", 0, True, dive),
    Arm("rins", 1, True, rins),
    Arm("prices", 1, True, prices),
    Arm("rows", 1, False, rows),
    Arm("mutation", 1, False, mutation),
    Arm("crossover", 2, False, crossover),
    Arm("everything", 0, False, everything),
    Arm("greedy", 0, False, greedy),
    Arm("guess", 0, False, guess, guided=True),
    Arm("doubt", 1, False, doubt, guided=True),
)
