"""Routing: compiled ruin and recreate, local search and their parallel loop."""

from copt.solvers.routing.engine import NAME as NAME
from copt.solvers.routing.engine import solve as solve
from copt.solvers.routing.loading import warm as warm
