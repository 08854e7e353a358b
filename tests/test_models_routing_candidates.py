"""The network of candidates in torch against numpy, what it learns from, its control, and the run that stores it."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
from routing_cases import random_routing, random_tour

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("torch_geometric", reason="training needs the extra 'train'")

from copt.errors import CoptError  # noqa: E402
from copt.forward import training_run  # noqa: E402
from copt.models import store, train_routing_candidates  # noqa: E402
from copt.models.routing_candidates import CandidateNet  # noqa: E402
from copt.models.train_routing_candidates import (  # noqa: E402
    Args,
    Arm,
    candidate_data,
    labelled,
    near_of,
    random_problem,
    trained,
)
from copt.problems.base import IntArray  # noqa: E402
from copt.problems.routing import Routes, Routing  # noqa: E402
from copt.solvers.routing.candidate_lessons import Lesson, RankPrior, partners, recall  # noqa: E402
from copt.solvers.routing.candidates import chosen, scores_of  # noqa: E402
from copt.solvers.routing.plan import neighbours  # noqa: E402
from copt.solvers.routing.search import NEAR_TOUR  # noqa: E402

Problem = Literal["tsp", "cvrp"]
PROBLEMS: tuple[Problem, ...] = ("tsp", "cvrp")


def problem_of(kind: Problem, seed: int) -> Routing:
    return random_tour(70, seed) if kind == "tsp" else random_routing(70, seed)


def random_net(instance: Routing) -> CandidateNet:
    """A net whose weights, biases and norms are all away from where training begins."""
    torch.manual_seed(5)
    data = candidate_data(instance, near_of(instance))
    net = CandidateNet(data.x.shape[1], data.edge_attr.shape[1], 16, 3)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def lesson_of(kind: Problem, seed: int) -> Lesson:
    """A problem whose solution goes through the customers by their first coordinate."""
    instance = problem_of(kind, seed)
    assert instance.coordinates is not None
    order = instance.customers[np.argsort(instance.coordinates[instance.customers, 0], kind="stable")]
    beside = partners(Routes.from_lists([order.tolist()]), instance.num_nodes, instance.depot)
    return Lesson(instance, near_of(instance), beside)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_torch_and_numpy_scores_agree(kind: Problem) -> None:
    instance = problem_of(kind, 3)
    net, near = random_net(instance), near_of(instance)
    with torch.no_grad():
        expected = net(candidate_data(instance, near)).numpy().reshape(near.shape)
    found = scores_of(net.arrays(), instance, near)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.std() > 0.01


def test_partners_are_the_nodes_before_and_behind() -> None:
    routes = Routes.from_lists([[1, 4, 2], [3]])
    assert partners(routes, 5, 0).tolist() == [[-1, -1], [-1, 4], [4, -1], [-1, -1], [1, 2]]
    assert partners(Routes.from_lists([[0, 2, 1, 3]]), 4, None).tolist() == [[3, 2], [2, 3], [0, 1], [1, 0]]


@pytest.mark.parametrize("kind", PROBLEMS)
def test_labels_are_edges_of_the_solution_and_turning_keeps_them(kind: Problem) -> None:
    lesson = lesson_of(kind, 4)
    for node, column in np.ndindex(lesson.near.shape):
        assert lesson.labels[node, column] == (lesson.near[node, column] in lesson.beside[node].tolist())
    plain = candidate_data(lesson.instance, lesson.near)
    turned = candidate_data(lesson.turned(np.random.default_rng(0)), lesson.near)
    for free in (slice(0, 2), slice(4, None)):  # all but the direction
        np.testing.assert_allclose(turned.edge_attr[:, free], plain.edge_attr[:, free], atol=1e-5)
    assert not np.allclose(turned.edge_attr[:, 2:4], plain.edge_attr[:, 2:4], atol=0.01)
    np.testing.assert_allclose((turned.edge_attr[:, 2:4] ** 2).sum(dim=1), 1.0, atol=1e-5)


def test_the_prior_is_how_often_edges_of_two_ranks_are_in_solutions() -> None:
    lessons = [lesson_of("tsp", seed) for seed in range(3)]
    prior = RankPrior(lessons)
    hits, total = (np.zeros((NEAR_TOUR[0], NEAR_TOUR[0] + 1)) for _ in range(2))
    for lesson in lessons:
        for node, column in np.ndindex(lesson.near.shape):
            other = lesson.near[node, column]
            back = [*lesson.near[other].tolist(), node].index(node)
            hits[column, back] += lesson.labels[node, column]
            total[column, back] += 1
    np.testing.assert_allclose(prior.table, (hits + 0.01) / (total + 1.0))
    near = lessons[0].near
    scores = prior(lessons[0].instance, near)
    assert scores[5, 3] == np.float32(prior.table[3, [*near[near[5, 3]].tolist(), 5].index(5)])


def test_recall_counts_neighbours_in_the_lists() -> None:
    beside = np.array([[-1, 1], [0, 2], [1, -1]])
    assert recall(np.array([[1], [2], [0]], dtype=np.int32), beside) == 50.0
    assert recall(np.array([[1, 2], [2, 0], [0, 1]], dtype=np.int32), beside) == 100.0


@pytest.mark.parametrize("kind", PROBLEMS)
def test_training_ranks_edges_of_solutions_before_nearer_ones(kind: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()  # a clock that makes 600 steps of ten minutes, however fast the machine is
    clock = SimpleNamespace(process_time=lambda: next(ticks))
    monkeypatch.setattr(train_routing_candidates, "time", clock)
    lessons = [replace(lesson_of(kind, seed), beside=mates(problem_of(kind, seed))) for seed in range(4)]
    net, facts = trained(Args(problem=kind, minutes=10.0, hidden=8, layers=1), lessons[:3])
    assert facts["steps"] == 599
    last = lessons[3]
    lists = chosen(last.near, scores_of(net.arrays(), last.instance, last.near), 3)
    assert recall(lists, last.beside) > 80.0 > recall(neighbours(last.instance, 3), last.beside)


def mates(instance: Routing) -> IntArray:
    """For each node, its seventh and eighth nearest."""
    return near_of(instance)[:, 6:8].astype(np.int64)


def test_problems_come_from_the_seed_and_stay_in_their_ranges() -> None:
    for kind, least, most in (("tsp", 200, 1000), ("cvrp", 201, 801)):
        args = Args(problem=kind)  # type: ignore[arg-type]
        problems = [random_problem(args, k) for k in range(8)]
        assert all(least <= problem.num_nodes <= most for problem in problems)
        assert [problem.name for problem in problems] == [random_problem(args, k).name for k in range(8)]
        assert random_problem(replace(args, seed=1), 0).name != problems[0].name
        assert random_problem(args, 0, large=True).num_nodes > problems[0].num_nodes


def test_labels_go_on_where_they_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def search(_arm: Arm, instance: Routing, seconds: float, seed: int) -> tuple[float, Routes]:
        ran.append(instance.name)
        order = np.random.default_rng(instance.num_nodes).permutation(instance.num_nodes)
        return 1.0, Routes.from_lists([order.tolist()])

    monkeypatch.setattr(Arm, "search", search)
    args = Args(labels=tmp_path / "labels.jsonl")
    problems = [random_problem(args, k) for k in range(3)]
    lessons = list(labelled(args, problems))
    assert ran == [problem.name for problem in problems]
    lines = args.labels.read_text().splitlines()
    args.labels.write_text("\n".join(lines[:-1]) + "\n")
    ran.clear()
    again = list(labelled(args, problems))
    assert ran == [problems[-1].name]
    assert all(np.array_equal(one.beside, two.beside) for one, two in zip(lessons, again, strict=True))


@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_run_stores_a_policy_and_what_it_measured(
    kind: Problem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"problem": kind, "instances": "2", "tuning": "1", "held-out": "1", "minutes": "0.005", "pace": "0.01"}
    arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
    run = training_run("routing-candidates")
    run([*arguments, "--folder", str(tmp_path), "--labels", str(tmp_path / "labels.jsonl")])
    policy = store.load(f"routing-candidates-{kind}-v1", tmp_path)
    card = policy.card
    assert (policy.family, card["role"], card["problem"]) == ("routing", "candidates", kind)
    assert card["measured"]["generated"]["problems"] == 1
    arms = {"learned", "default", "plain", "rank_prior", "best_plain"}
    assert set(card["measured"]["generated"]["gap_percent"]) == arms
    assert {"learned", "rank_prior", "nearest"} <= set(card["recall_percent"]["5"])
    assert "--instances 2 --tuning 1 --held-out 1" in card["command"]
    assert len([json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]) == 3
    assert "stored" in capsys.readouterr().out


def test_the_summary_names_every_arm_and_group() -> None:
    groups = {"generated": {"gap_percent": {"learned": 0.1, "rank_prior": 0.25}}}
    text = "mean gaps on unseen problems, generated: learned 0.10 %, rank prior 0.25 %"
    assert train_routing_candidates.summary(groups) == text


@pytest.mark.parametrize("option", ["instances", "minutes", "pace"])
def test_bad_arguments_are_named(option: str) -> None:
    with pytest.raises(CoptError, match=f"{option} must be positive, got -1"):
        train_routing_candidates.main([f"--{option}", "-1"])


@pytest.mark.parametrize("kind", PROBLEMS)
def test_shipped_policies_fit_the_network_and_know_more_than_ranks(kind: Problem) -> None:
    policy = store.load(f"routing-candidates-{kind}-v1")
    args = Args(problem=kind)
    near = near_of(instance := random_problem(args, 10_000))
    data = candidate_data(instance, near)
    net = CandidateNet(data.x.shape[1], data.edge_attr.shape[1])
    net.load_state_dict({name.removeprefix("net."): torch.from_numpy(w) for name, w in policy.weights.items()})
    with torch.no_grad():
        expected = net(data).numpy().reshape(near.shape)
    np.testing.assert_allclose(scores_of(policy.weights, instance, near), expected, atol=1e-3)
    recalls = policy.card["recall_percent"]["5"]
    assert recalls["learned"] > recalls["rank_prior"]
