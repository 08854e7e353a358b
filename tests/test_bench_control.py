"""Planning peers, their suites, and what they may prepare."""

import dataclasses
import functools
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from control_cases import optimum, random_cost, random_problem

from copt.bench import runner
from copt.bench.episodes import Episode
from copt.bench.isolate import Outcome, run_isolated
from copt.bench.judge import judge
from copt.bench.peers import COPT, Run, find_peer
from copt.bench.records import Row, read_rows
from copt.bench.runner import run_suite
from copt.bench.suites import blocks_of, find_suite
from copt.bench.suites_control import HELD_OUT, UNSTABLE, unstable_units
from copt.errors import UnknownNameError
from copt.instances.control_generators import cartpole
from copt.problems.control import ControlProblem, KeepOut, check, objective, toy
from copt.problems.control_cost import NORMS, Norm
from copt.problems.relu import ReluNet

LIMITS: dict[str, Any] = {"seconds": 20.0, "workers": 1, "seed": 1}
CLOSE = 2e-5  # relative: what peers allow between SCIP's value and that of the roll-out, twice


def exact_peers() -> list[Any]:
    missing = importlib.util.find_spec("pyscipopt_ml") is None
    skip = pytest.mark.skipif(missing, reason="pyscipopt-ml is not installed")
    return ["naive-bigm", pytest.param("pyscipopt-ml", marks=skip)]


def proved(name: str, problem: ControlProblem) -> float:
    """The optimum according to a peer, its plan checked."""
    answer = find_peer("control", name).run(problem, **LIMITS)
    assert check(problem, answer.solution) == []
    assert objective(problem, answer.solution) == answer.objective == answer.bound
    assert answer.objective is not None
    return answer.objective


@pytest.mark.parametrize("name", exact_peers())
def test_exact_peers_prove_the_toy(name: str) -> None:
    assert proved(name, toy()) == pytest.approx(3.0, rel=CLOSE)


@functools.cache
def limited(norm: Norm) -> tuple[ControlProblem, float]:
    """A problem whose limits and region are in the way, and its optimum."""
    region = KeepOut(np.eye(2), np.array([-0.6, 0.5]))
    cost = random_cost(4, 2, 1, norm=norm)
    problem = random_problem(4, cost=cost, x_lower=[-1.9, -np.inf], keep_out=(region,))
    best = optimum(problem)
    assert optimum(random_problem(4, cost=cost)) < 0.999 * best < np.inf
    return problem, best


@pytest.mark.parametrize("name", exact_peers())
@pytest.mark.parametrize("norm", NORMS)
def test_exact_peers_find_the_optimum_within_limits_and_outside_regions(name: str, norm: Norm) -> None:
    problem, best = limited(norm)
    assert proved(name, problem) == pytest.approx(best, rel=CLOSE)


@pytest.mark.parametrize("name", exact_peers())
def test_exact_peers_go_round_a_region(name: str) -> None:
    # One state, x+ = x + u, from 0 to 3 by steps up to 2 past what is strictly between 1 and 2.5: 1, then 3.
    walk = ReluNet(2, (np.array([[1.0, 1.0]]),), (np.zeros(1),))
    region = KeepOut(np.array([[1.0], [-1.0]]), np.array([2.5, -1.0]))
    problem = dataclasses.replace(
        toy(),
        dynamics=walk,
        start=np.zeros(1),
        horizon=2,
        u_lower=np.full(1, -2.0),
        u_upper=np.full(1, 2.0),
        keep_out=(region,),
    )
    assert proved(name, problem) == pytest.approx(2.0, rel=CLOSE)


@pytest.mark.parametrize("name", exact_peers())
def test_exact_peers_tell_that_limits_cannot_be_kept(name: str) -> None:
    problem = dataclasses.replace(toy(), x_lower=np.array([5.0]))
    assert find_peer("control", name).run(problem, **LIMITS).solution is None


@pytest.mark.parametrize("name", ["mppi", "icem", "descent"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_sampler_finds_the_optimum_of_the_toy(name: str, workers: int) -> None:
    peer = find_peer("control", name)
    assert peer.prepare is not None
    peer.prepare()
    answer = peer.run(toy(), seconds=0.2, workers=workers, seed=1)
    assert check(toy(), answer.solution) == []
    assert answer.objective == pytest.approx(3.0, rel=1e-2)  # sampled
    assert answer.bound is None


@pytest.mark.parametrize("name", ["copt", "mppi"])
def test_prepared_peers_keep_a_limit_that_is_shorter_than_their_imports(name: str) -> None:
    peer, problem = find_peer("control", name), cartpole(horizon=5, seed=0)
    assert peer.prepare is not None
    outcome = run_isolated(peer.run, problem, seconds=0.5, workers=1, seed=1, prepare=peer.prepare)
    verdict = judge(problem, outcome)
    assert verdict.error == ""
    assert verdict.objective is not None
    assert outcome.seconds < outcome.process_seconds


def test_copt_prepares_where_imports_would_count() -> None:
    assert find_peer("control", "copt").run is COPT["copt"].run
    assert find_peer("routing", "copt").prepare is None
    with pytest.raises(UnknownNameError, match="unknown peer 'mpi'; did you mean 'mppi'"):
        find_peer("control", "mpi")


def test_plans_are_held_out_and_interleaved() -> None:
    entries = find_suite("control-plan").entries(None)
    names = [entry.name for entry in entries]
    assert names[:4] == ["cartpole-walls-10-0", "cartpole-walls-20-0", "affine-5-0", "affine-10-0"]
    assert len(set(names)) == len(names) == 10 * len({name.rpartition("-")[0] for name in names})
    first = entries[0].load()
    assert (first.name, first.dimensions) == ("cartpole-walls-10-0", "4x1x10")
    assert first.start.tolist() == cartpole(horizon=10, seed=HELD_OUT).start.tolist()
    by_name = dict(zip(names, entries, strict=True))
    assert first.start.tolist() != by_name["cartpole-walls-10-1"].load().start.tolist()
    pushed = by_name["pusht-obstacles-5-0"].load()
    assert (pushed.name, pushed.dimensions) == ("pusht-obstacles-5-0", "10x2x5")
    assert pushed.keep_out
    assert pushed.start.tolist() == Episode("PushTObstacles", 5, HELD_OUT, "").begin().state.tolist()
    assert blocks_of("pusht-around-10-3") == ["pusht around", "pusht around, 10 steps"]


def test_programs_have_the_promised_number_of_unstable_units() -> None:
    entries = find_suite("control-mip").entries(None)
    sources = {entry.name.partition("-relu")[0] for entry in entries}
    assert sources == {"cartpole-walls", "affine-small", "pusht"}
    assert len(entries) == 10 * len(sources) * len(UNSTABLE)
    by_name = {entry.name: entry for entry in entries}
    for source in sorted(sources):
        for size, (least, most) in UNSTABLE.items():
            name = f"{source}-relu{size}-0"
            label = f"{least}-{most} unstable ReLUs"
            assert blocks_of(name) == [label, f"{source.replace('-', ' ')}, {label}"]
            if source != "cartpole-walls" or size == "25":  # longer ones take their time
                assert least <= unstable_units(by_name[name].load()) <= most
    # Both ReLUs of the first step see the start alone, and those of the next ones more.
    assert unstable_units(dataclasses.replace(toy(), horizon=1)) == 0
    assert unstable_units(toy()) == 2


def test_a_suite_runs_and_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(peer: Run, instance: Any, *, seconds: float, workers: int, seed: int, **_: Any) -> Outcome:
        return Outcome(peer(instance, seconds=seconds, workers=workers, seed=seed), 60.0, 60.5)

    monkeypatch.setattr(runner, "run_isolated", run)
    page = run_suite(
        "control-mip", seconds=60, out=tmp_path, names=["affine-small-relu25-0"], workers=1, say=lambda _line: None
    )
    ours, naive = read_rows(tmp_path / "control-mip.csv", Row)
    assert (ours.solver, naive.solver) == ("copt", "naive-bigm")
    assert ours.proved
    assert naive.objective == pytest.approx(ours.objective, rel=CLOSE)
    assert "15&ndash;25 unstable ReLUs" in page.read_text(encoding="utf-8")
