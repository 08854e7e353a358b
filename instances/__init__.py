"""Where instances come from: parsers and writers, generators, named sets and their best-known values."""

from copt.instances.bounds import BestKnown as BestKnown
from copt.instances.bounds import best_known as best_known
from copt.instances.bounds import known_names as known_names
from copt.instances.sets import expand as expand
