"""The network in torch against the compiled one, its loss, and its training run."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("torch_geometric", reason="training needs the extra 'train'")

from torch_geometric.data import Batch  # noqa: E402

from copt.errors import CoptError  # noqa: E402
from copt.instances.jobshop_generators import reentrant_shop, two_set_shop, uniform_shop  # noqa: E402
from copt.models import store, train_jobshop  # noqa: E402
from copt.models.jobshop import JobShopNet, ShopGraph, decision_loss  # noqa: E402
from copt.models.train_jobshop import graph_of, improved, sampled_start  # noqa: E402
from copt.policy import load_policy  # noqa: E402
from copt.problems.jobshop import JobShop, Schedule, check, objective  # noqa: E402
from copt.solvers.jobshop.encoder import STATIC_FEATURES, encode  # noqa: E402
from copt.solvers.jobshop.rollout import Dispatcher, expert_decisions  # noqa: E402
from copt.solvers.jobshop.rollout_kernels import FEATURES, HIDDEN  # noqa: E402

SHOPS = [
    uniform_shop(jobs=6, machines=5, seed=1),
    two_set_shop(jobs=5, machines=6, seed=2),
    reentrant_shop(jobs=4, machines=3, operations=7, seed=3),
    JobShop.from_jobs([[(0, 3), (2, 5)], [(2, 1)], [(0, 2), (2, 2), (0, 7)]], num_machines=4, release=[0, 4, 1]),
]


@pytest.fixture(scope="module")
def net() -> JobShopNet:
    net = JobShopNet()
    net.load_state_dict({name: torch.from_numpy(value) for name, value in load_policy("jobshop-v1").weights.items()})
    return net


def expert_of(shop: JobShop) -> ShopGraph:
    return graph_of(shop, Dispatcher(shop, "mwkr").run().starts[0])


def test_defaults_fit_the_kernels() -> None:
    weights = JobShopNet().arrays()
    assert weights["enter.weight"].shape == (HIDDEN, STATIC_FEATURES)
    assert weights["dynamic.weight"].shape == (HIDDEN, FEATURES)
    assert sum(value.size for value in weights.values()) == 16_992


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.name)
def test_torch_and_compiled_encoders_agree(net: JobShopNet, shop: JobShop) -> None:
    plain = expert_decisions(shop, Dispatcher(shop, "mwkr").run().starts[0])[0]
    with torch.no_grad():
        expected = net.encode(expert_of(shop)).numpy()
    np.testing.assert_allclose(encode(plain, net.arrays()), expected, rtol=1e-4, atol=1e-5)  # float32 sums, reordered


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.name)
def test_compiled_decisions_are_the_best_scores_of_torch(net: JobShopNet, shop: JobShop) -> None:
    graph = graph_of(shop, Dispatcher(shop, load_policy("jobshop-v1")).run().starts[0])
    with torch.no_grad():
        scores = net(graph).numpy()
    decisions = graph.decision_index.numpy()
    assert graph.num_decisions > 0
    for decision in range(graph.num_decisions):
        rivals = scores[decisions == decision]
        assert rivals[0] >= rivals.max() - 1e-4  # float32 scores of size 10


def test_batched_shops_score_as_alone(net: JobShopNet) -> None:
    graphs = [expert_of(shop) for shop in SHOPS]
    with torch.no_grad():
        together = net(Batch.from_data_list(graphs)).numpy()
        alone = np.concatenate([net(graph).numpy() for graph in graphs])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)


def test_loss_is_the_cross_entropy_of_first_rows() -> None:
    scores = torch.tensor([1.0, 2.0, 0.0, 0.0, 5.0])
    decision = torch.tensor([0, 0, 1, 1, 1])
    first = np.log(1 + np.e)
    second = np.log(2 + np.exp(5))
    assert decision_loss(scores, decision).item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_labels_are_schedules_no_worse_than_their_start() -> None:
    shop = two_set_shop(jobs=8, machines=6, seed=11)
    start = sampled_start(shop, None, 9, 5)
    better, makespan = improved(shop, start, 500, 5)
    assert check(shop, Schedule(better.astype(np.int64), shop.machines)) == []
    assert objective(shop, Schedule(better.astype(np.int64), shop.machines)) == makespan
    assert makespan < objective(shop, Schedule(start.astype(np.int64), shop.machines))


def test_training_run_learns_and_stores_what_it_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"minutes": "0.01", "fresh": "6", "moves": "200", "reference": "200", "operations": "60"}
    arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
    train_jobshop.main([*arguments, "--name", "tiny", "--no-measure", "--device", "cpu", "--folder", str(tmp_path)])
    policy = store.load("tiny", tmp_path)
    assert policy.card["command"].startswith("copt train jobshop --name tiny --minutes 0.01 ")
    assert policy.card["arguments"]["fresh"] == 6
    assert policy.card["shops"] == 6 * policy.card["rounds"]
    assert "rounds  loss" in capsys.readouterr().out
    untrained = JobShopNet().arrays()
    assert {name: value.shape for name, value in policy.weights.items()} == {n: v.shape for n, v in untrained.items()}


def test_the_summary_is_the_mean_over_the_groups() -> None:
    gaps = {"a": {"policy": {"greedy": 1.0}, "best_rule": {"greedy": 4.0}}}
    gaps["b"] = {"policy": {"greedy": 2.0}, "best_rule": {"greedy": 6.0}}
    text = "greedy 1.5 % above the best known, the best priority rule 5.0 %"
    assert train_jobshop.summary(gaps) == text


def test_learning_lowers_the_loss_on_its_shops() -> None:
    trainer = train_jobshop.Trainer(train_jobshop.Args(fresh=6, moves=200, operations=60, device="cpu", reuse=40))
    trainer.label()
    first = trainer.learn(1e-3)
    assert trainer.learn(1e-3) < 0.95 * first


@pytest.mark.parametrize(
    ("option", "text"), [("--minutes", "minutes must be positive, got 0.0"), ("--operations", "operations")]
)
def test_bad_arguments_are_named(option: str, text: str) -> None:
    with pytest.raises(CoptError, match=text):
        train_jobshop.main([option, "0"])
