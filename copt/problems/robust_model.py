"""A two-stage robust problem of one's own, written with expressions and turned into arrays."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copt.errors import InvalidInstanceError, InvalidSolutionError, UnknownNameError
from copt.problems.base import FloatArray, IntArray, first_where
from copt.problems.expressions import NONE, Constraint, Expression, Names, Operand, Terms, as_expression, stack
from copt.problems.robust import RobustSolution, recourse
from copt.problems.robust_arrays import in_arrays
from copt.problems.two_stage import Columns, TwoStage
from copt.problems.uncertainty import Product, Scenarios, UncertaintySet, vector

__all__ = ["RobustModel"]

KINDS = ("continuous", "integer", "binary")
Shape = int | tuple[int, ...]


@dataclass(frozen=True)
class _Block:
    """Decisions that were declared together, and whether they wait for the scenario."""

    columns: Columns
    late: bool


class RobustModel:
    """Decide here and now, see the scenario, then decide the rest; what counts is the worst scenario.

    Declare variables and uncertain entries, add constraints, set an objective, and hand the model to ``copt.solve``.
    Everything declared is an array with the operators of numpy. Constraints and objective may hold products of a
    decision and an uncertain entry. Constraints must hold in every scenario.

    Args:
        name: Name for tables and files.
    """

    family: ClassVar[str] = "robust"

    def __init__(self, name: str = "unnamed") -> None:
        self.name = name
        self._names = Names()
        self._blocks: list[_Block] = []
        self._sets: list[UncertaintySet] = []
        self._constraints: list[Constraint] = []
        self._objective: Expression | None = None
        self._sign = 1
        self._built: TwoStage | None = None

    @property
    def sign(self) -> int:
        """1 if the model minimises, -1 if it maximises."""
        return self._sign

    @property
    def dimensions(self) -> str:
        """Numbers of first decisions, later decisions and uncertain entries, for tables."""
        return self.two_stage().dimensions

    def here_and_now(
        self,
        shape: Shape = (),
        *,
        kind: str = "continuous",
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        name: str | None = None,
    ) -> Expression:
        """Declare decisions that are taken before the scenario is known, and return their array.

        Args:
            shape: Shape of the array; one decision by default.
            kind: ``continuous``, ``integer`` or ``binary``.
            lower: Smallest values, one or an array; may be -inf.
            upper: Largest values; may be inf.
            name: Name for messages.

        Raises:
            CoptError: If the kind is unknown, or shape or bounds are wrong.
        """
        return self._declare(False, shape, kind, lower, upper, name)

    def wait_and_see(
        self,
        shape: Shape = (),
        *,
        kind: str = "continuous",
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        name: str | None = None,
    ) -> Expression:
        """Declare decisions that are taken once the scenario is known; see ``here_and_now``."""
        return self._declare(True, shape, kind, lower, upper, name)

    def uncertain(self, members: UncertaintySet, name: str | None = None) -> Expression:
        """Declare uncertain entries and return their vector; several calls vary independently of each other.

        Args:
            members: What they can be, one of the sets of ``copt.uncertainty``.
            name: Name for messages.

        Raises:
            InvalidInstanceError: If it is no such set.
        """
        if not hasattr(members, "worst"):
            raise InvalidInstanceError(f"uncertain takes a set such as copt.uncertainty.Budget(3, 1), got {members!r}")
        first = len(self._names.uncertain)
        self._names.uncertain.extend(_labels(name or f"u{len(self._sets)}", (members.size,)))
        self._sets.append(members)
        self._built = None
        return self._variable((members.size,), NONE, first + np.arange(members.size))

    def add(self, constraints: Constraint | Iterable[Any]) -> None:
        """Add a comparison of two expressions, or an iterable of such.

        Raises:
            InvalidInstanceError: If something else is given, or an expression of another model.
        """
        if isinstance(constraints, Constraint):
            self._own(constraints.excess)
            self._constraints.append(constraints)
            self._built = None
        elif isinstance(constraints, Iterable) and not isinstance(constraints, Expression | np.ndarray | str):
            for constraint in constraints:
                self.add(constraint)
        else:
            raise InvalidInstanceError(
                f"add takes constraints such as x <= 3, got {constraints!r}; one side must hold a variable"
            )

    def minimize(self, objective: Operand) -> None:
        """Minimise ``objective``, a single number, in the worst scenario; replaces an earlier objective.

        Raises:
            InvalidInstanceError: If it is an array, or belongs to another model.
        """
        self._aim(objective, 1)

    def maximize(self, objective: Operand) -> None:
        """Maximise ``objective`` in the worst scenario; see ``minimize``."""
        self._aim(objective, -1)

    def two_stage(self) -> TwoStage:
        """Return the model in arrays; decisions of both stages and uncertain entries in the order of declaration.

        An equality is two rows. A stage without decisions gets one that is fixed at 0, a model without uncertain
        entries one that is always 0.

        Raises:
            InvalidInstanceError: If there is no decision or no objective.
        """
        if self._built is None:
            self._built = self._build()
        return self._built

    def decisions(self, values: Mapping[Expression, ArrayLike]) -> FloatArray:
        """Return the vector of first decisions that ``values`` assigns to here-and-now variables or parts of them.

        Raises:
            InvalidSolutionError: If a variable has no value, or a key or a shape is wrong.
        """
        late = self._late()
        vector = np.full(late.size, np.nan)
        for variable, own in values.items():
            decisions = self._assigned(variable, ~late)
            if np.shape(own) not in ((), variable.shape):
                raise InvalidSolutionError(f"values of shape {np.shape(own)} for variables of shape {variable.shape}")
            vector[decisions] = np.ravel(np.broadcast_to(own, variable.shape))
        missing = first_where(np.isnan(vector) & ~late)
        if missing is not None:
            raise InvalidSolutionError(f"{self._names.decisions[missing]} has no value; assign all variables")
        return vector[~late]

    def value(self, expression: Expression, solution: RobustSolution, scenario: ArrayLike | None = None) -> FloatArray:
        """Return what an expression is worth, in its shape.

        Args:
            expression: A variable, or any expression of this model.
            solution: Solution of this model.
            scenario: All uncertain entries, needed if ``expression`` depends on them or on later decisions; these are
                then those of the cheapest plan that fits the scenario.

        Raises:
            CoptError: If a scenario is needed, is wrong, or none of the plans fits it; or if the expression or the
                solution is not of this model.
        """
        if not isinstance(solution, RobustSolution):
            raise InvalidSolutionError(f"value takes a solution, such as result.solution, got {solution!r}")
        terms, late, problem = self._own(as_expression(expression)).terms, self._late(), self.two_stage()
        later = np.append(late, False)[terms.decisions].any()
        if scenario is None and self._sets and (later or (terms.uncertain != NONE).any()):
            raise InvalidSolutionError("the expression depends on the scenario; name one, such as solution.worst")
        if solution.x.shape != (problem.x.size,):
            raise InvalidSolutionError(
                f"the solution has {solution.x.size} first decisions, the model {problem.x.size}; solve the model anew"
            )
        size = problem.uncertainty.size
        u = np.zeros(size) if scenario is None else vector("scenario", scenario, size)
        decisions = np.zeros(late.size)
        decisions[~late] = solution.x[: np.count_nonzero(~late)]
        if later:
            decisions[late] = recourse(self, solution, u)
        return expression.values(decisions, u)

    def _declare(
        self, late: bool, shape: Shape, kind: str, lower: ArrayLike, upper: ArrayLike, name: str | None
    ) -> Expression:
        if kind not in KINDS:
            raise UnknownNameError("kind", kind, KINDS, f"a variable is one of {', '.join(KINDS)}")
        sizes = shape if isinstance(shape, tuple) else (shape,)
        if not all(isinstance(size, int | np.integer) and size >= 1 for size in sizes):
            raise InvalidInstanceError(f"shape must hold whole numbers from 1 on, got {shape!r}")
        try:
            low, high = (np.broadcast_to(np.asarray(side, dtype=np.float64), sizes).ravel() for side in (lower, upper))
        except (TypeError, ValueError):
            raise InvalidInstanceError(f"lower and upper must be numbers or arrays of shape {sizes}") from None
        if kind == "binary":
            low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
        columns = Columns(low, high, np.full(low.size, kind != "continuous"))
        first = len(self._names.decisions)
        self._names.decisions.extend(_labels(name or f"{'y' if late else 'x'}{len(self._blocks)}", sizes))
        self._blocks.append(_Block(columns, late))
        self._built = None
        return self._variable(sizes, first + np.arange(columns.size), NONE)

    def _variable(self, shape: tuple[int, ...], decisions: IntArray | int, uncertain: IntArray | int) -> Expression:
        count = math.prod(shape)
        first, second = (np.array(np.broadcast_to(numbers, count)) for numbers in (decisions, uncertain))
        return Expression(shape, Terms(np.arange(count), first, second, np.ones(count)), self._names)

    def _aim(self, objective: Operand, sign: int) -> None:
        found = self._own(as_expression(objective))
        if found.size != 1:
            raise InvalidInstanceError(f"the objective must be one number, got shape {found.shape}; sum it")
        self._objective, self._sign, self._built = found.reshape(1), sign, None

    def _own(self, expression: Expression) -> Expression:
        if expression.names not in (None, self._names):
            raise InvalidInstanceError(f"the expression is not of model {self.name}; declare its variables there")
        return expression

    def _late(self) -> NDArray[np.bool_]:
        """Return whether each decision waits for the scenario."""
        return np.array([block.late for block in self._blocks for _ in range(block.columns.size)], dtype=np.bool_)

    def _assigned(self, key: Expression, allowed: NDArray[np.bool_]) -> IntArray:
        """Return the decisions that ``key`` is an array of."""
        if isinstance(key, Expression):
            terms = self._own(key).terms
            bare = np.array_equal(terms.places, np.arange(key.size)) and (terms.coefficients == 1).all()
            if bare and (terms.uncertain == NONE).all() and np.append(allowed, False)[terms.decisions].all():
                return terms.decisions
        raise InvalidSolutionError(f"values are assigned to here-and-now variables or parts of them, got {key!r}")

    def _build(self) -> TwoStage:
        if self._objective is None:
            raise InvalidInstanceError(f"model {self.name} has no objective; call minimize or maximize")
        if not self._blocks:
            raise InvalidInstanceError(f"model {self.name} has no decisions; declare some with here_and_now")
        excess = [as_expression([])]
        for constraint in self._constraints:
            excess += [constraint.excess, -constraint.excess] if constraint.equal else [constraint.excess]
        cost = self._objective if self._sign > 0 else -self._objective
        stages = [[block.columns for block in self._blocks if block.late == late] for late in (False, True)]
        x, y = (_joined(columns) for columns in stages)
        return in_arrays(
            x, y, _product(self._sets), self._late(), cost, stack(excess), maximise=self._sign < 0, name=self.name
        )


def _labels(name: str, shape: tuple[int, ...]) -> list[str]:
    return [f"{name}[{', '.join(map(str, index))}]" if index else name for index in np.ndindex(shape)]


def _joined(blocks: list[Columns]) -> Columns:
    """Return one block after the other; solvers of linear programs refuse to have no variable."""
    blocks = blocks or [Columns(np.zeros(1), np.zeros(1), np.zeros(1, dtype=np.bool_))]
    lower, upper, integer = (np.concatenate([getattr(b, f) for b in blocks]) for f in ("lower", "upper", "integer"))
    return Columns(lower, upper, integer)


def _product(sets: list[UncertaintySet]) -> UncertaintySet:
    if not sets:
        return Scenarios(np.zeros((1, 1)))
    return sets[0] if len(sets) == 1 else Product(tuple(sets))
