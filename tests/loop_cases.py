"""Controllers whose actions are known beforehand, and rows of episodes made by hand."""

from typing import Any

import numpy as np

from copt.bench.answer import Answer
from copt.bench.entries import Entry, Suite
from copt.bench.episodes import Drive, Episode
from copt.bench.loop_records import EpisodeRow
from copt.bench.peers import Peer
from copt.problems.base import FloatArray


def cartpole_episode(number: int = 0) -> Episode:
    return Episode("CartPoleWalls", 5, number, f"cartpole-walls-{number}")


def drive(actions: FloatArray) -> Answer:
    """The answer of a controller that took these actions, each in a quarter of a second, after plans that hold."""
    steps = len(actions)
    return Answer(Drive(actions, np.full(steps, 0.25), np.zeros(steps)))


def let_go(instance: Episode, *, seconds: float, workers: int, seed: int) -> Answer:
    """Do nothing until the pole is down."""
    env, steps, over = instance.begin(), 0, False
    while not over:
        _, _, terminated, truncated, _ = env.step(np.zeros(1))
        steps, over = steps + 1, terminated or truncated
    return drive(np.zeros((steps, 1)))


def stop_early(instance: Episode, *, seconds: float, workers: int, seed: int) -> Answer:
    return drive(np.zeros((1, 1)))


FAKES = {
    peer.name: peer
    for peer in (Peer("copt", let_go, "lets go"), Peer("lazy", let_go, "likewise"), Peer("early", stop_early, "stops"))
}

SUITE = Suite(
    "two-poles",
    "control-loop",
    "two poles that fall",
    lambda _folder: [Entry(f"cartpole-walls-{k}", lambda k=k: cartpole_episode(k), calls=100) for k in range(2)],  # type: ignore[misc]
    ("lazy",),
)


def make_row(solver: str = "copt", episode: int = 0, final_cost: float | None = 1.0, **fields: Any) -> EpisodeRow:
    """Return a row of an imaginary episode of the task ``push``."""
    values: dict[str, Any] = {
        "suite": "control-loop",
        "instance": f"push-{episode}",
        "task": "push",
        "dimensions": "10x2x5",
        "solver": solver,
        "seed": 1,
        "seconds_limit": 0.1,
        "workers": 1,
        "seconds": 6.5,
        "process_seconds": 8.0,
        "steps": 4,
        "success": True,
        "cost": None if final_cost is None else 10.0 * final_cost,
        "final_cost": final_cost,
        "violations": 0,
        "deepest": 0.0,
        "broken_plans": 0,
        "error": "" if final_cost is not None else "killed",
        "versions": "copt 0.1.0",
        "machine": "abacus, 2 cores",
        "date": "2026-11-24",
        "step_seconds": () if final_cost is None else (0.1, 0.1, 0.1, 0.2),
    }
    return EpisodeRow(**values | fields)
