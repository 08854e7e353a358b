"""The branching network in torch against numpy, its loss, and its training run."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from copt.errors import CoptError  # noqa: E402
from copt.instances.mip_generators import assignment, knapsacks  # noqa: E402
from copt.instances.mip_relaxation import unsolved  # noqa: E402
from copt.models import store, train_mip_branching  # noqa: E402
from copt.models.mip_branching import BranchingNet, Decisions, RootGraph, imitation_loss  # noqa: E402
from copt.models.train_mip_branching import Args, agreement, labelled, shifted_mean, solved, train  # noqa: E402
from copt.plugins.branching_policy import STATE_FEATURES, embed, score  # noqa: E402
from copt.problems.mip import toy  # noqa: E402


@pytest.mark.parametrize("program", [toy(), assignment(agents=4, jobs=10, seed=0)], ids=lambda program: program.name)
def test_torch_and_numpy_agree(program: object) -> None:
    torch.manual_seed(0)
    net, lp = BranchingNet(), unsolved(program)  # type: ignore[arg-type]
    graph = RootGraph.of(lp)
    net.standardise("variable", graph.variables)
    net.standardise("row", graph.rows)
    states = torch.rand(lp.value.size, len(STATE_FEATURES))
    with torch.no_grad():
        embedded = net.embed(graph)
        scores = net(embedded, states).numpy()
    weights = net.arrays()
    np.testing.assert_allclose(embed(lp, weights), embedded.numpy(), rtol=1e-4, atol=1e-5)  # float32 sums, reordered
    np.testing.assert_allclose(score(embedded.numpy(), states.numpy(), weights), scores, rtol=1e-4, atol=1e-5)


def test_the_loss_is_the_cross_entropy_of_the_expert_s_choices() -> None:
    decisions = Decisions(
        columns=torch.zeros(5, dtype=torch.long),
        states=torch.zeros(5, 10),
        decision=torch.tensor([0, 0, 1, 1, 1]),
        expert=torch.tensor([3.0, 1.0, 5.0, 5.0, 2.0]),
    )
    scores = torch.tensor([1.0, 2.0, 0.0, 3.0, 5.0])
    first = np.log(1 + np.e)
    total = np.log(1 + np.exp(3) + np.exp(5))
    second = 0.5 * (total - 0) + 0.5 * (total - 3)
    assert imitation_loss(scores, decisions).item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_labels_are_the_expert_s_and_can_be_learned() -> None:
    args = Args(nodes=12, asked=1.0, epochs=80)
    rng = np.random.default_rng(0)
    programs = [knapsacks(items=25, constraints=5, seed=seed) for seed in range(2)]
    data = [labels for labels in (labelled(args, program, rng) for program in programs) if labels is not None]
    assert len(data) == 2
    for labels, program in zip(data, programs, strict=True):
        assert labels.states.shape == (labels.columns.size, len(STATE_FEATURES))
        assert labels.expert.shape == labels.decision.shape == labels.columns.shape
        assert (np.diff(labels.decision) >= 0).all()
        assert labels.columns.max() < labels.root.value.size <= program.num_variables
        assert (labels.expert > 0).all()
        assert (labels.states[:, 0] > 0).all() and (labels.states[:, 0] < 1).all()
    net, losses = train(args, data)
    assert losses[-1] < 0.8 * losses[0]
    hits = agreement(net.arrays(), data)
    assert hits["policy"] > hits["chance"] + 0.2


def test_nothing_to_branch_on_is_no_label() -> None:
    assert labelled(Args(), toy(), np.random.default_rng(0)) is None


def test_the_arms_solve_alike() -> None:
    program = knapsacks(items=15, constraints=5, seed=0)
    policy = store.StoredPolicy("untrained", "mip", BranchingNet().arrays(), {})
    runs = [solved(program, {}, None, None, 60.0), solved(program, {}, policy, "nodes", 60.0)]
    assert [run[2] for run in runs] == ["optimal", "optimal"]


def test_the_shifted_mean_by_hand() -> None:
    assert shifted_mean(np.array([0.0, 3.0]), 1.0) == pytest.approx(1.0)


def test_the_run_stores_what_it_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"minutes": "0.001", "nodes": "5", "epochs": "2", "held-out": "1", "name": "tiny", "limit": "20"}
    arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
    train_mip_branching.main([*arguments, "--sizes", "20", "80", "--folder", str(tmp_path)])
    policy = store.load("tiny", tmp_path)
    assert policy.card["command"].startswith("copt train mip-branching --name tiny --sizes 20 80 --minutes 0.001 ")
    assert policy.card["trees"] == 2
    means = policy.card["measured"]["shifted_geometric_means"]
    assert set(means) == {"scip", "random", "pscost", "nodes", "pseudocosts", "priorities"}
    assert all(arm["optimal"] == 1 for arm in means.values())
    assert "nodes and" in policy.card["summary"]
    untrained = BranchingNet().arrays()
    assert {name: value.shape for name, value in policy.weights.items()} == {n: v.shape for n, v in untrained.items()}
    assert "stored" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["minutes", "nodes", "asked", "epochs", "rate", "limit"])
def test_bad_arguments_are_named(option: str) -> None:
    with pytest.raises(CoptError, match=f"{option} must be positive, got 0"):
        train_mip_branching.main([f"--{option}", "0"])


def test_instances_without_branching_are_refused() -> None:
    with pytest.raises(CoptError, match=r"of 31 instances only 0 needed branching; make sizes \(10, 20\) larger"):
        train_mip_branching.main(["--sizes", "10", "20"])
