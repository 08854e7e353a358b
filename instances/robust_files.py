"""The file formats of two-stage robust benchmarks: numbers only, a first line of general ones.

Knapsack and capital budgeting with loans as Arslan and Detienne (2022) publish them, one item a line::

    items capacity budget                                  projects budget loan loan cost cost late ratio factors
    profit degradation repair-weight weight outsourcing    profit cost factor factor ...

Capital budgeting with uncertain costs as Dumouchelle et al. (2024) publish it: a line of costs, one of profits, then
for each project its cost factors and for each its profit factors::

    seed projects factors budget total
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from copt.errors import InvalidInstanceError
from copt.instances.formats import Format
from copt.instances.text import Line, Text, quoted
from copt.problems.capital_budgeting import CapitalBudgeting, Loans
from copt.problems.robust_knapsack import RobustKnapsack
from copt.problems.uncertainty import FloatArray

__all__ = ["BUDGETING", "KNAPSACK", "LOANS"]

MOST = 100_000  # items or projects
RATIO = 5.0  # written where the ratio of costs to profits is asked for; only their generator used it


def _values(text: Text, line: Line, count: int, expected: str) -> FloatArray:
    """Return the ``count`` finite numbers on ``line``."""
    tokens = line.text.split()
    for position, token in enumerate(tokens, start=1):
        try:
            finite = token.isascii() and "_" not in token and math.isfinite(float(token))
        except ValueError:
            finite = False
        if not finite:
            text.fail(line, f"expected {expected}, found {quoted(token)} as entry {position}, not a number")
    if len(tokens) != count:
        text.fail(line, f"expected {expected}, {count} numbers, found {len(tokens)}")
    return np.array(tokens, dtype=np.float64)


def _whole(text: Text, line: Line, what: str, value: float, least: int, most: int) -> int:
    if value != math.floor(value) or not least <= value <= most:
        text.fail(line, f"expected a whole number from {least} to {most} as {what}, found {value:.10g}")
    return int(value)


def _rows(text: Text, lines: tuple[Line, ...], count: int, columns: int, expected: str) -> FloatArray:
    """Return ``count`` lines of ``columns`` numbers as a table."""
    if len(lines) < count:
        text.fail(text.lines[-1], f"expected {count} lines of {expected}, the file ends after {len(lines)}")
    if len(lines) > count:
        text.fail(lines[count], f"expected {count} lines of {expected}, found more")
    return np.array([_values(text, line, columns, expected) for line in lines])


def _numbers_on_first(text: Text, count: int) -> bool:
    tokens = text.lines[0].text.split()
    try:
        return len(tokens) == count and all(math.isfinite(float(token)) for token in tokens)
    except ValueError:
        return False


def _opens_like(text: Text, first: int, second: int) -> bool:
    return len(text.lines) > 1 and _numbers_on_first(text, first) and len(text.lines[1].text.split()) == second


def _built(text: Text, build: Callable[..., Any], **fields: Any) -> Any:
    """Return ``build(**fields)``; what it objects to is an error of the file."""
    try:
        return build(**fields, name=text.name)
    except InvalidInstanceError as error:
        text.fail(None, str(error))


def _read_knapsack(text: Text) -> Any:
    head, *lines = text.lines
    count, capacity, budget = _values(text, head, 3, "items, capacity, budget")
    n = _whole(text, head, "number of items", count, 1, MOST)
    columns = "profit, degradation, repair weight, weight, outsourcing cost"
    rows = _rows(text, tuple(lines), n, 5, columns)
    for line, row in zip(lines, rows, strict=True):
        for column in (2, 3):
            _whole(text, line, "weight", row[column], 0, 10**9)
    return _built(
        text,
        RobustKnapsack,
        profits=rows[:, 0],
        degradations=rows[:, 1],
        repair_weights=rows[:, 2].astype(np.int64),
        weights=rows[:, 3].astype(np.int64),
        outsourcing=rows[:, 4],
        capacity=_whole(text, head, "capacity", capacity, 0, 10**9),
        budget=float(budget),
    )


def _write_knapsack(instance: RobustKnapsack) -> str:
    columns = (
        instance.profits,
        instance.degradations,
        instance.repair_weights,
        instance.weights,
        instance.outsourcing,
    )
    lines = [f"{instance.num_items} {instance.capacity} {instance.budget!r}"]
    return (
        "\n".join(lines + [_joined(row) for row in zip(*(column.tolist() for column in columns), strict=True)]) + "\n"
    )


def _joined(values: Iterable[float]) -> str:
    return " ".join(map(repr, values))


def _read_loans(text: Text) -> Any:
    head, *lines = text.lines
    general = _values(text, head, 9, "projects, budget, two loans, their two costs, late share, ratio, factors")
    n = _whole(text, head, "number of projects", general[0], 1, MOST)
    factors = _whole(text, head, "number of factors", general[8], 1, MOST)
    rows = _rows(text, tuple(lines), n, 2 + factors, f"profit, cost and {factors} factors")
    early, late, early_cost, late_cost = general[2:6].tolist()
    return _built(
        text,
        lambda **fields: CapitalBudgeting(loans=Loans(early, late, early_cost, late_cost), **fields),
        costs=rows[:, 1],
        profits=rows[:, 0],
        cost_factors=np.zeros((n, factors)),
        profit_factors=rows[:, 2:],
        budget=float(general[1]),
        late=float(general[6]),
    )


def _write_loans(instance: CapitalBudgeting) -> str:
    loans = instance.loans
    assert loans is not None
    n, k = instance.num_projects, instance.num_factors
    money = (instance.budget, loans.early_amount, loans.late_amount, loans.early_cost, loans.late_cost, instance.late)
    lines = [f"{n} {_joined(money)} {RATIO} {k}"]
    table = np.hstack([instance.profits[:, None], instance.costs[:, None], instance.profit_factors])
    return "\n".join(lines + [_joined(row) for row in table.tolist()]) + "\n"


def _read_budgeting(text: Text) -> Any:
    head, *lines = text.lines
    general = _values(text, head, 5, "seed, projects, factors, budget, total cost")
    n = _whole(text, head, "number of projects", general[1], 1, MOST)
    factors = _whole(text, head, "number of factors", general[2], 1, MOST)
    costs, profits = _rows(text, tuple(lines[:2]), 2, n, f"{n} costs or profits")
    table = _rows(text, tuple(lines[2:]), 2 * n, factors, f"{factors} factors")
    return _built(
        text,
        CapitalBudgeting,
        costs=costs,
        profits=profits,
        cost_factors=table[:n],
        profit_factors=table[n:],
        budget=float(general[3]),
    )


def _write_budgeting(instance: CapitalBudgeting) -> str:
    n, k = instance.num_projects, instance.num_factors
    lines = [f"0 {n} {k} {instance.budget!r} {float(instance.costs.sum())!r}"]
    table = [instance.costs, instance.profits, *instance.cost_factors, *instance.profit_factors]
    return "\n".join(lines + [_joined(row.tolist()) for row in table]) + "\n"


def _refuse_knapsack(instance: object) -> str | None:
    return None if isinstance(instance, RobustKnapsack) else "it holds two-stage robust knapsacks only"


def _refuse_loans(instance: object) -> str | None:
    if not isinstance(instance, CapitalBudgeting) or instance.loans is None:
        return "it holds capital budgeting with loans only"
    return "its costs are certain, those of the instance are not" if instance.cost_factors.any() else None


def _refuse_budgeting(instance: object) -> str | None:
    if not isinstance(instance, CapitalBudgeting) or instance.loans is not None:
        return "it holds capital budgeting without loans only"
    return None if instance.late == 0.8 else f"its late projects earn 0.8, those of the instance {instance.late}"


KNAPSACK = Format(
    name="robust-knapsack",
    suffixes=(".rkp",),
    recognise=lambda text: _opens_like(text, 3, 5),
    read=_read_knapsack,
    refusal=_refuse_knapsack,
    write=_write_knapsack,
)
LOANS = Format(
    name="capital-budgeting-loans",
    suffixes=(".cbl",),
    recognise=lambda text: _numbers_on_first(text, 9),
    read=_read_loans,
    refusal=_refuse_loans,
    write=_write_loans,
)
BUDGETING = Format(
    name="capital-budgeting",
    suffixes=(".cb",),
    recognise=lambda text: _numbers_on_first(text, 5) and len(text.lines) > 2,
    read=_read_budgeting,
    refusal=_refuse_budgeting,
    write=_write_budgeting,
)
