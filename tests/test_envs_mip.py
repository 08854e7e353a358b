"""Branch and bound played by agents: against SCIP alone, and how its thread begins and ends."""

import gc
import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mip_cases import solve_with_scip
from pyscipopt import Branchrule
from pyscipopt.scip import PY_SCIP_RESULT as SCIP_RESULT

from copt.envs import (
    ROOT_CUTS,
    Branching,
    Configure,
    Diving,
    LpIterations,
    MipDynamics,
    MipEnv,
    Nodes,
    ObjectiveIncrease,
    PrimalDualIntegral,
    PrimalIntegral,
    Room,
    Search,
    SolvingTime,
    StrongBranchingScores,
)
from copt.errors import CoptError
from copt.instances.mip_generators import assignment, auction, facility_location, knapsacks, set_cover
from copt.instances.mip_scip import to_scip
from copt.problems.mip import MIP, check, toy

BARE = {**ROOT_CUTS, "separating/maxroundsroot": 0, "presolving/maxrounds": 0}
KNAPSACKS = knapsacks(items=15, constraints=5, seed=0)
SMALL = [
    KNAPSACKS,
    assignment(agents=4, jobs=10, difficulty="D", seed=0),
    auction(items=10, bids=40, seed=1),
    facility_location(customers=8, facilities=5, seed=0),
    set_cover(rows=40, columns=80, density=0.1, seed=0),
    toy(),
]
DYNAMICS = [Branching(), Diving(), Diving(frequency=1, backtracks=3), Configure()]

Agent = Callable[[dict[str, Any], dict[str, Any]], int]


def random_agent(seed: int) -> Agent:
    rng = np.random.default_rng(seed)
    return lambda seen, info: int(rng.choice(np.flatnonzero(info["action_mask"])))


def expert(seen: dict[str, Any], info: dict[str, Any]) -> int:
    """The candidate with the best score of strong branching."""
    return int(np.where(info["action_mask"] == 1, seen["strong_branching"], -1.0).argmax())


def play(env: MipEnv, agent: Agent, seed: int = 0) -> tuple[list[float], list[dict[str, Any]]]:
    """Play an episode; return rewards and infos of the steps."""
    seen, info = env.reset(seed=seed)
    rewards, infos, over = [], list[dict[str, Any]](), False
    while not over:
        seen, reward, terminated, truncated, info = env.step(agent(seen, info))
        rewards.append(reward)
        infos.append(info)
        over = terminated or truncated
    return rewards, infos


@pytest.mark.parametrize("dynamics", DYNAMICS, ids=str)
@pytest.mark.parametrize("instance", SMALL, ids=lambda instance: instance.name)
def test_every_agent_reaches_scip_s_optimum(instance: MIP, dynamics: MipDynamics) -> None:
    optimum = solve_with_scip(instance)
    env = MipEnv(instance, dynamics=dynamics)
    for seed in (0, 1):
        info = play(env, random_agent(seed), seed)[1][-1]
        assert info["status"] == "optimal"
        assert info["objective"] == pytest.approx(optimum, rel=1e-6)
        assert info["bound"] == pytest.approx(optimum, rel=1e-6)
        assert check(instance, info["solution"]) == []


@pytest.mark.parametrize("instance", SMALL, ids=lambda instance: instance.name)
def test_strong_branching_reaches_scip_s_optimum(instance: MIP) -> None:
    info = play(MipEnv(instance, observation=StrongBranchingScores(), parameters=BARE), expert)[1][-1]
    assert info["objective"] == pytest.approx(solve_with_scip(instance), rel=1e-6)


class Twin(Branchrule):
    """Full strong branching written down inside SCIP."""

    originals: list[Any]

    def branchexeclp(self, allowaddcons: bool) -> dict[str, Any]:
        places = {self.model.getTransformedVar(v).getIndex(): k for k, v in enumerate(self.originals)}
        candidates = sorted(self.model.getLPBranchCands()[0], key=lambda v: places[v.getIndex()])
        bound, best, chosen = self.model.getLPObjVal(), np.float32(-1.0), None
        self.model.startStrongbranch()
        for variable in candidates:
            down, up, *_ = self.model.getVarStrongbranch(variable, 2**31 - 1, idempotent=True)
            value = np.float32(max(down - bound, 1e-6) * max(up - bound, 1e-6))  # as observations are
            if value > best:
                best, chosen = value, variable
        self.model.endStrongbranch()
        self.model.branchVar(chosen)
        return {"result": SCIP_RESULT.BRANCHED}

    def branchexecps(self, allowaddcons: bool) -> dict[str, Any]:
        return {"result": SCIP_RESULT.DIDNOTRUN}


def nodes_by(instance: MIP, seed: int, **settings: Any) -> int:
    """Return SCIP's own number of nodes."""
    model, originals = to_scip(instance)
    for name, value in {**BARE, "randomization/randomseedshift": seed, **settings.get("parameters", {})}.items():
        model.setParam(name, value)
    if "rule" in settings:
        settings["rule"].originals = originals
        model.includeBranchrule(settings["rule"], "twin", "", 10_000_000, -1, 1.0)
    model.optimizeNogil()
    return int(model.getNTotalNodes())


COMPARED = [
    *(knapsacks(items=18, constraints=5, seed=seed) for seed in range(3)),
    *(assignment(agents=4, jobs=12, difficulty="D", seed=seed) for seed in range(2)),
]


def test_an_agent_costs_no_nodes() -> None:
    for instance in COMPARED:
        env = MipEnv(instance, observation=StrongBranchingScores(), parameters=BARE)
        rewards, _ = play(env, expert)
        shift = env.search.model.getParam("randomization/randomseedshift")
        assert -sum(rewards) == nodes_by(instance, shift, rule=Twin())


def test_strong_branching_takes_about_the_nodes_of_scip_s_own() -> None:
    # SCIP's rule also hands the bounds that it proved to the children, which cuts some off before they are counted.
    vanilla = {f"branching/vanillafullstrong/{name}": True for name in ("idempotent", "scoreall")}
    played, own = 0.0, 0
    for instance in COMPARED:
        env = MipEnv(instance, observation=StrongBranchingScores(), parameters=BARE)
        played -= sum(play(env, expert)[0])
        shift = env.search.model.getParam("randomization/randomseedshift")
        own += nodes_by(instance, shift, parameters={**vanilla, "branching/vanillafullstrong/priority": 10_000_000})
    assert 0.8 * own <= played <= 1.25 * own


def test_strong_branching_needs_fewer_nodes_than_chance() -> None:
    totals = []
    for agent in (expert, random_agent(0)):
        env = MipEnv(KNAPSACKS, observation=StrongBranchingScores(), parameters=BARE)
        totals.append(sum(sum(play(env, agent, seed)[0]) for seed in range(3)))
    assert totals[0] > 1.2 * totals[1]  # both are minus the nodes


@pytest.mark.parametrize("dynamics", DYNAMICS, ids=str)
@pytest.mark.parametrize("instance", [KNAPSACKS, SMALL[2], toy()], ids=lambda instance: instance.name)
def test_rewards_add_up_to_the_final_statistics(instance: MIP, dynamics: MipDynamics) -> None:
    parts = {
        "nodes": Nodes(),
        "iterations": LpIterations(),
        "seconds": SolvingTime(),
        "increase": ObjectiveIncrease(),
        "gap": PrimalDualIntegral(),
    }
    env = MipEnv(instance, dynamics=dynamics, information=parts, reward=-2.0 * Nodes())
    rewards, infos = play(env, random_agent(3))
    totals = {name: sum(info[name] for info in infos) for name in parts}
    model, seconds = env.search.model, env.search.progress.seconds
    assert totals["nodes"] == model.getNTotalNodes()
    assert sum(rewards) == -2 * model.getNTotalNodes()
    assert totals["iterations"] == model.getNLPIterations()
    assert totals["seconds"] == pytest.approx(seconds, abs=1e-2)  # the last note is just before the end
    assert 0 < totals["gap"] <= seconds
    assert totals["increase"] == pytest.approx(instance.sign * infos[-1]["objective"])


def test_the_primal_integral_needs_a_sense() -> None:
    optimum = solve_with_scip(KNAPSACKS)
    assert optimum is not None
    integrals = {"right": PrimalIntegral(optimum, maximise=True), "wrong": PrimalIntegral(optimum)}
    env = MipEnv(KNAPSACKS, information=integrals)
    _, infos = play(env, random_agent(0))
    assert 0 < sum(info["right"] for info in infos) < sum(info["wrong"] for info in infos)


def test_a_seed_fixes_what_is_seen() -> None:
    runs = []
    for _ in range(2):
        env, agent = MipEnv(KNAPSACKS), random_agent(5)
        seen, info = env.reset(seed=7)
        views, terminated = [seen], False
        while not terminated:
            seen, _, terminated, _, info = env.step(agent(seen, info))
            views.append(seen)
        assert len(views) > 3
        runs.append(views)
    for first, second in zip(*runs, strict=True):
        for name, array in first.items():
            np.testing.assert_array_equal(array, second[name])


def searches() -> int:
    return sum(thread.name == "copt-search" for thread in threading.enumerate())


@pytest.mark.parametrize("dynamics", DYNAMICS, ids=str)
def test_no_thread_is_left_behind(dynamics: MipDynamics) -> None:
    before = searches()
    env = MipEnv(KNAPSACKS, dynamics=dynamics)
    for seed in range(3):
        env.reset(seed=seed)  # in the middle of the last episode
        assert searches() == before + 1
    env.step(env.action_space.sample())
    env.close()
    env.close()
    assert searches() == before
    with pytest.raises(CoptError, match=r"the episode is over; call reset\(\)"):
        env.step(0)
    assert play(env, random_agent(0))[1][-1]["status"] == "optimal"
    env.reset()
    del env
    gc.collect()
    assert searches() == before


class Failing:
    """Dynamics that fail, outside and inside a callback."""

    def __init__(self, inside: bool) -> None:
        self.inside = inside

    def actions(self, variables: int) -> Any:
        return Branching().actions(variables)

    def play(self, search: Search, variables: int) -> None:
        def fail() -> None:
            raise ZeroDivisionError("on purpose")

        if not self.inside:
            fail()
        search.find_candidates = fail  # type: ignore[method-assign]
        Branching().play(search, variables)


@pytest.mark.parametrize("inside", [False, True])
def test_errors_of_the_solve_reach_the_agent(inside: bool) -> None:
    before = searches()
    env = MipEnv(KNAPSACKS, dynamics=Failing(inside))
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        env.reset()
    with pytest.raises(CoptError, match=r"the episode is over; call reset\(\)"):
        env.step(0)
    env.close()
    assert searches() == before


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that interrupt")
def test_ctrl_c_ends_a_solve_that_works() -> None:
    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before, env = searches(), MipEnv(knapsacks(items=100, constraints=30, seed=0), dynamics=Configure())
    env.reset(seed=0)
    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            env.step(0)  # would take hours
    finally:
        signal.signal(signal.SIGALRM, previous)
    env.close()
    assert searches() == before


def test_limits_truncate() -> None:
    env = MipEnv(KNAPSACKS, parameters={**BARE, "limits/nodes": 3})
    _, info = env.reset(seed=0)
    truncated = False
    while not truncated:
        action = int(np.flatnonzero(info["action_mask"])[0])
        _, _, terminated, truncated, info = env.step(action)
        assert not terminated
    assert info["status"] == "nodelimit"
    assert env.search.model.getNTotalNodes() == 3
    assert not info["action_mask"].any()


def test_an_infeasible_program_has_no_solution() -> None:
    impossible = MIP(
        costs=np.ones(2),
        lower=np.zeros(2),
        upper=np.full(2, 9.0),
        integer=np.ones(2, dtype=bool),
        starts=np.array([0, 2]),
        columns=np.array([0, 1]),
        coefficients=np.array([2.0, 2.0]),
        row_lower=np.array([3.0]),
        row_upper=np.array([3.0]),
    )
    _, infos = play(MipEnv(impossible), random_agent(0))
    assert infos[-1]["status"] == "infeasible"
    assert "solution" not in infos[-1]


def test_an_instance_solved_at_once_takes_one_step() -> None:
    env = MipEnv(toy())
    _, info = env.reset()
    assert info["action_mask"].tolist() == [1, 0, 0]
    _, reward, terminated, truncated, info = env.step(0)
    assert (terminated, truncated, info["objective"]) == (True, False, 19.0)
    assert reward == -env.search.model.getNTotalNodes()


def test_a_dive_may_be_ended() -> None:
    env = MipEnv(KNAPSACKS, dynamics=Diving(frequency=0))
    _, info = env.reset(seed=0)
    assert info["action_mask"][-1]
    _, _, terminated, _, info = env.step(2 * KNAPSACKS.num_variables)
    assert terminated and info["status"] == "optimal"


def test_a_dive_finds_points_for_scip() -> None:
    instance = SMALL[1]
    model, _ = to_scip(instance)
    heuristics = [name for name in model.getParams() if name.startswith("heuristics/") and name.endswith("/freq")]
    silent = {**BARE, **dict.fromkeys(heuristics, -1), "limits/nodes": 1}
    env = MipEnv(instance, dynamics=Diving(frequency=0, backtracks=9), parameters=silent)

    def up(seen: dict[str, Any], info: dict[str, Any]) -> int:
        return int(np.flatnonzero(info["action_mask"])[-2])

    infos = play(env, up)[1]
    assert len(infos) > 1
    assert check(instance, infos[-1]["solution"]) == []
    assert "solution" not in play(env, lambda seen, info: 2 * instance.num_variables)[1][-1]


def test_configuring_sets_what_was_chosen() -> None:
    settings: Any = ({}, {"branching/random/priority": 5_000_000, "separating/maxroundsroot": 0})
    env = MipEnv(KNAPSACKS, dynamics=Configure(settings))
    _, info = env.reset(seed=0)
    assert info["action_mask"].tolist() == [1, 1]
    env.step(1)
    assert env.search.model.getParam("branching/random/priority") == 5_000_000
    assert env.search.model.getParam("separating/maxroundsroot") == 0


def test_a_generator_may_vary_the_size() -> None:
    env = MipEnv(generator=lambda seed: knapsacks(items=5 + seed % 6, constraints=2, seed=seed), room=Room(10, 4, 30))
    sizes = {play(env, random_agent(0), seed)[1][-1]["solution"].values.size for seed in range(12)}
    assert len(sizes) > 2
    assert env.action_space.n == 10  # type: ignore[attr-defined]


def test_misuse_is_refused() -> None:
    env = MipEnv(KNAPSACKS)
    _, info = env.reset(seed=0)
    illegal = int(np.flatnonzero(info["action_mask"] == 0)[0])
    with pytest.raises(CoptError, match=rf"action {illegal} is not legal; choose one of \["):
        env.step(illegal)
    larger = knapsacks(items=16, constraints=5, seed=0)
    with pytest.raises(CoptError, match=r"16 x 5 x 80 .*; pass room=Room\(variables=16, rows=8, nonzeros=120\)"):
        env.reset(options={"instance": larger})
    env.step(int(np.flatnonzero(info["action_mask"])[0]))  # the refused reset left the episode alone
    with pytest.raises(CoptError, match="SCIP has none called 'limits/node'"):
        MipEnv(KNAPSACKS, parameters={"limits/node": 3}).reset()
    with pytest.raises(CoptError, match="SCIP does not take limits/gap = 'small'"):
        MipEnv(KNAPSACKS, parameters={"limits/gap": "small"}).reset()
    with pytest.raises(CoptError, match="StrongBranchingScores exist where"):
        MipEnv(KNAPSACKS, dynamics=Diving(), observation=StrongBranchingScores()).reset(seed=0)
