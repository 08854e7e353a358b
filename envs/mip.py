"""Branch and bound by SCIP as a Gymnasium environment: an agent takes some of its decisions."""

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from copt.envs.actions import Mask, bits
from copt.envs.episode import begun, check_render_mode, demand_going_on, draw_seed, instance_for, reset_options
from copt.envs.mip_dynamics import Branching, MipDynamics
from copt.envs.mip_frame import bounds_frame, bounds_text
from copt.envs.mip_observation import MipObservation, NodeBipartite, Room, empty
from copt.envs.mip_reward import Nodes
from copt.envs.mip_search import Parameters, Search
from copt.envs.reward import Reward
from copt.errors import CoptError
from copt.instances.mip_generators import knapsacks
from copt.problems.mip import MIP, objective

__all__ = ["ROOT_CUTS", "MipEnv", "fifteen_items"]

ROOT_CUTS: Parameters = {"separating/maxrounds": 0, "presolving/maxrestarts": 0}
"""Cuts at the root alone and no restarts, as Gasse et al. (2019) learn."""

BRANCHING = Branching()
NODE_BIPARTITE = NodeBipartite()
FEWEST_NODES = -1.0 * Nodes()
NO_INFORMATION: Mapping[str, Reward] = {}


def fifteen_items(seed: int) -> MIP:
    """Return a random knapsack problem of fifteen items and five constraints."""
    return knapsacks(items=15, constraints=5, seed=seed)


class MipEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """Solves a mixed-integer program by SCIP: dynamics x observation x reward x information.

    ``copt/Branching-v0`` chooses variables to branch on, ``copt/Diving-v0`` roundings of a dive, ``copt/Configure-v0``
    the settings of the whole solve; they differ in their dynamics alone. ``info["action_mask"]`` says which actions are
    legal; any other raises ``CoptError``. SCIP works in a thread of its own and waits while the agent thinks.

    An instance may be solved before there is anything to decide: then action 0 is legal, and ends the episode. The
    first step also pays for what SCIP did before its decision, so that rewards add up to those of the whole solve.

    At the end ``info`` also holds ``status`` and ``bound``, and with a feasible point ``objective`` and ``solution``, a
    ``Point``. Limits, such as ``{"limits/nodes": 100}``, truncate the episode.

    ``reset(options={"instance": ...})`` plays one episode on another instance. Call ``close()`` at the end, or let the
    environment go: both end its solve.

    Args:
        instance: A program to be solved in every episode, or None to draw one from ``generator``.
        dynamics: Which decisions are asked for.
        observation: What the agent sees.
        reward: What it is paid; by default minus the number of nodes.
        information: Further rewards by name that ``info`` tells at every step, such as ``{"lps": LpIterations()}``.

    Other Args:
        generator: Returns the instance of a seed; by default random knapsacks of 15 items and 5 constraints.
        room: Sizes that actions and observations have room for; by default those of ``instance``, or of the generator's
            instance of seed 0, with half as many rows and nonzeros again for cuts.
        parameters: Parameters of SCIP by name; by default cuts at the root alone, and no restarts.
        render_mode: ``rgb_array`` or ``ansi``: the bounds so far, as lines or as text.

    Raises:
        CoptError: If ``instance`` is no mixed-integer program or does not fit ``room``.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        instance: MIP | None = None,
        *,
        dynamics: MipDynamics = BRANCHING,
        observation: MipObservation = NODE_BIPARTITE,
        reward: Reward = FEWEST_NODES,
        information: Mapping[str, Reward] = NO_INFORMATION,
        generator: Callable[[int], MIP] = fifteen_items,
        room: Room | None = None,
        parameters: Parameters = ROOT_CUTS,
        render_mode: str | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._fixed, self._generator, self._parameters = instance, generator, parameters
        self._dynamics, self._observation = dynamics, observation
        self._reward, self._information = reward, information
        first = _program(generator(0) if instance is None else instance)
        self._room = Room.of(first) if room is None else room
        self._room.require(first)
        self._actions = dynamics.actions(self._room.variables)
        self.action_space = self._actions
        seen = {**observation.space(self._room).spaces, "action_mask": bits(int(self._actions.n))}
        self.observation_space = spaces.Dict(seen)
        self._search: Search | None = None
        self._path: list[tuple[float, float]] = []  # both bounds at each decision, for pictures
        self._over = False
        self._end: Callable[[], Any] = lambda: None

    @property
    def search(self) -> Search:
        """The solve that waits, for rules that need more than the observation. Read only."""
        return begun(self._search)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode; ``options={"instance": ...}`` says on what."""
        super().reset(seed=seed)
        given = reset_options(options, "instance")
        instance = instance_for(given, self._fixed, self._generator, self.np_random)
        self._room.require(_program(instance))
        search = Search(instance, self._parameters, draw_seed(self.np_random))
        self._end()
        self._search, self._end = search, weakref.finalize(self, search.close)
        self._path, self._over = [], True  # should the start fail
        dynamics, variables = self._dynamics, self._room.variables
        search.start(lambda waiting: dynamics.play(waiting, variables))
        self._over = False
        return self._look(search)

    def step(self, action: np.int64 | int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Decide, and let SCIP work up to its next decision or its end.

        Raises:
            CoptError: If the action is not legal, or the episode is over.
        """
        search = self.search
        demand_going_on(self._over)
        choice = self._actions.checked(action)
        if not search.over:
            search.advance(choice)
        self._over = search.over
        step = search.progress.step(done=self._over)
        seen, info = self._look(search)
        info |= {name: float(part(step)) for name, part in self._information.items()}
        if self._over:
            info |= _outcome(search)
        return seen, float(self._reward(step)), self._over and not search.truncated, search.truncated, info

    def render(self) -> Any:
        """Return the bounds so far as pixels or text, or None without a render mode."""
        if self.render_mode is None:
            return None
        return bounds_text(self.search) if self.render_mode == "ansi" else bounds_frame(self._path)

    def close(self) -> None:
        """End the solve."""
        self._end()
        self._over = True

    def _look(self, search: Search) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the observation and the mask, which the action space also keeps for sampling."""
        mask: Mask = np.zeros(int(self._actions.n), np.int8)
        if not self._over:
            mask[search.legal] = 1
        self._actions.mask = mask
        space = self._observation.space(self._room)
        seen = empty(space) if search.over else self._observation(search, self._room)
        self._path.append((search.progress.primal, search.progress.dual))
        return {**seen, "action_mask": mask}, {"action_mask": mask.copy()}


def _program(instance: Any) -> MIP:
    if not isinstance(instance, MIP):
        raise CoptError(f"instance must be a MIP, got {type(instance).__name__}; build one or read a file")
    return instance


def _outcome(search: Search) -> dict[str, Any]:
    best, sign = search.best(), search.instance.sign
    outcome = {"status": search.model.getStatus(), "bound": sign * search.progress.dual}
    if best is None:
        return outcome
    return {**outcome, "objective": objective(search.instance, best), "solution": best}
