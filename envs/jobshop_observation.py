"""What an agent sees of a partial schedule, as arrays of fixed size."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from copt.envs.actions import Mask, bits
from copt.envs.jobshop_state import NEVER, State
from copt.errors import CoptError

__all__ = ["JobFeatures", "Observation", "PaperTokens"]


class Observation(Protocol):
    """A view of the state. A value without state of its own.

    The arrays have room for ``slots`` jobs; an instance with fewer jobs leaves the last rows empty.
    """

    def space(self, slots: int) -> spaces.Dict:
        """Return the space of observations with room for ``slots`` jobs."""

    def __call__(self, state: State, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the observation of ``state``, in which the actions with a 1 in ``mask`` are legal."""


@dataclass(frozen=True)
class JobFeatures:
    """A few numbers for each job, in units of the instance's lower bound and relative to the clock.

    ``nodes`` has shape (slots, 5). Its columns: time until the next task can start; its duration; longest
    path behind it; largest work left on a resource that it may use; share of the job's tasks that are fixed.
    Before a task that waits for another job the first is 0. ``action_mask`` has shape (slots + 1,), the last
    for waiting.
    """

    def space(self, slots: int) -> spaces.Dict:
        """Return the space. No schedule built by appending is longer than slots + 1 lower bounds."""
        nodes = spaces.Box(0.0, slots + 1.0, (slots, 5), np.float32)
        return spaces.Dict({"nodes": nodes, "action_mask": bits(slots + 1)})

    def __call__(self, state: State, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the features of every job."""
        chains, now = state.chains, state.now
        rows = []
        for job in range(len(chains.jobs)):
            task = state.next_task(job)
            if task is None:
                rows.append((0, 0, 0, 0))
                continue
            start, end = state.next_start[job], state.next_end[job]
            wait, duration = (start - now, end - start) if start < NEVER else (0, chains.shortest[task])
            work = max((state.work[r] for r in chains.resources[task]), default=0)
            rows.append((wait, duration, chains.tail[task], work))
        slots = mask.size - 1
        nodes = np.zeros((slots, 5), np.float32)
        nodes[: len(rows), :4] = np.array(rows, np.float32) / chains.unit
        nodes[: len(rows), 4] = [p / len(tasks) for p, tasks in zip(state.position, chains.jobs, strict=True)]
        # An option that is released far later than its alternatives can push a time past the space.
        np.minimum(nodes, slots + 1, out=nodes)
        return {"nodes": nodes, "action_mask": mask.copy()}


@dataclass(frozen=True)
class PaperTokens:
    """The observation of Tassel, Gebser and Schekotihin (ICAPS 2023), by the names of their environment.

    Each job is a row of ``window`` tokens: a start token or its last fixed task, its next tasks, end tokens.

    - ``interval_rep`` (slots, window, 4): is fixed, start, duration, is the job's next task. Durations are
      standardised by the instance's mean and deviation; starts by those of all four features of the second
      tokens, as in the paper's code, and so without limits.
    - ``start_end_tokens`` (slots, window): 0 for a task, 1 for a start token, 2 for an end token.
    - ``index_interval`` (slots, window): place of the task in its job, for a positional encoding.
    - ``attention_interval_mask`` (slots, window): 1 for end tokens after the first.
    - ``job_resource_mask`` (slots + 1, slots + 1): for each legal job, the legal jobs that compete for a
      resource with it, and waiting if legal; for waiting, all legal actions; otherwise the identity.
    - ``action_mask`` (slots + 1,): the last for waiting.

    Args:
        window: Number of tokens of a job.
    """

    window: int = 5

    def __post_init__(self) -> None:
        if self.window < 2:
            raise CoptError(f"window must be at least 2 (the last task and the next), got {self.window}")

    def space(self, slots: int) -> spaces.Dict:
        """Return the space."""
        row = (slots, self.window)
        return spaces.Dict(
            {
                "interval_rep": spaces.Box(-np.inf, np.inf, (*row, 4), np.float32),
                "start_end_tokens": spaces.Box(0, 2, row, np.int8),
                "index_interval": spaces.Box(0, np.iinfo(np.int32).max, row, np.int32),
                "attention_interval_mask": bits(*row),
                "job_resource_mask": bits(slots + 1, slots + 1),
                "action_mask": bits(slots + 1),
            }
        )

    def __call__(self, state: State, mask: Mask) -> dict[str, NDArray[Any]]:
        """Return the tokens of every job."""
        slots = mask.size - 1
        tokens = np.zeros((slots, self.window, 4))
        kind = np.full((slots, self.window), 2, np.int8)
        kind[:, 0] = 1
        fewest = min(state.position)
        index = np.full((slots, self.window), fewest - 1, np.int32)
        hidden = np.zeros((slots, self.window), np.int8)
        hidden[:, 2:] = 1
        for job, position in enumerate(state.position):
            if position:
                last = state.chains.jobs[job][position - 1]
                tokens[job, 0] = 1, state.start[last], state.end[last] - state.start[last], 0
                kind[job, 0], index[job, 0] = 0, position - 1
            ahead = state.window(job, self.window - 1)
            for k, (start, duration) in enumerate(ahead, start=1):
                tokens[job, k] = 0, start, duration, k == 1
            kind[job, 1 : len(ahead) + 1] = 0
            index[job, 1 : len(ahead) + 1] = range(position, position + len(ahead))
            hidden[job, : len(ahead) + 2] = 0
        return {
            "interval_rep": self._standardised(state, tokens),
            "start_end_tokens": kind,
            "index_interval": index - min(0, int(index.min())),
            "attention_interval_mask": hidden,
            "job_resource_mask": _competitors(state, mask),
            "action_mask": mask.copy(),
        }

    def _standardised(self, state: State, tokens: NDArray[np.float64]) -> NDArray[np.float32]:
        second = tokens[: len(state.position), 1]
        mean, deviation = state.chains.duration_moments
        shift = np.array([0.0, second.mean(), mean, 0.0])
        scale = np.array([1.0, second.std() or 1.0, deviation or 1.0, 1.0])
        standardised: NDArray[np.float32] = ((tokens - shift) / scale).astype(np.float32)
        return standardised


def _competitors(state: State, mask: Mask) -> Mask:
    """Return for each legal job the legal jobs that compete for one of its resources."""
    on_resource: dict[int, list[int]] = {}
    legal = np.flatnonzero(mask[:-1]).tolist()
    needs = {}
    for job in legal:
        mode = state.next_mode[job]
        needs[job] = mode.resources if mode else ()
        for r in needs[job]:
            on_resource.setdefault(r, []).append(job)
    result = np.eye(mask.size, dtype=np.int8)
    for job in legal:
        for r in needs[job]:
            result[job, on_resource[r]] = 1
        result[job, -1] = mask[-1]
    result[-1] = mask
    return result
