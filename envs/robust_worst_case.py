"""What items chosen from a two-stage robust knapsack cost in the worst scenario, exactly, without a solver's kernels.

A linear program finds the worst scenario for the plans known so far; dynamic programming finds the best plan for a
scenario. They take turns until both agree (row generation; Blankenship and Falk 1976).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from copt.problems.robust import RobustSolution
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray

__all__ = ["Chosen", "Evaluation", "WorstCase"]

Chosen = NDArray[np.bool_]  # (items,)
Choices = NDArray[np.uint8]  # (items,) or (plans, items): 0 outsourced or not chosen, 1 produced, 2 also repaired

EXACT = 1e-7  # relative, between what is proved from both sides; linear programs are solved no better
INWARD = 0.5  # how far from the worst scenario towards the best known one plans are sought: it settles sooner


class Evaluation(NamedTuple):
    """The worst case of chosen items.

    Args:
        solution: The items with a mix of plans that costs no more in any scenario.
        cost: What that is; minimised.
        bound: What every plan costs in the scenario ``solution.worst``; never above ``cost``, but for rounding.
    """

    solution: RobustSolution
    cost: float
    bound: float


class WorstCase:
    """Evaluates sets of items of one instance, and remembers the plans.

    Args:
        instance: The instance.
    """

    def __init__(self, instance: RobustKnapsack) -> None:
        self._instance = instance
        self._uncertainty = instance.two_stage().uncertainty
        self._plans: Choices = np.zeros((1, instance.num_items), dtype=np.uint8)
        self._unit = max(float(instance.degradations.max()), float(instance.outsourcing.max())) or 1.0
        self._tolerance = EXACT * self._unit * instance.num_items

    def __call__(self, x: Chosen) -> Evaluation:
        """Return the worst case of the items in ``x``."""
        problem = self._instance
        plans = self._plans[~((self._plans > 0) & ~x).any(axis=1)]
        best, bound = np.full(x.size, min(1.0, problem.budget / x.size)), -np.inf
        while True:
            value, outer, weights = self._play(plans)
            fresh = None
            for scenario in (INWARD * outer + (1.0 - INWARD) * best, outer):
                if fresh is not None or value - bound <= self._tolerance:
                    break
                cost, plan = self._best_plan(x, scenario)
                if cost > bound:
                    best, bound = scenario, cost
                known = (plans == plan).all(axis=1).any()  # as rounding can make it, at the very end
                if not known and self._cost(plan, outer) < value - 0.1 * self._tolerance:
                    fresh = plan
            if fresh is None:
                break
            plans = np.vstack([plans, fresh])
        mix, shares = plans[weights > 0], weights[weights > 0]
        self._plans = np.vstack([self._plans[:1], mix])  # nothing produced, and what is likely to be of use again
        outsourced = float((problem.outsourcing - problem.profits) @ x)
        losses = shares @ (mix == 1) * problem.degradations
        cost = outsourced - float(shares @ (mix > 0) @ problem.outsourcing - losses @ self._uncertainty.worst(losses))
        solution = RobustSolution(
            x=x.astype(np.float64),
            plans=np.hstack([mix > 0, mix > 1]).astype(np.float64),
            worst=best,
            proof="mixture",
            weights=shares,
        )
        return Evaluation(solution, cost, outsourced + bound)

    def _cost(self, plan: Choices, scenario: FloatArray) -> float:
        """Return what a plan costs beyond outsourcing all items."""
        problem = self._instance
        return float((plan > 0) @ -problem.outsourcing + ((plan == 1) * problem.degradations) @ scenario)

    def _play(self, plans: Choices) -> tuple[float, FloatArray, FloatArray]:
        """Return what the best mix of ``plans`` costs, the scenario worst for it, and the shares of the plans."""
        problem, n = self._instance, plans.shape[1]
        # Maximise t over t <= cost of each plan in a scenario of the set: the multipliers are the shares.
        rows = np.hstack([(plans == 1) * (-problem.degradations / self._unit), np.ones((len(plans), 1))])
        found = linprog(
            np.append(np.zeros(n), -1.0),
            A_ub=np.vstack([rows, np.append(np.ones(n), 0.0)]),
            b_ub=np.append((plans > 0) @ -problem.outsourcing / self._unit, problem.budget),
            bounds=[*[(0.0, 1.0)] * n, (None, None)],
            method="highs-ds",
            options={"presolve": False},
        )
        shares = np.maximum(0.0, -found.ineqlin.marginals[:-1])
        return self._unit * float(found.x[-1]), np.clip(found.x[:-1], 0.0, 1.0), shares / shares.sum()

    def _best_plan(self, x: Chosen, scenario: FloatArray) -> tuple[float, Choices]:
        """Return the least cost in ``scenario`` beyond outsourcing all items, and a plan of it."""
        problem = self._instance
        items = np.flatnonzero(x)
        light, heavy = problem.weights, problem.weights + problem.repair_weights
        room = int(min(problem.capacity, heavy[items].sum()))
        best = np.zeros(room + 1)
        taken = np.zeros((items.size, room + 1), dtype=np.uint8)
        before = np.empty_like(best)
        for row, i in enumerate(items):
            before[:] = best
            for choice, weight, gain in (
                (1, light[i], problem.outsourcing[i] - problem.degradations[i] * scenario[i]),
                (2, heavy[i], problem.outsourcing[i]),
            ):
                if weight <= room:
                    reached = before[: room + 1 - weight] + gain
                    better = reached > best[weight:]
                    np.copyto(best[weight:], reached, where=better)
                    np.copyto(taken[row, weight:], choice, where=better, casting="unsafe")
        plan, left = np.zeros(x.size, dtype=np.uint8), room
        for row in reversed(range(items.size)):
            i = items[row]
            plan[i] = taken[row, left]
            left -= (0, light[i], heavy[i])[plan[i]]
        return -float(best[room]), plan
