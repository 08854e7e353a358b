"""Any two-stage robust problem: which algorithm its structure asks for.

- Finitely many scenarios: column-and-constraint generation; all scenarios are solved for each decision.
- Continuous recourse, only costs uncertain: the static counterpart, which loses nothing.
- Continuous recourse otherwise: column-and-constraint generation (Zeng and Zhao 2013) with the extreme points, if they
  are few and no coefficient of recourse is uncertain, or an adversary by SCIP.
- Integer recourse, only costs uncertain: column-and-constraint generation; what decisions cost is a game of plans and
  scenarios, whose plans are generated, and a program over the plans known proposes decisions.
- Integer recourse, uncertain rows: column-and-constraint generation; a tree of boxes proves what decisions cost. Where
  it proves nothing in time, the worst of many scenarios is told, and that it is no guarantee.

The static counterpart gives a first guarantee everywhere but with finitely many scenarios.
"""

import math

from copt.monitor import Monitor
from copt.problems.robust import Robust
from copt.problems.two_stage import TwoStage
from copt.problems.uncertainty import Product, Scenarios, UncertaintySet
from copt.solvers.robust.adversary import Adversary, at_extremes
from copt.solvers.robust.ccg import Judge, Master, close, generate, seeds
from copt.solvers.robust.cells import CellTrees
from copt.solvers.robust.listing import Listing, count_vertices, vertices
from copt.solvers.robust.plans import PlanGame
from copt.solvers.robust.static import solve_counterpart

__all__ = ["solve_general"]

FEW = 256  # extreme points that are listed rather than searched
STATIC = 0.1  # share of the time for the static counterpart where it is only a start


def solve_general(instance: Robust, monitor: Monitor, *, seed: int) -> None:
    """Search until the monitor says stop, value and bound meet, or nothing is left to do.

    Raises:
        CoptError: If costs have no lower bound.
    """
    problem = instance.two_stage()
    continuous = not problem.y.integer.any()
    if not isinstance(problem.uncertainty, Scenarios):
        exact = continuous and problem.certain_rows and convex(problem.uncertainty)
        solve_counterpart(problem, monitor, exact=exact, seconds=math.inf if exact else STATIC * monitor.remaining)
        if exact:
            close(monitor)
            return
    judge = _judge(problem, monitor, seed)
    master = Master(problem, monitor)
    master.add(seeds(problem.uncertainty))
    generate(master, judge, monitor)
    if isinstance(judge, CellTrees):
        judge.finish()


def convex(uncertainty: UncertaintySet) -> bool:
    """Return whether the set is convex for sure."""
    if isinstance(uncertainty, Product):
        return all(convex(part) for part in uncertainty.sets)
    return not isinstance(uncertainty, Scenarios)


def _judge(problem: TwoStage, monitor: Monitor, seed: int) -> Judge:
    uncertainty = problem.uncertainty
    if isinstance(uncertainty, Scenarios):
        return Listing(problem, monitor, uncertainty.members)
    if problem.y.integer.any():
        return PlanGame(problem, monitor) if problem.certain_rows else CellTrees(problem, monitor, seed)
    if at_extremes(problem) and count_vertices(uncertainty) <= FEW:
        return Listing(problem, monitor, vertices(uncertainty))
    return Adversary(problem, monitor)
