"""The problem with finitely many scenarios: what SCIP proves of it holds for all scenarios (Zeng and Zhao 2013)."""

from typing import Any

import numpy as np
from pyscipopt import quicksum
from pyscipopt.scip import PY_SCIP_PARAMSETTING as SETTING

from copt.monitor import Monitor
from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.uncertainty import FloatArray
from copt.solvers.robust.boxes_kernels import Flags
from copt.solvers.scip import TOLERANCE, new_model, run

__all__ = ["ScenarioMaster"]

SOURCE = "scenarios"
START_GAP = 1e-3
FEW = 3  # scenarios with which SCIP has to find candidates
SHARE = 0.2  # of the whole gap


class ScenarioMaster:
    """Bounds from above what can be earned, by the scenarios seen so far.

    Args:
        instance: The problem, without loans.
        monitor: Told of the bounds.
    """

    def __init__(self, instance: CapitalBudgeting, monitor: Monitor) -> None:
        k = instance.num_factors
        self.scenarios: list[FloatArray] = [np.full(k, -1.0), np.zeros(k), np.ones(k)]
        self._instance, self._monitor, self._fineness = instance, monitor, 1.0

    def add(self, scenarios: list[FloatArray]) -> None:
        """Let the problem have more scenarios; if it has them all, the next search must be a finer one."""
        before = len(self.scenarios)
        for scenario in scenarios:
            if not any(np.allclose(scenario, known, atol=1e-6) for known in self.scenarios):
                self.scenarios.append(scenario.copy())
        if len(self.scenarios) == before:
            self._fineness *= 0.25

    def solve(self, seconds: float) -> list[Flags]:
        """Search for at most ``seconds``; return the early projects found, best first."""
        model, chosen = self._model()
        model.setParam("limits/gap", self._gap())
        known = self._monitor.best
        if known is not None and len(self.scenarios) > FEW:  # then candidates are found better elsewhere
            model.setObjlimit(-known)
            model.setHeuristics(SETTING.OFF)
        run(model, self._monitor, seconds=seconds, hear=lambda running: tell(self._monitor, running))
        if known is not None and model.getStatus() == "infeasible":
            self._monitor.prove(known - TOLERANCE * max(1.0, abs(known)), SOURCE)
        else:
            tell(self._monitor, model)
        found = [[model.getSolVal(solution, variable) for variable in chosen] for solution in model.getSols()]
        return [np.round(values).astype(np.uint8) for values in found]

    def _gap(self) -> float:
        """Return the gap at which another scenario helps more than a better solution with these."""
        best, bound = self._monitor.best, self._monitor.lower_bound
        gap = START_GAP
        if best is not None and bound is not None:
            gap = min(gap, SHARE * (best - bound) / max(1e-9, abs(best)))
        return max(1e-8, gap * self._fineness)

    def _model(self) -> tuple[Any, list[Any]]:
        """Return the model, and its variables for early projects."""
        instance, model = self._instance, new_model()
        projects = range(instance.num_projects)
        early = [model.addVar(vtype="B") for _ in projects]
        earned = model.addVar(lb=None, ub=None)
        greatest = 1.0 + 0.5 * np.abs(instance.cost_factors).sum(axis=1)
        # What early projects cost in one corner; the corner where all cost most is the worst if no factor is negative.
        if (instance.cost_factors >= 0).all():
            model.addCons(
                quicksum(float(instance.costs[i] * greatest[i]) * early[i] for i in projects) <= instance.budget
            )
        for scenario in self.scenarios:
            costs = instance.costs * (1.0 + 0.5 * instance.cost_factors @ scenario)
            profits = instance.profits * (1.0 + 0.5 * instance.profit_factors @ scenario)
            late = [model.addVar(vtype="B") for _ in projects]
            for i in projects:
                model.addCons(early[i] + late[i] <= 1)
            model.addCons(quicksum(float(costs[i]) * (early[i] + late[i]) for i in projects) <= instance.budget)
            profit = quicksum(float(profits[i]) * (early[i] + instance.late * late[i]) for i in projects)
            model.addCons(earned <= profit)
        model.setObjective(earned, "maximize")
        return model, early


def tell(monitor: Monitor, model: Any) -> None:
    """Report the least cost that ``model`` leaves possible, less its tolerance, if it knows one."""
    bound = float(model.getDualbound())
    if abs(bound) < model.infinity():
        monitor.prove(-(bound + TOLERANCE * max(1.0, abs(bound))), SOURCE)
