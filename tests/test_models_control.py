"""Networks of dynamics: what they see, how their units become simpler, and how they are fitted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from copt.envs import CartPoleWalls, transitions
from copt.errors import CoptError, InvalidNetworkError, UnknownNameError
from copt.instances.control_cartpole import cartpole_walls
from copt.instances.control_weights import dynamics_of
from copt.models import control_newton, store
from copt.models.control import SparseNet, View, random_net
from copt.models.control_fit import Pieces, Recipe, errors, fitted
from copt.models.control_newton import curvature, refined, slope
from copt.models.control_prune import magnitudes, needs, pruned, refitted, straightened
from copt.models.control_systems import SYSTEMS
from copt.models.train_control import main
from copt.models.train_control_drive import driven
from copt.problems.base import FloatArray
from copt.problems.planar import Planar
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet

CPU = Fabric(accelerator="cpu", devices=1)
VIEW = View(
    features=np.array([[2.0, 0.0, 0.0], [0.0, 1.0, -1.0]]),
    offset=np.array([0.5, 0.0]),
    plain=np.array([[1.0, 0.0, 0.1], [0.0, 1.0, 0.0]]),
    shift=np.array([0.0, 0.25]),
    motions=np.array([[1.0], [2.0]]),
)


def noisy(widths: tuple[int, ...], inputs: int = 2, outputs: int = 1, seed: int = 0) -> ReluNet:
    """Return a random network whose outputs are not zero."""
    rng = np.random.default_rng(seed)
    net = random_net(inputs, widths, outputs, rng)
    return ReluNet(inputs, (*net.weights[:-1], rng.normal(size=net.weights[-1].shape)), net.biases)


def test_a_view_tells_what_networks_see_and_mean() -> None:
    # z = (1, 2, 3): seen are 2 * 1 + 0.5 and 2 - 3; told is y = relu(2.5) + 0, so x = (1 + 0.3 + y, 2 + 0.25 + 2 y).
    net = ReluNet.residual(skip=[[0.0, 0.0]], shift=[0.0], lift=[[1.0, 1.0]], weights=np.eye(2), biases=[0.0, 0.0])
    outward = VIEW.outward(net)
    np.testing.assert_allclose(outward.forward(np.array([[1.0, 2.0, 3.0]])), [[3.8, 7.25]])
    told = VIEW.told(np.array([[1.0, 2.0]]), np.array([[3.8, 7.25]]), by=np.array([[3.0]]))
    np.testing.assert_allclose(told, [[2.5]])


def test_a_scaled_view_has_mean_0_and_spread_1() -> None:
    rng = np.random.default_rng(3)
    states, actions = rng.normal(2.0, 5.0, (20, 4, 2)), rng.normal(-1.0, 0.1, (20, 3, 1))
    view = VIEW.scaled(states, actions, alike=False)
    seen, told = Pieces(states, actions).pairs(view)
    for values in (seen, told):
        np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=1e-12)
        np.testing.assert_allclose(values.std(axis=0), 1.0)


def test_outputs_in_one_unit_have_one_scale() -> None:
    rng = np.random.default_rng(4)
    states = np.cumsum(rng.normal(0.0, [1.0, 7.0], (50, 5, 2)), axis=1)
    view = View.whole(2, 1).scaled(states, rng.normal(size=(50, 4, 1)), alike=True)
    _, told = Pieces(states, rng.normal(size=(50, 4, 1))).pairs(view)
    assert np.square(told.std(axis=0)).mean() == pytest.approx(1.0)
    assert told[:, 1].std() > 5 * told[:, 0].std()


@pytest.mark.parametrize("kinds", [(), (np.array([RELU, IDENTITY, ZERO, RELU]), np.array([ZERO, RELU, IDENTITY]))])
def test_torch_and_numpy_agree(kinds: tuple[np.ndarray, ...]) -> None:
    plain = noisy((4, 3))
    net = ReluNet(2, plain.weights, plain.biases, kinds)
    module = SparseNet(net, VIEW, torch.float64)
    rng = np.random.default_rng(5)
    seen = rng.normal(size=(30, 2))
    np.testing.assert_allclose(module(torch.from_numpy(seen)).detach().numpy(), net.forward(seen), atol=1e-12)
    states, actions = rng.normal(size=(30, 2)), rng.normal(size=(30, 3, 1))
    found = module.rollout(torch.from_numpy(states), torch.from_numpy(actions)).detach().numpy()
    outward, x = VIEW.outward(module.net()), states
    for t in range(3):
        x = outward.forward(np.hstack([x, actions[:, t]]))
        np.testing.assert_allclose(found[:, t], x, atol=1e-9)
    assert outward.units == (net.kind == RELU).sum()


def test_kinds_are_drawn_one_hot_by_their_probabilities_and_pass_gradients_on() -> None:
    torch.manual_seed(0)
    module = SparseNet(noisy((300,)), VIEW)
    with torch.no_grad():
        module.logits[0].copy_(torch.tensor([0.7, 0.2, 0.1]).log().expand(300, 3))
    (masks,) = module.drawn()
    assert set(masks.detach().round(decimals=6).flatten().tolist()) == {0.0, 1.0}
    assert torch.allclose(masks.sum(dim=1), torch.ones(300))
    shares = masks.mean(dim=0)
    assert shares.tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.08)  # three standard deviations of 300 draws
    assert module.shares().tolist() == pytest.approx([0.7, 0.2, 0.1], abs=1e-6)
    module(torch.randn(50, 2), [masks]).square().mean().backward()
    gradient = module.logits[0].grad
    assert gradient is not None
    assert bool((gradient.abs().sum(dim=1) > 0).any())


def test_masks_decide_what_units_do() -> None:
    net = ReluNet.residual(skip=[[0.0]], shift=[0.0], lift=[[1.0]], weights=[[1.0]], biases=[0.0])
    module = SparseNet(net, View.whole(1, 0))
    x = torch.tensor([[-2.0], [3.0]])
    for kind, expected in ((RELU, [0.0, 3.0]), (IDENTITY, [-2.0, 3.0]), (ZERO, [0.0, 0.0])):
        assert module(x, [torch.eye(3)[[kind]]]).flatten().tolist() == expected


def test_the_closest_affine_function_of_a_relu() -> None:
    # Over -1, 0, 1 the ReLU is 0, 0, 1: slope cov / var = (1/3) / (2/3), level 1/3.
    net = ReluNet.residual(skip=[[0.0]], shift=[0.0], lift=[[6.0]], weights=[[1.0]], biases=[0.0])
    inputs = np.array([[-1.0], [0.0], [1.0]])
    plain = straightened(net, [0], inputs)
    assert plain.units == 0
    np.testing.assert_allclose(plain.forward(inputs), [[-1.0], [2.0], [5.0]])
    # It misses by -1, 2, -1: the mean square is 2.
    np.testing.assert_allclose(needs(net, inputs, net.forward(inputs)), [2.0])


def test_views_take_back_what_they_turned_outward() -> None:
    system = SYSTEMS["pusht"]
    view = system.scaled(system.pieces(6, 10, seed=1)).view
    net = noisy((4, 3), inputs=6, outputs=4)
    inputs = np.random.default_rng(3).normal(size=(50, 6))
    np.testing.assert_allclose(view.inward(view.outward(net)).forward(inputs), net.forward(inputs), atol=1e-9)
    for other in (View.whole(10, 2).outward(noisy((3,), inputs=12, outputs=10)), noisy((3,), inputs=2, outputs=2)):
        with pytest.raises(InvalidNetworkError, match="see or tell something else"):
            view.inward(other)


def test_needs_are_what_straightening_costs() -> None:
    net, rng = noisy((4, 3, 2), inputs=3, outputs=2, seed=7), np.random.default_rng(8)
    inputs = rng.normal(size=(200, 3))
    outputs = net.forward(inputs) + 0.1 * rng.normal(size=(200, 2))
    base = np.square(net.forward(inputs) - outputs).mean()
    slow = [np.square(straightened(net, [j], inputs).forward(inputs) - outputs).mean() - base for j in range(9)]
    np.testing.assert_allclose(needs(net, inputs, outputs), slow, atol=1e-12)


def test_magnitudes() -> None:
    first, second, last = [[3.0, 4.0], [1.0, 0.0]], [[0.0, 0.0, 2.0, 1.0]], [[9.0, 9.0, 1.5, 0.0, 2.0]]
    weights = np.array(first), np.array(second), np.array(last)
    net = ReluNet(2, weights, (np.zeros(2), np.zeros(1), np.zeros(1)))
    expected = [5.0 * np.hypot(2.0, 1.5), 1.0, np.hypot(2.0, 1.0) * 2.0]
    np.testing.assert_allclose(magnitudes(net), expected)


@pytest.mark.parametrize("budget", [7, 3, 1, 0])
def test_pruning_meets_the_budget_exactly_and_keeps_what_is_needed(budget: int) -> None:
    rng = np.random.default_rng(9)
    inputs = rng.normal(size=(500, 3))
    true = noisy((1,), inputs=3, outputs=2, seed=2)
    wide = noisy((5, 4), inputs=3, outputs=2, seed=3)
    for k in range(2):  # the true unit stands beside useless ones
        wide.weights[k][0, :3], wide.biases[k][0] = true.weights[0][0], true.biases[0][0]
        wide.weights[k][0, 3:] = 0.0
    outputs = true.forward(inputs)
    start = refitted(wide, inputs, outputs)
    found = pruned(start, budget, lambda net: needs(net, inputs, outputs), inputs, outputs)
    assert found.units == budget
    missed = np.abs(found.forward(inputs) - outputs).max()
    assert (missed < 1e-3) == (budget > 0)  # the ridge of least squares moves weights by about 1e-6


def one_relu(count: int, seed: int) -> Pieces:
    """Return pieces of a point that a wall at 0.3 pushes back."""
    rng = np.random.default_rng(seed)
    states, actions = rng.uniform(-1.0, 1.0, (count, 4, 1)), rng.uniform(-0.5, 0.5, (count, 3, 1))
    for t in range(3):
        x, u = states[:, t, 0], actions[:, t, 0]
        states[:, t + 1, 0] = x + u - 0.8 * np.maximum(0.0, x + 0.5 * u - 0.3)
    return Pieces(states, actions)


def test_a_wall_is_recovered_exactly() -> None:
    seen, unseen = one_relu(600, 1), one_relu(100, 2)
    view = View.whole(1, 1).scaled(seen.states, seen.actions, alike=False)
    inputs, outputs = seen.pairs(view)
    recipe = Recipe(300, rate=1e-2, batch=128, steps=2, noise=1e-3, decay=1e-4, hard=0.1)
    net, _ = fitted(random_net(2, (6,), 1, np.random.default_rng(0)), view, seen, recipe, CPU, 0)
    net = pruned(net, 1, lambda now: needs(now, inputs, outputs), inputs, outputs)
    net = refined(net, inputs, outputs, 20, np.random.default_rng(0))
    assert max(errors(net, view, unseen)) < 1e-6
    found = view.outward(net)
    assert found.units == 1
    plane = np.append(found.weights[0][0], found.biases[0][0]) / found.weights[0][0, 0]
    np.testing.assert_allclose(plane, [1.0, 0.5, -0.3], atol=1e-5)


def residuals(net: ReluNet, step: FloatArray, inputs: FloatArray, outputs: FloatArray) -> FloatArray:
    """Return the residuals of a network with a step added to its weights, unit by unit, biases last."""
    weights, biases, at = [], [], 0
    for w, b in zip(net.weights, net.biases, strict=True):
        w, b = w.copy(), b.copy()
        for i in range(len(b)):
            w[i] += step[at : at + w.shape[1]]
            b[i] += step[at + w.shape[1]]
            at += w.shape[1] + 1
        weights.append(w)
        biases.append(b)
    return np.asarray(ReluNet(net.inputs, tuple(weights), tuple(biases)).forward(inputs) - outputs)


def test_curvature_and_slope_are_those_of_finite_differences() -> None:
    net, rng = noisy((3, 2), inputs=2, outputs=2, seed=5), np.random.default_rng(6)
    inputs, outputs = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    size = 3 * 3 + 2 * 6 + 2 * 8
    near = 1e-6 * np.eye(size)
    at = [[residuals(net, side * step, inputs, outputs).ravel() for step in near] for side in (1.0, -1.0)]
    rows = (np.array(at[0]) - np.array(at[1])).T / 2e-6
    expected = rows.T @ residuals(net, np.zeros(size), inputs, outputs).ravel() / 40
    np.testing.assert_allclose(curvature(net, inputs), rows.T @ rows / 40, atol=1e-5)  # in single precision
    np.testing.assert_allclose(slope(net, inputs, outputs), expected, atol=1e-7)


def test_weights_that_few_samples_need_do_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def two(first: float, leaving: list[float]) -> ReluNet:
        return ReluNet(1, (np.ones((2, 1)), np.array([leaving])), (np.array([first, -1.985]), np.zeros(1)))

    monkeypatch.setattr(control_newton, "FEW", 64)
    inputs = np.linspace(-2.0, 2.0, 400)[:, None]
    outputs = two(-0.2, [0.5, 2.0, 1.0]).forward(inputs)  # only two samples reach the second ReLU
    net = refined(two(0.1, [0.0, 1.0, 0.8]), inputs, outputs, 20, np.random.default_rng(1))
    assert np.abs(net.forward(inputs) - outputs).max() < 0.05


def test_drawing_kinds_learns_which_units_are_not_needed() -> None:
    seen = one_relu(600, 1)
    view = View.whole(1, 1).scaled(seen.states, seen.actions, alike=False)
    recipe = Recipe(400, rate=2e-2, batch=128, sparsity=0.5, identity=0.1)
    net, chances = fitted(random_net(2, (8,), 1, np.random.default_rng(0)), view, seen, recipe, CPU, 0, draw=True)
    assert chances.shape == (8, 3)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-6)
    assert chances[:, RELU].mean() < 0.2
    assert net.units == 8


def test_pieces_do_not_overlap() -> None:
    states, actions = np.arange(8.0).reshape(1, 8, 1), np.arange(7.0).reshape(1, 7, 1)
    pieces = Pieces.of(states, actions, 3)
    assert pieces.states[..., 0].tolist() == [[0.0, 1.0, 2.0, 3.0], [3.0, 4.0, 5.0, 6.0]]
    assert pieces.actions[..., 0].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_pieces_are_balanced_by_repeating_those_that_are_few() -> None:
    def pieces(count: int, value: float) -> Pieces:
        return Pieces(np.full((count, 2, 1), value), np.full((count, 1, 1), value))

    found = pieces(7, 0.0).balanced([pieces(2, 1.0), pieces(1, 2.0)])
    assert found.states[:, 0, 0].tolist() == found.actions[:, 0, 0].tolist() == [0.0] * 7 + [1.0, 1.0, 2.0] * 2
    assert len(pieces(2, 0.0).balanced([pieces(9, 1.0)]).states) == 11


class Catching(CartPoleWalls):
    """Begins where the pole can be caught."""

    def anywhere(self, rng: np.random.Generator) -> FloatArray:
        return self.scene(rng).start


def test_what_is_driven_comes_nearer_to_its_goal_than_at_random() -> None:
    task = Catching()
    drive = driven(task, task.exact)
    states, actions = transitions(task, 6, 8, seed=3, policy=drive)
    assert (np.abs(actions) <= task.reach).all()
    again, _ = transitions(task, 6, 8, seed=3, policy=driven(task, task.exact))
    np.testing.assert_array_equal(states, again)
    aimless, _ = transitions(task, 6, 8, seed=3)
    goal = task.scene(np.random.default_rng(0)).goal
    assert np.abs(states[:, -1] - goal).mean() < 0.5 * np.abs(aimless[:, -1] - goal).mean()


def test_rounds_learn_from_what_they_drive(tmp_path: Path) -> None:
    tiny = ["--episodes", "30", "--held-out", "8", "--updates", "100", "--round-updates", "20", "--rate", "0.01"]
    more = ["--budgets", "4", "2", "2", "--drives", "3", "--folder", str(tmp_path)]
    main(["--system", "cartpole-walls", *tiny, *more])
    card = store.load("control-cartpole-walls-v1", tmp_path).card
    assert "--drives 3" in card["command"]
    assert card["data"] == "30 episodes of 20 random actions, and 3 driven a round, seed 0"
    assert max(card["measured"]["driven"]) < 1e-3  # both contacts are found, so that errors are the same everywhere
    with pytest.raises(CoptError, match="drives must not be negative, got -1"):
        main(["--system", "cartpole-walls", "--drives", "-1"])


def test_pushed_blocks_are_turned_and_told_exactly() -> None:
    system = SYSTEMS["pusht"]
    pieces = system.pieces(6, 10, seed=1)
    assert system.heading is not None
    heading = pieces.states @ system.heading.T
    np.testing.assert_allclose(heading[:, 0, 1], 0.0, atol=1e-9)
    assert (heading[:, 0, 0] > 0).all()
    assert (np.abs(heading[:, 1:, 1]) > 1e-3).any()  # blocks turn later on
    scaled = system.scaled(pieces)
    before, u, after = pieces.transitions()
    seen, told = pieces.pairs(scaled.view)
    view = scaled.view
    again = np.hstack([before, u]) @ view.plain.T + told @ view.motions.T + view.shift
    np.testing.assert_allclose(again, after, atol=1e-6)
    assert seen.shape[1] == 6
    dynamics = scaled.dynamics(noisy((4,), inputs=6, outputs=4))
    assert isinstance(dynamics, Planar)
    moved = dynamics.net.forward(np.hstack([before, u]) + np.tile([0.3, -0.2], 6) * (np.arange(12) < 10))
    still = dynamics.net.forward(np.hstack([before, u]))
    np.testing.assert_allclose(moved, still + np.tile([0.3, -0.2], 5), atol=1e-9)  # wherever the block is


def test_a_training_run_stores_what_it_measured(tmp_path: Path) -> None:
    tiny = ["--episodes", "60", "--held-out", "8", "--updates", "100", "--round-updates", "10", "--rate", "0.01"]
    main(["--system", "cartpole-walls", *tiny, "--controls", "fixed", "dense", "kinds", "--folder", str(tmp_path)])
    policy = store.load("control-cartpole-walls-v1", tmp_path)
    assert (policy.family, policy.card["role"], policy.card["relus"]) == ("control", "dynamics", 2)
    assert policy.card["command"].startswith("copt train control --system cartpole-walls --episodes 60 --held-out 8")
    budgets = ["16", "8", "4", "3", "2"]
    assert {arm: list(found) for arm, found in policy.card["measured"]["arms"].items()} == {
        "need": budgets, "fixed": budgets, "dense": ["24"], "kinds": budgets
    }  # fmt: skip
    assert policy.card["measured"]["errors"] == policy.card["measured"]["arms"]["need"]["2"]
    net = dynamics_of(policy.weights)
    assert isinstance(net, ReluNet)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (100, 5))
    away = np.abs(net.forward(x) - cartpole_walls().forward(x)).max()
    assert away < 1e-4  # both contacts are found, whatever few episodes there are
    with pytest.raises(UnknownNameError, match="unknown system 'push'; did you mean 'pusht'"):
        main(["--system", "push"])
    for wrong, text in (
        (["--budgets", "4", "8"], "budgets must not rise from round to round, got 4 8"),
        (["--updates", "0"], "updates must be positive, got 0"),
        (["--steps", "4"], "episodes are cut into pieces of 3 steps; choose steps <= 3 <= length"),
        (["--rank", "direct"], "rank must be one of need, kinds, magnitude, random, got direct"),
    ):
        with pytest.raises(CoptError, match=text):
            main(["--system", "cartpole-walls", *wrong])


def test_planar_dynamics_are_stored_with_their_heading(tmp_path: Path) -> None:
    tiny = ["--episodes", "20", "--held-out", "5", "--updates", "20", "--widths", "4", "4", "--budgets"]
    main(["--system", "pusht", *tiny, "--name", "small", "--folder", str(tmp_path)])
    policy = store.load("small", tmp_path)
    found = dynamics_of(policy.weights)
    assert isinstance(found, Planar)
    assert found.net.units == policy.card["relus"] == 8
    state = SYSTEMS["pusht"].task().scene(np.random.default_rng(1)).start
    moved = found.at(state).forward(np.append(state, [0.1, 0.2])[None])[0]
    np.testing.assert_allclose(
        moved[8:], state[8:] + np.array([0.1, 0.2]), atol=1e-6
    )  # weights are in single precision
