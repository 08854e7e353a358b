"""Networks of UDC with random weights, and what the tests of UDC search with them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from routing_cases import random_routing, random_tour

from copt.problems.routing import Routing
from copt.solvers.routing.udc import Divider, sequence_of_walk
from copt.solvers.routing.udc_paths import Sequence

HIDDEN, PART, NEIGHBOURS = 8, 12, 6


@dataclass
class RandomPolicy:
    """Both networks with random weights."""

    problem: str
    name: str = "random"
    family: str = "routing"
    card: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.card = {"role": "udc", "problem": self.problem, "arguments": {"neighbours": NEIGHBOURS, "part": PART}}
        rng, depot, h = np.random.default_rng(3), self.problem == "cvrp", HIDDEN
        linear = {"divide.enter": (h, 3 if depot else 2), "divide.enter_edge": (h, 2)}
        linear |= {
            f"divide.layers.{k}.{part}": (h, h) for k in range(2) for part in ("own", "value", "edge", "tail", "head")
        }
        heads = ("visited", "first", "last", "key", *(["depot"] if depot else []))
        linear |= {f"divide.{head}.{k}": (h, h) for head in heads for k in (0, 2)}
        linear |= {"conquer.enter": (h, 8 if depot else 4)}
        for k in range(2):
            linear |= {f"conquer.layers.{k}.{part}": (h, h) for part in ("query", "key", "value", "out")}
            linear |= {f"conquer.layers.{k}.wide": (2 * h, h), f"conquer.layers.{k}.narrow": (h, 2 * h)}
        linear |= {f"conquer.{part}": (h, h) for part in ("weight", "value", "key", "last", "end")}
        linear |= {"conquer.detour": (h, h), "conquer.state": (h, 3), "conquer.bend": (2, h)} if depot else {}
        norms = [f"divide.layers.{k}.{part}_norm" for k in range(2) for part in ("node", "edge")]
        norms += [f"conquer.layers.{k}.{part}" for k in range(2) for part in ("norm", "forward_norm")]
        for name, shape in linear.items():
            # With keys near 0 the nets go by distance, so that there is something to gain.
            scale = 0.1 if name.endswith(("conquer.key", "detour", "bend")) else 1.0
            self._put(f"{name}.weight", scale * rng.standard_normal(shape) / np.sqrt(shape[1]))
            self._put(f"{name}.bias", 0.1 * rng.standard_normal(shape[0]))
        for name in (*norms, "conquer.norm"):
            self._put(f"{name}.weight", np.ones(h))
            self._put(f"{name}.bias", 0.1 * rng.standard_normal(h))
        for k in range(2):
            self._put(f"conquer.layers.{k}.sharpness", np.ones(1))
        self._put("conquer.sharpness", np.ones(4 if depot else 2))

    def _put(self, name: str, value: NDArray[Any]) -> None:
        self.weights[name] = np.asarray(value, dtype=np.float32)


TOUR, ROUTES = RandomPolicy("tsp"), RandomPolicy("cvrp")


def policy_of(instance: Routing) -> RandomPolicy:
    return TOUR if instance.depot is None else ROUTES


def divider_of(instance: Routing, neighbours: int = NEIGHBOURS) -> Divider:
    return Divider(instance, policy_of(instance).weights, neighbours, PART)


def random_sequence(instance: Routing, seed: int) -> Sequence:
    return sequence_of_walk(instance, divider_of(instance).walk(np.random.default_rng(seed), sample=True))


CASES = [random_tour(70, 1), random_routing(70, 2), random_routing(70, 3, capacity=None)]
