"""Improvement of routes as a Gymnasium environment: the agent says where, a conqueror does the rest."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from copt.envs.actions import LegalActions, Mask
from copt.envs.episode import begun, check_render_mode, demand_going_on, draw_seed, instance_for, reset_options
from copt.envs.reward import SHORTNESS, Reward, Step
from copt.envs.routing import legs_of, twenty_customers
from copt.envs.routing_descent import LocalSearch
from copt.envs.routing_frame import route_frame, route_text
from copt.envs.routing_improve_observation import ImproveObservation, IncumbentFeatures
from copt.envs.routing_incumbent import Incumbent
from copt.envs.routing_legs import Legs
from copt.envs.routing_start import nearest_start
from copt.envs.routing_zone import Conqueror, NearRoutes, Zones
from copt.errors import CoptError
from copt.problems.routing import Routes, Routing, check

__all__ = ["RoutingImproveEnv"]

NEAR_ROUTES = NearRoutes()
LOCAL_SEARCH = LocalSearch()
INCUMBENT_FEATURES = IncumbentFeatures()


class RoutingImproveEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """Chooses the next zone of an incumbent: zones and conqueror x observation x reward.

    Action ``i`` takes the zone around customer ``i``, which the conqueror then improves. ``info["action_mask"]`` says
    which nodes are customers; any other action raises ``CoptError``. What the conqueror returns is checked, and kept
    if it is better. An episode is truncated after ``steps`` steps; there is no other end. ``info`` also holds the
    incumbent's ``objective``, and at the end ``solution``, a ``Routes``.

    ``reset(options={"instance": ..., "start": ...})``, either or both, plays one episode on another instance, or from
    routes that are given.

    A stronger conqueror is any callable. With the default zones, this one solves the routes of a zone again, as long as
    none is longer than a zone and their number is free::

        def solve_again(instance, routes, zone, seed):
            nodes = np.append(instance.depot, zone)
            part = dataclasses.replace(
                instance, coordinates=instance.coordinates[nodes], depot=0, demand=instance.demand[nodes]
            )
            best = copt.solve(part, seconds=1, seed=seed, policy=None).solution
            kept = [route for route in routes.to_lists() if route[0] not in zone]
            return copt.Routes.from_lists(kept + [nodes[route].tolist() for route in best.to_lists()])

        gymnasium.make("copt/RoutingImprove-v0", conqueror=solve_again)

    Args:
        instance: A problem to be improved in every episode, or None to draw one from ``generator``.
        conqueror: What improves a zone.
        zones: Which customers belong to the zone around one.
        observation: What the agent sees.
        reward: What it is paid; by default the gain in units of the start's cost.

    Other Args:
        steps: Number of steps of an episode.
        start: Returns the routes that an episode on an instance begins with.
        generator: Returns the instance of a seed; by default random capacitated problems of 20 customers.
        num_nodes: Number of nodes that actions and observations have room for; by default that of ``instance``, or of
            the generator's instance of seed 0.
        render_mode: ``rgb_array`` or ``ansi``: the incumbent, as a map with the customers of the last zone large, or
            as text.

    Raises:
        CoptError: If ``instance`` is no routing problem or has more than ``num_nodes`` nodes, a start or what the
            conqueror returns is not feasible, or ``steps`` is below 1.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        instance: Routing | None = None,
        *,
        conqueror: Conqueror = LOCAL_SEARCH,
        zones: Zones = NEAR_ROUTES,
        observation: ImproveObservation = INCUMBENT_FEATURES,
        reward: Reward = SHORTNESS,
        steps: int = 50,
        start: Callable[[Routing], Routes] = nearest_start,
        generator: Callable[[int], Routing] = twenty_customers,
        num_nodes: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        if steps < 1:
            raise CoptError(f"steps must be at least 1, got {steps}")
        self.render_mode = render_mode
        self._fixed, self._generator, self._start = instance, generator, start
        self._conqueror, self._zones = conqueror, zones
        self._observation, self._reward = observation, reward
        self._steps = steps
        self._state: Incumbent | None = None
        self._zone = np.zeros(0, dtype=np.int64)
        self._legs = legs_of(generator(0) if instance is None else instance, num_nodes)
        self._slots = self._legs.instance.num_nodes if num_nodes is None else num_nodes
        self._actions = LegalActions(self._slots)
        self.action_space = self._actions
        self.observation_space = observation.space(self._slots)

    @property
    def state(self) -> Incumbent:
        """The incumbent, for rules that need more than the observation. Read only."""
        return begun(self._state)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode; ``options={"instance": ..., "start": ...}`` says on what."""
        super().reset(seed=seed)
        given = reset_options(options, "instance", "start")
        instance = instance_for(given, self._fixed, self._generator, self.np_random)
        legs = self._legs if instance is self._legs.instance else legs_of(instance, self._slots)
        start = given["start"] if "start" in given else self._start(instance)
        _demand_feasible("the start", legs.instance, start)
        self._legs, self._state = legs, Incumbent(legs, start, self._steps)
        self._zone = np.zeros(0, dtype=np.int64)
        self._actions.mask = self._mask(legs)
        info = {"action_mask": self._actions.mask.copy(), "objective": self._state.cost}
        return self._observation(self._state, self._actions.mask), info

    def step(self, action: np.int64 | int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Have the zone around customer ``action`` improved.

        Raises:
            CoptError: If the action is not legal, the episode is over, or the conqueror's routes are not feasible.
        """
        state, instance = self.state, self._legs.instance
        demand_going_on(state.taken == self._steps)
        zone = self._zones(state, self._actions.checked(action))
        routes = self._conqueror(instance, state.routes, zone, draw_seed(self.np_random))
        _demand_feasible("what the conqueror returned", instance, routes)
        before = state.cost
        state.offer(routes, zone)
        self._zone = zone
        over = state.taken == self._steps
        pay = self._reward(Step(before, state.cost, state.scale, over))
        info = {"action_mask": self._actions.mask.copy(), "objective": state.cost}
        if over:
            info["solution"] = state.routes
        return self._observation(state, self._actions.mask), float(pay), False, over, info

    def render(self) -> Any:
        """Return the incumbent as pixels or text, or None without a render mode."""
        if self.render_mode is None:
            return None
        state, lists = self.state, self.state.routes.to_lists()
        if self.render_mode == "ansi":
            return route_text(self._legs, lists, state.cost)
        return route_frame(self._legs, lists, marked=self._zone.tolist())

    def _mask(self, legs: Legs) -> Mask:
        mask = np.zeros(self._slots, np.int8)
        mask[legs.instance.customers] = 1
        return mask


def _demand_feasible(what: str, instance: Routing, routes: Routes) -> None:
    if not isinstance(routes, Routes):
        raise CoptError(f"{what} for {instance.name} is a {type(routes).__name__}; return Routes")
    violations = check(instance, routes)
    if violations:
        raise CoptError(f"{what} for {instance.name} is not feasible: {violations[0]}; see problems.routing.check")
