"""The networks of UDC in torch against the compiled ones, their training, and the run that stores them."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("torch_geometric", reason="training needs the extra 'train'")
pytest.importorskip("lightning_fabric", reason="training needs the extra 'train'")

from lightning_fabric import Fabric  # noqa: E402

from copt import forward  # noqa: E402
from copt.errors import CoptError  # noqa: E402
from copt.instances.routing import GENERATORS  # noqa: E402
from copt.models import store, train_routing_udc  # noqa: E402
from copt.models.routing_graph import graph_data  # noqa: E402
from copt.models.routing_udc import Paths, UdcNet, path_costs  # noqa: E402
from copt.models.train_routing_udc import Args, Trainer, paths_of, random_problem, walks_of  # noqa: E402
from copt.policy import load_policy  # noqa: E402
from copt.problems.routing import Routing  # noqa: E402
from copt.solvers.routing.udc import Divider, even_bounds, sequence_of_walk  # noqa: E402
from copt.solvers.routing.udc_gaps import compare  # noqa: E402
from copt.solvers.routing.udc_graph import encode_paths, heat_of  # noqa: E402
from copt.solvers.routing.udc_kernels import construct  # noqa: E402
from copt.solvers.routing.udc_paths import Parts, capacity_of, cut, frames_of, mirrored, part_costs  # noqa: E402

Problem = Literal["tsp", "cvrp"]
PROBLEMS: tuple[Problem, ...] = ("tsp", "cvrp")
PART, NEIGHBOURS = 12, 9
CPU = torch.device("cpu")


def problem_of(kind: Problem, size: int, seed: int) -> Routing:
    if kind == "tsp":
        return GENERATORS["neural-tsp"](nodes=size, seed=seed)
    return GENERATORS["neural-cvrp"](customers=size, seed=seed, capacity=40)


def random_net(kind: Problem) -> UdcNet:
    """A net whose weights, biases and norms are all away from where training begins."""
    torch.manual_seed(5)
    net = UdcNet(kind == "cvrp")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def parts_of(instance: Routing, net: UdcNet, size: int, count: int) -> Parts:
    """The first parts of a decoded sequence."""
    divider = Divider(instance, net.arrays(), NEIGHBOURS, PART)
    sequence = sequence_of_walk(instance, divider.walk(np.random.default_rng(1), sample=True))
    return cut(instance, sequence, even_bounds(instance.customers.size, size)).rows(slice(count))


def greedy(net: UdcNet, paths: Paths) -> tuple[list[int], list[bool], float]:
    """One path, step by step, the best score of torch each time."""
    size = paths.demand.shape[1]
    code = net.conquer.encode(paths)
    order, via, chance = [0], [False], 0.0
    demand, capacity, (begin, end, whole) = paths.demand[0], paths.capacity[0], paths.limits[0]
    load, limit = demand[0], begin
    while len(order) < size - 1:
        left = torch.ones(1, 1, size, dtype=torch.bool)
        left[0, 0, order] = False
        scores = net.conquer.scores(code, paths, torch.tensor([[order[-1]]]), (limit - load).view(1, 1), left)[0, 0]
        pick = int(scores.argmax())
        chance += scores[pick].item()
        order.append(pick % size)
        via.append(pick >= size)
        if via[-1]:
            load, limit = torch.tensor(0.0), capacity
        load = load + demand[order[-1]]
    load = load + demand[-1]
    return [*order, size - 1], [*via, bool(load > (end if any(via) else whole))], chance


@pytest.mark.parametrize("kind", PROBLEMS)
def test_torch_and_numpy_embeddings_agree(kind: Problem) -> None:
    net, instance = random_net(kind), problem_of(kind, 60, 3)
    divider = Divider(instance, net.arrays(), NEIGHBOURS, PART)
    heat = heat_of(divider.graph, instance.depot, net.arrays())
    with torch.no_grad():
        h, e = net.divide.embed(graph_data(*divider.graph[:3]))
        expected = [net.divide.key(e), net.divide.visited(h), net.divide.first(h), net.divide.last(h)]
    for found, tensor in zip(heat, expected, strict=False):
        np.testing.assert_allclose(found.reshape(tensor.shape), tensor.numpy(), atol=1e-4)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_greedy_walks_take_the_likeliest_edges_of_torch(kind: Problem) -> None:
    net, instance = random_net(kind), problem_of(kind, 60, 4)
    divider = Divider(instance, net.arrays(), NEIGHBOURS, PART)
    walk = divider.walk(np.random.default_rng(0))
    walks = walks_of([walk], instance.depot, CPU)
    with torch.no_grad():
        chance = net.divide(graph_data(*divider.graph[:3]), walks).item()
        h, e = net.divide.embed(graph_data(*divider.graph[:3]))
        query, key = net.divide.query(h, walks)[0], net.divide.key(e).view(len(h), -1, h.shape[1])
    expected = 0.0
    for step, column in enumerate(walk.column.tolist()):
        if column >= 0:
            heat = (key[int(walk.sequence[step])] @ query[int(walk.segment[step])]).numpy()
            open_heat = np.where(walk.allowed[step], heat, -np.inf)
            if kind == "tsp" or step >= 2:  # routes begin with two random choices
                assert open_heat[column] >= open_heat.max() - 1e-4
            expected += heat[column] - np.log(np.exp(open_heat).sum())
    assert chance == pytest.approx(expected, abs=1e-3)


def test_walks_of_a_batch_are_as_likely_as_alone() -> None:
    net, instance = random_net("cvrp"), problem_of("cvrp", 90, 8)
    divider, rng = Divider(instance, net.arrays(), NEIGHBOURS, PART), np.random.default_rng(2)
    walks = [divider.walk(rng, sample=True) for _ in range(12)]
    assert len({walk.sequence.size for walk in walks}) > 1
    graph = graph_data(*divider.graph[:3])
    with torch.no_grad():
        together = net.divide(graph, walks_of(walks, 0, CPU)).numpy()
        alone = [net.divide(graph, walks_of([walk], 0, CPU)).item() for walk in walks]
    np.testing.assert_allclose(together, alone, atol=1e-3)


@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("size", [2, 3, 8, 12])
def test_compiled_paths_are_those_of_torch(kind: Problem, size: int) -> None:
    net, instance = random_net(kind), problem_of(kind, 48, 6)
    parts = parts_of(instance, net, size, 4)
    at = np.minimum(np.arange(size + 3), size - 1)  # padded, as where parts differ in size
    nodes = parts.nodes[:, at]
    wide = parts._replace(nodes=nodes, via=parts.via[:, at])
    frames = frames_of(instance, wide)
    order, calls = np.zeros(nodes.shape, dtype=np.int32), np.zeros(nodes.shape, dtype=np.bool_)
    chance = np.empty(4, dtype=np.float32)
    demand, capacity = instance.demands[nodes], capacity_of(instance)
    code = encode_paths(frames, parts.size, net.arrays())
    construct(code, frames.apart, frames.home, demand, capacity, parts.size, parts.limits, order, calls, chance)
    for p in range(4):
        with torch.no_grad():
            expected = greedy(net, paths_of(instance, parts.rows(slice(p, p + 1)), CPU))
        assert (order[p, :size].tolist(), calls[p, :size].tolist()) == expected[:2]
        assert chance[p] == pytest.approx(expected[2], abs=1e-4)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_samples_are_as_likely_as_they_are_frequent_and_keep_the_limits(kind: Problem) -> None:
    net, instance = random_net(kind), problem_of(kind, 48, 7)
    parts = parts_of(instance, net, 4, 6)
    paths = paths_of(instance, parts, CPU)
    torch.manual_seed(1)
    order, via = net.conquer.sample(paths, 3000)
    with torch.no_grad():
        chance = net.conquer(paths, order, via).exp().numpy()
    picks = (order + 4 * via).numpy()
    for p in range(6):
        kinds, first, count = np.unique(picks[p], axis=0, return_index=True, return_counts=True)
        assert len(kinds) > 1
        np.testing.assert_allclose(count / 3000, chance[p, first], atol=0.04)
        for row in first:
            check_limits(instance, parts, p, order[p, row].numpy(), via[p, row].numpy())


def check_limits(instance: Routing, parts: Parts, p: int, order: NDArray[Any], via: NDArray[Any]) -> None:
    demand, (begin, end, whole) = instance.demands[parts.nodes[p][order]], parts.limits[p]
    pieces = [piece.sum() for piece in np.split(demand, np.flatnonzero(via))]
    if len(pieces) == 1:
        assert pieces[0] <= whole
    else:
        assert pieces[0] <= begin
        assert pieces[-1] <= end
        assert max(pieces) <= capacity_of(instance)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_lengths_in_the_unit_box_are_costs_to_scale(kind: Problem) -> None:
    net, instance = random_net(kind), problem_of(kind, 48, 9)
    parts = parts_of(instance, net, PART, 4)
    paths = paths_of(instance, parts, CPU)
    order, via = net.conquer.sample(paths, 3)
    found = path_costs(paths, order, via).numpy()
    for sample in range(3):
        made = parts.reordered(order[:, sample].numpy(), via[:, sample].numpy())
        ratio = part_costs(instance, made) / found[:, sample]
        old = torch.arange(PART).expand(4, 1, PART)
        before = path_costs(paths, old, torch.from_numpy(parts.via).unsqueeze(1))[:, 0].numpy()
        np.testing.assert_allclose(ratio, part_costs(instance, parts) / before, rtol=1e-4)


def tiny(kind: Problem, **fields: object) -> Trainer:
    settings: dict[str, object] = {"smallest": 20, "largest": 40, "part": 10, "neighbours": 8, "starts": 4}
    settings |= {"samples": 8, "hidden": 16, "layers": (2, 2), "capacity": (20, 30), "rate": 3e-3, "divide_rate": 3e-3}
    args = Args(problem=kind, name="tiny", **settings | fields)  # type: ignore[arg-type]
    return Trainer(args, Fabric(accelerator="cpu", devices=1))


def sampled_length(trainer: Trainer, paths: Paths) -> float:
    torch.manual_seed(3)
    return float(path_costs(paths, *trainer.net.conquer.sample(paths, 64)).mean())


@pytest.mark.parametrize(("kind", "ratio"), [("tsp", 0.97), ("cvrp", 0.9)])
def test_training_makes_sampled_paths_shorter(kind: Problem, ratio: float) -> None:
    trainer = tiny(kind)
    instance = problem_of(kind, 80, 100)
    paths = paths_of(instance, parts_of(instance, trainer.net, 10, 8), CPU)
    before = sampled_length(trainer, paths)
    for _ in range(40):
        trainer.step(random_problem(trainer.args, trainer.rng))
    assert sampled_length(trainer, paths) < ratio * before


def test_training_makes_sampled_sequences_shorter() -> None:
    trainer = tiny("tsp", largest=20)
    lengths = [trainer.step(random_problem(trainer.args, trainer.rng)) for _ in range(80)]
    assert all(first >= second >= third for first, second, third in lengths)
    assert np.mean(lengths[-20:], axis=0)[0] < 0.85 * np.mean(lengths[:20], axis=0)[0]


@pytest.mark.parametrize("kind", PROBLEMS)
def test_conquered_sequences_are_whole_and_no_longer(kind: Problem) -> None:
    trainer = tiny(kind)
    instance = random_problem(trainer.args, trainer.rng)
    parts = parts_of(instance, trainer.net, 10, 2)
    made, better = trainer.constructed(instance, parts)
    assert np.array_equal(np.sort(made.nodes), np.sort(parts.nodes))
    assert np.array_equal(made.nodes[:, [0, -1]], parts.nodes[:, [0, -1]])
    assert np.array_equal(better, part_costs(instance, made) < part_costs(instance, parts) - 1e-5)
    for p in range(2):
        check_limits(instance, made, p, np.arange(10), np.append(False, made.via[p, 1:]))
    assert np.array_equal(part_costs(instance, mirrored(made)).round(9), part_costs(instance, made).round(9))


def test_training_run_stores_what_it_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"problem": "cvrp", "minutes": "0.01", "smallest": "20", "largest": "20", "part": "10", "seed": "3"}
    arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
    run = forward.training_run("routing-udc")
    run([*arguments, "--no-measure", "--device", "cpu", "--folder", str(tmp_path)])
    policy = store.load("routing-udc-cvrp-v1", tmp_path)
    card = policy.card
    assert card["command"].startswith("copt train routing-udc --problem cvrp --minutes 0.01 ")
    assert (card["role"], card["problem"], card["arguments"]["part"], card["device"]) == ("udc", "cvrp", 10, "cpu")
    assert card["steps"] >= 1
    assert "steps  sampled" in capsys.readouterr().out
    untrained = UdcNet(depot=True).arrays()
    assert {name: value.shape for name, value in policy.weights.items()} == {n: v.shape for n, v in untrained.items()}


def test_the_summary_names_every_arm() -> None:
    lengths = {"neural-tsp-200": {"greedy_start": 3.0, "trained": {"x50": 1.0}, "untrained": {"x50": 2.0}}}
    assert train_routing_udc.summary(lengths) == (
        "neural-tsp-200: 1.0 after 50 rounds, untrained 2.0, greedy start 3.0"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--minutes", "0"), "minutes must be positive, got 0.0"),
        (("--smallest", "70"), "smallest = 70 must be a multiple of part = 50"),
        (("--smallest", "300"), "at most largest"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[str, ...], text: str) -> None:
    with pytest.raises(CoptError, match=text):
        train_routing_udc.main(list(arguments))


@pytest.mark.parametrize("kind", PROBLEMS)
def test_shipped_policies_fit_the_network_and_beat_it_untrained(kind: Problem) -> None:
    policy = load_policy(f"routing-udc-{kind}-v1")
    torch.manual_seed(0)
    net = UdcNet(kind == "cvrp")
    untrained = store.StoredPolicy("untrained", "routing", net.arrays(), policy.card)
    net.load_state_dict({name: torch.from_numpy(value) for name, value in policy.weights.items()})
    instances = train_routing_udc.held_out(kind, 100, 3, 5000)
    table = compare({"trained": policy, "untrained": untrained}, instances)
    trained, control = table["trained"], table["untrained"]
    assert isinstance(trained, dict)
    assert isinstance(control, dict)
    assert trained["x50"] < 0.97 * control["x50"]
    assert trained["x0"] > trained["x2"] > trained["x50"]
