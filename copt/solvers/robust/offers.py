"""What solvers of two-stage problems tell: solutions that pass the checker, and that costs have no limit."""

from copt.errors import CoptError
from copt.monitor import Monitor
from copt.problems.robust import RobustSolution, check, objective
from copt.problems.two_stage import TwoStage
from copt.solvers.robust.program import Program
from copt.solvers.scip import run

__all__ = ["offer", "refuse_boundless"]


def offer(problem: TwoStage, monitor: Monitor, solution: RobustSolution, source: str) -> bool:
    """Offer ``solution`` if it is better than the incumbent and numbers are good enough for the checker."""
    value = problem.sign * objective(problem, solution)
    if monitor.best is not None and value >= monitor.best:
        return False
    wrong = check(problem, solution)
    if wrong:
        monitor.note(f"a solution by {source} was left out because it is not exact enough: {wrong[0]}")
        return False
    return monitor.offer(value, solution, source)


def refuse_boundless(problem: TwoStage, program: Program, monitor: Monitor) -> None:
    """Tell apart what SCIP does not, by its ``program`` before it was run: return if nothing is feasible.

    Raises:
        CoptError: If costs can fall without limit.
    """
    program.model.setObjective(0.0)
    run(program.model, monitor)
    if program.model.getStatus() == "infeasible" or monitor.reason() is not None:
        return
    raise CoptError(
        f"{problem.name}: costs can fall without limit; give finite bounds to the variables that make them fall, "
        "or rows that keep them"
    )
