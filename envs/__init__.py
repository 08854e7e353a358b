"""Gymnasium environments. Importing this package registers them, as ``copt/JobShop-v0``."""

import gymnasium

from copt.envs.control import ControlEnv as ControlEnv
from copt.envs.control import ControlObservation as ControlObservation
from copt.envs.control import StateAndGoal as StateAndGoal
from copt.envs.control import StateOnly as StateOnly
from copt.envs.control_cartpole import CartPole as CartPole
from copt.envs.control_cartpole_walls import CartPoleWalls as CartPoleWalls
from copt.envs.control_flyer import FreeFlyer as FreeFlyer
from copt.envs.control_pushing import PushT as PushT
from copt.envs.control_reacher import Reacher as Reacher
from copt.envs.control_record import Controller as Controller
from copt.envs.control_record import Recording as Recording
from copt.envs.control_record import record as record
from copt.envs.control_rope import Rope as Rope
from copt.envs.control_sorting import Sorting as Sorting
from copt.envs.control_task import ControlTask as ControlTask
from copt.envs.control_task import Explorer as Explorer
from copt.envs.control_task import Scene as Scene
from copt.envs.control_task import Simulation as Simulation
from copt.envs.control_transitions import transitions as transitions
from copt.envs.jobshop import JobShopEnv as JobShopEnv
from copt.envs.jobshop_chains import Chains as Chains
from copt.envs.jobshop_chains import cut as cut
from copt.envs.jobshop_dynamics import Active as Active
from copt.envs.jobshop_dynamics import Dispatching as Dispatching
from copt.envs.jobshop_dynamics import Dynamics as Dynamics
from copt.envs.jobshop_observation import JobFeatures as JobFeatures
from copt.envs.jobshop_observation import Observation as Observation
from copt.envs.jobshop_observation import PaperTokens as PaperTokens
from copt.envs.jobshop_state import State as State
from copt.envs.mip import ROOT_CUTS as ROOT_CUTS
from copt.envs.mip import MipEnv as MipEnv
from copt.envs.mip_diving import Diving as Diving
from copt.envs.mip_dynamics import SETTINGS as SETTINGS
from copt.envs.mip_dynamics import Branching as Branching
from copt.envs.mip_dynamics import Configure as Configure
from copt.envs.mip_dynamics import MipDynamics as MipDynamics
from copt.envs.mip_khalil import Khalil2016 as Khalil2016
from copt.envs.mip_observation import MipObservation as MipObservation
from copt.envs.mip_observation import NodeBipartite as NodeBipartite
from copt.envs.mip_observation import Pseudocosts as Pseudocosts
from copt.envs.mip_observation import Room as Room
from copt.envs.mip_observation import StrongBranchingScores as StrongBranchingScores
from copt.envs.mip_observation import Together as Together
from copt.envs.mip_reward import DualIntegral as DualIntegral
from copt.envs.mip_reward import LpIterations as LpIterations
from copt.envs.mip_reward import Nodes as Nodes
from copt.envs.mip_reward import PrimalDualIntegral as PrimalDualIntegral
from copt.envs.mip_reward import PrimalIntegral as PrimalIntegral
from copt.envs.mip_reward import SolveStep as SolveStep
from copt.envs.mip_reward import SolvingTime as SolvingTime
from copt.envs.mip_search import Search as Search
from copt.envs.reward import Constant as Constant
from copt.envs.reward import Objective as Objective
from copt.envs.reward import ObjectiveIncrease as ObjectiveIncrease
from copt.envs.reward import Reward as Reward
from copt.envs.reward import Scale as Scale
from copt.envs.reward import Step as Step
from copt.envs.robust import RobustEnv as RobustEnv
from copt.envs.robust_observation import ItemFeatures as ItemFeatures
from copt.envs.robust_observation import RobustObservation as RobustObservation
from copt.envs.robust_state import ChosenItems as ChosenItems
from copt.envs.robust_worst_case import WorstCase as WorstCase
from copt.envs.routing import RoutingEnv as RoutingEnv
from copt.envs.routing_descent import LocalSearch as LocalSearch
from copt.envs.routing_dynamics import Appending as Appending
from copt.envs.routing_dynamics import RoutingDynamics as RoutingDynamics
from copt.envs.routing_improve import RoutingImproveEnv as RoutingImproveEnv
from copt.envs.routing_improve_observation import ImproveObservation as ImproveObservation
from copt.envs.routing_improve_observation import IncumbentFeatures as IncumbentFeatures
from copt.envs.routing_incumbent import Incumbent as Incumbent
from copt.envs.routing_legs import Legs as Legs
from copt.envs.routing_observation import NodeFeatures as NodeFeatures
from copt.envs.routing_observation import RoutingObservation as RoutingObservation
from copt.envs.routing_start import nearest_start as nearest_start
from copt.envs.routing_state import PartialRoutes as PartialRoutes
from copt.envs.routing_zone import Conqueror as Conqueror
from copt.envs.routing_zone import NearCustomers as NearCustomers
from copt.envs.routing_zone import NearRoutes as NearRoutes
from copt.envs.routing_zone import Zones as Zones

gymnasium.register("copt/JobShop-v0", entry_point="copt.envs.jobshop:JobShopEnv")
gymnasium.register("copt/Robust-v0", entry_point="copt.envs.robust:RobustEnv")
gymnasium.register("copt/Routing-v0", entry_point="copt.envs.routing:RoutingEnv")
gymnasium.register("copt/RoutingImprove-v0", entry_point="copt.envs.routing_improve:RoutingImproveEnv")
gymnasium.register("copt/Branching-v0", entry_point="copt.envs.mip:MipEnv")
gymnasium.register("copt/Diving-v0", entry_point="copt.envs.mip:MipEnv", kwargs={"dynamics": Diving()})
gymnasium.register("copt/Configure-v0", entry_point="copt.envs.mip:MipEnv", kwargs={"dynamics": Configure()})

CONTROL: dict[str, ControlTask] = {
    "CartPole": CartPole(),
    "CartPoleWalls": CartPoleWalls(),
    "FreeFlyer": FreeFlyer(),
    "PushT": PushT(),
    "PushTAround": PushT(around=True),
    "PushTObstacles": PushT(obstacles=2),
    "Reacher": Reacher(),
    "Rope": Rope(),
    "Sorting": Sorting(),
}
for word, task in CONTROL.items():
    gymnasium.register(f"copt/{word}-v0", entry_point="copt.envs.control:ControlEnv", kwargs={"task": task})
