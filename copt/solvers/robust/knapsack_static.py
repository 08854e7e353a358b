"""The static counterpart of the robust knapsack as a mixed-integer program, for while kernels compile."""

from collections.abc import Callable
from typing import Any

import numpy as np

from copt.problems.robust_knapsack import RobustKnapsack
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.knapsack_primal import Primal

__all__ = ["solve_static"]

SLICE = 0.2  # seconds between two looks at the stop conditions


def solve_static(primal: Primal, until: Callable[[], bool]) -> None:
    """Offer ever better plans that are chosen before the scenario (Bertsimas and Sim 2004), by SCIP.

    Args:
        primal: Takes the plans.
        until: Whether something better than this can begin.
    """
    model, made, repaired = _model(primal.instance)
    seconds = 0.0
    while not (until() or primal.stopped()) and model.getStatus() in ("unknown", "timelimit"):
        seconds += min(SLICE, primal.monitor.remaining)
        model.setParam("limits/time", seconds)
        model.optimizeNogil()
        if model.getNSols() > 0:
            best = model.getBestSol()
            plan = np.array([round(best[y]) + round(best[r]) for y, r in zip(made, repaired, strict=True)], np.uint8)
            if _weight(primal.instance, plan) <= primal.instance.capacity:
                primal.offer_plan(plan, "static plan (SCIP)")


def _weight(instance: RobustKnapsack, plan: Bytes) -> int:
    return int((plan > 0) @ instance.weights + (plan > 1) @ instance.repair_weights)


def _model(instance: RobustKnapsack) -> tuple[Any, list[Any], list[Any]]:
    """Return the program and its variables: produced, and repaired too."""
    from pyscipopt import Model, quicksum

    n = instance.num_items
    model = Model()
    model.hideOutput()
    made = [model.addVar(vtype="B") for _ in range(n)]
    repaired = [model.addVar(vtype="B") for _ in range(n)]
    price = model.addVar(lb=0.0)
    excess = [model.addVar(lb=0.0) for _ in range(n)]
    weights = quicksum(
        int(instance.weights[i]) * made[i] + int(instance.repair_weights[i]) * repaired[i] for i in range(n)
    )
    model.addCons(weights <= instance.capacity)
    for i in range(n):
        model.addCons(repaired[i] <= made[i])
        model.addCons(excess[i] + price >= float(instance.degradations[i]) * (made[i] - repaired[i]))
    lost = instance.budget * price + quicksum(excess)
    model.setObjective(quicksum(float(instance.profits[i]) * made[i] for i in range(n)) - lost, "maximize")
    return model, made, repaired
