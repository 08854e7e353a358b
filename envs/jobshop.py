"""Shop scheduling, and any other encoding of intervals, as a Gymnasium environment."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from copt.envs.actions import LegalActions, Mask
from copt.envs.episode import begun, check_render_mode, demand_going_on, instance_for, reset_options
from copt.envs.jobshop_chains import cut
from copt.envs.jobshop_dynamics import Dispatching, Dynamics
from copt.envs.jobshop_frame import gantt_frame, gantt_text
from copt.envs.jobshop_observation import JobFeatures, Observation
from copt.envs.jobshop_state import State
from copt.envs.reward import SHORTNESS, Reward, Step
from copt.errors import CoptError
from copt.instances.jobshop_generators import uniform_shop
from copt.problems.encoding import Encoding, encode, objective, schedule_of
from copt.problems.jobshop import JobShop

__all__ = ["JobShopEnv"]

Instance = JobShop | Encoding

DISPATCHING = Dispatching()
JOB_FEATURES = JobFeatures()


def six_by_six(seed: int) -> JobShop:
    """Return a random job shop of six jobs and six machines."""
    return uniform_shop(jobs=6, machines=6, seed=seed)


class JobShopEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """Builds a schedule one task at a time: dynamics x observation x reward over the generic CP encoding.

    Action ``j`` fixes the next task of job ``j``; the last action waits. ``info["action_mask"]`` says which
    are legal; any other raises ``CoptError``. A job is a chain of the encoding's precedence graph, see
    ``copt.envs.jobshop_chains``. At the end ``info`` also holds ``makespan``, ``objective`` and ``solution``:
    a ``Schedule`` for a shop, ``Intervals`` for an encoding.

    ``reset(options={"instance": ...})`` plays one episode on another instance.

    Args:
        instance: A shop or an encoding to be played in every episode, or None to draw one from ``generator``.
        dynamics: Which tasks may be fixed next, and when they start.
        observation: What the agent sees.
        reward: What it is paid; by default the rewards of an episode add up to minus the objective, in units
            of the instance's lower bound.

    Other Args:
        generator: Returns the instance of a seed; by default random job shops of six jobs and six machines.
        num_jobs: Number of jobs that actions and observations have room for; by default that of ``instance``,
            or of the generator's instance of seed 0.
        render_mode: ``rgb_array`` or ``ansi``: a Gantt chart of the tasks fixed so far.

    Raises:
        CoptError: If ``instance`` is neither a shop nor an encoding, or has more than ``num_jobs`` jobs.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "ansi"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        instance: Instance | None = None,
        *,
        dynamics: Dynamics = DISPATCHING,
        observation: Observation = JOB_FEATURES,
        reward: Reward = SHORTNESS,
        generator: Callable[[int], Instance] = six_by_six,
        num_jobs: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self._fixed = instance
        self._generator = generator
        self._dynamics, self._observation, self._reward = dynamics, observation, reward
        self._state: State | None = None
        self._load(generator(0) if instance is None else instance, num_jobs)
        self._slots = len(self._chains.jobs) if num_jobs is None else num_jobs
        self._actions = LegalActions(self._slots + 1, spared=self._slots)
        self.action_space = self._actions
        self.observation_space = observation.space(self._slots)

    @property
    def state(self) -> State:
        """The partial schedule, for rules and searches that need more than the observation. Read only."""
        return begun(self._state)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode; ``options={"instance": ...}`` says on what."""
        super().reset(seed=seed)
        given = reset_options(options, "instance")
        instance = instance_for(given, self._fixed, self._generator, self.np_random)
        if instance is not self._instance:
            self._load(instance, self._slots)
        self._state = State(self._chains)
        self._bound = 0
        mask = self._legal(self._state)
        return self._observation(self._state, mask), {"action_mask": mask.copy()}

    def step(self, action: np.int64 | int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Fix the next task of job ``action``, or wait.

        Raises:
            CoptError: If the action is not legal, or the episode is over.
        """
        state = self.state
        demand_going_on(not state.remaining)
        choice = self._actions.checked(action)
        if choice == self._slots:
            self._dynamics.wait(state)
        else:
            self._dynamics.take(state, choice)
        mask, done = self._legal(state), not state.remaining
        pay = self._reward(Step(self._bound, state.bound, self._chains.unit, done))
        self._bound = state.bound
        info: dict[str, Any] = {"action_mask": mask.copy()}
        if done:
            info |= self._outcome(state)
        return self._observation(state, mask), float(pay), done, False, info

    def render(self) -> Any:
        """Return the Gantt chart so far as pixels or text, or None without a render mode."""
        if self.render_mode is None:
            return None
        return gantt_frame(self.state) if self.render_mode == "rgb_array" else gantt_text(self.state)

    def _load(self, instance: Instance, room: int | None) -> None:
        if not isinstance(instance, JobShop | Encoding):
            raise CoptError(f"instance must be a JobShop or an Encoding, got {type(instance).__name__}")
        chains = cut(encode(instance) if isinstance(instance, JobShop) else instance)
        jobs = len(chains.jobs)
        if room is not None and jobs > room:
            raise CoptError(f"{instance.name} has {jobs} jobs, there is room for {room}; pass num_jobs={jobs}")
        self._instance, self._chains = instance, chains

    def _legal(self, state: State) -> Mask:
        """Return the mask of legal actions, which the action space also keeps for sampling."""
        jobs, waiting = self._dynamics.legal(state)
        mask = np.zeros(self._slots + 1, np.int8)
        mask[jobs] = 1
        mask[-1] = waiting
        self._actions.mask = mask
        return mask

    def _outcome(self, state: State) -> dict[str, Any]:
        intervals = state.solution()
        shop = self._instance if isinstance(self._instance, JobShop) else None
        return {
            "makespan": state.makespan,
            "objective": objective(self._chains.encoding, intervals),
            "solution": intervals if shop is None else schedule_of(shop, intervals),
        }
