"""Files and solutions of control problems."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from control_file_cases import any_problems, random_problem
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from copt.errors import CoptError, FormatError, UnknownNameError
from copt.instances import control_weights
from copt.instances.control import FORMATS, format_solution, named, names, parse_solution
from copt.instances.control_cartpole import cartpole_walls
from copt.instances.text import load
from copt.problems.base import same
from copt.problems.control import ControlProblem, Plan, toy
from copt.problems.control_cost import Cost
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet

INLINE, WITH_WEIGHTS = FORMATS

HAND: dict[str, Any] = {
    "format": "control",
    "version": 1,
    "horizon": 4,
    "dynamics": {
        "inputs": 2,
        "layers": [{"weights": [[1, 2], [3, 4]], "biases": [5, 6]}, {"weights": [[7, 8]], "biases": [9]}],
    },
    "start": [0.5],
    "cost": {"goal": [1], "state": [2]},
    "u_lower": [-1],
    "u_upper": [1],
}
RESIDUAL = {
    "skip": np.array([[1.0, 0.5]]),
    "shift": np.array([0.25]),
    "lift": np.array([[2.0, 3.0]]),
    "weights": np.array([[1.0, 0.0], [0.0, 1.0]]),
    "biases": np.array([0.0, -1.0]),
}


def changed(**fields: Any) -> dict[str, Any]:
    return {**HAND, **fields}


def without(field: str) -> dict[str, Any]:
    return {key: value for key, value in HAND.items() if key != field}


def read(folder: Path, document: Any, name: str = "a.json") -> ControlProblem:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    text = load(path)
    assert INLINE.recognise(text)
    problem: ControlProblem = INLINE.read(text)
    return problem


def test_a_file_by_hand(tmp_path: Path) -> None:
    expected = ControlProblem(
        dynamics=ReluNet.mlp([[[1, 2], [3, 4]], [[7, 8]]], [[5, 6], [9]]),
        start=np.array([0.5]),
        horizon=4,
        cost=Cost(goal=np.array([1.0]), state=np.array([[2.0]])),
        u_lower=np.array([-1.0]),
        u_upper=np.array([1.0]),
        name="a",
    )
    assert same(read(tmp_path, HAND), expected)


def test_the_file_that_readme_shows(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (document,) = re.findall(r"^```json\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    problem = read(tmp_path, document)
    x = np.array([[-2.0, 1.0], [2.0, -0.5]])
    assert same(problem.dynamics.forward(x), toy().dynamics.forward(x))
    assert [problem.keep_out[0].depth(np.array([[place]]))[0] for place in (-1.0, 0.0)] == [0.5, -0.5]


def test_layers_may_see_inputs_and_all_layers_before(tmp_path: Path) -> None:
    layers = [
        {"weights": [[1, 2], [3, 4]], "biases": [5, 6], "kinds": ["identity", "zero"]},
        {"weights": [[1, 0, 7, 8]], "biases": [9], "kinds": "relu"},
        {"weights": [[0, 0, 0, 0, 1]], "biases": [0]},
    ]
    net = read(tmp_path, changed(dynamics={"inputs": 2, "layers": layers})).dynamics
    assert [w.tolist() for w in net.weights] == [layer["weights"] for layer in layers]
    assert [kinds.tolist() for kinds in net.kinds] == [[IDENTITY, ZERO], [RELU]]
    assert net.forward(np.array([[1.0, 1.0]])).tolist() == [[1 + 7 * 8 + 9]]


def test_limits_and_regions(tmp_path: Path) -> None:
    region = {"rows": [[1], [-1]], "limits": [0.5, -0.25]}
    problem = read(tmp_path, changed(x_lower=[None], x_upper=[3.5], keep_out=[region], name="my problem"))
    assert (problem.name, problem.horizon) == ("my problem", 4)
    assert problem.x_lower is not None
    assert problem.x_upper is not None
    assert (problem.x_lower.tolist(), problem.x_upper.tolist()) == ([-np.inf], [3.5])
    assert problem.keep_out[0].depth(np.array([[0.375]])).tolist() == [0.125]


FAULTS: dict[str, tuple[Any, str]] = {
    "no JSON": ('{"format": "control",\n\n "version": }', "a.json:3: expected JSON: Expecting value at column 13"),
    "cut": (json.dumps(HAND)[:-1], "a.json:1: expected JSON: Expecting ',' delimiter"),
    "nested": ("{" + '"a": ' + "[" * 100_000, "expected JSON: "),
    "digits": ('{"a": ' + "1" * 10_000 + "}", "expected JSON: Exceeds the limit"),
    "a list inside": ('{"a": 1} []', "expected JSON: Extra data"),
    "NaN": (json.dumps(changed(start=[float("nan")])), "NaN is not a number; what has no limit is null"),
    "twice": ('{"format": "control", "format": "control"}', "'format' stands twice in one object"),
    "no format": (without("format"), "format is missing"),
    "another format": (changed(format="robust"), 'format must be "control", got \'"robust"\''),
    "a later version": (changed(version=2, more=1), "version must be 1, got '2'"),
    "version true": (changed(version=True), "version must be 1, got 'true'"),
    "unknown": (changed(horizn=1), "horizn is unknown; the fields are name, horizon, dynamics"),
    "no start": (without("start"), "start is missing"),
    "horizon 0": (changed(horizon=0), "horizon must be a whole number from 1 to 1000000, got '0'"),
    "horizon 1.5": (changed(horizon=1.5), "horizon must be a whole number from 1 to 1000000, got '1.5'"),
    "horizon text": (changed(horizon="4"), "horizon must be a whole number from 1 to 1000000, got '\"4\"'"),
    "name": (changed(name=" "), "name must be a text, got '\" \"'"),
    "start text": (changed(start=["0"]), "start[0] must be a number, got '\"0\"'"),
    "start bool": (changed(start=[True]), "start[0] must be a number, got 'true'"),
    "start huge": (changed(start=[10**400]), "start[0] is beyond double precision"),
    "start infinite": (json.dumps(HAND).replace("0.5", "1e999"), "start[0] is beyond double precision"),
    "start long": (changed(start=[0, 1]), "start must have shape (1,), got shape (2,)"),
    "start nested": (changed(start=[[0]]), "start[0] must be a number, got '[0]'"),
    "actions free": (changed(u_upper=[None]), "u_upper[0] must be a number, got 'null'"),
    "actions absent": (without("u_upper"), "u_upper is missing"),
    "limits crossed": (changed(x_lower=[2], x_upper=[1]), "x_lower[0] = 2 is above x_upper[0] = 1"),
    "limits text": (changed(x_lower=["-inf"]), "x_lower[0] must be a number, got '\"-inf\"'"),
    "cost list": (changed(cost=[1]), "cost must be an object, got '[1]'"),
    "cost without goal": (changed(cost={"state": [1]}), "cost.goal is missing"),
    "norm": (changed(cost={"goal": [1], "state": [1], "norm": "l2"}), "norm must be one of l1, linf, quadratic"),
    "ragged": (changed(cost={"goal": [1], "state": [[1], [1, 2]]}), "cost.state[1] has 2 entries, cost.state[0] has 1"),
    "no state cost": (changed(cost={"goal": [1], "state": []}), "state must have shape (terms, 1)"),
    "region": (changed(keep_out=[{"rows": [[1]]}]), "keep_out[0].limits is missing"),
    "region wide": (changed(keep_out=[{"rows": [[1, 2]], "limits": [1]}]), "keep_out[0] has 2 columns for 1 states"),
    "dynamics number": (changed(dynamics=3), "dynamics must be an object, got '3'"),
    "no layers": (changed(dynamics={"inputs": 2, "layers": []}), "dynamics.layers must end with the output"),
    "no weights": (
        changed(dynamics={"inputs": 2, "layers": [{"biases": [1]}]}),
        "dynamics.layers[0].weights is missing",
    ),
    "inputs": (changed(dynamics={**HAND["dynamics"], "inputs": 3}), "weights[0] has shape (2, 2) instead of (2, 3)"),
    "kinds of the output": (
        changed(dynamics={"inputs": 2, "layers": [{"weights": [[1, 2]], "biases": [1], "kinds": "relu"}]}),
        "dynamics.layers must end with the output, a layer of weights and biases without kinds",
    ),
    "kind": (
        changed(dynamics={"inputs": 2, "layers": [{"weights": [[1, 2]], "biases": [1], "kinds": ["relu", "tanh"]}]}),
        "dynamics.layers[0].kinds[1] must be one of relu, identity, zero, got '\"tanh\"'",
    ),
    "no action": (
        changed(dynamics={"inputs": 1, "layers": [{"weights": [[1]], "biases": [1]}]}),
        "dynamics has 1 inputs and 1 outputs; inputs are states and actions",
    ),
}


@pytest.mark.parametrize(("document", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_costs_one_line(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, document)
    assert str(caught.value).startswith(str(tmp_path / "a.json"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_documents_are_not_objects(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    assert not INLINE.recognise(load(tmp_path / "a.json"))


@settings(deadline=None)
@given(st.integers(0, 250), st.binary(max_size=3))
def test_damaged_files_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, place: int, noise: bytes) -> None:
    raw = json.dumps(HAND).encode()
    path = tmp_path_factory.mktemp("damaged") / "a.json"
    path.write_bytes(raw[:place] + noise + raw[place + 1 :])
    try:
        INLINE.read(load(path))
    except CoptError as error:
        assert "\n" not in str(error)


@settings(deadline=None)
@given(any_problems())
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, problem: ControlProblem) -> None:
    folder = tmp_path_factory.mktemp("round")
    for known in FORMATS:
        assert known.refusal(problem) is None
        for name, content in (known.beside(problem) if known.beside else {}).items():
            (folder / name).write_bytes(content)
        text = known.write(problem)
        assert same(read(folder, text), problem)
        assert known.write(read(folder, text)) == text


def test_what_no_file_holds_is_refused() -> None:
    plain = random_problem(0)
    cost = Cost(goal=plain.cost.goal, state=plain.cost.state, terminal=np.zeros((0, 2)))
    assert INLINE.refusal(random_problem(0, cost=cost)) == "cost.terminal has no terms; give zeros instead"
    assert "control problems only" in str(INLINE.refusal(3))
    assert "no file name" in str(WITH_WEIGHTS.refusal(random_problem(0, name="a/b")))
    assert INLINE.refusal(random_problem(0, name="a/b")) is None


def test_weights_beside_the_file(tmp_path: Path) -> None:
    sub = tmp_path / "sub"
    sub.mkdir()
    save_file(RESIDUAL, sub / "w.safetensors")
    expected = ReluNet.residual(**RESIDUAL)
    assert same(read(tmp_path, changed(dynamics="sub/w.safetensors")).dynamics, expected)
    assert same(read(tmp_path, changed(dynamics=str(sub / "w.safetensors"))).dynamics, expected)
    deep = {**RESIDUAL, "recurrent": np.array([[0.0, 0.0], [1.5, 0.0]])}
    save_file({name: array.astype(np.float32) for name, array in deep.items()}, sub / "w.safetensors")
    assert same(read(tmp_path, changed(dynamics="sub/w.safetensors")).dynamics, ReluNet.residual(**deep))


def test_layers_beside_the_file(tmp_path: Path) -> None:
    layers = {"weights.0": np.ones((2, 2)), "biases.0": np.zeros(2), "weights.1": np.ones((1, 2)), "biases.1": [0.5]}
    arrays = {name: np.asarray(array, dtype=np.float32) for name, array in layers.items()}
    save_file(arrays | {"kinds.0": np.array([RELU, ZERO])}, tmp_path / "w")
    net = read(tmp_path, changed(dynamics="w")).dynamics
    assert net.forward(np.array([[1.0, 2.0], [-2.0, 1.0]])).tolist() == [[3.5], [0.5]]


Arrays = dict[str, Any]
BROKEN: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "a part is missing": (
        lambda a: {k: v for k, v in a.items() if k != "lift"},
        "lift is missing; expected skip, shift",
    ),
    "a stranger": (lambda a: a | {"gain": np.ones(1)}, "unknown array gain; expected skip"),
    "NaN": (lambda a: a | {"lift": np.full((1, 2), np.nan)}, "lift holds nan; weights must be finite"),
    "a shape": (lambda a: a | {"lift": np.ones((1, 3))}, "lift has shape (1, 3) instead of (1, 2)"),
    "a loop": (lambda a: a | {"recurrent": np.eye(2)}, "recurrent must be zero on and above the diagonal"),
    "layers without a bias": (lambda a: {"weights.0": np.ones((1, 2))}, "biases.0 is missing; expected weights.0"),
    "layers with a gap": (lambda a: {"weights.2": np.ones((1, 2))}, "weights.0 is missing"),
    "names of torch": (lambda a: {"0.weight": np.ones((1, 2))}, "weights.0 is missing; expected weights.0, biases.0"),
    "nothing": (lambda a: {}, "weights.0 is missing"),
    "too many states": (
        lambda a: {"weights.0": np.ones((2, 2)), "biases.0": np.zeros(2)},
        "dynamics has 2 inputs and 2 outputs; inputs are states and actions",
    ),
    "kinds of the output": (
        lambda a: {"weights.0": np.ones((1, 2)), "biases.0": np.zeros(1), "kinds.0": np.zeros(1)},
        "kinds.0 is not of a hidden layer: the last of 1 layers is the output",
    ),
    "kinds between": (
        lambda a: (
            {f"weights.{k}": np.ones((1, 2 - k)) for k in (0, 1)}
            | {f"biases.{k}": np.zeros(1) for k in (0, 1)}
            | {"kinds.0": np.array([0.5])}
        ),
        "kinds.0 must hold whole numbers",
    ),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_weights_cost_one_line(tmp_path: Path, change: Callable[[Arrays], Arrays], message: str) -> None:
    save_file({name: np.asarray(array) for name, array in change(RESIDUAL).items()}, tmp_path / "w.safetensors")
    with pytest.raises(FormatError) as caught:
        read(tmp_path, changed(dynamics="w.safetensors"))
    assert str(caught.value).startswith(str(tmp_path / "a.json"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.safetensors", None, "gone.safetensors: no such file"),
        ("w", b"", "w: expected intact safetensors, reading failed"),
        ("w", b"\x08\0\0\0\0\0\0\0{}      ", "weights.0 is missing"),
        ("w", b"\xff" * 100, "w: expected intact safetensors, reading failed"),
        (".", None, ": is a directory; expected a file"),
        ("", None, "dynamics must be a text, got"),
        ("a\0b.w", None, "a?b.w: no such file"),
    ],
)
def test_weights_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read(tmp_path, changed(dynamics=name))
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: dynamics")
    assert message in str(caught.value)


def test_dynamics_that_are_stored_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stored:
        weights = RESIDUAL

    monkeypatch.setattr(control_weights, "load_policy", lambda name: Stored())
    document = changed(dynamics="glide-v1")
    assert same(read(tmp_path, document).dynamics, ReluNet.residual(**RESIDUAL))
    save_file({"weights.0": np.array([[5.0, 1.0]]), "biases.0": np.zeros(1)}, tmp_path / "glide-v1")
    assert read(tmp_path, document).dynamics.weights[0].tolist() == [[5.0, 1.0]]  # a file goes before a name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jobshop-v0", "a.json: dynamics: unknown policy 'jobshop-v0'; did you mean 'jobshop-v1'?"),
        ("jobshop-v1", "a.json: dynamics: weights.0 is missing; expected weights.0, biases.0"),
    ],
)
def test_names_that_are_no_dynamics(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, changed(dynamics=name))
    assert message in str(caught.value)


def test_weights_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copt.instances.files.MAX_BYTES", 2000)
    save_file({"weights.0": np.ones((1, 1000))}, tmp_path / "w")
    with pytest.raises(FormatError, match=r"dynamics: .*w: expected at most 0 MiB"):
        read(tmp_path, changed(dynamics="w"))


@settings(deadline=None)
@given(any_problems(), st.integers(0, 10**6))
def test_plans_come_back(tmp_path_factory: pytest.TempPathFactory, problem: ControlProblem, seed: int) -> None:
    plan = Plan(
        np.random.default_rng(seed).normal(size=(problem.horizon, problem.num_actions)) * 10.0 ** (seed % 9 - 4)
    )
    path = tmp_path_factory.mktemp("plans") / "a.sol"
    path.write_text(format_solution(problem, plan, 1 / 3))
    assert same(parse_solution(problem, load(path)), plan)


def test_a_plan_by_hand() -> None:
    assert format_solution(toy(), Plan(np.array([[1.0], [0.5], [-0.1]])), 3.0) == (
        "# toy-control: objective 3.0\nu0\n1.0\n0.5\n-0.1\n"
    )


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("# only\n", 1, "expected the heading 'u0'"),
        ("1\n1\n1\n", 1, "expected the heading 'u0'"),
        ("u0\n1\n\n1,2\n1\n", 4, "expected 1 actions, found 2"),
        ("u0\n1\nx\n1\n", 3, "expected actions, found 'x', which is not a number"),
        ("u0\n1\nnan\n1\n", 3, "expected actions, found 'nan', which is not a number"),
        ("u0\n1\n1_0\n1\n", 3, "expected actions, found '1_0'"),
        ("u0\n1\n1\n", 3, "expected a line for each of 3 steps, found 2"),
        ("u0\n1\n1\n1\n1\n", 5, "expected a line for each of 3 steps, found 4"),
    ],
)
def test_a_broken_plan_costs_one_line(tmp_path: Path, content: str, line: int, message: str) -> None:
    path = tmp_path / "a.sol"
    path.write_text(content)
    with pytest.raises(FormatError) as caught:
        parse_solution(toy(), load(path))
    assert str(caught.value).startswith(f"{path}:{line}: {message}")


def test_names() -> None:
    assert [named(name).name for name in names()] == names()
    assert names() == ["toy-control", "cartpole-walls", "pusht", "slalom"]
    assert (named("pusht").dimensions, named("pusht").dynamics.units) == ("10x2x5", 32)
    assert (named("slalom").dimensions, len(named("slalom").keep_out)) == ("4x2x20", 2)
    assert same(named("cartpole-walls").dynamics, cartpole_walls())
    with pytest.raises(UnknownNameError):
        named("toy")
