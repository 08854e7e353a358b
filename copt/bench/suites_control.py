"""Suites of control problems, and the blocks that they are summarised in."""

import dataclasses
import functools
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np

from copt.bench.entries import Entry, Suite
from copt.problems.control import ControlProblem
from copt.registry import FAMILIES

__all__ = ["HELD_OUT", "SUITES", "UNSTABLE", "blocks", "unstable_units"]

HELD_OUT = 10_000  # seeds from here on are the benchmark's; what learns or is tuned takes smaller ones
SEEDS = 10

# Name, generator, its arguments.
_PLANS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("cartpole-walls-10", "cartpole-walls", {"horizon": 10}),
    ("cartpole-walls-20", "cartpole-walls", {"horizon": 20}),
    ("piecewise-affine-5", "piecewise-affine", {"states": 4, "actions": 2, "units": 24, "horizon": 5}),
    ("piecewise-affine-10", "piecewise-affine", {"states": 4, "actions": 2, "units": 24, "horizon": 10}),
)

UNSTABLE = {"25": (15, 25), "35": (26, 35), "57": (50, 57)}
"""Set of programs -> least and greatest number of ReLUs over the horizon that can be on either side of zero."""

# Set -> units and steps from which problems with so many unstable ReLUs are drawn.
_PROGRAMS = {"25": (14, 2), "35": (12, 3), "57": (16, 4)}


def _plan(name: str, kind: str, arguments: dict[str, Any]) -> ControlProblem:
    problem: ControlProblem = FAMILIES["control"].load("instances").GENERATORS[kind](**arguments)
    return dataclasses.replace(problem, name=name)


def _plans(_folder: Path | None) -> list[Entry]:
    return [
        Entry(f"{stem}-{k}", functools.partial(_plan, f"{stem}-{k}", kind, arguments | {"seed": HELD_OUT + k}))
        for k in range(SEEDS)
        for stem, kind, arguments in _PLANS
    ]


def unstable_units(problem: ControlProblem) -> int:
    """Return how many ReLUs over the horizon can be on either side of zero, as far as linear bounds tell."""
    from copt.solvers.relu_bounds import crown_bounds

    net = problem.dynamics.folded().unrolled(problem.horizon)
    low, high = (np.append(problem.start, np.tile(u, problem.horizon)) for u in (problem.u_lower, problem.u_upper))
    return int(crown_bounds(net, low, high).unstable(net).sum())


def _program(name: str, sort: str, number: int) -> ControlProblem:
    """Return the first problem from a seed on that has as many unstable ReLUs as its set asks for."""
    least, most = UNSTABLE[sort]
    units, horizon = _PROGRAMS[sort]
    arguments = {"states": 4, "actions": 2, "units": units, "horizon": horizon}
    for seed in itertools.count(HELD_OUT + 100 * number):
        problem = _plan(name, "piecewise-affine", arguments | {"seed": seed})
        if least <= unstable_units(problem) <= most:
            return problem
    raise AssertionError("there is no last seed")


def _programs(_folder: Path | None) -> list[Entry]:
    return [
        Entry(f"relu-{sort}-{k}", functools.partial(_program, f"relu-{sort}-{k}", sort, k))
        for k in range(SEEDS)
        for sort in UNSTABLE
    ]


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
    program = re.fullmatch(r"relu-([0-9]+)-[0-9]+", name)
    if program:
        least, most = UNSTABLE[program[1]]
        return [f"{least}-{most} unstable ReLUs"]
    stem, _, _ = name.rpartition("-")
    if any(stem == known for known, *_ in _PLANS):
        task, _, horizon = stem.rpartition("-")
        return [task, f"{task}, {horizon} steps"]
    return None
