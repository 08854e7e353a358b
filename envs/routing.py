"""Routing as a Gymnasium environment: tours and routes are built node by node."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from copt.envs.actions import LegalActions, Mask
from copt.envs.episode import begun, check_render_mode, demand_going_on, instance_for, reset_options
from copt.envs.reward import SHORTNESS, Reward, Step
from copt.envs.routing_dynamics import Appending, RoutingDynamics
from copt.envs.routing_frame import route_frame, route_text
from copt.envs.routing_legs import Legs
from copt.envs.routing_observation import NodeFeatures, RoutingObservation
from copt.envs.routing_state import PartialRoutes
from copt.errors import CoptError
from copt.instances.routing_generators import neural_cvrp
from copt.problems.routing import Routing, objective

__all__ = ["RoutingEnv", "legs_of", "twenty_customers"]

APPENDING = Appending()
NODE_FEATURES = NodeFeatures()


def twenty_customers(seed: int) -> Routing:
    """Return random routes of twenty customers, as Kool et al. (2019) learn on."""
    return neural_cvrp(customers=20, seed=seed)


def legs_of(instance: Routing, room: int | None) -> Legs:
    """Return the legs of ``instance``.

    Raises:
        CoptError: If it is no routing problem, or has more than ``room`` nodes.
    """
    if not isinstance(instance, Routing):
        raise CoptError(f"instance must be a Routing, got {type(instance).__name__}; build one or read a file")
    if room is not None and instance.num_nodes > room:
        size = instance.num_nodes
        raise CoptError(f"{instance.name} has {size} nodes, there is room for {room}; pass num_nodes={size}")
    return Legs(instance)


class RoutingEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """Builds a tour or routes one visit at a time: dynamics x observation x reward.

    Action ``i`` visits node ``i``; the depot ends the route and begins the next one. ``info["action_mask"]`` says which
    nodes are legal; any other raises ``CoptError``. The first node of a tour is free. After the last customer the route
    ends by itself.

    At the end ``info`` also holds ``dead_end``, and ``objective`` and ``solution``, a ``Routes``. Where both capacity
    and ``max_routes`` are given, an episode may come to a dead end that the mask did not foresee, see ``Appending``:
    then it is terminated, ``info["unvisited"]`` counts the customers left in place of objective and solution, and the
    last step also pays for each of them twice the dearest leg.

    ``reset(options={"instance": ...})`` plays one episode on another instance.

    Args:
        instance: A problem to be played in every episode, or None to draw one from ``generator``.
        dynamics: Which nodes may be visited next.
        observation: What the agent sees.
        reward: What it is paid; by default the rewards of an episode add up to minus the objective, in units of the
            sum over the customers of the cheapest leg that enters each: a lower bound.

    Other Args:
        generator: Returns the instance of a seed; by default random capacitated problems of 20 customers.
        num_nodes: Number of nodes that actions and observations have room for; by default that of ``instance``, or of
            the generator's instance of seed 0.
        render_mode: ``rgb_array`` or ``ansi``: the routes so far, as a map or as text.

    Raises:
        CoptError: If ``instance`` is no routing problem, has more than ``num_nodes`` nodes, or cannot be served with
            ``max_routes``.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        instance: Routing | None = None,
        *,
        dynamics: RoutingDynamics = APPENDING,
        observation: RoutingObservation = NODE_FEATURES,
        reward: Reward = SHORTNESS,
        generator: Callable[[int], Routing] = twenty_customers,
        num_nodes: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._fixed = instance
        self._generator = generator
        self._dynamics, self._observation, self._reward = dynamics, observation, reward
        self._state: PartialRoutes | None = None
        self._over = True
        legs = legs_of(generator(0) if instance is None else instance, num_nodes)
        self._slots = legs.instance.num_nodes if num_nodes is None else num_nodes
        self._actions = LegalActions(self._slots)
        self.action_space = self._actions
        self.observation_space = observation.space(self._slots)
        self._begin(legs)

    @property
    def state(self) -> PartialRoutes:
        """The routes so far, for rules and searches that need more than the observation. Read only."""
        return begun(self._state)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode; ``options={"instance": ...}`` says on what."""
        super().reset(seed=seed)
        given = reset_options(options, "instance")
        instance = instance_for(given, self._fixed, self._generator, self.np_random)
        same = instance is self._legs.instance
        self._state, mask = self._begin(self._legs if same else legs_of(instance, self._slots))
        self._over = False
        return self._observation(self._state, mask), {"action_mask": mask.copy()}

    def step(self, action: np.int64 | int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Visit node ``action``.

        Raises:
            CoptError: If the action is not legal, or the episode is over.
        """
        state = self.state
        demand_going_on(self._over)
        before = state.cost
        self._dynamics.take(state, self._actions.checked(action))
        mask = self._legal(state)
        self._over = not mask.any()
        dead_end = self._over and state.remaining > 0
        after = state.cost + (state.charge if dead_end else 0.0)
        pay = self._reward(Step(before, after, self._legs.scale, self._over))
        info: dict[str, Any] = {"action_mask": mask.copy()}
        if self._over:
            info |= _outcome(state)
        return self._observation(state, mask), float(pay), self._over, False, info

    def render(self) -> Any:
        """Return the routes so far as pixels or text, or None without a render mode."""
        if self.render_mode is None:
            return None
        state = self.state
        if self.render_mode == "ansi":
            return route_text(self._legs, state.routes, state.cost)
        return route_frame(self._legs, state.routes, closed=state.remaining == 0)

    def _begin(self, legs: Legs) -> tuple[PartialRoutes, Mask]:
        """Return the state at the start of an episode, and its mask."""
        instance, state = legs.instance, PartialRoutes(legs)
        mask = self._legal(state)
        if not mask.any():
            raise CoptError(
                f"the demands of {instance.name} do not fit max_routes = {instance.max_routes} of capacity "
                f"{instance.capacity}; raise one of them"
            )
        self._legs = legs
        return state, mask

    def _legal(self, state: PartialRoutes) -> Mask:
        """Return the mask of legal actions, which the action space also keeps for sampling."""
        mask = np.zeros(self._slots, np.int8)
        instance = state.legs.instance
        mask[: instance.num_nodes] = self._dynamics.legal(state)
        self._actions.mask, self._actions.spared = mask, instance.depot
        return mask


def _outcome(state: PartialRoutes) -> dict[str, Any]:
    if state.remaining:
        return {"dead_end": True, "unvisited": state.remaining}
    solution = state.solution()
    return {"dead_end": False, "objective": objective(state.legs.instance, solution), "solution": solution}
