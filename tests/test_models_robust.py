"""The network of moves in torch against numpy, the labels it learns from, and the run that stores it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("lightning_fabric", reason="training needs the extra 'train'")

from robust_cases import random_loans  # noqa: E402

from copt.errors import CoptError  # noqa: E402
from copt.forward import training_run  # noqa: E402
from copt.instances.robust_generators import robust_knapsack  # noqa: E402
from copt.models import store, train_robust  # noqa: E402
from copt.models.robust import MoveNet  # noqa: E402
from copt.models.train_robust import (  # noqa: E402
    FAR,
    Args,
    Lesson,
    batch_of,
    incumbents,
    judged,
    lessons_of,
    random_instance,
    summary,
    targets,
    trained,
    valued,
)
from copt.solvers.robust.knapsack_game import KnapsackGame  # noqa: E402
from copt.solvers.robust.knapsack_moves import State, by_bound, moves_from, prices_of  # noqa: E402
from copt.solvers.robust.loading import warm_knapsack  # noqa: E402
from copt.solvers.robust.move_net import guide_of, scores_of  # noqa: E402

FEW = Args(instances=3, seconds=0.6, states=2, moves=8, steps=4, hidden=8)


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """Load the kernels: the short searches of lessons count processor time."""
    warm_knapsack()


def lesson_of(items: int, seed: int) -> tuple[Lesson, State, KnapsackGame]:
    """What is learned at some decisions, and these."""
    instance = robust_knapsack(items=items, correlation="ASC", seed=seed)
    rng = np.random.default_rng(seed)
    x, game = rng.integers(0, 2, items).astype(np.uint8), KnapsackGame(instance, 0)
    found = game.solve(game.decided(x))
    state = State(instance, x, found, found.scenario[None])
    lesson = valued(FEW, game, state, moves_from(x), prices_of(state), rng)
    assert lesson is not None
    return lesson, state, game


def random_net() -> MoveNet:
    """A net whose weights and scales are all away from where training begins."""
    lesson, _, _ = lesson_of(12, 0)
    torch.manual_seed(3)
    net = MoveNet(lesson.what.items.shape[1], lesson.what.moves.shape[1], 16, 3)
    net.standardise(torch.from_numpy(lesson.what.items), torch.from_numpy(lesson.what.moves))
    return net


def test_torch_and_numpy_scores_agree() -> None:
    net, lessons = random_net(), [lesson_of(items, items)[0] for items in (5, 12, 30)]
    with torch.no_grad():
        expected = net(*batch_of(lessons, torch.device("cpu"))).numpy()
    found = np.concatenate([scores_of(net.arrays(), lesson.what, lesson.moves) for lesson in lessons])
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-5)  # single precision


def test_labels_are_what_moves_change() -> None:
    lesson, state, _ = lesson_of(12, 4)
    fresh, money = KnapsackGame(state.instance, 9), float(state.instance.profits.mean())
    for k, change in enumerate(lesson.changes):
        exact = (fresh.solve(fresh.decided(lesson.moves.apply(k, state.x))).value - state.found.value) / money
        assert change == pytest.approx(min(FAR, exact), abs=1e-6)
    labels = targets(lesson)
    assert ((labels > 0.5) == (lesson.changes < 0)).all()
    assert (np.diff(labels[np.argsort(lesson.changes)]) <= 0).all()  # what adds less is labelled as surer to pay
    assert (np.diff(lesson.rule[: FEW.moves // 2]) <= 0).all()  # those that the rule prefers come first


def test_instances_come_from_the_seed_and_stay_in_their_ranges() -> None:
    found = [random_instance(Args(), k) for k in range(8)]
    assert [one.name for one in found] == [random_instance(Args(), k).name for k in range(8)]
    assert random_instance(Args(seed=1), 0).name != found[0].name
    assert all(20 <= one.num_items <= 80 for one in found)


def test_lessons_keep_to_their_numbers() -> None:
    lessons = lessons_of(FEW, random_instance(FEW, 2), 2)
    assert 1 <= len(lessons) <= FEW.states
    assert all(1 <= len(lesson.changes) <= FEW.moves for lesson in lessons)


def test_the_network_learns_which_moves_pay() -> None:
    lessons = [lesson_of(12, seed)[0] for seed in range(4)]
    net, facts = trained(replace(FEW, steps=60, hidden=16, rate=0.01, device="cpu"), lessons)
    assert facts["device"] == "cpu"
    found = judged(net, lessons)
    assert found["states"] == 4
    assert found["rank_correlation"]["learned"] > max(0.6, found["rank_correlation"]["rule"])
    top = found["best_change_of_first_three"]
    assert top["best"] <= top["learned"] <= FAR


def test_incumbents_do_not_get_worse() -> None:
    costs = incumbents(robust_knapsack(items=15, seed=3), by_bound, (0.0, 0.1, 0.2), 0)
    assert (np.diff(costs) <= 0).all()
    assert costs[0] > costs[-1]


def test_a_run_stores_a_policy_that_guides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_robust, "TIMES", {"generated": (0.05, 0.1), "benchmark": (0.1,)})
    options = ["--instances", "3", "--seconds", "0.2", "--states", "2", "--moves", "8", "--steps", "4", "--hidden", "8"]
    training_run("robust")([*options, "--held-out", "10", "--name", "mine", "--folder", str(tmp_path)])
    policy = store.load("mine", tmp_path)
    assert policy.family == "robust"
    assert guide_of(policy) is not by_bound
    assert policy.card["command"] == (
        "copt train robust --name mine --instances 3 --seconds 0.2 --states 2 --moves 8 --steps 4 --hidden 8 "
        "--held-out 10"
    )
    measured = policy.card["measured"]["generated"]
    assert measured["instances"] == 4
    assert set(measured["gap_percent"]) == {"off", "rule", "learned"}
    assert policy.card["summary"] == summary(policy.card["measured"])
    state = lesson_of(12, 1)[1]
    moves = moves_from(state.x)
    scores = guide_of(policy)(state, moves, prices_of(state))
    assert scores.shape == moves.first.shape
    assert json.loads((tmp_path / "cards" / "mine.json").read_text())["role"] == "moves"


def test_bad_arguments_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CoptError, match="steps must be positive, got 0"):
        train_robust.run(replace(FEW, steps=0))
    monkeypatch.setattr(train_robust, "read", lambda path: random_loans(4, 1))
    with pytest.raises(CoptError, match=r"benchmarks must be two-stage robust knapsacks, loans\.dat is not one"):
        train_robust.run(replace(FEW, benchmarks=(Path("loans.dat"),)))
