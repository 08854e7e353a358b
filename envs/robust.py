"""The two-stage robust knapsack as a Gymnasium environment: items are chosen one by one."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from copt.envs.actions import LegalActions, Mask
from copt.envs.episode import begun, check_render_mode, demand_going_on, instance_for, reset_options
from copt.envs.reward import SHORTNESS, Reward, Step
from copt.envs.robust_frame import items_frame, items_text
from copt.envs.robust_observation import ItemFeatures, RobustObservation
from copt.envs.robust_state import ChosenItems
from copt.errors import CoptError
from copt.instances.robust_generators import robust_knapsack
from copt.problems.robust import objective
from copt.problems.robust_knapsack import RobustKnapsack

__all__ = ["RobustEnv", "twenty_items"]

ITEM_FEATURES = ItemFeatures()


def twenty_items(seed: int) -> RobustKnapsack:
    """Return a random robust knapsack of twenty items."""
    return robust_knapsack(items=20, seed=seed)


class RobustEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """Chooses the items of a two-stage robust knapsack one at a time: observation x reward.

    Action ``i`` chooses item ``i``; the last action stops. ``info["action_mask"]`` says which are legal; any other
    raises ``CoptError``. After the last item the episode ends by itself. Any item may be next, rather than a given one
    be taken or left: what is chosen so far is a solution at every step, so that each action is paid what it changes,
    and the best item can come first.

    What items are worth is their profit in the worst scenario with the best recourse, exactly, at every step. At the
    end ``info`` also holds ``objective`` and ``solution``, a ``RobustSolution`` whose mix of plans proves it.

    ``reset(options={"instance": ...})`` plays one episode on another instance.

    Args:
        instance: A knapsack to be played in every episode, or None to draw one from ``generator``.
        observation: What the agent sees.
        reward: What it is paid; by default the rewards of an episode add up to the objective, in units of the profit
            that a knapsack without degradations and with cut items would make: an upper bound.

    Other Args:
        generator: Returns the instance of a seed; by default random knapsacks of 20 items.
        num_items: Number of items that actions and observations have room for; by default that of ``instance``, or of
            the generator's instance of seed 0.
        render_mode: ``rgb_array`` or ``ansi``: the items as bars, or the chosen ones as text.

    Raises:
        CoptError: If ``instance`` is no robust knapsack, or has more than ``num_items`` items.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        instance: RobustKnapsack | None = None,
        *,
        observation: RobustObservation = ITEM_FEATURES,
        reward: Reward = SHORTNESS,
        generator: Callable[[int], RobustKnapsack] = twenty_items,
        num_items: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._fixed = instance
        self._generator = generator
        self._observation, self._reward = observation, reward
        self._state: ChosenItems | None = None
        first = _checked(generator(0) if instance is None else instance, num_items)
        self._slots = first.num_items if num_items is None else num_items
        self._actions = LegalActions(self._slots + 1)
        self.action_space = self._actions
        self.observation_space = observation.space(self._slots)

    @property
    def state(self) -> ChosenItems:
        """The items so far, for rules and searches that need more than the observation. Read only."""
        return begun(self._state)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode; ``options={"instance": ...}`` says on what."""
        super().reset(seed=seed)
        given = reset_options(options, "instance")
        instance = instance_for(given, self._fixed, self._generator, self.np_random)
        self._state = ChosenItems(_checked(instance, self._slots))
        mask = self._legal(self._state)
        return self._observation(self._state, mask), {"action_mask": mask.copy()}

    def step(self, action: np.int64 | int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Choose item ``action``, or stop.

        Raises:
            CoptError: If the action is not legal, or the episode is over.
        """
        state = self.state
        demand_going_on(state.over)
        before, choice = state.cost, self._actions.checked(action)
        if choice == self._slots:
            state.stop()
        else:
            state.choose(choice)
        mask = self._legal(state)
        pay = self._reward(Step(before, state.cost, state.scale, state.over))
        info: dict[str, Any] = {"action_mask": mask.copy()}
        if state.over:
            solution = state.evaluation.solution
            info |= {"objective": objective(state.instance, solution), "solution": solution}
        return self._observation(state, mask), float(pay), state.over, False, info

    def render(self) -> Any:
        """Return the items so far as pixels or text, or None without a render mode."""
        if self.render_mode is None:
            return None
        return items_frame(self.state) if self.render_mode == "rgb_array" else items_text(self.state)

    def _legal(self, state: ChosenItems) -> Mask:
        """Return the mask of legal actions, which the action space also keeps for sampling."""
        mask = np.zeros(self._slots + 1, np.int8)
        if not state.over:
            mask[: state.x.size] = ~state.x
            mask[-1] = 1
        self._actions.mask = mask
        return mask


def _checked(instance: Any, room: int | None) -> RobustKnapsack:
    if not isinstance(instance, RobustKnapsack):
        raise CoptError(f"instance must be a RobustKnapsack, got {type(instance).__name__}; build one or read a file")
    size = instance.num_items
    if room is not None and size > room:
        raise CoptError(f"{instance.name} has {size} items, there is room for {room}; pass num_items={size}")
    return instance
