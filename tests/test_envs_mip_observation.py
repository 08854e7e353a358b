"""What agents see of a solve, against slow twins and against what the instance says."""

from typing import Any

import numpy as np
import pytest
from mip_cases import dense
from scipy.optimize import linprog

from copt.envs import (
    ROOT_CUTS,
    Configure,
    Diving,
    Khalil2016,
    MipEnv,
    NodeBipartite,
    Pseudocosts,
    Room,
    StrongBranchingScores,
    Together,
)
from copt.envs.mip_khalil import KHALIL_FEATURES, KHALIL_MISSING
from copt.instances.mip_features import ROW_FEATURES, VARIABLE_FEATURES
from copt.instances.mip_generators import assignment, auction, facility_location, knapsacks
from copt.instances.mip_relaxation import Relaxation
from copt.problems.base import FloatArray
from copt.problems.mip import MIP

BARE = {**ROOT_CUTS, "separating/maxroundsroot": 0, "presolving/maxrounds": 0}
PROGRAMS = [
    knapsacks(items=15, constraints=5, seed=0),
    assignment(agents=4, jobs=10, difficulty="D", seed=1),
    auction(items=30, bids=150, seed=2),
    facility_location(customers=12, facilities=8, seed=1),
]
programs = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


def after(env: MipEnv, steps: int, seed: int = 0) -> dict[str, Any]:
    """Return what is seen after random steps; the solve must not be over."""
    seen, info = env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        seen, _, terminated, _, info = env.step(int(rng.choice(np.flatnonzero(info["action_mask"]))))
        assert not terminated
    assert not env.search.over
    return seen


def bounds_of(env: MipEnv) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of the variables at the node."""
    transformed = [env.search.model.getTransformedVar(variable) for variable in env.search.originals]
    lower = np.array([variable.getLbLocal() for variable in transformed])
    return lower, np.array([variable.getUbLocal() for variable in transformed])


def relaxed(program: MIP, lower: FloatArray, upper: FloatArray) -> float:
    """Return the optimum of the relaxation in the minimising sense by another solver, infinite if there is none."""
    matrix = dense(program)
    found = linprog(
        program.sign * program.costs,
        A_ub=np.vstack([matrix, -matrix]),
        b_ub=np.nan_to_num(np.concatenate([program.row_upper, -program.row_lower]), posinf=1e15),
        bounds=np.column_stack([lower, upper]),
    )
    return float(found.fun) if found.status == 0 else np.inf


@pytest.mark.parametrize("program", [*PROGRAMS[:2], PROGRAMS[3]], ids=lambda program: program.name)
def test_the_graph_is_that_of_the_instance(program: MIP) -> None:
    env = MipEnv(program, parameters=BARE)
    for steps in (0, 1):
        seen = after(env, steps)
        variables = dict(zip(VARIABLE_FEATURES, seen["variables"].T, strict=True))
        matrix, norms = dense(program), np.linalg.norm(dense(program), axis=1)
        graph = np.zeros((env.observation_space["rows"].shape[0], program.num_variables))  # type: ignore[index]
        np.add.at(graph, tuple(seen["edges"]), seen["coefficients"])
        # SCIP may keep -x <= 0 of x >= 0, and order rows anew: compare them as sets of normed rows up to sign.
        expected = sorted(map(tuple, np.round(np.abs(matrix / norms[:, None]), 4).tolist()))
        found = sorted(map(tuple, np.round(np.abs(graph[graph.any(axis=1)]), 4).tolist()))
        assert found == expected
        costs = program.sign * program.costs
        np.testing.assert_allclose(variables["objective"], costs / np.linalg.norm(costs), rtol=1e-5)
        np.testing.assert_array_equal(variables["is_continuous"], ~program.integer)
        np.testing.assert_array_equal(variables["is_binary"], program.binary)
        model = env.search.model
        bound = costs @ variables["value"].astype(float)
        assert bound == pytest.approx(model.getLPObjVal() - program.sign * program.offset, rel=1e-5)
        slack = np.minimum(variables["fraction"], 1 - variables["fraction"])
        fractional = np.flatnonzero(program.integer & (slack > 1e-5))
        assert fractional.tolist() == list(env.search.candidates)
    assert bound == pytest.approx(relaxed(program, *bounds_of(env)), rel=1e-5)


@pytest.mark.parametrize("parameters", [ROOT_CUTS, BARE], ids=["cuts", "bare"])
@pytest.mark.parametrize("program", PROGRAMS[:3], ids=lambda program: program.name)
def test_features_are_those_of_pyscipopt(program: MIP, parameters: Any) -> None:
    env = MipEnv(program, parameters=parameters)
    env.reset(seed=2)
    assert not env.search.over
    lp, model = env.search.relaxation(), env.search.model
    columns, edges, rows, maps = model.getBipartiteGraphRepresentation()
    tables = {"col": np.array(columns, float), "row": np.array(rows, float), "edge": np.array(edges, float)}
    twin = {f"{part}_{name}": tables[part][:, k] for part in maps for name, k in maps[part].items()}
    seen = NodeBipartite()(env.search, Room(program.num_variables, 400, 20_000))
    variables = dict(zip(VARIABLE_FEATURES, seen["variables"][lp.place].T, strict=True))
    size = float(np.linalg.norm(lp.objective))
    for own, theirs, factor in (
        ("objective", "obj_coef", size),
        ("has_lower", "has_lb", 1),
        ("has_upper", "has_ub", 1),
        ("at_lower", "sol_at_lb", 1),
        ("at_upper", "sol_at_ub", 1),
        ("value", "sol_val", 1),
        ("reduced_cost", "red_cost", size),
        ("basis_basic", "basis_basic", 1),
        ("incumbent_value", "best_incumbent_val", 1),
        ("average_value", "avg_incumbent_val", 1),
        ("age", "age", lp.solved + 5),
    ):
        expected = twin[f"col_{theirs}"]
        np.testing.assert_allclose(variables[own] * factor, expected, rtol=1e-4, atol=1e-5 * size, err_msg=own)
    found = dict(zip(ROW_FEATURES, seen["rows"][: len(rows)].T, strict=True))
    norms = twin["row_norm"]
    for own, theirs, scale in (
        ("has_lower", "has_lhs", 1.0),
        ("has_upper", "has_rhs", 1.0),
        ("nonzeros", "n_non_zeros", len(columns)),
        ("norm", "norm", 1.0),
        ("at_lower", "sol_at_lhs", 1.0),
        ("at_upper", "sol_at_rhs", 1.0),
        ("dual_value", "dual_sol", size / norms),
        ("basis_basic", "basis_basic", 1.0),
        ("age", "age", lp.solved + 5),
    ):
        np.testing.assert_allclose(found[own] * scale, twin[f"row_{theirs}"], rtol=1e-4, atol=1e-4, err_msg=own)
    # SCIP's parallelism has no sign.
    np.testing.assert_allclose(np.abs(found["objective_cosine"]), np.abs(twin["row_obj_cosine"]), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(seen["edges"][0, : len(edges)], twin["edge_row_idx"])
    coefficients = seen["coefficients"][: len(edges)] * norms[seen["edges"][0, : len(edges)]]
    np.testing.assert_allclose(coefficients, twin["edge_coef"], rtol=1e-4)


def test_rows_beyond_the_room_are_left_out() -> None:
    program = PROGRAMS[0]
    env = MipEnv(program, parameters=BARE, room=Room(20, 5, 75))
    whole = after(env, 0)
    part = NodeBipartite()(env.search, Room(20, 3, 40))
    np.testing.assert_array_equal(part["rows"], whole["rows"][:3])
    np.testing.assert_array_equal(part["edges"], whole["edges"][:, :40])
    assert part["edges"][0].max() == 2
    assert not part["variables"][15:].any()


def test_before_the_solve_the_graph_is_the_program_s() -> None:
    program = PROGRAMS[1]
    seen, _ = MipEnv(program, dynamics=Configure()).reset(seed=0)
    graph = np.zeros((program.num_rows, program.num_variables))
    used = program.columns.size
    np.add.at(graph, tuple(seen["edges"][:, :used]), seen["coefficients"][:used])
    matrix = dense(program)
    np.testing.assert_allclose(graph, matrix / np.linalg.norm(matrix, axis=1)[:, None], rtol=1e-5)
    variables = dict(zip(VARIABLE_FEATURES, seen["variables"].T, strict=True))
    assert variables["is_binary"].all()
    for name in ("value", "reduced_cost", "at_lower", "at_upper", "basis_basic", "basis_lower", "age"):
        assert not variables[name].any()


@programs
def test_strong_branching_solves_both_children(program: MIP) -> None:
    env = MipEnv(program, observation=StrongBranchingScores(), parameters=BARE)
    scores = after(env, 1)["strong_branching"]
    search = env.search
    lower, upper = bounds_of(env)
    bound = relaxed(program, lower, upper)
    limit = program.sign * (search.model.getPrimalbound() - program.offset)  # where SCIP stops to look
    checked = 0
    for place, variable in search.candidates.items():
        down, up = upper.copy(), lower.copy()
        down[place], up[place] = np.floor(variable.getLPSol()), np.ceil(variable.getLPSol())
        children = (relaxed(program, lower, down), relaxed(program, up, upper))
        if max(children) < limit - 1:
            gains = [max(1e-6, child - bound) for child in children]
            assert scores[place] == pytest.approx(gains[0] * gains[1], rel=1e-3, abs=1e-5)
            checked += 1
    assert checked or len(search.candidates) < 4
    assert not scores[[k for k in range(program.num_variables) if k not in search.candidates]].any()


def test_looking_changes_nothing() -> None:
    everything = Together(NodeBipartite(), StrongBranchingScores(), Pseudocosts(), Khalil2016())
    for program in PROGRAMS[:2]:
        nodes = []
        for observation in (NodeBipartite(), everything):
            env = MipEnv(program, observation=observation)
            _, info = env.reset(seed=0)
            while not env.search.over:
                info = env.step(int(np.flatnonzero(info["action_mask"])[0]))[-1]
            nodes.append((env.search.model.getNTotalNodes(), env.search.model.getNLPIterations()))
        assert nodes[0] == nodes[1]


def test_pseudocosts_are_the_product_of_both_estimates() -> None:
    env = MipEnv(PROGRAMS[0], observation=Pseudocosts(), parameters=BARE)
    scores, model = after(env, 4)["pseudocosts"], env.search.model
    for place, variable in env.search.candidates.items():
        value = variable.getLPSol()
        down = max(1e-6, model.getVarPseudocost(variable, 0) * (value - np.floor(value)))
        up = max(1e-6, model.getVarPseudocost(variable, 1) * (np.ceil(value) - value))
        assert scores[place] == pytest.approx(down * up, rel=1e-4)
    assert np.count_nonzero(scores) == len(env.search.candidates)


def statistics(values: list[float]) -> list[float]:
    return [float(np.mean(values)), float(np.std(values)), min(values), max(values)] if values else [0.0] * 4


def khalil_twin(lp: Relaxation, model: Any, column: int, variable: Any, candidates: list[int]) -> list[float]:
    """Write the features of one candidate down one by one."""
    matrix = np.zeros((lp.starts.size - 1, lp.value.size))
    np.add.at(matrix, (lp.rows, lp.columns), lp.coefficients)
    rows, c, x = np.flatnonzero(matrix[:, column]).tolist(), float(lp.objective[column]), float(lp.value[column])
    factor = {row: float(matrix[row, column]) for row in rows}
    degree = [float(np.count_nonzero(matrix[row])) for row in rows]
    free = [float(np.count_nonzero(matrix[row][lp.lower < lp.upper])) for row in rows]
    positive, negative = [a for a in factor.values() if a > 0], [a for a in factor.values() if a < 0]
    up, down = np.ceil(x) - x, x - np.floor(x)
    dear_up, dear_down = model.getVarPseudocost(variable, 1) * up, model.getVarPseudocost(variable, 0) * down
    features = [c, max(c, 0), min(c, 0), len(rows), *statistics(degree)]
    features += [len(positive), *statistics(positive), len(negative), *statistics(negative)]
    features += [min(up, down), up, dear_up, dear_down, dear_up / dear_down if dear_down else 0.0]
    features += [dear_up + dear_down, dear_up * dear_down, 0, 0, 0, 0, *statistics(free)]
    features += [statistics(free)[k] / statistics(degree)[k] for k in (0, 2, 3)]
    limits = [(factor[r], b) for r in rows for b in (lp.row_lower[r], lp.row_upper[r]) if np.isfinite(b)]
    for sign in (1, -1):
        features += statistics([a / (abs(a) + abs(b)) for a, b in limits if sign * b > 0])[2:]
    for own in (1, -1):
        for other in (1, -1):
            sums = {row: sum(abs(a) for a in matrix[row] if other * a > 0) for row in rows}
            features += statistics([abs(a) / (abs(a) + sums[r]) for r, a in factor.items() if own * a > 0])[2:]
    room = np.minimum(np.abs(lp.activity - lp.row_lower), np.abs(lp.activity - lp.row_upper))
    tight = [r for r in rows if room[r] < 1e-6]
    for weight in (
        lambda r: 1.0,
        lambda r: 1.0 / np.abs(matrix[r]).sum(),
        lambda r: 1.0 / np.abs(matrix[r][candidates]).sum(),
        lambda r: abs(lp.dual[r]),
    ):
        weighted = [float(weight(r) * abs(factor[r])) for r in tight]
        features += [len(weighted), sum(weighted), *statistics(weighted)]
    return features


@programs
def test_khalil_s_features_one_by_one(program: MIP) -> None:
    env = MipEnv(program, observation=Khalil2016(), parameters=BARE)
    seen, search = after(env, 1)["khalil"], env.search
    lp = search.relaxation()
    column = {place: k for k, place in enumerate(lp.place.tolist())}
    columns = [column[place] for place in search.candidates]
    assert columns
    for place, variable in search.candidates.items():
        expected = khalil_twin(lp, search.model, column[place], variable, columns)
        np.testing.assert_allclose(seen[place], expected, rtol=1e-4, atol=1e-5)
    assert not seen[[k for k in range(program.num_variables) if k not in search.candidates]].any()


def test_khalil_has_72_features_of_which_four_are_missing() -> None:
    assert len(set(KHALIL_FEATURES)) == 72
    assert len(KHALIL_MISSING) == 4


def test_a_dive_can_be_seen() -> None:
    env = MipEnv(PROGRAMS[1], dynamics=Diving(), parameters=BARE)
    seen = after(env, 2)
    assert env.search.model.inProbing()
    values = seen["variables"][:, VARIABLE_FEATURES.index("value")]
    lp = env.search.relaxation()
    np.testing.assert_allclose(dense(PROGRAMS[1])[:10] @ values, np.ones(10), rtol=1e-5)
    reduced = [env.search.model.getVarRedcost(column.getVar()) for column in env.search.model.getLPColsData()]
    assert len(reduced) == lp.value.size
