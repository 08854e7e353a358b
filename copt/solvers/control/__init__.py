"""Plans through piecewise-linear dynamics, with proved bounds."""

from copt.solvers.control.engine import NAME as NAME
from copt.solvers.control.engine import solve as solve
from copt.solvers.control.loading import warm as warm
