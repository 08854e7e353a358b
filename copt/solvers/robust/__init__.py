"""Two-stage robust optimisation: certified values, bounds and worst scenarios."""

from copt.solvers.robust.engine import NAME, solve

__all__ = ["NAME", "solve"]
