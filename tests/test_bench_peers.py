import importlib.metadata
import importlib.util
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copt.bench import peers_jobshop
from copt.bench.answer import Answer
from copt.bench.peers import COPT, PEERS, Peer, find_peer, installed_versions
from copt.bench.rules import RULES, dispatch
from copt.errors import CoptError, MissingExtraError, UnknownNameError
from copt.instances.jobshop import GENERATORS, named
from copt.problems import routing
from copt.problems.jobshop import JobShop, check, chosen_durations, completion_times, objective, toy

LIMITS: dict[str, Any] = {"seconds": 20.0, "workers": 1, "seed": 1}


def installed(*names: str) -> list[Any]:
    """Peers that can run here; PyJobShop is skipped where it is missing."""
    missing = importlib.util.find_spec("pyjobshop") is None
    skip = pytest.mark.skipif(missing, reason="pyjobshop is not installed")
    return [pytest.param(name, marks=skip) if name == "pyjobshop" else name for name in names]


def assert_optimal(instance: JobShop, answer: Answer, optimum: int) -> None:
    assert check(instance, answer.solution) == []
    assert objective(instance, answer.solution) == optimum
    assert (answer.objective, answer.bound) == (optimum, optimum)


@pytest.mark.parametrize("name", installed("cpsat", "cpsat8", "pyjobshop"))
def test_exact_peers_prove_the_toy(name: str) -> None:
    assert_optimal(toy(), find_peer("jobshop", name).run(toy(), **LIMITS), 11)


@pytest.mark.parametrize("name", installed("cpsat", "pyjobshop"))
def test_exact_peers_agree_on_a_flexible_shop(name: str) -> None:
    # Two jobs of two operations; by hand: 3 + 2 on the fast machines, the other job beside it ends at 5 too.
    shop = JobShop.from_jobs([[[(0, 3), (1, 9)], [(1, 2)]], [[(1, 3)], [(0, 9), (2, 2)]]])
    assert_optimal(shop, find_peer("jobshop", name).run(shop, **LIMITS), 5)


@pytest.mark.parametrize("name", installed("cpsat", "pyjobshop"))
def test_exact_peers_keep_release_dates(name: str) -> None:
    shop = JobShop.from_jobs([[(0, 3)], [(0, 4)]], release=np.array([9, 1]))
    assert_optimal(shop, find_peer("jobshop", name).run(shop, **LIMITS), 12)


def test_cpsat_keeps_a_record_that_ends_at_its_answer() -> None:
    answer = peers_jobshop.run_cpsat(named("ft06"), **LIMITS)
    times, values = zip(*answer.incumbents, strict=True)
    assert list(times) == sorted(times)
    assert list(values) == sorted(values, reverse=True)
    assert values[-1] == answer.objective == 55


@pytest.mark.parametrize("name", installed("cpsat", "pyjobshop"))
def test_time_spent_on_the_model_is_off_the_limit(name: str) -> None:
    answer = find_peer("jobshop", name).run(named("ta71"), seconds=0.0, workers=1, seed=1)
    assert answer.solution is None
    assert answer.objective is None


@pytest.mark.parametrize("name", ["cpsat", "pyjobshop", "rules"])
def test_what_a_model_does_not_cover_is_refused(name: str) -> None:
    open_shop = GENERATORS["open"](jobs=2, machines=2)
    with pytest.raises(CoptError, match="open-2x2-0 is another problem"):
        getattr(peers_jobshop, f"run_{name}")(open_shop, **LIMITS)


def test_rules_keeps_the_best_rule() -> None:
    shop = named("ft10")
    answer = peers_jobshop.run_rules(shop, **LIMITS)
    values = [objective(shop, dispatch(shop, rule)) for rule in RULES]
    assert answer.objective == min(values) == objective(shop, answer.solution)
    assert answer.bound is None


def test_most_work_remaining_by_hand() -> None:
    # Job 1 has 9 units of work and goes first on machine 0, job 0 follows at 4 and ends at 4 + 2 + 1.
    shop = JobShop.from_jobs([[(0, 2), (1, 1)], [(0, 4), (2, 5)]])
    np.testing.assert_array_equal(dispatch(shop, "most work remaining").start, [4, 6, 0, 4])
    np.testing.assert_array_equal(dispatch(shop, "least work remaining").start, [0, 2, 2, 6])


shops = st.builds(
    lambda seed, jobs, machines, alternatives: GENERATORS["flexible"](
        jobs=jobs, machines=machines, seed=seed, alternatives=min(alternatives, machines), low=0, high=9
    ),
    st.integers(0, 10_000),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(1, 3),
)


@given(shops, st.sampled_from(sorted(RULES)))
@settings(max_examples=60, deadline=None)
def test_dispatched_schedules_are_feasible_and_never_idle_with_work_waiting(shop: JobShop, rule: str) -> None:
    schedule = dispatch(shop, rule)
    assert check(shop, schedule) == []
    end = schedule.start + chosen_durations(shop, schedule.machine)
    for operation, job in enumerate(shop.job_of):
        first = operation == shop.job_offsets[job]
        ready = 0 if first else int(end[operation - 1])
        on_machine = schedule.machine == schedule.machine[operation]
        # It starts when it is ready, or the moment its machine ends another operation.
        assert schedule.start[operation] in {ready, *end[on_machine].tolist()}
        busy = sum(
            min(int(end[other]), int(schedule.start[operation])) - max(int(schedule.start[other]), ready)
            for other in np.flatnonzero(on_machine)
            if schedule.start[other] < schedule.start[operation] and end[other] > ready
        )
        assert busy == schedule.start[operation] - ready
    assert objective(shop, schedule) == completion_times(shop, schedule).max()


def test_unknown_peer_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown peer 'cp-sat'; did you mean 'cpsat'"):
        find_peer("jobshop", "cp-sat")


def test_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer("absent", peers_jobshop.run_rules, "", ("no-such-package",))
    monkeypatch.setitem(PEERS["jobshop"], "absent", peer)
    with pytest.raises(MissingExtraError, match=r"peer 'absent' needs .* pip install 'copt-solver\[bench\]'"):
        find_peer("jobshop", "absent")


def test_versions_name_what_ran() -> None:
    assert f"ortools {importlib.metadata.version('ortools')}" in installed_versions(PEERS["jobshop"]["cpsat"])
    assert installed_versions(COPT["copt"]).startswith("copt ")


def test_copt_serves_every_family() -> None:
    assert find_peer("encoding", "copt") is COPT["copt"]
    assert find_peer("jobshop", "copt-nopolicy") is COPT["copt-nopolicy"]
    with pytest.raises(UnknownNameError):
        find_peer("encoding", "rules")


def test_a_policy_is_a_peer_of_its_family() -> None:
    answer = find_peer("routing", "routing-schedule-v1").run(routing.toy(), **LIMITS)
    assert answer.objective == answer.bound == routing.objective(routing.toy(), answer.solution) == 36
    with pytest.raises(UnknownNameError, match="or a trained policy"):
        find_peer("jobshop", "routing-schedule-v1")


def test_bounds_of_peers_are_whole() -> None:
    answer = peers_jobshop.run_cpsat(named("ft10"), seconds=1.0, workers=1, seed=1)
    assert answer.bound is not None
    assert answer.bound == math.floor(answer.bound) <= 930
