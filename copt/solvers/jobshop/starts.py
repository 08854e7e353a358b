"""Starting schedules for the search threads: the learned policy and priority rules, forward and reversed."""

import threading
from dataclasses import dataclass

from copt.policy import Policy
from copt.problems.jobshop import JobShop
from copt.solvers.jobshop.order_kernels import Int32
from copt.solvers.jobshop.rollout import Dispatcher
from copt.solvers.jobshop.shop import LARGE

__all__ = ["Starts"]


@dataclass(frozen=True)
class Arm:
    """One way to dispatch: a rule or a policy, a direction, and how freely to sample."""

    rule: str | Policy
    reverse: bool
    temperature: float
    delta: float


RULES = tuple(
    Arm(rule, reverse, heat, 0.0) for rule, heat in (("mwkr", 1.0), ("spt", 0.1)) for reverse in (True, False)
)
WARM, COOL = 0.2, 0.02  # temperatures of the policy: a long chain of decisions tolerates fewer bad ones
KEPT = 2  # arms that make starts once all have been tried
ROLLED = 200_000  # operations to dispatch for one start


class Starts:
    """Makes numbered starting schedules.

    Each arm makes one; from then on the best arms take turns.

    Args:
        instance: A shop with ordered jobs and one machine an operation.
        policy: The learned policy, or None for priority rules alone.
        seed: Seed of the random choices.
    """

    def __init__(self, instance: JobShop, policy: Policy | None, seed: int) -> None:
        self._instance, self._seed = instance, seed
        self._samples = max(1, min(10, ROLLED // instance.num_operations))
        heat = COOL if instance.num_operations >= LARGE else WARM
        learned = () if policy is None else tuple(Arm(policy, reverse, heat, 1.0) for reverse in (False, True))
        self._arms = learned or RULES
        self._value: dict[int, int] = {}  # makespan of each arm's first start
        self._dispatchers: dict[int, Dispatcher] = {}
        self._lock = threading.Lock()

    def make(self, number: int, halt: Int32) -> Int32 | None:
        """Return the start times of schedule ``number``, shape (operations,), or None if halted before the end."""
        if number < len(self._arms):
            index = number
        else:
            ranked = sorted(self._value, key=lambda k: (self._value[k], k))[:KEPT] or [0]
            index = ranked[number % len(ranked)]
        arm = self._arms[index]
        rollouts = self._dispatcher(index).run(
            self._samples,
            seed=self._seed * 1_000_003 + number,
            temperature=arm.temperature,
            delta=arm.delta,
            stop=halt,
        )
        if not len(rollouts.starts):
            return None
        self._value.setdefault(index, int(rollouts.makespans.min()))
        best: Int32 = rollouts.starts[0]
        return best

    def _dispatcher(self, index: int) -> Dispatcher:
        with self._lock:
            if index not in self._dispatchers:
                arm = self._arms[index]
                self._dispatchers[index] = Dispatcher(self._instance, arm.rule, reverse=arm.reverse)
            return self._dispatchers[index]
