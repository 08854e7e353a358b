"""Mixed-integer programs: SCIP proves, a partner on the second core looks for better points."""

from copt.solvers.mip.engine import NAME as NAME
from copt.solvers.mip.engine import solve as solve
from copt.solvers.mip.engine import warm as warm
