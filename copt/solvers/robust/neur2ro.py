"""Neur2RO (Dumouchelle, Julien, Kurtz, Khalil, ICLR 2024) for two-stage knapsacks: the learned reference arm.

Column-and-constraint generation in which a network stands for the second stage: a program chooses decisions against
the scenario that the network takes for the worst of those at hand, another program looks for a scenario that it takes
for worse. What decisions are really worth is then found exactly, and certified; networks prove nothing.

The published code lets a repair cost what it saves (the sign of one constraint of the first program); here it saves
it, as the paper has it. Every decision on the way is offered, not the last alone, which can only be better.
"""

from collections.abc import Iterator

import numpy as np

from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray
from copt.solvers.loading import COLD
from copt.solvers.robust.knapsack_game import KnapsackGame
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.knapsack_primal import Primal, greedy_plan
from copt.solvers.robust.neur2ro_net import Neur2roNet
from copt.solvers.robust.neur2ro_programs import Limits, best_decisions, worst_scenario

__all__ = ["generate", "search_neur2ro"]

MOST = 20  # scenarios
CLOSE, SAME = 1e-4, 1e-3  # relative difference of predictions, sum of differences of scenarios
SHARE = 0.5  # of the time left, for one program
STALL, PATIENCE = 180.0, 0.15  # seconds for one program without a better solution, but no more of the time limit
SOURCE = "Neur2RO"


def search_neur2ro(instance: RobustKnapsack, monitor: Monitor, policy: Policy, seed: int) -> None:
    """Run ML-CCG and offer its decisions for what they are worth.

    Args:
        instance: The instance.
        monitor: Takes incumbents, and the bounds that hold without the network.
        policy: Networks, as ``copt.models.robust_neur2ro`` stores them.
        seed: Seed of the scenarios that searches start from.
    """
    from copt.solvers.robust.loading import KNAPSACK  # which warms by what other modules define

    KNAPSACK.begin()
    primal = Primal(instance, monitor)
    while not KNAPSACK.done() and monitor.wait(0.01) is None:
        if monitor.elapsed > COLD:
            monitor.note("compiling the search kernels on first use (once); `copt doctor --warm` does it ahead")
    if monitor.reason() is None:
        game, net = KnapsackGame(instance, seed), Neur2roNet(policy.weights, instance)
        for x in generate(net, monitor, np.random.default_rng(seed)):
            primal.evaluate(game, x, SOURCE)
    if monitor.solution is None:
        primal.offer_plan(greedy_plan(instance), "greedy plan")


def generate(net: Neur2roNet, monitor: Monitor, rng: np.random.Generator) -> Iterator[Bytes]:
    """Yield decisions against ever more scenarios, the last ones being those of Neur2RO.

    Args:
        net: The networks of an instance.
        monitor: Says when to stop, and takes the bounds of programs with at most one scenario, where no network has a
            say in which is the worst.
        rng: For the scenarios that searches start from.
    """
    scenarios = list[FloatArray]()
    while True:
        found = best_decisions(net, scenarios, _limits(monitor))
        if found is None:
            return
        x, bound = found
        if len(scenarios) < 2:
            monitor.prove(bound, SOURCE)
        yield x
        if monitor.reason() is not None or len(scenarios) > MOST:
            break
        worst, predicted = worst_scenario(net, x, scenarios, _limits(monitor), rng)
        decisions = net.embedded("x", x.astype(np.float64))
        known = max((net.value(decisions, net.embedded("u", u)) for u in scenarios), default=-np.inf)
        if abs(predicted - known) <= CLOSE * abs(predicted):
            break
        if any(np.abs(worst - u).sum() < SAME for u in scenarios):
            break
        scenarios.append(worst)
    monitor.note(f"Neur2RO ended with {len(scenarios)} scenarios")


def _limits(monitor: Monitor) -> Limits:
    return Limits(monitor, SHARE * monitor.remaining, min(STALL, PATIENCE * monitor.stop.seconds))
