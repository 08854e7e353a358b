"""Pictures of states that a plan leads through, as the environment of its task draws them."""

import re

from copt.envs.control_pushing import PushT, obstacles_of
from copt.envs.control_task import ControlTask, Scene
from copt.envs.pixels import Frame
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem

__all__ = ["pictures"]


def pictures(problem: ControlProblem, states: FloatArray) -> list[Frame]:
    """Return states as their task draws them; nothing if there is no task of the problem's name.

    Args:
        problem: A problem that is named like a task, perhaps with numbers behind it: ``cartpole-walls-20-1``.
        states: Shape (pictures, states).
    """
    from copt.envs import CONTROL

    word, sizes = re.sub(r"-\d.*", "", problem.name), (problem.num_states, problem.num_actions)
    task = next((t for t in CONTROL.values() if (t.name, (t.limits.size, t.reach.size)) == (word, sizes)), None)
    if task is None:
        return []
    obstacles = obstacles_of(problem.keep_out) if isinstance(task, PushT) else ()
    scene = Scene(problem.start, problem.cost, problem.keep_out, obstacles)
    return [_picture(task, state, scene) for state in states]


def _picture(task: ControlTask, state: FloatArray, scene: Scene) -> Frame:
    canvas = task.canvas()
    task.draw(canvas, state, scene)
    return canvas.frame()
