"""Pictures of a robust knapsack that is being filled: bars as pixels, and a table as text."""

import numpy as np

from copt.envs.pixels import HEIGHT, INK, WIDTH, Frame, blank, colour
from copt.envs.robust_state import ChosenItems

__all__ = ["items_frame", "items_text"]

PALE = np.array([217, 223, 228], np.uint8)


def items_frame(state: ChosenItems) -> Frame:
    """Draw one bar an item, as high as its profit; shape (height, width, 3).

    Chosen items have a colour. The dark top of a bar is what the worst scenario takes; the line at its left side is as
    high as the share of the plans that produce the item.
    """
    frame, problem, solution = blank(), state.instance, state.evaluation.solution
    assert solution.weights is not None
    made = (solution.weights @ solution.plans)[: problem.num_items]
    top = max(1e-9, float(problem.profits.max()))
    edges = np.linspace(0, WIDTH, problem.num_items + 1).astype(int)
    for i, profit in enumerate(problem.profits):
        left, right = edges[i], max(edges[i] + 1, edges[i + 1] - 1)
        height = round((HEIGHT - 1) * float(profit) / top)
        lost = min(height, round((HEIGHT - 1) * float(problem.degradations[i] * solution.worst[i]) / top))
        frame[HEIGHT - height :, left:right] = colour(i) if state.x[i] else PALE
        frame[HEIGHT - height : HEIGHT - height + lost, left:right] //= 2
        frame[HEIGHT - round(height * float(made[i])) :, left : left + 2] = INK
    return frame


def items_text(state: ChosenItems) -> str:
    """Write one line a chosen item, and the certain profit below."""
    problem, solution = state.instance, state.evaluation.solution
    assert solution.weights is not None
    made, repaired = np.reshape(solution.weights @ solution.plans, (2, problem.num_items))
    lines = [
        f"item {i}: profit {problem.profits[i]:g}, loses {problem.degradations[i] * solution.worst[i]:g}, "
        f"produced {made[i]:.0%}, repaired {repaired[i]:.0%}"
        for i in np.flatnonzero(state.x)
    ]
    return "\n".join([*lines, f"profit in the worst case {0.0 - state.cost:.10g}"])
