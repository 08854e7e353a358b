"""Models, paths and names go straight into ``copt.solve``, and what they hold stays as it is."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Invoke
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model
from plugin_cases import CASES, knapsack

import copt
from copt import Status, StopReason
from copt.errors import CoptError, FormatError, InvalidInstanceError, InvalidSolutionError
from copt.instances.mip_mps import mps_text
from copt.problems.mip import Point, toy

LP = """\\ the toy
Maximize
 obj: 10 b + 4 k + c
Subject To
 c1: 5 b + 3 k + c <= 12
 c2: k + 2 c <= 4
Bounds
 k <= 3
General
 k
Binary
 b
End
"""


def test_solve_takes_the_path_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "small.mps.gz"
    path.write_bytes(gzip.compress(mps_text(toy()).encode()))
    for place in (path, str(path)):
        result = copt.solve(place)
        assert (result.instance, result.status, result.objective) == ("small", Status.OPTIMAL, 19)


def test_solve_takes_names_and_files_of_other_families(tmp_path: Path) -> None:
    assert copt.solve("toy-mip").objective == 19
    path = tmp_path / "shop.txt"
    copt.write(copt.read("toy"), path)
    for shop in (path, "toy"):
        result = copt.solve(shop, seconds=0)
        assert (result.family, result.stopped_by) == ("jobshop", StopReason.TIME)


def test_solve_takes_a_scip_model_and_leaves_it_alone(tmp_path: Path) -> None:
    model = knapsack()
    model.writeProblem(str(tmp_path / "before.cip"), verbose=False)
    result = copt.solve(model)
    model.writeProblem(str(tmp_path / "after.cip"), verbose=False)
    assert (result.instance, result.objective, result.status) == ("case", 876, Status.OPTIMAL)
    assert (tmp_path / "before.cip").read_text() == (tmp_path / "after.cip").read_text()
    assert (model.getStage(), model.getNSols()) == (1, 0)
    taken = result.solution.by_name(copt.read(model))
    assert list(taken) == [f"take{j}" for j in range(20)]
    model.optimize()
    assert model.getObjVal() == 876
    assert copt.solve(model).objective == 876  # solved as it is


def test_solve_takes_scip_models_with_more_than_rows() -> None:
    model = CASES["nonlinear"]()
    result = copt.solve(model)
    model.optimize()
    assert result.objective == pytest.approx(model.getObjVal(), abs=1e-6)


def test_solve_takes_a_mathopt_model() -> None:
    model = mathopt.Model(name="small")
    b, k, c = model.add_binary_variable(name="b"), model.add_integer_variable(lb=0, ub=3), model.add_variable(lb=0)
    model.add_linear_constraint(5 * b + 3 * k + c <= 12)
    model.add_linear_constraint(k + 2 * c <= 4)
    model.maximize(10 * b + 4 * k + c)
    result = copt.solve(model)
    assert (result.instance, result.objective, result.bound) == ("small", 19, 19)
    assert result.solution.values.tolist() == [1, 2, 1]
    model.minimize(b * b)
    with pytest.raises(InvalidInstanceError, match="linear parts only; this one has quadratic objective"):
        copt.solve(model)


@pytest.mark.parametrize("thing", [3, None, cp_model.CpModel(), object()])
def test_anything_else_is_refused_in_one_line(thing: Any) -> None:
    with pytest.raises(CoptError, match=r"^copt takes an instance, the path of a file, a name, .*, got [\w.]+$"):
        copt.solve(thing)


def test_a_file_that_is_not_there_and_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        copt.solve(tmp_path / "none.mps")
    (tmp_path / "half.mps").write_text(mps_text(toy())[:90])
    with pytest.raises(FormatError, match=r"half.mps"):
        copt.solve(tmp_path / "half.mps")


def test_values_by_name() -> None:
    assert Point(np.array([1.0, 2.0, 1.0])).by_name(toy()) == {"b": 1, "k": 2, "c": 1}
    with pytest.raises(InvalidSolutionError, match="toy-mip has 3 variables, the point 2"):
        Point(np.zeros(2)).by_name(toy())
    twice = copt.MIP(**(vars(toy()) | {"names": ("b", "k", "b")}))
    with pytest.raises(InvalidSolutionError, match=r"share a name; use the order of point\.values"):
        Point(np.zeros(3)).by_name(twice)


def test_the_command_solves_checks_and_generates(invoke: Invoke) -> None:
    Path("model.lp").write_text(LP)
    code, out, _ = invoke("solve", "model.lp", "--seconds", "60", "--out", "x.sol")
    assert code == 0
    assert out.splitlines()[-1].startswith("model: 19 (optimal, bound 19, gap 0.00 %), stopped by proved")
    assert Path("x.sol").read_text() == "objective value: 19.0\nb 1\nk 2\nc 1\n"
    assert invoke("check", "model.lp", "x.sol") == (0, "model: feasible, objective 19\n", "")
    Path("x.sol").write_text("b 1\nk 3\n")
    code, out, _ = invoke("check", "model.lp", "x.sol")
    assert (code, out) == (4, "model: violated row: row 0 = 14 is not within -inf to 12\n")
    assert invoke("generate", "mip", "--kind", "knapsacks", "--items", "5", "--out", "k.mps")[0] == 0
    assert copt.read("k.mps").num_variables == 5


def test_the_command_refuses_a_picture_before_it_works(invoke: Invoke) -> None:
    Path("model.lp").write_text(LP)
    code, out, err = invoke("solve", "model.lp", "--plot", "x.png")
    assert (code, out) == (2, "")
    assert err.startswith("copt: there is no picture for family mip, only for jobshop")
