"""Control problems through the command line: every verb, and what a user may get wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Invoke
from safetensors.numpy import save_file

import copt
from copt.instances.control_generators import piecewise_affine
from copt.problems.base import same

DRIFT: dict[str, Any] = {  # a point that moves by its action
    "format": "control",
    "version": 1,
    "horizon": 2,
    "dynamics": {"inputs": 2, "layers": [{"weights": [[1, 1]], "biases": [0]}]},
    "start": [0],
    "cost": {"goal": [2], "state": [1]},
    "u_lower": [-1],
    "u_upper": [1],
}


def stored(**changes: Any) -> str:
    """Store a changed problem in the folder of the test; return its path."""
    Path("drift.json").write_text(json.dumps({**DRIFT, **changes}))
    return "drift.json"


def test_a_problem_is_solved_and_its_plan_checked(invoke: Invoke) -> None:
    file = stored()
    code, out, _ = invoke("solve", file, "--json", "--seconds", "60", "--out", "drift.sol")
    result = json.loads(out)
    assert (code, result["family"], result["status"], result["objective"]) == (0, "control", "optimal", 1.0)
    assert invoke("check", file, "drift.sol") == (0, "drift: feasible, objective 1\n", "")
    Path("drift.sol").write_text("u0\n1\n1.5\n")
    code, out, _ = invoke("check", file, "drift.sol")
    assert (code, out) == (4, "drift: violated action-limit: action 0 of step 1 is 1.5, above 1\n")


@pytest.mark.parametrize(("name", "cost"), [("cartpole-walls", 13.9601120), ("slalom", 24.58)])
def test_shipped_examples_are_solved(invoke: Invoke, name: str, cost: float) -> None:
    code, out, _ = invoke("solve", name, "--json", "--seconds", "120", "--policy", "none")
    result = json.loads(out)
    assert (code, result["status"]) == (0, "optimal")
    assert result["objective"] == pytest.approx(cost, rel=1e-6)  # feasibility tolerances of SCIP


def test_limits_that_no_plan_keeps_are_infeasible(invoke: Invoke) -> None:
    code, out, _ = invoke("solve", stored(x_lower=[1.5]), "--json", "--seconds", "60")
    assert (code, json.loads(out)["status"]) == (3, "infeasible")


def test_generated_problems_are_written_to_a_file_or_to_stdout(invoke: Invoke) -> None:
    options = ("generate", "control", "--kind", "piecewise-affine", "--units", "3", "--seed", "5")
    expected = piecewise_affine(units=3, seed=5)
    assert invoke(*options, "--out", "a.json") == (0, "", "")
    assert same(copt.read("a.json"), expected)
    _, out, _ = invoke(*options)
    assert out == Path("a.json").read_text()
    assert invoke(*options, "--out", "b.json", "--format", "control-safetensors") == (0, "", "")
    assert json.loads(Path("b.json").read_text())["dynamics"] == f"{expected.name}.safetensors"
    assert same(copt.read("b.json"), expected)
    code, _, err = invoke(*options, "--format", "control-safetensors")
    assert (code, "puts weights beside the file; give its place with --out" in err) == (2, True)


def test_packed_files(invoke: Invoke) -> None:
    options = ("generate", "control", "--kind", "cartpole-walls", "--norm", "linf", "--out", "a.json.gz")
    assert invoke(*options) == (0, "", "")
    assert copt.read("a.json.gz").cost.norm == "linf"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": -1}, "drift.json: horizon must be a whole number from 1 to 1000000, got '-1'"),
        ({"u_upper": [None]}, "drift.json: u_upper[0] must be a number, got 'null'"),
        ({"x_lower": [3], "x_upper": [1]}, "drift.json: x_lower[0] = 3 is above x_upper[0] = 1"),
        ({"dynamics": "gone.safetensors"}, "drift.json: dynamics: gone.safetensors: no such file"),
        (
            {"dynamics": "nan.safetensors"},
            "drift.json: dynamics: nan.safetensors: weights[0] holds nan; weights must be",
        ),
        ({"dynamics": "drift.json"}, "drift.json: dynamics: drift.json: expected intact safetensors, reading failed"),
    ],
)
def test_what_is_wrong_costs_one_line(invoke: Invoke, changes: dict[str, Any], message: str) -> None:
    save_file({"weights.0": np.array([[1.0, np.nan]]), "biases.0": np.zeros(1)}, "nan.safetensors")
    code, out, err = invoke("solve", stored(**changes))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"copt: {message}")
