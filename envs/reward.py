"""Rewards as arithmetic on parts: ``-1.0 * ObjectiveIncrease() / Scale()``."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "SHORTNESS",
    "Arithmetic",
    "Combined",
    "Constant",
    "Objective",
    "ObjectiveIncrease",
    "Reward",
    "Scale",
    "Step",
]


@dataclass(frozen=True, slots=True)
class Step:
    """What a reward may look at: one step in the minimising sense.

    Args:
        before: Bound on the objective before the step; 0 while nothing is built.
        after: Bound after the step; the objective once the episode is done.
        scale: Positive value of the objective that makes small and large instances alike; each environment says which.
        done: Whether the step ended the episode.
    """

    before: float
    after: float
    scale: float
    done: bool


class Reward(Protocol):
    """Any function of a step."""

    def __call__(self, step: Step) -> float:
        """Return the reward of ``step``."""


class Arithmetic:
    """Adds + - * / with numbers and other parts to a reward."""

    def __call__(self, step: Step) -> float:
        """Return the reward of ``step``."""
        raise NotImplementedError

    def __add__(self, other: "Operand") -> "Combined":
        return Combined(operator.add, self, as_reward(other))

    def __radd__(self, other: float) -> "Combined":
        return Combined(operator.add, as_reward(other), self)

    def __sub__(self, other: "Operand") -> "Combined":
        return Combined(operator.sub, self, as_reward(other))

    def __rsub__(self, other: float) -> "Combined":
        return Combined(operator.sub, as_reward(other), self)

    def __mul__(self, other: "Operand") -> "Combined":
        return Combined(operator.mul, self, as_reward(other))

    def __rmul__(self, other: float) -> "Combined":
        return Combined(operator.mul, as_reward(other), self)

    def __truediv__(self, other: "Operand") -> "Combined":
        return Combined(operator.truediv, self, as_reward(other))

    def __rtruediv__(self, other: float) -> "Combined":
        return Combined(operator.truediv, as_reward(other), self)

    def __neg__(self) -> "Combined":
        return Combined(operator.mul, Constant(-1.0), self)


Operand = Reward | float


def as_reward(value: Operand) -> Reward:
    """Return ``value`` itself, or a number as a constant reward."""
    return value if callable(value) else Constant(float(value))


@dataclass(frozen=True)
class Constant(Arithmetic):
    """The same reward at every step."""

    value: float

    def __call__(self, step: Step) -> float:
        """Return the value."""
        return self.value


@dataclass(frozen=True)
class Objective(Arithmetic):
    """The objective at the last step, 0 before. A cost: give it a negative factor."""

    def __call__(self, step: Step) -> float:
        """Return the objective if the episode is done."""
        return step.after if step.done else 0.0


@dataclass(frozen=True)
class ObjectiveIncrease(Arithmetic):
    """How much the step raises the bound on the objective; over an episode they add up to the objective.

    The first step also counts the bound that held before it.
    """

    def __call__(self, step: Step) -> float:
        """Return the rise of the bound."""
        return step.after - step.before


@dataclass(frozen=True)
class Scale(Arithmetic):
    """What makes small and large instances alike: a lower bound, or the objective of a start."""

    def __call__(self, step: Step) -> float:
        """Return the scale."""
        return step.scale


@dataclass(frozen=True)
class Combined(Arithmetic):
    """Two rewards joined by an operator."""

    operation: Callable[[float, float], float]
    left: Reward
    right: Reward

    def __call__(self, step: Step) -> float:
        """Return the combination of both rewards."""
        return self.operation(self.left(step), self.right(step))


SHORTNESS = -1.0 * ObjectiveIncrease() / Scale()
"""Over an episode it adds up to minus the objective in units of the scale."""
