"""Network and fingerprint of guides of mixed-integer programs, and what becomes of their guesses."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from guide_cases import SMALL, random_net, random_weights, relaxed_of
from mip_cases import make_mip, solve_with_scip

from copt.errors import CoptError
from copt.instances.mip_generators import set_cover
from copt.models import store
from copt.models.mip_guide import Inputs, _product, sparse_pair
from copt.models.train_mip import csr_of
from copt.problems.base import FloatArray
from copt.problems.mip import MIP, Point, check, toy
from copt.result import Status
from copt.solve import solve
from copt.solvers.mip.alone import search
from copt.solvers.mip.arms import State, doubt, guess, unlikely
from copt.solvers.mip.bandit import FIRST
from copt.solvers.mip.controls import RandomGuide, RelaxedGuide
from copt.solvers.mip.graph import graph_of
from copt.solvers.mip.guide import FINGERPRINT, IDLE, SHARES, NetGuide, fingerprint, forward, guessable, guide_of
from copt.solvers.mip.lessons import Lesson
from copt.solvers.mip.submip import Relaxed
from copt.solvers.mip.trials import best_share, idle_share


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_numpy_and_torch_compute_the_same(rounds: int) -> None:
    import torch

    net = random_net(rounds)
    for instance in SMALL:
        graph = graph_of(instance, relaxed_of(instance))
        tensors = torch.from_numpy(graph.variables), torch.from_numpy(graph.rows)
        inputs = Inputs(
            *tensors,
            sparse_pair(csr_of(graph.to_rows, len(graph.variables))),
            sparse_pair(csr_of(graph.to_variables, len(graph.rows))),
        )
        expected = net(inputs).detach().numpy()
        np.testing.assert_allclose(forward(graph, net.arrays()), expected, atol=1e-5)
        assert np.ptp(expected) > 0.01


def test_a_guide_knows_its_program_before_and_after_the_relaxation_and_then_another() -> None:
    net, weights = NetGuide(random_weights()), random_weights()
    for instance in (SMALL[0], SMALL[1], SMALL[0]):
        told = guessable(instance)
        for relaxed in (None, relaxed_of(instance, 1), relaxed_of(instance, 2), None):
            logits = forward(graph_of(instance, relaxed), weights).astype(np.float64)
            found = net.probabilities(instance, relaxed)
            np.testing.assert_allclose(found[told], 1.0 / (1.0 + np.exp(-logits[told])), rtol=1e-12)
            assert np.isnan(found[~told]).all()


def test_gradients_go_through_the_sparse_products() -> None:
    import torch

    graph = graph_of(SMALL[0])
    matrix = csr_of(graph.to_rows, len(graph.variables)).toarray()
    x = torch.randn(matrix.shape[1], 3, requires_grad=True)
    torch.autograd.backward(_product(x, sparse_pair(csr_of(graph.to_rows, len(graph.variables)))).square().sum())
    assert x.grad is not None
    expected = 2.0 * matrix.T @ (matrix @ x.detach().numpy())  # of the sum of squares of the product
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_only_whole_variables_with_room_above_a_lower_bound_are_guessed() -> None:
    instance = make_mip(
        [[1.0] * 5],
        lower=np.array([0.0, 1.0, -np.inf, 0.0, 2.0]),
        upper=np.array([1.0, 1.0, 3.0, 9.0, 7.0]),
        integer=np.array([True, True, True, False, True]),
    )
    assert guessable(instance).tolist() == [True, False, False, False, True]
    found = NetGuide(random_weights()).probabilities(instance, None)
    assert np.isnan(found).tolist() == [False, True, True, True, False]
    assert ((found[[0, 4]] > 0) & (found[[0, 4]] < 1)).all()


def test_fingerprint_takes_the_family_and_refuses_others() -> None:
    family = [set_cover(rows=100, columns=200, seed=seed) for seed in range(5)]
    guide = NetGuide({FINGERPRINT: fingerprint(family)})
    assert guide.stranger(set_cover(rows=100, columns=200, seed=10_000)) is None
    assert guide.stranger(set_cover(rows=200, columns=400, density=0.025, seed=1)) is None
    assert guide.stranger(set_cover(rows=1000, columns=2000, density=0.01, seed=1)) is not None
    for other in (*SMALL[1:], toy()):
        reason = guide.stranger(other)
        assert reason is not None
        assert "is not within" in reason


def test_a_policy_without_a_guide_names_the_remedy() -> None:
    policy = store.StoredPolicy("mine", "mip", {"a": np.zeros(1, dtype=np.float32)}, {})
    with pytest.raises(CoptError, match="'mine' has no guide of this version; train it anew with `copt train mip`"):
        guide_of(policy)


def state_of(instance: MIP, chances: Any) -> State:
    state = State(instance, np.random.default_rng(0))
    state.guess = np.array(chances, dtype=np.float64)
    return state


def test_a_guess_fixes_the_surest_first_and_propagates() -> None:
    instance = make_mip([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])  # at most one of either pair
    hold = guess(state_of(instance, [0.9, 0.95, 0.1, 0.4]), 0.25)
    assert hold is not None
    assert hold.fixed.tolist() == [True, True, False, False]  # the second by the guess, the first by its row
    assert hold.values[:2].tolist() == [0.0, 1.0]
    hold = guess(state_of(instance, [0.9, 0.95, 0.04, 0.4]), 0.25)
    assert hold is not None
    assert hold.fixed.tolist() == [False, False, True, False]  # surer of this zero than of any one
    hold = guess(state_of(instance, [0.9, 0.95, 0.1, 0.4]), 1.0)
    assert hold is not None
    assert hold.fixed.all()
    assert hold.values.tolist() == [0.0, 1.0, 0.0, 0.0]
    assert guess(state_of(instance, [math.nan] * 4), 1.0) is None


def test_a_general_integer_above_its_bound_goes_near_the_relaxation() -> None:
    instance = make_mip([[1.0, 1.0]], upper=np.array([9.0, 9.0]), row_upper=np.array([12.0]))
    state = state_of(instance, [0.9, 0.1])
    hold = guess(state, 1.0)
    assert hold is not None
    assert (hold.fixed.tolist(), hold.values[1]) == ([False, True], 0.0)
    state.relaxed = Relaxed(np.array([6.8, 3.0]), np.zeros(2), 0.0)
    hold = guess(state, 1.0)
    assert hold is not None
    assert (hold.fixed.tolist(), hold.values.tolist()) == ([True, True], [7.0, 0.0])


def test_the_unlikely_are_held_at_their_lower_bounds_with_what_follows() -> None:
    instance = make_mip([[1.0, 1.0, 0.0, 0.0, 0.0]], row_lower=np.ones(1), row_upper=np.array([2.0]))
    state = state_of(instance, [0.2, 0.3, 0.4, 0.6, math.nan])
    for share, fixed, values in (
        (0.2, [True, True, False, False, False], [0.0, 1.0]),  # the row asks for the second
        (0.6, [True, True, True, False, False], [0.0, 1.0, 0.0]),
        (1.0, [True, True, True, False, False], [0.0, 1.0, 0.0]),  # neither the likely nor the unknown
        (0.0, [False] * 5, []),
    ):
        hold = unlikely(state, share)
        assert hold.fixed.tolist() == fixed
        assert hold.values[: len(values)].tolist() == values


class Knowing:
    """Guesses what it is told and leaves out of relaxations a share of the variables."""

    def __init__(self, chances: list[float], idle: float) -> None:
        self.chances, self.left_out = np.array(chances), idle

    def probabilities(self, instance: MIP, relaxed: Relaxed | None) -> FloatArray:
        return self.chances

    def share(self, *, relaxed: bool) -> float:
        return FIRST

    def idle(self) -> float:
        return self.left_out


def test_a_search_relaxes_what_is_likely_and_everything_where_nothing_is_left_of_that() -> None:
    # The cheapest point takes the first variable; without it two of the others are asked for, which exclude each other.
    pairs = [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    instance = make_mip(
        [*pairs, [2.0, 1.0, 1.0, 1.0]],
        costs=np.array([1.0, 5.0, 2.0, 3.0]),
        row_lower=np.array([0.0, 0.0, 0.0, 2.0]),
        row_upper=np.array([1.0, 1.0, 1.0, 5.0]),
    )
    for chances, idle, values in (
        ([0.9, 0.1, 0.2, 0.3], 0.5, [1.0, 0.0, 0.0, 0.0]),
        ([0.1, 0.9, 0.9, 0.9], 0.25, [1.0, 0.0, 0.0, 0.0]),  # in vain: all variables come back
    ):
        found = search(instance, 0.3, guide=Knowing(chances, idle))
        assert found.relaxed is not None
        assert found.relaxed.values == pytest.approx(values)
        assert found.finds[-1].cost == 1.0
    loose = make_mip(
        [[1.0, 1.0, 1.0]], costs=np.array([1.0, 2.0, 3.0]), row_lower=np.ones(1), row_upper=np.array([3.0])
    )
    found = search(loose, 0.3, guide=Knowing([0.1, 0.9, 0.9], 1 / 3))
    assert found.relaxed is not None
    assert found.relaxed.bound == pytest.approx(2.0)  # the cheapest is left out
    assert found.finds[-1].cost == 1.0  # but not of the search


def test_the_first_points_are_those_that_dives_end_in() -> None:
    instance = set_cover(rows=40, columns=60, density=0.1, seed=3)
    best = search(instance, 0.5).pool[0]
    assert best[0] == pytest.approx(solve_with_scip(instance))
    first, second = search(instance, 0.3, guide=Knowing(np.where(best[1] > 0.5, 0.9, 0.1).tolist(), 0.0)).finds
    assert (first.source, second.source) == ("corner", "guess")
    assert first.cost > second.cost == best[0]


def test_doubt_frees_what_guess_and_best_point_differ_on() -> None:
    instance = make_mip([[1.0] * 6], row_upper=np.array([6.0]))
    state = state_of(instance, [1.0, 1.0, 0.0, 0.0, 0.5, math.nan])
    state.add(2.0, np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]))
    hold = doubt(state, 2 / 6)
    assert hold is not None
    assert hold.fixed.tolist() == [True, False, True, False, False, False]
    assert hold.values.tolist() == [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]


def garbage(instance: MIP, seed: int) -> store.StoredPolicy:
    """Return a policy of huge random weights that takes ``instance`` for its own family."""
    weights = {name: 30.0 * value for name, value in random_weights(seed).items()}
    return store.StoredPolicy("garbage", "mip", {**weights, FINGERPRINT: fingerprint([instance])}, {})


@pytest.mark.parametrize("seed", [0, 1])
def test_garbage_changes_neither_status_nor_optimum(seed: int) -> None:
    for instance in (set_cover(rows=40, columns=60, density=0.1, seed=seed), toy()):
        result = solve(instance, seconds=30, policy=garbage(instance, seed), workers=2, seed=seed)
        assert result.status is Status.OPTIMAL
        assert result.objective == pytest.approx(solve_with_scip(instance), rel=1e-6)
        assert not any("not used" in note for note in result.notes)


def test_garbage_leads_a_search_to_feasible_points_only() -> None:
    instance = set_cover(rows=40, columns=60, density=0.1, seed=2)
    guide = guide_of(garbage(instance, 0))
    found = search(instance, 0.5, guide=guide)
    assert all(check(instance, Point(find.values)) == [] for find in found.finds)
    assert found.finds[-1].cost == pytest.approx(solve_with_scip(instance))


def test_garbage_finds_nothing_where_nothing_is() -> None:
    instance = make_mip([[1.0, 1.0]], row_lower=np.array([1.5]), row_upper=np.array([1.9]))
    assert solve(instance, seconds=30, policy=garbage(instance, 0), workers=2).status is Status.INFEASIBLE


def test_a_stranger_is_solved_without_the_policy_and_told_so() -> None:
    policy = garbage(SMALL[1], 0)
    result = solve(SMALL[0], seconds=30, policy=policy, workers=2)
    assert result.status is Status.OPTIMAL
    assert any("policy 'garbage' is not used, it was trained on other programs" in note for note in result.notes)


class Half:
    """Is sure of the first twelve of twenty variables and right, less so of the others and wrong."""

    def probabilities(self, instance: MIP, relaxed: Relaxed | None) -> FloatArray:
        return np.where(np.arange(20) < 12, 0.99, 0.3)

    def share(self, *, relaxed: bool) -> float:
        raise AssertionError

    def idle(self) -> float:
        raise AssertionError


def test_the_share_to_hold_is_the_largest_with_which_the_best_is_found() -> None:
    instance = make_mip(np.ones((1, 20)), row_upper=np.array([20.0]), maximise=True)
    lesson = Lesson(instance, np.array([-20.0]), np.ones((1, 20)), None)
    assert best_share(Half(), [lesson], relaxed=False) == 0.6
    assert best_share(Half(), [lesson], relaxed=True) == FIRST  # nobody taught it anything
    shares = np.array([0.6, 0.9], dtype=np.float32)
    net = NetGuide({**random_weights(), SHARES: shares})
    assert [net.share(relaxed=known) for known in (False, True)] == pytest.approx([0.6, 0.9])
    assert NetGuide(random_weights()).share(relaxed=True) == FIRST


@pytest.mark.parametrize(("ones", "share"), [(slice(10, 12), 0.9), (slice(2, 12), 0.5), (slice(12), 0.0)])
def test_the_share_to_leave_out_keeps_nine_tenths_of_what_the_best_point_has(ones: slice, share: float) -> None:
    instance = make_mip(np.ones((1, 20)), row_upper=np.array([20.0]), maximise=True)
    above = np.zeros((1, 20))
    above[0, ones] = 1.0  # the guess leaves out the last eight first, then the others in their order
    assert idle_share(Half(), [Lesson(instance, np.array([-1.0]), above, None)]) == share


def test_a_guide_leaves_out_of_the_relaxation_what_it_has_learned_to() -> None:
    net = NetGuide({**random_weights(), IDLE: np.array([0.8], dtype=np.float32)})
    assert net.idle() == pytest.approx(0.8)
    assert NetGuide(random_weights()).idle() == RandomGuide().idle() == RelaxedGuide().idle() == 0.0


def test_controls() -> None:
    instance = dataclasses.replace(toy(), lower=np.array([0.0, 1.0, 0.0]))
    relaxed = Relaxed(np.array([0.25, 3.0, 0.5]), np.zeros(3), 0.0)
    np.testing.assert_array_equal(RelaxedGuide().probabilities(instance, relaxed), [0.25, 1.0, np.nan])
    assert np.isnan(RelaxedGuide().probabilities(instance, None)).all()
    drawn = RandomGuide(3).probabilities(instance, None)
    np.testing.assert_array_equal(drawn, RandomGuide(3).probabilities(instance, relaxed))
    assert np.isnan(drawn).tolist() == [False, False, True]
