"""Solves shops: bounds at once, compiled tabu search with path relinking, CP-SAT as partner."""

from copt.solvers.jobshop.engine import NAME as NAME
from copt.solvers.jobshop.engine import policy_pays as policy_pays
from copt.solvers.jobshop.engine import solve as solve
from copt.solvers.jobshop.loading import warm as warm
