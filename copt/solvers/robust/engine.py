"""Chooses the algorithm by the type of the problem."""

from copt.errors import CoptError
from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.capital_budgeting import CapitalBudgeting
from copt.problems.robust import Robust, RobustSolution
from copt.problems.robust_knapsack import RobustKnapsack
from copt.result import StopReason
from copt.solvers.robust.boxes import boxes_apply
from copt.solvers.robust.loans_game import units

__all__ = ["NAME", "policy_pays", "solve"]

NAME = "robust"


def policy_pays(instance: Robust) -> bool:
    """Return whether the learned order of moves helps local search more than the rule does, as measured: knapsacks."""
    return isinstance(instance, RobustKnapsack)


def solve(
    instance: Robust,
    monitor: Monitor,
    *,
    start: RobustSolution | None,
    policy: Policy | None,
    workers: int,
    seed: int,
) -> None:
    """Search until the monitor says stop or value and bound meet; see ``copt.solvers.base.Solver``.

    The networks of Neur2RO search alone, so that they can be measured beside the compiled search.

    Raises:
        CoptError: If costs have no lower bound, or the policy does not serve the problem.
    """
    if policy is not None and policy.card.get("role") == "neur2ro":
        if not isinstance(instance, RobustKnapsack):
            raise CoptError(f"{instance.name}: policy '{policy.name}' is for two-stage knapsacks only; use policy=None")
        from copt.solvers.robust.neur2ro import search_neur2ro

        search_neur2ro(instance, monitor, policy, seed)
    elif isinstance(instance, RobustKnapsack):
        from copt.solvers.robust.knapsack import solve_knapsack
        from copt.solvers.robust.move_net import guide_of

        solve_knapsack(instance, monitor, workers=workers, seed=seed, guide=guide_of(policy))
    elif policy is not None:
        raise CoptError(f"{instance.name}: policy '{policy.name}' serves two-stage knapsacks only, pass policy=None")
    elif isinstance(instance, CapitalBudgeting) and instance.two_stage().certain_rows and units(instance) is not None:
        from copt.solvers.robust.loans import solve_loans

        solve_loans(instance, monitor, workers=workers, seed=seed)
    elif isinstance(instance, CapitalBudgeting) and not instance.two_stage().certain_rows and boxes_apply(instance):
        from copt.solvers.robust.budgeting import solve_budgeting

        solve_budgeting(instance, monitor, workers=workers, seed=seed)
    else:
        from copt.solvers.robust.general import solve_general

        solve_general(instance, monitor, seed=seed)
    if monitor.reason() is None:
        monitor.end(StopReason.EXHAUSTED)
