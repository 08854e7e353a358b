"""What a plan costs: distances of states from a goal, and effort."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from copt.errors import InvalidInstanceError
from copt.problems.base import FloatArray
from copt.problems.uncertainty import frozen, vector

__all__ = ["NORMS", "Cost", "Norm", "matrix", "norm_of"]

Norm = Literal["l1", "linf", "quadratic"]
NORMS: tuple[Norm, ...] = ("l1", "linf", "quadratic")


@dataclass(frozen=True, eq=False, kw_only=True)
class Cost:
    """The cost |Q (x_t - goal)| + |R u_(t - 1)| of each step t, with another matrix in place of Q at the last one.

    The norm |.| is the sum of absolute values (``l1``), the largest of them (``linf``) or the sum of squares
    (``quadratic``).

    Args:
        goal: Where states should be, shape (states,).
        state: The matrix Q, shape (terms, states); one dimension means a diagonal.
        action: The matrix R, shape (terms, actions); one dimension means a diagonal, None that effort is free.
        terminal: The matrix in place of Q at the last step, shape (terms, states); ``state`` if None.
        norm: ``l1``, ``linf`` or ``quadratic``.

    Raises:
        InvalidInstanceError: If shapes do not fit, a number is not finite, or the norm is unknown.
    """

    goal: FloatArray
    state: FloatArray
    action: FloatArray | None = None
    terminal: FloatArray | None = None
    norm: Norm = "l1"

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise InvalidInstanceError(f"norm must be one of {', '.join(NORMS)}, got {self.norm!r}")
        object.__setattr__(self, "goal", vector("goal", self.goal))
        object.__setattr__(self, "state", matrix("state", self.state, self.goal.size))
        if self.terminal is not None:
            object.__setattr__(self, "terminal", matrix("terminal", self.terminal, self.goal.size))
        if self.action is not None:
            object.__setattr__(self, "action", matrix("action", self.action))

    @property
    def last(self) -> FloatArray:
        """The matrix of the last step, shape (terms, states)."""
        return self.state if self.terminal is None else self.terminal

    def of(self, states: FloatArray, actions: FloatArray) -> FloatArray:
        """Return the cost of each step, shape (horizon,).

        Args:
            states: The states x_1, x_2, ..., shape (horizon, states).
            actions: The actions u_0, u_1, ..., shape (horizon, actions).
        """
        away = states - self.goal
        steps = np.array(
            [norm_of(self.state @ x, self.norm) for x in away[:-1]] + [norm_of(self.last @ away[-1], self.norm)]
        )
        if self.action is not None:
            steps += [norm_of(self.action @ u, self.norm) for u in actions]
        return steps


def matrix(field: str, values: Any, columns: int | None = None) -> FloatArray:
    """Return ``values`` as a read-only matrix of finite numbers, a vector as a diagonal one.

    Raises:
        InvalidInstanceError: If they are not, or there are not ``columns`` many columns.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInstanceError(f"{field} must hold numbers in rows of one length") from None
    if array.ndim == 1:
        array = np.diag(array)
    if array.ndim != 2 or (columns is not None and array.shape[1] != columns):
        wanted = "2 dimensions" if columns is None else f"shape (terms, {columns})"
        raise InvalidInstanceError(f"{field} must have {wanted}, got shape {np.shape(values)}")
    return frozen(field, array)


def norm_of(terms: FloatArray, norm: Norm) -> float:
    """Return the norm of a vector."""
    if norm == "quadratic":
        return float(terms @ terms)
    return float(np.abs(terms).sum() if norm == "l1" else np.abs(terms).max(initial=0.0))
