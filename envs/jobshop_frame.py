"""Pictures of a partial schedule: a Gantt frame as pixels, and as text."""

import string

import numpy as np

from copt.envs.jobshop_chains import Mode
from copt.envs.jobshop_state import State
from copt.envs.pixels import HEIGHT, INK, WIDTH, Frame, blank, colour

__all__ = ["gantt_frame", "gantt_text"]

COLUMNS = 80
SYMBOLS = string.digits + string.ascii_letters


def gantt_frame(state: State) -> Frame:
    """Draw one row a resource, one colour a job, and the clock as a dark line; shape (height, width, 3)."""
    frame = blank()
    span = _span(state)
    edges = np.linspace(0, HEIGHT, max(1, len(state.free)) + 1).astype(int)
    for job, mode in _fixed(state):
        left = state.start[mode.interval] * (WIDTH - 1) // span
        right = max(left + 1, state.end[mode.interval] * (WIDTH - 1) // span)
        for r in mode.resources:
            top, bottom = edges[r], edges[r + 1]
            margin = (bottom - top) // 8
            box = frame[top + margin : max(top + margin + 1, bottom - margin), left:right]
            box[:] = colour(job)
            box[:, :1] //= 2  # a dark edge tells two tasks of one job apart
    frame[:, min(WIDTH - 1, state.now * (WIDTH - 1) // span)] = INK
    return frame


def gantt_text(state: State) -> str:
    """Draw one line a resource, one character a job, and the clock below."""
    span = _span(state)
    rows = [[" "] * COLUMNS for _ in state.free]
    for job, mode in _fixed(state):
        left = state.start[mode.interval] * (COLUMNS - 1) // span
        right = max(left + 1, state.end[mode.interval] * (COLUMNS - 1) // span)
        for r in mode.resources:
            rows[r][left:right] = SYMBOLS[job % len(SYMBOLS)] * (right - left)
    digits = len(str(len(rows)))
    lines = [f"{r:>{digits}} |{''.join(row)}|" for r, row in enumerate(rows)]
    clock = " " * (state.now * (COLUMNS - 1) // span)
    return "\n".join([*lines, f"{'':>{digits}}  {clock}^ {state.now}"])


def _span(state: State) -> int:
    """Return the time that the picture covers."""
    return max(1, state.makespan, state.now, state.chains.unit)


def _fixed(state: State) -> list[tuple[int, Mode]]:
    """Return the fixed tasks that occupy a resource, with their jobs."""
    return [
        (job, mode)
        for job, tasks in enumerate(state.chains.jobs)
        for task in tasks[: state.position[job]]
        for mode in state.chains.modes[task]
        if state.start[mode.interval] >= 0 and mode.resources
    ]
