"""Control problems with everything that files can hold."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from copt.problems.control import ControlProblem, KeepOut
from copt.problems.control_cost import NORMS, Cost
from copt.problems.relu import ReluNet


def random_problem(seed: int, *, states: int = 2, actions: int = 1, layers: int = 2, **changes: Any) -> ControlProblem:
    """A problem with some of everything: kinds of units, missing limits, regions, costs of any shape."""
    rng = np.random.default_rng(seed)
    sizes = [states + actions, *rng.integers(1, 4, layers - 1), states]
    seen = np.cumsum(sizes)
    fields: dict[str, Any] = {
        "dynamics": ReluNet(
            states + actions,
            tuple(rng.normal(size=(after, before)) for after, before in zip(sizes[1:], seen, strict=False)),
            tuple(rng.normal(size=after) for after in sizes[1:]),
            tuple(rng.integers(0, 3, after) for after in sizes[1:-1]),
        ),
        "start": rng.normal(size=states),
        "horizon": int(rng.integers(1, 5)),
        "cost": Cost(
            goal=rng.normal(size=states),
            state=rng.normal(size=(int(rng.integers(1, 4)), states)),
            action=None if rng.random() < 0.5 else rng.random(actions),
            terminal=None if rng.random() < 0.5 else rng.normal(size=(1, states)),
            norm=NORMS[rng.integers(3)],
        ),
        "u_lower": -rng.random(actions),
        "u_upper": rng.random(actions),
        "x_lower": np.where(rng.random(states) < 0.5, -np.inf, -rng.random(states)),
        "x_upper": np.where(rng.random(states) < 0.5, np.inf, rng.random(states)),
        "keep_out": tuple(KeepOut(rng.normal(size=(k + 1, states)), rng.normal(size=k + 1)) for k in range(seed % 3)),
        "name": f"random-{seed}",
    }
    return ControlProblem(**(fields | changes))


def any_problems() -> st.SearchStrategy[ControlProblem]:
    """Problems of up to three states and actions, and up to three layers."""
    sizes = st.integers(1, 3)
    return st.builds(random_problem, st.integers(0, 10**6), states=sizes, actions=sizes, layers=sizes)
