"""SCIP models of every kind, and partners that follow a script."""

import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pyscipopt

from copt.instances.mip_scip import read_model, to_scip
from copt.solvers.mip.partner import Found, Task

SEMICONTINUOUS = """Minimize
 obj: 2 x + 3 y
Subject To
 c: x + y >= 2.5
Bounds
 2 <= x <= 4
 0 <= y <= 9
Semi-continuous
 x
General
 y
End
"""


def blank(sense: Literal["minimize", "maximize"] = "minimize") -> Any:
    """Return an empty model that prints nothing."""
    model = pyscipopt.Model("case")
    model.hideOutput()
    model.setObjective(0, sense)
    return model


def knapsack() -> Any:
    """Return a knapsack with 20 items, the best of which are worth 876."""
    model, rng = blank(), np.random.default_rng(3)
    weights, worths = rng.integers(10, 99, 20).tolist(), rng.integers(10, 99, 20).tolist()
    take = [model.addVar(f"take{j}", vtype="B") for j in range(20)]
    model.addCons(pyscipopt.quicksum(w * x for w, x in zip(weights, take, strict=True)) <= 0.5 * sum(weights))
    model.setObjective(pyscipopt.quicksum(v * x for v, x in zip(worths, take, strict=True)), "maximize")
    return model


def equality() -> Any:
    """Return a program with equations only; its least cost is 4."""
    model = blank()
    a, b, c = (model.addVar(name, vtype="I", ub=9) for name in "abc")
    model.addCons(3 * a + 5 * b + 7 * c == 22)
    model.addCons(a - b == 1)
    model.setObjective(a + b + c)
    return model


def infeasible() -> Any:
    """Return a program in which two even numbers have an odd sum."""
    model = blank()
    a, b = (model.addVar(name, vtype="I", ub=9) for name in "ab")
    model.addCons(2 * a + 2 * b == 7)
    return model


def unbounded() -> Any:
    """Return a program whose cost falls for ever."""
    model = blank("maximize")
    a, b = (model.addVar(name, vtype="I") for name in "ab")
    model.addCons(a - b <= 3)
    model.setObjective(a, "maximize")
    return model


def exclusive(kind: int) -> Any:
    """Return a program with an SOS constraint of a kind, 1 or 2."""
    model = blank()
    x = [model.addVar(f"x{j}", ub=j + 1.5) for j in range(4)]
    (model.addConsSOS1 if kind == 1 else model.addConsSOS2)(x)
    y = model.addVar("y", vtype="I", ub=3)
    model.addCons(pyscipopt.quicksum(x) + y <= 6)
    model.setObjective(pyscipopt.quicksum(x) + 0.5 * y, "maximize")
    return model


def indicator() -> Any:
    """Return a program with a row that holds if a binary is 1."""
    model = blank()
    on, x = model.addVar("on", vtype="B"), model.addVar("x", vtype="I", ub=8)
    model.addConsIndicator(x <= 2, binvar=on)
    model.setObjective(x + 3 * on, "maximize")
    return model


def semicontinuous() -> Any:
    """Return a program with a variable that is 0 or from 2 to 4."""
    model = read_model(SEMICONTINUOUS, "lp")
    model.setProbName("case")
    return model


def quadratic() -> Any:
    """Return a program with a quadratic row."""
    model = blank()
    x, y = model.addVar("x", vtype="I", ub=9), model.addVar("y", ub=9)
    model.addCons(x * x + y * y <= 20)
    model.setObjective(x + y, "maximize")
    return model


CASES: dict[str, Callable[[], Any]] = {
    "knapsack": knapsack,
    "equality": equality,
    "infeasible": infeasible,
    "unbounded": unbounded,
    "SOS1": lambda: exclusive(1),
    "SOS2": lambda: exclusive(2),
    "indicator": indicator,
    "bounddisjunction": semicontinuous,
    "nonlinear": quadratic,
}
BEYOND = ("SOS1", "SOS2", "indicator", "bounddisjunction", "nonlinear")  # what no row can say


def model_of(instance: Any) -> Any:
    """Return the SCIP model of an instance."""
    return to_scip(instance)[0]


class Scripted:
    """A partner that hands in given points, once each time that it is asked.

    Args:
        points: The points, dense; an exception is raised instead.
        duals: Prices of the rows.
    """

    def __init__(self, points: Any = (), duals: Any = None) -> None:
        self.points, self.duals = list(points), duals
        self.heard: list[Any] = []
        self.ended = False

    def found(self) -> list[Found]:
        """Return the next point."""
        point = self.points.pop(0) if self.points else None
        if isinstance(point, Exception):
            raise point
        if point is None:
            return []
        places = np.flatnonzero(point)
        return [Found("script", places, np.asarray(point, dtype=float)[places])]

    def tell(self, values: Any) -> None:
        """Remember what it is told."""
        self.heard.append(values)

    def rest(self) -> None:
        """Do nothing, as always."""

    def end(self) -> None:
        """End."""
        self.ended = True


class Cast:
    """Stands in for the class of partners, and knows all that were made.

    Args:
        points: What each of them hands in; an exception is raised when one is made.
    """

    def __init__(self, points: Any = ()) -> None:
        self.points = points
        self.made: list[Scripted] = []
        self.tasks: list[Task] = []

    def __call__(self, task: Task) -> Scripted:
        """Make a partner."""
        if isinstance(self.points, Exception):
            raise self.points
        self.tasks.append(task)
        self.made.append(Scripted(self.points))
        return self.made[-1]


def until(condition: Callable[[], bool]) -> bool:
    """Wait until ``condition`` holds, at most half a minute; return whether it does."""
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()
