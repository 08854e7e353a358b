"""Dynamics that any number of like things share, in torch, and their training run."""

from pathlib import Path

import numpy as np
import pytest
import torch

from copt.envs import Sorting, transitions
from copt.errors import CoptError
from copt.instances.control_weights import dynamics_of
from copt.models import store
from copt.models.control import random_net
from copt.models.control_pairs import PairNet
from copt.models.train_control_pairs import Args, Bench, inputs_of, main
from copt.problems.pairwise import Pairwise
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet
from copt.read import read_dynamics

TINY = Args(discs=2, more=(3,), own=(6, 4), other=(5,), episodes=20, held_out=3, length=6, updates=30, round_updates=5)


def noisy(widths: tuple[int, ...], seed: int) -> ReluNet:
    """Return a random network whose outputs are not zero."""
    rng = np.random.default_rng(seed)
    net = random_net(4, widths, 2, rng)
    return ReluNet(4, (*net.weights[:-1], rng.normal(size=net.weights[-1].shape)), net.biases)


PAIR = Pairwise(noisy((5, 3), 0), noisy((4,), 1))


@pytest.mark.parametrize("things", [1, 2, 5])
def test_torch_and_numpy_agree(things: int) -> None:
    rng = np.random.default_rng(things)
    x, u = rng.normal(size=(20, 2 * things)), rng.normal(size=(20, 3, 4))
    module = PairNet(PAIR, 0.5, torch.float64)
    found = module.rollout(torch.from_numpy(x), torch.from_numpy(u)).detach().numpy()
    net = module.net().of(things)
    for t in range(3):
        x = net.forward(np.hstack([x, u[:, t]]))
        np.testing.assert_allclose(found[:, t], x, rtol=1e-9)


def test_masks_decide_what_units_of_both_networks_do() -> None:
    kinds = [
        np.array([RELU, ZERO, IDENTITY, RELU, ZERO]),
        np.array([IDENTITY, RELU, ZERO]),
        np.array([ZERO, IDENTITY] * 2),
    ]
    masks = [torch.from_numpy(np.eye(3)[kind]) for kind in kinds]
    own, other = PAIR.own, PAIR.other
    fixed = Pairwise(
        ReluNet(4, own.weights, own.biases, tuple(kinds[:2])), ReluNet(4, other.weights, other.biases, (kinds[2],))
    )
    x, u = np.random.default_rng(2).normal(size=(2, 10, 4))
    found = PairNet(PAIR, 1.0, torch.float64).rollout(torch.from_numpy(x), torch.from_numpy(u[:, None]), masks)
    np.testing.assert_allclose(found[:, 0].detach().numpy(), fixed.of(2).forward(np.hstack([x, u])), rtol=1e-9)


def test_differences_are_measured_in_units() -> None:
    module = PairNet(PAIR, 0.5)
    apart = module.apart(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]]))
    np.testing.assert_allclose(apart.numpy(), [[2.0, 4.0]])
    np.testing.assert_allclose(module.moved(apart).numpy(), [[1.0, 2.0]])


def test_inputs_are_places_from_the_stroke_and_from_each_other() -> None:
    x, u = np.array([[1.0, 2.0, 4.0, 6.0]]), np.array([[0.5, 1.0, 0.1, 0.2]])
    own, motions, other = inputs_of(PAIR, x, u)
    np.testing.assert_allclose(own, [[0.5, 1.0, 0.1, 0.2], [3.5, 5.0, 0.1, 0.2]])
    np.testing.assert_allclose(motions, PAIR.own.forward(own).reshape(1, 4))
    np.testing.assert_allclose(other[:, :2], [[-3.0, -4.0], [3.0, 4.0]])
    np.testing.assert_allclose(other[:, 2:], motions.reshape(2, 2)[::-1])


def test_pruning_meets_both_budgets() -> None:
    bench = Bench(TINY)
    net = bench.pruned(bench.trained(bench.start(), 20), (7, 2))
    assert (net.own.units, net.other.units) == (7, 2)


def test_fitting_with_the_curvature_lowers_the_error() -> None:
    bench = Bench(TINY)
    x, u, after = bench.transitions
    before = bench.trained(bench.start(), 20)
    found = [np.square(net.of(2).forward(np.hstack([x, u])) - after).mean() for net in (before, bench.refined(before))]
    assert found[1] < 0.9 * found[0]


def test_a_training_run_stores_what_it_measured(tmp_path: Path) -> None:
    sizes = "--discs 2 --more 3 --own 6 4 --other 5 --own-budgets 8 --other-budgets 4"
    words = f"{sizes} --episodes 20 --held-out 3 --length 6 --updates 30 --round-updates 5 --large 20"
    main([*words.split(), "--folder", str(tmp_path)])
    stored = store.load("control-sorting-v1", tmp_path)
    found, card = dynamics_of(stored.weights), stored.card
    assert isinstance(found, Pairwise)
    assert card["relus"] == [found.own.units, found.other.units] == [8, 4]
    assert card["role"] == "dynamics"
    assert card["command"] == f"copt train control-pairs {words}"
    measured = card["measured"]
    assert list(measured) == ["errors", "linear", "plain", "large"]
    assert list(measured["errors"]) == ["2", "3"]
    assert [measured[arm]["relus"] for arm in ("linear", "plain", "large")] == [0, 32, 20]
    assert all(0 < error < 2 for error in (*measured["errors"]["2"], *measured["linear"]["errors"]))
    assert {"data", "hardware", "torch", "protocol", "minutes", "summary", "sha256"} <= card.keys()


def test_arguments_out_of_range() -> None:
    for wrong, text in (
        (["--episodes", "0"], "episodes must be positive, got 0"),
        (["--discs", "1"], "discs = 1 and length = 20; give at least 2 and 3"),
        (["--own-budgets", "8"], "own_budgets has 1 rounds, other_budgets 0"),
        (["--own-budgets", "8", "9", "--other-budgets", "4", "4"], "must not grow from round to round, got 8 9"),
    ):
        with pytest.raises(CoptError, match=text):
            main(wrong)


def test_what_is_shipped_tells_strokes_at_more_discs_than_it_learned_from() -> None:
    dynamics = read_dynamics("control-sorting-v1")
    states, actions = transitions(Sorting(discs=5), 3, 12, seed=2_000_000)
    before, after, u = states[:, :-1].reshape(-1, 10), states[:, 1:].reshape(-1, 10), actions.reshape(-1, 4)
    told = dynamics.at(before[0]).forward(np.hstack([before, u]))
    assert np.square(told - after).mean() < 0.4**2 * np.square(after - before).mean()
