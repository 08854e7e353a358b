"""One row of a benchmark of control in closed loop."""

from dataclasses import dataclass

from copt.bench.records import Key

__all__ = ["EpisodeRow"]


@dataclass(frozen=True)
class EpisodeRow:
    """The outcome of one controller in one episode with one seed and one time limit a step.

    Args:
        suite: Name of the suite.
        instance: Name of the episode.
        task: What is to be done in it.
        dimensions: States, actions and steps of a plan, such as 10x2x10.
        solver: Name of the controller.
        seed: Its seed.
        seconds_limit: The time limit that it was given for each step.
        workers: The number of workers that it was given, and of cores it was confined to.
        seconds: Wall time of the whole episode.
        process_seconds: Wall time from the start of its process to the end of it.
        steps: Number of actions taken.
        success: Whether the goal was reached.
        cost: What the episode cost, simulated again here, or None.
        final_cost: What its last state costs, likewise.
        violations: Number of steps after which the system was beyond a limit.
        deepest: By how much at most.
        broken_plans: Number of steps whose plan broke a limit on the controller's own model.
        error: What went wrong; empty if nothing did.
        versions: Versions of what ran.
        machine: Processor and number of cores.
        date: Day of the run, ISO 8601.
        step_seconds: How long each step took.
    """

    suite: str
    instance: str
    task: str
    dimensions: str
    solver: str
    seed: int
    seconds_limit: float
    workers: int
    seconds: float
    process_seconds: float
    steps: int
    success: bool
    cost: float | None
    final_cost: float | None
    violations: int
    deepest: float | None
    broken_plans: int
    error: str
    versions: str
    machine: str
    date: str
    step_seconds: tuple[float, ...] = ()

    @property
    def key(self) -> Key:
        """What tells this run from another."""
        return (self.instance, self.solver, self.seed, self.seconds_limit, self.workers)
