"""The suite of control in closed loop: episodes of several tasks."""

import functools
from pathlib import Path

from copt.bench.entries import Entry, Suite
from copt.bench.episodes import Episode

__all__ = ["SUITES"]

HELD_OUT = 10_000  # seeds from here on are the benchmark's; what is tuned takes smaller ones
EPISODES = 30  # of each task

# Task -> its word in copt.envs.CONTROL, steps to look ahead.
_TASKS = {
    "cartpole-walls": ("CartPoleWalls", 20),
    "free-flyer": ("FreeFlyer", 25),
    "pusht": ("PushT", 10),
    "pusht-around": ("PushTAround", 10),
    "pusht-obstacles": ("PushTObstacles", 10),
}


def _episodes(_folder: Path | None) -> list[Entry]:
    from copt.envs import CONTROL

    entries = []
    for k in range(EPISODES):
        for task, (word, horizon) in _TASKS.items():
            name = f"{task}-{k}"
            load = functools.partial(Episode, word, horizon, HELD_OUT + k, name)
            entries.append(Entry(name, load, calls=CONTROL[word].steps))
    return entries


SUITES = (
    Suite(
        "control-loop",
        "control-loop",
        "control in closed loop; the time limit is for each step",
        _episodes,
        ("copt-dense", "mppi", "mppi-dense", "icem", "icem-dense", "descent", "descent-dense"),
    ),
)
