"""SCIP as exact master, and a partner process that starts and improves points."""

import contextlib
from collections.abc import Iterator

import numpy as np

from copt.errors import CoptError
from copt.monitor import Monitor
from copt.policy import Policy
from copt.problems.base import FloatArray, first_where
from copt.problems.mip import MIP, Point, objective, settled
from copt.result import StopReason, relative_gap
from copt.solvers.mip.corner import from_corner
from copt.solvers.mip.duality import bound_of
from copt.solvers.mip.kin import Habits, Kin
from copt.solvers.mip.memory import Course, Memory
from copt.solvers.mip.partner import Guide, Partner, Spare, Task, available
from copt.solvers.mip.settings import DEFAULT

__all__ = ["NAME", "impossible", "solve", "unfit", "warm"]

NAME = "scip"
MOST = 20_000_000  # nonzeros up to which a second copy of the program is made


def solve(
    instance: MIP, monitor: Monitor, *, start: Point | None, policy: Policy | None, workers: int, seed: int
) -> None:
    """Search until the monitor says stop or SCIP has proved its answer; see ``copt.solvers.base.Solver``."""
    wrong = impossible(instance)
    if wrong is not None:
        monitor.note(wrong)
        monitor.prove(np.inf, "limits")
        return
    reason = unfit(instance)
    helped = workers > 1 and reason is None
    if workers > 1 and reason is not None:
        monitor.note(f"SCIP works alone: {reason}")
    if isinstance(policy, Memory):
        _solve_with_memory(instance, monitor, policy, helped, seed)
    else:
        start = start or _first(instance, monitor)
        guide = None if policy is None else _guide(instance, monitor, policy)
        task = Task(instance.bare(), monitor.remaining, seed, {}, guide) if helped else None
        spare = Spare()
        with contextlib.closing(spare), _helper(task, monitor, spare) as partner:
            from copt.solvers.mip.master import Master  # SCIP takes as long to load as a partner to begin

            Master(instance, monitor, seed, DEFAULT, partner).run(start)
    if monitor.reason() is None:
        monitor.end(StopReason.EXHAUSTED)


def _first(instance: MIP, monitor: Monitor) -> Point | None:
    """Offer the point that costs alone lead to, if there is one, before anything that takes time is loaded."""
    point = from_corner(instance)
    if point is not None:
        monitor.offer(instance.sign * objective(instance, point), point, "corner")
    return point


def _solve_with_memory(instance: MIP, monitor: Monitor, memory: Memory, helped: bool, seed: int) -> None:
    """Begin with what solves of similar programs have taught, and learn from this one."""
    seconds = monitor.stop.seconds
    advice = memory.advise(instance, np.random.default_rng(seed), seconds=seconds, helped=helped)
    kin = advice.kin
    points = () if kin is None else _recall(instance, monitor, kin)
    if monitor.solution is None:
        _first(instance, monitor)
    guide = Habits(np.array(points)) if kin is not None and kin.alike else None
    task = Task(instance.bare(), monitor.remaining, seed, advice.arms, guide, points) if helped else None
    with _helper(task, monitor, memory.spare) as partner:
        from copt.solvers.mip.master import Master

        master = Master(instance, monitor, seed, advice.setting, partner, None if kin is None else kin.pseudocosts())
        master.run(monitor.solution)
        arms, duals = ({}, None) if partner is None else (partner.records, partner.duals)
    spent = monitor.elapsed
    course = Course(
        seconds=seconds,
        helped=helped,
        arms=arms,
        setting=advice.setting,
        integral=spent * monitor.trace().primal_dual_integral(spent),
        gap=_gap(instance, monitor, duals),
        values=None if monitor.solution is None else monitor.solution.values,
        duals=duals,
        pseudocosts=master.pseudocosts,
    )
    try:
        memory.learn(instance, course)
    except CoptError as error:  # no reason to lose the solution
        monitor.note(str(error))


def _recall(instance: MIP, monitor: Monitor, kin: Kin) -> tuple[FloatArray, ...]:
    """Tell the monitor what points and prices of other programs say of this one; return the points, the best first."""
    bound = max((bound_of(instance, prices) for prices in kin.prices()), default=-np.inf)
    if bound > -np.inf:
        monitor.prove(bound, "memory")
    costs = []
    for values in kin.points:
        point = settled(instance, values)
        costs.append(np.inf if point is None else instance.sign * objective(instance, point))
        if point is not None:
            monitor.offer(costs[-1], point, "memory")
    order = sorted(range(len(costs)), key=costs.__getitem__)
    return tuple(kin.points[place] for place in order)


def _gap(instance: MIP, monitor: Monitor, duals: FloatArray | None) -> float:
    """Return the relative gap between the best point and the relaxation, 0 while one of them is unknown."""
    bound = -np.inf if duals is None else bound_of(instance, duals)
    gap = relative_gap(monitor.best, bound) if bound > -np.inf else None
    return 0.0 if gap is None else min(1.0, gap)


@contextlib.contextmanager
def _helper(task: Task | None, monitor: Monitor, spare: Spare) -> Iterator[Partner | None]:
    """Yield a partner that works on ``task``, None if there is nothing to do or no process to do it."""
    try:
        partner = None if task is None else spare.take(task)
    except OSError as error:
        monitor.note(f"SCIP works alone: no process could be started beside it ({error.strerror})")
        partner = None
    try:
        yield partner
    finally:
        if partner is not None:
            spare.keep(partner)


def _guide(instance: MIP, monitor: Monitor, policy: Policy) -> Guide | None:
    """Return the guide that a policy holds, unless the program is of another family than it was trained on."""
    from copt.solvers.mip.guide import guide_of  # most solves have none

    guide = guide_of(policy)
    strange = guide.stranger(instance)
    if strange is not None:
        monitor.note(f"policy '{policy.name}' is not used, it was trained on other programs: {strange}")
        return None
    return guide


def warm() -> None:
    """Compile the kernels of the partner, which this process does not need."""
    from copt.solvers.mip import graph, points

    points.warm()
    graph.warm()


def impossible(instance: MIP) -> str | None:
    """Return which limits exclude each other, or None."""
    row = first_where(instance.row_lower > instance.row_upper)
    if row is not None:
        return f"row {row} is to be at least {instance.row_lower[row]:g} and at most {instance.row_upper[row]:g}"
    j = first_where(instance.lower > instance.upper)
    if j is not None:
        return f"{instance.name_of(j)} is to be at least {instance.lower[j]:g} and at most {instance.upper[j]:g}"
    return None


def unfit(instance: MIP) -> str | None:
    """Return why no partner can help with ``instance``, or None."""
    if instance.beyond:
        return f"a partner's copy cannot hold {', '.join(instance.beyond)}"
    if not instance.integer.any():
        return "there are no integer variables"
    if instance.columns.size > MOST:
        return f"a second copy of {instance.columns.size} nonzeros would take too much memory"
    return None if available() else "this system hands no sockets to other processes"
