"""Mixed-integer programs from OR-Tools' CP-SAT models: the rows among their constraints."""

from typing import Any

import numpy as np

from copt.problems.mip import MIP

__all__ = ["from_cpsat"]

WIDE = 2**62  # limits of CP-SAT from which on there is none


class _Builder:
    """Collects rows."""

    def __init__(self) -> None:
        self.starts, self.columns, self.coefficients = [0], list[int](), list[float]()
        self.limits: list[tuple[float, float]] = []

    def row(self, terms: list[tuple[int, float]], lower: float, upper: float) -> None:
        """Add a row."""
        self.columns += [variable for variable, _ in terms]
        self.coefficients += [factor for _, factor in terms]
        self.starts.append(len(self.columns))
        self.limits.append((lower, upper))

    def clause(self, literals: list[int], lower: float, upper: float) -> None:
        """Add a row that counts true literals; those below 0 are negated variables."""
        negated = sum(literal < 0 for literal in literals)
        terms = [(literal, 1.0) if literal >= 0 else (-literal - 1, -1.0) for literal in literals]
        self.row(terms, lower - negated, upper - negated)


def from_cpsat(model: Any) -> MIP:
    """Return the linear part of a ``CpModel``; the kinds of its other constraints are named in ``beyond``.

    Args:
        model: The ``ortools.sat.python.cp_model.CpModel``.

    Raises:
        InvalidInstanceError: If it has no variables that an array can hold.
    """
    proto, rows, beyond = model.proto, _Builder(), dict[str, None]()
    for constraint in proto.constraints:
        kind = _kind(constraint)
        if kind == "linear" and not constraint.enforcement_literal and len(constraint.linear.domain) == 2:
            linear = constraint.linear
            rows.row(list(zip(linear.vars, map(float, linear.coeffs), strict=True)), *_limits(linear.domain))
        elif kind in ("bool_or", "at_most_one", "exactly_one") and not constraint.enforcement_literal:
            least, most = {"bool_or": (1, np.inf), "at_most_one": (-np.inf, 1), "exactly_one": (1, 1)}[kind]
            rows.clause(list(getattr(constraint, kind).literals), least, most)
        else:
            beyond[kind] = None
    domains = [variable.domain for variable in proto.variables]
    beyond |= {"domain with holes": None} if any(len(domain) > 2 for domain in domains) else {}
    costs = np.zeros(len(domains))
    np.add.at(costs, list(proto.objective.vars), list(map(float, proto.objective.coeffs)))
    lower, upper = np.array(rows.limits, dtype=np.float64).reshape(-1, 2).T
    return MIP(
        costs=costs,
        lower=[_limits(domain)[0] for domain in domains],
        upper=[_limits(domain)[1] for domain in domains],
        integer=np.ones(len(domains), dtype=np.bool_),
        starts=rows.starts,
        columns=rows.columns,
        coefficients=rows.coefficients,
        row_lower=lower,
        row_upper=upper,
        beyond=tuple(beyond),
        name=model.name or "cp-model",
    )


def _limits(domain: Any) -> tuple[float, float]:
    """Return the least and the largest value of a domain."""
    least, most = domain[0], domain[len(domain) - 1]
    return (float(least) if least > -WIDE else -np.inf), (float(most) if most < WIDE else np.inf)


def _kind(constraint: Any) -> str:
    """Return the name of the kind of a constraint."""
    kinds = (
        "linear",
        "bool_or",
        "bool_and",
        "at_most_one",
        "exactly_one",
        "bool_xor",
        "int_div",
        "int_mod",
        "int_prod",
    )
    kinds += ("lin_max", "all_diff", "element", "circuit", "routes", "table", "automaton", "inverse", "reservoir")
    kinds += ("interval", "no_overlap", "no_overlap_2d", "cumulative")
    return next((kind for kind in kinds if getattr(constraint, f"has_{kind}")()), "constraint")
