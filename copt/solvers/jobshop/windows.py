"""Large-neighbourhood search by windows: free a part of a schedule, keep the rest, and let CP-SAT complete it.

The model of a window is exact: paths into the window become earliest starts, paths out of it become tails, and
operations on paths that leave it and come back become intervals. So its best solution is the best schedule that
differs from the given one within the window only.
"""

import math
from collections.abc import Callable

import numpy as np

from copt.monitor import Monitor
from copt.problems.jobshop import JobShop, Schedule, objective
from copt.solvers import cpsat
from copt.solvers.encoding import EncodingModel
from copt.solvers.jobshop.exact import PARAMETERS
from copt.solvers.jobshop.window_encoding import WindowEncoding
from copt.solvers.jobshop.window_graph import Window, WindowGraph

__all__ = ["Window", "choose_window", "improve", "search_windows"]

SOURCE = "windows"
SECONDS = 1.0  # for one window
SIZE = 200  # operations of the first window
GROWTH, SHRINKAGE = 1.05, 1.15  # of the size after a window without improvement: settled in time, or not


def choose_window(instance: JobShop, schedule: Schedule, size: int, random: np.random.Generator) -> Window:
    """Return a random window of about ``size`` operations on some machines, for all or part of the time.

    All machines for a short time are left out: as many operations are much harder to place then, and seldom better.
    """
    used = np.unique(schedule.machine)
    share = min(1.0, size / instance.num_operations)
    count = max(1, round(used.size * share ** random.uniform(0.5, 1.0)))
    machines = random.permutation(used)[:count]
    order = np.argsort(schedule.start, kind="stable")
    places = np.flatnonzero(np.isin(schedule.machine[order], machines))
    first = int(random.integers(max(0, places.size - size) + 1))
    last = min(first + size, places.size) - 1
    return Window(frozenset(machines.tolist()), int(places[first]), int(places[last]))


def improve(
    instance: JobShop,
    schedule: Schedule,
    window: Window,
    *,
    seconds: float,
    workers: int,
    seed: int,
    stop: Callable[[], bool],
    lower: int = 0,
) -> Schedule | None:
    """Return a schedule that differs from ``schedule`` in ``window`` only and has a smaller makespan, or None.

    Args:
        instance: A shop whose makespan is minimised.
        schedule: A schedule of it.
        window: What may change.
        seconds: Limit on CP-SAT's wall time.
        workers: Number of CP-SAT's threads.
        seed: Seed of CP-SAT.
        stop: Asked every 50 ms; True ends the search.
        lower: A proved lower bound on the makespan, at which the search ends.
    """
    graph = WindowGraph(instance, schedule, window)
    goal = objective(instance, schedule) - 1
    if graph.empty or graph.around > goal:
        return None
    part = WindowEncoding(graph)
    model = EncodingModel(part.encoding, lower=max(lower, graph.around), upper=goal, hint=part.hint, tails=part.tails)
    found: list[Schedule] = []
    cpsat.search(
        model.model,
        seconds=seconds,
        workers=workers,
        seed=seed,
        stopped=stop,
        on_solution=lambda read: found.append(part.complete(model.read(read)[1])),
        on_bound=lambda _bound: None,
        parameters=PARAMETERS,
    )
    return found[-1] if found else None


def search_windows(
    instance: JobShop, monitor: Monitor, *, workers: int, seed: int, stop: Callable[[], bool] | None = None
) -> None:
    """Improve the monitor's incumbent window by window until the monitor or ``stop`` says stop.

    Windows grow as long as CP-SAT settles them in a second.

    Args:
        instance: A shop whose makespan is minimised.
        monitor: Has an incumbent, receives better ones, and says when to stop.
        workers: Number of CP-SAT's threads.
        seed: Seed of every random choice.
        stop: Further reason to stop, asked every 50 ms.
    """

    def stopped() -> bool:
        return monitor.reason() is not None or (stop is not None and stop())

    random = np.random.default_rng(seed)
    size = float(SIZE)
    while not stopped():
        schedule = monitor.solution
        window = choose_window(instance, schedule, round(size), random)
        began = monitor.elapsed
        better = improve(
            instance,
            schedule,
            window,
            seconds=min(SECONDS, monitor.remaining),
            workers=workers,
            seed=int(random.integers(2**31)),
            stop=stopped,
            lower=math.ceil(monitor.lower_bound or 0),
        )
        if better is not None:
            monitor.offer(objective(instance, better), better, SOURCE)
        elif monitor.elapsed - began < SECONDS:
            size = min(size * GROWTH, instance.num_operations)
        else:
            size = max(size / SHRINKAGE, 2)
