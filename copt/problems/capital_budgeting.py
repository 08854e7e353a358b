"""Capital budgeting under uncertainty (Subramanyam, Gounaris and Wiesemann 2020), with loans if wished."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from copt.errors import InvalidInstanceError
from copt.problems.two_stage import Columns, Products, TwoStage
from copt.problems.uncertainty import Box, FloatArray, table, vector

__all__ = ["CapitalBudgeting", "Loans"]


@dataclass(frozen=True)
class Loans:
    """One loan before the risk factors are known and one after; each is taken or not.

    Args:
        early_amount: What the first adds to the budget.
        late_amount: What the second adds.
        early_cost: Cost of the first.
        late_cost: Cost of the second.
    """

    early_amount: float
    late_amount: float
    early_cost: float
    late_cost: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < np.inf:
                raise InvalidInstanceError(f"loans: {name} must be a number from 0 on, got {value}")


@dataclass(frozen=True, eq=False, kw_only=True)
class CapitalBudgeting:
    """Projects to be begun early, or late once the risk factors are known, or never.

    With factors u from -1 to 1, project i costs ``(1 + cost_factors[i] @ u / 2) * costs[i]`` and earns
    ``(1 + profit_factors[i] @ u / 2) * profits[i]``, if begun late ``late`` times that. All costs must stay within the
    budget in every case; what is earned in the worst case, less the loans, is maximised.

    Args:
        costs: Nominal costs, shape (projects,).
        profits: Nominal profits, shape (projects,).
        cost_factors: Influence of the factors on costs, shape (projects, factors).
        profit_factors: Influence on profits, likewise.
        budget: Most money.
        late: Share of the profit that is left to a late project.
        loans: What can be borrowed, or None.
        name: Name for tables and files.

    Raises:
        InvalidInstanceError: If shapes differ, or a value is negative or not finite.
    """

    family: ClassVar[str] = "robust"
    sign: ClassVar[int] = -1

    costs: FloatArray
    profits: FloatArray
    cost_factors: FloatArray
    profit_factors: FloatArray
    budget: float
    late: float = 0.8
    loans: Loans | None = None
    name: str = "unnamed"

    def __post_init__(self) -> None:
        object.__setattr__(self, "costs", vector("costs", self.costs, negative=False))
        n = self.costs.size
        object.__setattr__(self, "profits", vector("profits", self.profits, n, negative=False))
        factors = np.shape(self.cost_factors)[1] if np.ndim(self.cost_factors) == 2 else 0
        if n == 0 or factors == 0:
            raise InvalidInstanceError("capital budgeting needs a project and a risk factor")
        for name in ("cost_factors", "profit_factors"):
            array = table(name, getattr(self, name), factors)
            if len(array) != n:
                raise InvalidInstanceError(f"{name} has {len(array)} rows for {n} projects")
            object.__setattr__(self, name, array)
        for name in ("budget", "late"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InvalidInstanceError(f"{name} must be a number from 0 on, got {getattr(self, name)}")

    @property
    def num_projects(self) -> int:
        """Number of projects."""
        return self.costs.size

    @property
    def num_factors(self) -> int:
        """Number of risk factors."""
        return int(self.cost_factors.shape[1])

    @property
    def dimensions(self) -> str:
        """Numbers of projects and of risk factors, for tables."""
        return f"{self.num_projects}x{self.num_factors}"

    def two_stage(self) -> TwoStage:
        """Return the problem in arrays: projects, then the loan if there are any, in both stages; costs minimised.

        Rows: each project once; the budget for what is begun early; the budget for everything.
        """
        return self._two_stage

    @functools.cached_property
    def _two_stage(self) -> TwoStage:
        n, k, loans = self.num_projects, self.num_factors, [] if self.loans is None else [self.loans]
        extra = len(loans)
        spread = 0.5 * self.profits[:, None] * self.profit_factors  # (projects, factors)
        padding = np.zeros((k, extra))
        once = np.hstack([np.eye(n), np.zeros((n, extra))])
        spent, nothing = np.append(self.costs, [-loan.early_amount for loan in loans]), np.zeros(n + extra)
        return TwoStage(
            x=Columns.binary(n + extra),
            y=Columns.binary(n + extra),
            uncertainty=Box(-np.ones(k), np.ones(k)),
            cost_x=np.append(-self.profits, [loan.early_cost for loan in loans]),
            cost_y=np.append(-self.late * self.profits, [loan.late_cost for loan in loans]),
            cost_ux=np.hstack([-spread.T, padding]),
            cost_uy=np.hstack([-self.late * spread.T, padding]),
            rows_x=np.vstack([once, spent, spent]),
            rows_y=np.vstack([once, nothing, np.append(self.costs, [-loan.late_amount for loan in loans])]),
            products_x=self._cost_products((n, n + 1)),
            products_y=self._cost_products((n + 1,)),
            limits=np.concatenate([np.ones(n), [self.budget, self.budget]]),
            maximise=True,
            name=self.name,
        )

    def _cost_products(self, rows: tuple[int, ...]) -> Products:
        """Return the uncertain costs of all projects in each of ``rows``; none where costs are certain."""
        project, factor = np.nonzero(self.cost_factors)
        terms = 0.5 * self.costs[project] * self.cost_factors[project, factor]
        count = len(rows)
        return Products(
            np.repeat(np.array(rows, dtype=np.int64), project.size),
            np.tile(factor, count),
            np.tile(project, count),
            np.tile(terms, count),
        )
