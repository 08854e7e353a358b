"""The conqueror that comes with the environment: local search on one zone, in numpy alone."""

from dataclasses import dataclass

import numpy as np

from copt.envs.routing_moves import descend, insert_cheapest, length_of
from copt.envs.routing_paths import Cut, Path, cut_out, rejoin
from copt.errors import CoptError
from copt.problems.base import IntArray
from copt.problems.routing import Routes, Routing

__all__ = ["LocalSearch"]


@dataclass(frozen=True)
class LocalSearch:
    """Descends to a local optimum of the zone, then tries to leave it by ruin and recreate; a ``Conqueror``.

    Moves are relocations of one to three customers, reversals, and exchanges of tails between routes. It looks at all
    pairs of legs at once, which suits zones of up to some hundred customers.

    Args:
        kicks: Attempts to leave the local optimum.
        ruined: Most customers that an attempt removes: one and those next to it, at least two in all.
    """

    kicks: int = 3
    ruined: int = 8

    def __post_init__(self) -> None:
        if self.kicks < 0:
            raise CoptError(f"kicks must be at least 0, got {self.kicks}")
        if self.ruined < 2:
            raise CoptError(f"ruined must be at least 2, got {self.ruined}")

    def __call__(self, instance: Routing, routes: Routes, zone: IntArray, seed: int) -> Routes:
        """Return routes that are not worse."""
        if instance.customers.size == 1:
            return routes
        cut, rng = cut_out(instance, routes, zone), np.random.default_rng(seed)
        paths = [list(path) for path in cut.paths]
        descend(cut, paths)
        cost = length_of(cut, paths)
        for _ in range(self.kicks):
            kicked = self._kicked(cut, paths, rng)
            if kicked is None:
                continue
            descend(cut, kicked)
            length = length_of(cut, kicked)
            if length < cost:
                paths, cost = kicked, length
        return rejoin(cut, paths)

    def _kicked(self, cut: Cut, paths: list[Path], rng: np.random.Generator) -> list[Path] | None:
        """Return paths on which near customers were removed and inserted one by one, or None if one did not fit."""
        count = sum(len(path) - 2 for path in paths)
        if count < 2:
            return None
        near = np.argsort(cut.cost[rng.integers(count), :count], kind="stable")
        gone = rng.permutation(near[: rng.integers(2, min(self.ruined, count), endpoint=True)]).tolist()
        kicked = [[stop for stop in path if stop not in gone] for path in paths]
        fits = all(insert_cheapest(cut, kicked, stop) for stop in gone)
        return kicked if fits else None
