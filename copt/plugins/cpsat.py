"""Hints for somebody else's CP-SAT model, from the relaxation of its linear part."""

from typing import Any

import numpy as np

from copt.instances.mip_cpsat import from_cpsat
from copt.problems.base import FloatArray
from copt.problems.mip import MIP, objective, settled
from copt.solvers.mip.arms import State, dive
from copt.solvers.mip.submip import SubMIP

__all__ = ["Hint", "hint"]

SECONDS = 1.0  # for the relaxation, and for the search near it
SHARE = 0.7  # of the variables that are fixed near the relaxation


class Hint:
    """What CP-SAT was told.

    Args:
        hinted: Number of variables with a hint.
        complete: Whether all rows hold at the hint.
    """

    def __init__(self, hinted: int, complete: bool) -> None:
        self.hinted, self.complete = hinted, complete

    def summary(self) -> str:
        """Return in one line what it was told."""
        kind = "a point that all linear constraints allow" if self.complete else "a partial guess"
        return f"copt: hints for {self.hinted} variables, {kind}" if self.hinted else "copt: no hint"


def hint(model: Any, *, seed: int) -> Hint:
    """Give ``model``, a ``CpModel``, a hint; hints never change what is feasible or optimal."""
    instance = from_cpsat(model)
    values, known, complete = _guess(instance, seed)
    model.clear_hints()
    for place in np.flatnonzero(known).tolist():
        model.add_hint(model.get_int_var_from_proto_index(place), int(values[place]))
    return Hint(int(known.sum()), complete)


def _guess(instance: MIP, seed: int) -> tuple[FloatArray, Any, bool]:
    """Return values, for which variables they are meant, and whether they satisfy all rows."""
    state = State(instance, np.random.default_rng(seed))

    def keep(values: FloatArray) -> None:
        point = settled(instance, values)
        if point is not None:
            state.add(objective(instance, point), point.values)

    search = SubMIP(instance, keep, lambda: False, seed)
    state.relaxed = search.relax(SECONDS)
    if state.relaxed is None:
        return np.zeros(instance.num_variables), np.zeros(instance.num_variables, dtype=np.bool_), False
    held = dive(state, SHARE)
    search.solve(held.fixed, held.values, seconds=SECONDS)
    if state.pool:
        return np.round(state.pool[0][1]), np.ones(instance.num_variables, dtype=np.bool_), not instance.beyond
    return np.round(held.values), held.fixed, False
