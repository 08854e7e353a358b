"""All that plans can be made with: each has a method ``at`` that returns the network for a state."""

from copt.problems.pairwise import Pairwise
from copt.problems.planar import Planar
from copt.problems.relu import ReluNet

__all__ = ["Dynamics"]

Dynamics = ReluNet | Planar | Pairwise
