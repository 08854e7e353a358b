"""Adapters of job-shop solvers. Each gets the whole time limit and its usual model; none is held back."""

import math
import time
from typing import Any

import numpy as np

from copt.bench.answer import Answer
from copt.bench.rules import RULES, dispatch
from copt.errors import CoptError
from copt.problems.jobshop import JobShop, Schedule, objective

__all__ = ["run_cpsat", "run_cpsat8", "run_pyjobshop", "run_rules"]


def run_cpsat(instance: JobShop, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run plain CP-SAT on the textbook interval model, model build inside the time limit."""
    began = time.perf_counter()
    _require_plain(instance, "cpsat")
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    starts, presences = _interval_model(model, instance)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed
    solver.parameters.max_time_in_seconds = max(0.0, seconds - (time.perf_counter() - began))
    incumbents: list[tuple[float, float]] = []

    class Recorder(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            incumbents.append((time.perf_counter() - began, self.objective_value))

    status = solver.solve(model, Recorder())
    bound = float(math.ceil(solver.best_objective_bound - 1e-6))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(bound=bound if bound > 0 else None)
    machine = instance.machines[instance.mode_offsets[:-1]].copy()
    for operation, options in presences.items():
        machine[operation] = next(m for m, literal in options if solver.value(literal))
    schedule = Schedule(np.array([solver.value(start) for start in starts]), machine)
    return Answer(schedule, solver.objective_value, bound, tuple(incumbents))


def run_cpsat8(instance: JobShop, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run plain CP-SAT with its recommended minimum of 8 workers, on whatever cores there are."""
    return run_cpsat(instance, seconds=seconds, workers=8, seed=seed)


def _interval_model(model: Any, instance: JobShop) -> tuple[list[Any], dict[int, list[tuple[int, Any]]]]:
    """Fill ``model``; return the start of each operation, and (machine, literal) of each optional mode."""
    horizon, modes = instance.horizon, instance.mode_offsets.tolist()
    machines, durations = instance.machines.tolist(), instance.durations.tolist()
    makespan = model.new_int_var(0, horizon, "makespan")
    on_machine: list[list[Any]] = [[] for _ in range(instance.num_machines)]
    starts: list[Any] = []
    presences: dict[int, list[tuple[int, Any]]] = {}
    job_of = instance.job_of.tolist()
    release = [0] * instance.num_jobs if instance.release is None else instance.release.tolist()
    previous_end, previous_job = None, -1
    for operation, job in enumerate(job_of):
        start = model.new_int_var(release[job], horizon, "")
        first, last = modes[operation], modes[operation + 1]
        end: Any
        if last - first == 1:
            end = start + durations[first]
            on_machine[machines[first]].append(model.new_fixed_size_interval_var(start, durations[first], ""))
        else:
            end = model.new_int_var(0, horizon, "")
            presences[operation] = options = [(machines[k], model.new_bool_var("")) for k in range(first, last)]
            for k, (machine, literal) in zip(range(first, last), options, strict=True):
                interval = model.new_optional_interval_var(start, durations[k], end, literal, "")
                on_machine[machine].append(interval)
            model.add_exactly_one(literal for _, literal in options)
        if job == previous_job:
            model.add(start >= previous_end)
        if operation + 1 == len(job_of) or job_of[operation + 1] != job:
            model.add(makespan >= end)
        starts.append(start)
        previous_end, previous_job = end, job
    for intervals in on_machine:
        model.add_no_overlap(intervals)
    model.minimize(makespan)
    return starts, presences


def run_pyjobshop(instance: JobShop, *, seconds: float, workers: int, seed: int) -> Answer:
    """Run PyJobShop with its OR-Tools back end, model build inside the time limit."""
    began = time.perf_counter()
    _require_plain(instance, "pyjobshop")
    from pyjobshop import Model
    from pyjobshop.solvers.ortools import CPModel

    model = Model()
    machines = [model.add_machine() for _ in range(instance.num_machines)]
    release = np.zeros(instance.num_jobs, dtype=np.int64) if instance.release is None else instance.release
    jobs = [model.add_job(release_date=int(date)) for date in release]
    owner: list[int] = []  # machine of each mode
    previous, previous_job = None, -1
    for operation, job in enumerate(instance.job_of.tolist()):
        task = model.add_task(job=jobs[job])
        for k in range(instance.mode_offsets[operation], instance.mode_offsets[operation + 1]):
            model.add_mode(task, machines[instance.machines[k]], int(instance.durations[k]))
            owner.append(int(instance.machines[k]))
        if job == previous_job:
            model.add_end_before_start(previous, task)
        previous, previous_job = task, job
    # ``model.solve`` would start its clock only after building the CP model; two steps keep the limit honest.
    search = CPModel(model.data())
    left = max(0.0, seconds - (time.perf_counter() - began))
    result = search.solve(time_limit=left, num_workers=workers, random_seed=seed)
    if not result.best.tasks:
        return Answer()
    schedule = Schedule(
        np.array([task.start for task in result.best.tasks]),
        np.array([owner[task.mode] for task in result.best.tasks]),
    )
    return Answer(schedule, result.objective, float(math.ceil(result.lower_bound - 1e-6)))


def run_rules(instance: JobShop, *, seconds: float, workers: int, seed: int) -> Answer:
    """Dispatch by each priority rule in turn and keep the best schedule; ``workers``, ``seed`` do nothing."""
    began = time.perf_counter()
    _require_plain(instance, "rules")
    best: Schedule | None = None
    incumbents: list[tuple[float, float]] = []
    for rule in RULES:
        if best is not None and time.perf_counter() - began > seconds:
            break
        schedule = dispatch(instance, rule)
        makespan = objective(instance, schedule)
        if best is None or makespan < incumbents[-1][1]:
            best = schedule
            incumbents.append((time.perf_counter() - began, float(makespan)))
    return Answer(best, incumbents[-1][1], None, tuple(incumbents))


def _require_plain(instance: JobShop, peer: str) -> None:
    if instance.criterion != "makespan" or not instance.ordered:
        raise CoptError(
            f"peer {peer} models the makespan of shops with ordered jobs; {instance.name} is another problem"
        )
