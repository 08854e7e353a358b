"""Combinatorial optimisation: compiled search, CP-SAT and learned decisions behind one call."""

import logging

from copt import control as control
from copt import mip as mip
from copt.batch import solve_many as solve_many
from copt.errors import CoptError as CoptError
from copt.evaluate import evaluate as evaluate
from copt.plugins.attach import attach as attach
from copt.plugins.attach import detach as detach
from copt.problems import uncertainty as uncertainty
from copt.problems.encoding import Encoding as Encoding
from copt.problems.encoding import encode as encode
from copt.problems.jobshop import JobShop as JobShop
from copt.problems.jobshop import Schedule as Schedule
from copt.problems.mip import MIP as MIP
from copt.problems.robust_model import RobustModel as RobustModel
from copt.problems.routing import Routes as Routes
from copt.problems.routing import Routing as Routing
from copt.read import read as read
from copt.read import read_solution as read_solution
from copt.read import write as write
from copt.read import write_solution as write_solution
from copt.result import Result as Result
from copt.result import Status as Status
from copt.result import StopReason as StopReason
from copt.solve import solve as solve
from copt.stop import Stop as Stop

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())
