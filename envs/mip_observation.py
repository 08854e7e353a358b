"""What an agent sees of a solve that waits for its decision, as arrays of fixed size in the order of the instance."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from copt.envs.mip_search import Search
from copt.errors import CoptError
from copt.instances.mip_features import (
    ROW_FEATURES,
    VARIABLE_FEATURES,
    normed_coefficients,
    row_features,
    variable_features,
)
from copt.problems.base import FloatArray
from copt.problems.mip import MIP

__all__ = ["MipObservation", "NodeBipartite", "Pseudocosts", "Room", "StrongBranchingScores", "Together", "empty"]

LARGEST = 1e20  # beyond it, numbers are cut off
SPARE = 1.5  # room for cuts, as a factor


@dataclass(frozen=True)
class Room:
    """Sizes that actions and observations have room for.

    Args:
        variables: Number of variables.
        rows: Number of rows of a relaxation, cuts included.
        nonzeros: Number of nonzeros of a relaxation, cuts included.
    """

    variables: int
    rows: int
    nonzeros: int

    @staticmethod
    def of(instance: MIP) -> "Room":
        """Return room for the relaxations of ``instance``, and for half as much again of cuts."""
        rows, nonzeros = instance.num_rows, instance.columns.size
        return Room(instance.num_variables, int(np.ceil(SPARE * rows)), int(np.ceil(SPARE * nonzeros)))

    def require(self, instance: MIP) -> None:
        """Refuse an instance that is too large.

        Raises:
            CoptError: If it is.
        """
        sizes = (instance.num_variables, instance.num_rows, instance.columns.size)
        if any(size > room for size, room in zip(sizes, (self.variables, self.rows, self.nonzeros), strict=True)):
            needed = " x ".join(map(str, sizes))
            raise CoptError(
                f"{instance.name} has {needed} variables, rows and nonzeros, there is {self}; "
                f"pass room={Room.of(instance)}"
            )


class MipObservation(Protocol):
    """A view of a waiting solve. A value without state of its own."""

    def space(self, room: Room) -> spaces.Dict:
        """Return the space of observations."""

    def __call__(self, search: Search, room: Room) -> dict[str, NDArray[Any]]:
        """Return the observation at the decision that ``search`` waits for."""


def empty(space: spaces.Dict) -> dict[str, NDArray[Any]]:
    """Return arrays of zeros: what is seen where there is nothing to decide any more."""
    return {name: np.zeros(part.shape or (), part.dtype) for name, part in space.spaces.items()}


def per_variable(room: Room, *more: int, low: float = -LARGEST) -> spaces.Box:
    """Return the space of numbers of every variable, shape (variables, *more)."""
    return spaces.Box(low, LARGEST, (room.variables, *more), np.float32)


def fill(target: NDArray[Any], values: FloatArray) -> None:
    """Write ``values`` into the first places of ``target``, as far as there is room; numbers are cut off at 1e20."""
    count = min(len(target), len(values))
    target[:count] = np.clip(values[:count], -LARGEST, LARGEST)


@dataclass(frozen=True)
class NodeBipartite:
    """The relaxation as a bipartite graph of variables and rows (Gasse et al. 2019).

    ``variables`` has shape (variables, 19), ``rows`` shape (rows, 14), with the columns that
    ``copt.instances.mip_features`` names; ``edges`` has shape (2, nonzeros), row and variable of each coefficient, and
    ``coefficients`` shape (nonzeros,), in units of the norm of the row. Variables that presolving took away are 0, as
    is all room that is not needed; rows beyond the room, the newest cuts, are left out. Before there is a relaxation,
    as in ``Configure``, everything is 0 but what the instance says: kinds, objective, bounds, rows and coefficients.
    """

    def space(self, room: Room) -> spaces.Dict:
        """Return the space."""
        largest = max(room.rows, room.variables) - 1
        return spaces.Dict(
            {
                "variables": per_variable(room, len(VARIABLE_FEATURES)),
                "rows": spaces.Box(-LARGEST, LARGEST, (room.rows, len(ROW_FEATURES)), np.float32),
                "edges": spaces.Box(0, max(1, largest), (2, room.nonzeros), np.int32),
                "coefficients": spaces.Box(-1.0, 1.0, (room.nonzeros,), np.float32),
            }
        )

    def __call__(self, search: Search, room: Room) -> dict[str, NDArray[Any]]:
        """Return the graph."""
        seen, lp = empty(self.space(room)), search.relaxation()
        known = lp.place >= 0
        seen["variables"][lp.place[known]] = np.clip(variable_features(lp)[known], -LARGEST, LARGEST)
        fill(seen["rows"], row_features(lp))
        places, rows = lp.place[lp.columns], lp.rows
        edges = np.flatnonzero((places >= 0) & (rows < room.rows))[: room.nonzeros]
        seen["edges"][:, : edges.size] = rows[edges], places[edges]
        fill(seen["coefficients"], np.clip(normed_coefficients(lp)[edges], -1.0, 1.0))
        return seen


@dataclass(frozen=True)
class StrongBranchingScores:
    """Scores of full strong branching: the product of the gains of the bound on both sides.

    ``strong_branching`` has shape (variables,), 0 for what is no candidate. Reading them changes nothing in SCIP.

    Raises:
        CoptError: If the solve does not wait for a variable to branch on.
    """

    def space(self, room: Room) -> spaces.Dict:
        """Return the space."""
        return spaces.Dict({"strong_branching": per_variable(room, low=0.0)})

    def __call__(self, search: Search, room: Room) -> dict[str, NDArray[Any]]:
        """Return the scores."""
        model, scores = search.model, np.zeros(room.variables, np.float32)
        if not search.candidates or model.inProbing():
            raise CoptError(
                "StrongBranchingScores exist where a variable to branch on is chosen; use copt/Branching-v0"
            )
        bound = model.getLPObjVal()
        model.startStrongbranch()
        try:
            for place, variable in search.candidates.items():
                down, up, *_ = model.getVarStrongbranch(variable, 2**31 - 1, idempotent=True)
                gains = [max(0.0, down - bound), max(0.0, up - bound)]
                scores[place] = min(LARGEST, model.getBranchScoreMultiple(variable, gains))
        finally:
            model.endStrongbranch()
        return {"strong_branching": scores}


@dataclass(frozen=True)
class Pseudocosts:
    """Scores of the candidates by SCIP's pseudocosts.

    ``pseudocosts`` has shape (variables,), 0 for what is no candidate.
    """

    def space(self, room: Room) -> spaces.Dict:
        """Return the space."""
        return spaces.Dict({"pseudocosts": per_variable(room, low=0.0)})

    def __call__(self, search: Search, room: Room) -> dict[str, NDArray[Any]]:
        """Return the scores."""
        scores = np.zeros(room.variables, np.float32)
        for place, variable in search.candidates.items():
            scores[place] = min(LARGEST, search.model.getVarPseudocostScore(variable, variable.getLPSol()))
        return {"pseudocosts": scores}


class Together:
    """Several observations as one.

    Args:
        parts: Observations whose arrays have different names.
    """

    def __init__(self, *parts: MipObservation) -> None:
        self.parts = parts

    def space(self, room: Room) -> spaces.Dict:
        """Return the space."""
        return spaces.Dict({name: box for part in self.parts for name, box in part.space(room).spaces.items()})

    def __call__(self, search: Search, room: Room) -> dict[str, NDArray[Any]]:
        """Return the arrays of all parts."""
        return {name: array for part in self.parts for name, array in part(search, room).items()}
