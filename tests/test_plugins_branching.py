"""A learned rule in somebody's own model: it changes the tree, never the answer."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from mip_cases import solve_with_scip

from copt.errors import CoptError
from copt.instances.mip_features import ROW_FEATURES, VARIABLE_FEATURES, row_features, variable_features
from copt.instances.mip_generators import assignment, auction, knapsacks
from copt.instances.mip_relaxation import unsolved
from copt.instances.mip_scip import to_scip
from copt.plugins.branching import Use, attach_branching
from copt.plugins.branching_policy import STATE_FEATURES, embed, score
from copt.policy import load_policy
from copt.problems.mip import MIP, toy

PROGRAMS = [
    knapsacks(items=15, constraints=5, seed=0),
    assignment(agents=4, jobs=12, difficulty="D", seed=1),
    auction(items=20, bids=80, seed=0),
    toy(),
]
PLAIN = {"separating/maxrounds": 0, "separating/maxroundsroot": 0, "presolving/maxrounds": 0}


@dataclasses.dataclass
class Made:
    """A policy with random weights."""

    name: str = "made"
    family: str = "mip"
    weights: dict[str, Any] = dataclasses.field(default_factory=dict)
    card: dict[str, Any] = dataclasses.field(default_factory=dict)


def made(seed: int = 0, hidden: int = 8, width: int = 4) -> Made:
    rng = np.random.default_rng(seed)
    variable, row, state = len(VARIABLE_FEATURES), len(ROW_FEATURES), len(STATE_FEATURES)
    shapes = {
        **{"variable.weight": (hidden, variable), "variable.bias": (hidden,), "row.weight": (hidden, row)},
        **{"row.bias": (hidden,), "to_row.weight": (hidden, hidden), "to_variable.weight": (width, hidden)},
        **{"stay.weight": (width, hidden), "stay.bias": (width,), "first.weight": (hidden, width)},
        **{"first.bias": (hidden,), "state.weight": (hidden, state), "second.weight": (hidden, hidden)},
        **{"second.bias": (hidden,), "last.weight": (1, hidden)},
    }
    weights = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    for name, size in (("variable", variable), ("row", row), ("state", state)):
        weights[f"{name}_mean"] = np.zeros(size, np.float32)
        weights[f"{name}_deviation"] = np.ones(size, np.float32)
    return Made(weights=weights)


def solve(program: MIP, use: Use | None, policy: Any = None, parameters: Any = PLAIN) -> tuple[Any, Any]:
    model, _ = to_scip(program)
    for name, value in parameters.items():
        model.setParam(name, value)
    rule = None if use is None else attach_branching(model, policy or made(), use=use)
    model.optimizeNogil()
    return model, rule


@pytest.mark.parametrize("use", ["nodes", "pseudocosts", "priorities"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
@pytest.mark.parametrize("parameters", [{}, PLAIN], ids=["default", "plain"])
def test_the_optimum_is_scip_s(program: MIP, use: Use, parameters: Any) -> None:
    model, rule = solve(program, use, parameters=parameters)
    assert rule.notes == []
    assert model.getStatus() == "optimal"
    assert model.getObjVal() == pytest.approx(solve_with_scip(program), rel=1e-6)


def test_decisions_are_taken_as_often_as_the_use_says() -> None:
    model, rule = solve(PROGRAMS[0], "nodes")
    assert 1 < rule.decisions < model.getNTotalNodes()
    for use in ("pseudocosts", "priorities"):
        assert solve(PROGRAMS[0], use)[1].decisions == 1


def test_other_weights_make_another_tree() -> None:
    nodes = {solve(PROGRAMS[1], "nodes", made(seed))[0].getNTotalNodes() for seed in range(4)}
    assert len(nodes) > 1
    assert len({solve(PROGRAMS[1], "nodes", made(1))[0].getNTotalNodes() for _ in range(2)}) == 1


def test_after_an_error_scip_branches_by_itself() -> None:
    broken = made()
    broken.weights["row.bias"] = np.zeros(3, np.float32)
    model, rule = solve(PROGRAMS[0], "nodes", broken)
    assert len(rule.notes) == 1 and "ValueError" in rule.notes[0]
    assert model.getObjVal() == pytest.approx(solve_with_scip(PROGRAMS[0]))
    assert rule.decisions == 0


def test_the_network_by_hand() -> None:
    """One message from variables to rows and back, written down with dense matrices."""
    w, lp = made(3).weights, unsolved(toy())
    matrix = np.array([[5, 3, 1], [0, 1, 2]]) / np.sqrt([[35], [5]])

    def relu(values: Any) -> Any:
        return np.maximum(values, 0.0)

    variables = relu(variable_features(lp) @ w["variable.weight"].T + w["variable.bias"])
    rows = relu(row_features(lp) @ w["row.weight"].T + w["row.bias"] + matrix @ variables @ w["to_row.weight"].T)
    expected = relu(variables @ w["stay.weight"].T + w["stay.bias"] + matrix.T @ rows @ w["to_variable.weight"].T)
    np.testing.assert_allclose(embed(lp, w), expected, rtol=1e-4, atol=1e-5)
    states = np.arange(30.0).reshape(3, 10) / 30
    hidden = relu(expected @ w["first.weight"].T + w["first.bias"] + states @ w["state.weight"].T)
    scores = relu(hidden @ w["second.weight"].T + w["second.bias"]) @ w["last.weight"][0]
    np.testing.assert_allclose(score(embed(lp, w), states, w), scores, rtol=1e-4, atol=1e-5)


def test_the_stored_policy_branches_better_than_chance() -> None:
    policy, chance = load_policy("mip-branching-v1"), {**PLAIN, "branching/random/priority": 10_000_000}
    for seed in (0, 2, 3):
        program = auction(items=40, bids=200, seed=seed)  # half as large as those learned from
        nodes = solve(program, "nodes", policy)[0].getNTotalNodes()
        assert nodes < 0.7 * solve(program, None, parameters=chance)[0].getNTotalNodes()


def test_misuse_is_refused() -> None:
    model, _ = to_scip(toy())
    with pytest.raises(CoptError, match="policy 'made' does not branch; train one with `copt train mip-branching`"):
        attach_branching(model, Made())
    with pytest.raises(CoptError, match="use must be one of nodes, pseudocosts, priorities, got 'leaves'"):
        attach_branching(model, made(), use="leaves")  # type: ignore[arg-type]
