"""Two-stage robust optimisation: certified values, bounds and worst scenarios."""

from copt.solvers.robust.engine import NAME as NAME
from copt.solvers.robust.engine import policy_pays as policy_pays
from copt.solvers.robust.engine import solve as solve
from copt.solvers.robust.loading import warm as warm
