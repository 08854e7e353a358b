"""The networks of Neur2RO in torch against numpy, their data, their scales, and the run that stores them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from neur2ro_cases import profit
from robust_twins import random_knapsack

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("lightning_fabric", reason="training needs the extra 'train'")

from lightning_fabric import Fabric  # noqa: E402

from copt.errors import CoptError  # noqa: E402
from copt.forward import training_run  # noqa: E402
from copt.models import store, train_robust_neur2ro  # noqa: E402
from copt.models.robust_neur2ro import Neur2roNet  # noqa: E402
from copt.models.train_robust_neur2ro import Args, Feed, Scale, trained  # noqa: E402
from copt.problems.robust_knapsack import RobustKnapsack, toy_knapsack  # noqa: E402
from copt.problems.uncertainty import FloatArray  # noqa: E402
from copt.read import write  # noqa: E402
from copt.solvers.robust.neur2ro_net import Neur2roNet as NumpyNet  # noqa: E402
from copt.solvers.robust.neur2ro_samples import SIZES, Samples, labelled, random_instance  # noqa: E402

CPU = torch.device("cpu")


def some_samples(count: int, seed: int) -> tuple[list[RobustKnapsack], Samples]:
    rng = np.random.default_rng(seed)
    instances = [random_instance(rng) for _ in range(count)]
    return instances, labelled(instances, 4, 6, rng)


@pytest.mark.parametrize("seed", range(8))
def test_labels_are_the_costs_of_the_best_plans(seed: int) -> None:
    instance = replace(random_knapsack(seed), budget=1.5)
    samples = labelled([instance], 3, 3, np.random.default_rng(seed))
    for d, s in np.ndindex(3, 3):
        x, u = samples.x[0, d], samples.u[0, d, s]
        first = float((instance.outsourcing - instance.profits) @ x)
        assert samples.costs[0, d, s] == pytest.approx(-profit(instance, x, u) - first, abs=1e-9)


def test_samples_are_drawn_as_in_the_paper() -> None:
    instances, samples = some_samples(30, 0)
    assert {instance.num_items for instance in instances} <= set(SIZES)
    assert samples.sizes.tolist() == [instance.num_items for instance in instances]
    for instance, x, u in zip(instances, samples.x, samples.u, strict=True):
        n = instance.num_items
        assert set(np.unique(x)) <= {0.0, 1.0}
        assert not x[:, n:].any() and not u[:, :, n:].any()
        assert (u[:, :, :n] > 0).all()
        assert (u.sum(axis=2) <= instance.budget + 1e-9).all()
        assert (u.sum(axis=2) >= 1 / instance.budget - 1e-9).all()
    shares = np.array([x[:, :n].mean(axis=1) for x, n in zip(samples.x, samples.sizes, strict=True)])
    assert shares.min() < 0.1 and shares.max() > 0.9


def test_scaled_labels_fill_the_unit_interval_of_each_size_and_map_back() -> None:
    _, samples = some_samples(20, 1)
    scale = Scale.of(samples)
    labels = scale.label(samples.costs, samples.sizes)
    for n in set(samples.sizes.tolist()):
        own = labels[samples.sizes == n]
        assert (own.min(), own.max()) == (0.0, 1.0)
        back = scale.least[n] + own * (scale.most[n] - scale.least[n])
        np.testing.assert_allclose(back, samples.costs[samples.sizes == n], atol=1e-9)
    rows = np.concatenate([items[:n] for items, n in zip(samples.items, samples.sizes, strict=True)])
    assert np.array_equal(scale.low, rows.min(axis=0)) and np.array_equal(scale.high, rows.max(axis=0))


def scaled_net(scale: Scale, seed: int) -> Neur2roNet:
    torch.manual_seed(seed)
    net = Neur2roNet()
    net.low.copy_(torch.from_numpy(scale.low))
    net.high.copy_(torch.from_numpy(scale.high))
    return net


def numpy_predictions(net: Neur2roNet, instance: RobustKnapsack, x: FloatArray, u: FloatArray) -> list[float]:
    twin, n = NumpyNet(net.arrays(), instance), instance.num_items
    decisions = [twin.embedded("x", row[:n]) for row in x]
    return [twin.value(d, twin.embedded("u", row[:n])) for d, rows in zip(decisions, u, strict=True) for row in rows]


def test_torch_and_numpy_predict_the_same() -> None:
    instances, samples = some_samples(6, 2)
    scale = Scale.of(samples)
    net, feed = scaled_net(scale, 3), Feed(samples, scale, CPU)
    inputs, labels = feed.batch(torch.arange(feed.size))
    with torch.no_grad():
        found = net(*inputs).numpy()
    per = [numpy_predictions(net, *case) for case in zip(instances, samples.x, samples.u, strict=True)]
    np.testing.assert_allclose(found, np.concatenate(per), atol=1e-4)  # sums of 80 items in single precision
    assert found.std() > 0.01
    np.testing.assert_allclose(labels, scale.label(samples.costs, samples.sizes).ravel(), atol=1e-6)
    error = np.abs(found - labels.numpy()).mean()
    assert feed.error(net, torch.arange(feed.size)) == pytest.approx(error, rel=1e-5)


def test_training_lowers_the_error_and_keeps_the_best_epoch() -> None:
    _, samples = some_samples(12, 4)
    feed = Feed(samples, Scale.of(samples), CPU)
    args = Args(epochs=5, batch=16, rate=3e-3)
    net, facts = trained(args, Fabric(accelerator="cpu", devices=1), feed)
    torch.manual_seed(args.seed)
    everything = torch.arange(feed.size)
    assert feed.error(net, everything) < 0.5 * feed.error(Neur2roNet(), everything)
    assert facts["epochs"] == 5
    assert 1 <= facts["best_epoch"] <= 5
    order = torch.randperm(feed.size, generator=torch.Generator().manual_seed(args.seed))
    judge = order[feed.size - int(0.2 * feed.size) :]
    assert facts["validation_error"] == pytest.approx(feed.error(net, judge), abs=1e-5)


def test_a_run_stores_a_policy_and_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.csv"
    results.write_text("instance,neur2ro_obj\ntoy-robust,13.3\n")
    file = tmp_path / "toy-robust.rkp"
    write(toy_knapsack(), file)
    options = {"instances": "6", "decisions": "2", "scenarios": "4", "epochs": "2", "unseen": "2", "held-out": "0"}
    arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
    paths = ["--folder", str(tmp_path), "--benchmarks", str(file), "--results", str(results)]
    training_run("robust-neur2ro")([*arguments, *paths, "--device", "cpu", "--seconds", "3"])
    policy = store.load("robust-neur2ro-v1", tmp_path)
    card = policy.card
    assert (policy.family, card["role"], card["problem"], card["epochs"]) == ("robust", "neur2ro", "knapsack", 2)
    assert "--instances 6 --decisions 2 --scenarios 4" in card["command"]
    gaps = card["measured"]["benchmark"]["gaps_percent"]["toy-robust"]
    assert gaps["published"] == pytest.approx(5.0)  # of the optimum, 14, which copt finds
    assert gaps["copt"] == pytest.approx(0.0, abs=1e-3)
    assert "stored" in capsys.readouterr().out


def test_the_summary_names_every_arm() -> None:
    rows = [{"neur2ro": 1.0, "copt": 0.0}, {"neur2ro": 2.0, "copt": 0.5}, {"neur2ro": 6.0, "copt": -0.5}]
    found = train_robust_neur2ro.summarised(["a", "b", "c"], rows)
    assert found["gap_percent"]["neur2ro"] == {"mean": 3.0, "median": 2.0}
    text = "mean gaps on unseen instances, benchmark: neur2ro 3.00 %, copt 0.00 %"
    assert train_robust_neur2ro.summary({"benchmark": found}) == text


@pytest.mark.parametrize("option", ["instances", "minutes", "rate"])
def test_bad_arguments_are_named(option: str) -> None:
    with pytest.raises(CoptError, match=f"{option} must be positive, got -1"):
        train_robust_neur2ro.main([f"--{option}", "-1"])


def test_the_shipped_policy_predicts_costs_of_unseen_instances() -> None:
    policy = store.load("robust-neur2ro-v1")
    ends = {int(n): pair for n, pair in policy.card["labels"].items()}
    assert sorted(ends) == list(SIZES)
    instances, samples = some_samples(20, 99)
    net = Neur2roNet()
    net.load_state_dict({name: torch.from_numpy(value) for name, value in policy.weights.items()})
    per = [numpy_predictions(net, *case) for case in zip(instances, samples.x, samples.u, strict=True)]
    least, most = (np.array([ends[n][k] for n in samples.sizes])[:, None] for k in (0, 1))
    labels = (samples.costs.reshape(len(instances), -1) - least) / (most - least)
    error = np.abs(np.array(per) - labels).mean()
    assert error < 2.0 * policy.card["unseen_error"]
    assert error < 0.25 * np.abs(labels - np.median(labels)).mean()  # what a constant would be off by
