"""Suites of control problems, and the blocks that they are summarised in."""

import dataclasses
import functools
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np

from copt.bench.entries import Entry, Suite
from copt.bench.episodes import Episode
from copt.problems.control import ControlProblem
from copt.registry import FAMILIES

__all__ = ["HELD_OUT", "SUITES", "UNSTABLE", "blocks", "unstable_units"]

HELD_OUT = 10_000  # seeds from here on are the benchmark's; what is tuned takes smaller ones
SEEDS = 10

# Source of problems -> generator and its arguments, or the task whose episodes they begin.
_SOURCES: dict[str, tuple[str, dict[str, Any]] | str] = {
    "cartpole-walls": ("cartpole-walls", {}),
    "affine": ("piecewise-affine", {"states": 4, "actions": 2, "units": 24}),
    "affine-small": ("piecewise-affine", {"states": 4, "actions": 2, "units": 14}),
    "pusht": "PushT",
    "pusht-around": "PushTAround",
    "pusht-obstacles": "PushTObstacles",
}

# Source of plans -> their horizons.
_PLANS = {
    "cartpole-walls": (10, 20),
    "affine": (5, 10),
    "pusht": (5, 10),
    "pusht-around": (5, 10),
    "pusht-obstacles": (5, 10),
}

# Sources of programs. The horizon grows until there are enough ReLUs that can be on either side of zero.
_PROGRAMS = ("cartpole-walls", "affine-small", "pusht")
LONGEST = 64  # horizon
UNSTABLE = {"25": (15, 25), "35": (26, 35), "57": (50, 57)}
"""Set of programs -> least and greatest number of such ReLUs."""


def _problem(source: str, horizon: int, seed: int, name: str) -> ControlProblem:
    kind = _SOURCES[source]
    if isinstance(kind, str):
        problem = Episode(kind, horizon, seed, name).problem()
    else:
        build = FAMILIES["control"].load("instances").GENERATORS[kind[0]]
        problem = build(**kind[1], horizon=horizon, seed=seed)
    return dataclasses.replace(problem, name=name)


def _plans(_folder: Path | None) -> list[Entry]:
    entries = []
    for k in range(SEEDS):
        for source, horizons in _PLANS.items():
            for horizon in horizons:
                name = f"{source}-{horizon}-{k}"
                entries.append(Entry(name, functools.partial(_problem, source, horizon, HELD_OUT + k, name)))
    return entries


def unstable_units(problem: ControlProblem) -> int:
    """Return how many ReLUs over the horizon can be on either side of zero, as far as linear bounds tell."""
    from copt.solvers.relu_bounds import crown_bounds

    net = problem.dynamics.folded().unrolled(problem.horizon)
    low, high = (np.append(problem.start, np.tile(u, problem.horizon)) for u in (problem.u_lower, problem.u_upper))
    return int(crown_bounds(net, low, high).unstable(net).sum())


def _program(source: str, size: str, number: int, name: str) -> ControlProblem:
    """Return the first problem from a seed on that has as many unstable ReLUs as its set asks for."""
    least, most = UNSTABLE[size]
    for seed in itertools.count(HELD_OUT + 100 * number):
        problem = _shortest(source, seed, name, least)
        if problem is not None and unstable_units(problem) <= most:
            return problem
    raise AssertionError("there is no last seed")


def _shortest(source: str, seed: int, name: str, least: int) -> ControlProblem | None:
    """Return the problem with the shortest horizon that makes for enough unstable ReLUs, None if it would be too long.

    Their number grows with the horizon: the ReLUs of its first steps are those of a shorter one.
    """
    low, high = 0, 1
    while unstable_units(_problem(source, high, seed, name)) < least:
        low, high = high, 2 * high
        if high > LONGEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if unstable_units(_problem(source, middle, seed, name)) < least:
            low = middle
        else:
            high = middle
    return _problem(source, high, seed, name)


def _programs(_folder: Path | None) -> list[Entry]:
    entries = []
    for k in range(SEEDS):
        for source, size in itertools.product(_PROGRAMS, UNSTABLE):
            name = f"{source}-relu{size}-{k}"
            entries.append(Entry(name, functools.partial(_program, source, size, k, name)))
    return entries


SUITES = (
    Suite(
        "control-plan",
        "control",
        "plans through networks and hybrid systems, each on the same model",
        _plans,
        ("mppi", "icem", "descent"),
    ),
    Suite(
        "control-mip",
        "control",
        "plans to proven optimality, by the number of ReLUs that can be on either side of zero",
        _programs,
        ("naive-bigm",),
    ),
)


def blocks(name: str) -> list[str] | None:
    """Return the sets that a benchmark problem is summarised with, or None for other names."""
    program = re.fullmatch(r"(.+)-relu([0-9]+)-[0-9]+", name)
    if program and program[1] in _PROGRAMS and program[2] in UNSTABLE:
        label = "{}-{} unstable ReLUs".format(*UNSTABLE[program[2]])
        source = program[1].replace("-", " ")
        return [label, f"{source}, {label}"]
    plan = re.fullmatch(r"(.+)-([0-9]+)-[0-9]+", name)
    if plan and plan[1] in _PLANS:
        task = plan[1].replace("-", " ")
        return [task, f"{task}, {plan[2]} steps"]
    return None
