"""Lessons, search by processor time, and the training run of guides of mixed-integer programs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mip_cases import solve_with_scip
from numpy.typing import NDArray

from copt.errors import CoptError, UnknownNameError
from copt.instances.mip_generators import set_cover
from copt.models import store, train_mip
from copt.models.train_mip import Args, options, programs, run
from copt.problems.mip import MIP, Point, check, objective
from copt.read import write
from copt.solvers.mip import lessons as lessons_module
from copt.solvers.mip.alone import Find, Search, search
from copt.solvers.mip.guide import FINGERPRINT, guide_of
from copt.solvers.mip.lessons import Lesson, labelled
from copt.solvers.mip.submip import Relaxed
from copt.solvers.mip.trials import auc

COVER = set_cover(rows=30, columns=40, density=0.15, seed=4)


def test_a_search_alone_finds_the_optimum_of_a_small_program() -> None:
    found = search(COVER, 0.5, seed=1)
    assert found.finds[-1].cost == pytest.approx(solve_with_scip(COVER))
    costs = [find.cost for find in found.finds]
    assert costs == sorted(costs, reverse=True)
    assert all(check(COVER, Point(find.values)) == [] for find in found.finds)
    assert [objective(COVER, Point(find.values)) for find in found.finds] == costs
    assert found.pool[0][0] == costs[-1]


def test_the_mean_gap_counts_the_time_without_a_point_as_1() -> None:
    none = np.zeros(1)
    found = Search([Find(1.0, 20.0, "a", none), Find(3.0, 10.0, "b", none)], [], None)
    assert found.mean_gap(10.0, 4.0) == pytest.approx((1.0 * 1 + 2.0 * 0.5 + 1.0 * 0) / 4)
    assert found.mean_gap(10.0, 2.0) == pytest.approx((1.0 * 1 + 1.0 * 0.5) / 2)
    assert Search([], [], None).mean_gap(10.0, 4.0) == 1.0


def lesson(costs: list[float], bound: float) -> Lesson:
    above = np.array([[1.0, 0.0]] + [[0.0, 1.0]] * (len(costs) - 1))
    return Lesson(COVER, np.array(costs), above, Relaxed(np.zeros(0), np.zeros(0), bound))


def test_good_points_count_most() -> None:
    one = lesson([100.0, 101.0], 99.0)
    assert one.gaps.tolist() == pytest.approx([0.0, 0.01])
    weight = np.exp(-1.0)
    assert one.marginals.tolist() == pytest.approx([1 / (1 + weight), weight / (1 + weight)])


def test_lessons_are_kept_and_damaged_ones_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = labelled([COVER], tmp_path, seconds=0.5)
    assert first.costs[0] == pytest.approx(solve_with_scip(COVER))
    assert (np.diff(first.costs) > 0).all()
    assert first.above.shape == (first.costs.size, 40)
    assert COVER.costs @ first.above[0] == pytest.approx(first.costs[0])  # all variables are binary
    assert first.relaxed is not None
    assert first.relaxed.bound <= first.costs[0]
    calls = []
    real = lessons_module._searched

    def counted(instance: MIP, seconds: float, seed: int) -> Lesson:
        calls.append(instance.name)
        return real(instance, seconds, seed)

    monkeypatch.setattr(lessons_module, "_searched", counted)
    (again,) = labelled([COVER], tmp_path, seconds=0.5)
    assert calls == []
    np.testing.assert_array_equal(again.above, first.above)
    np.testing.assert_array_equal(again.costs, first.costs)
    assert again.relaxed is not None
    np.testing.assert_array_equal(again.relaxed.prices, first.relaxed.prices)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    (mended,) = labelled([COVER], tmp_path, seconds=0.5)
    assert len(calls) == 1
    assert mended.costs[0] == first.costs[0]
    other = set_cover(rows=30, columns=40, density=0.15, seed=5)
    assert len(list(labelled([COVER, other], tmp_path, seconds=0.5, minutes=0.0))) == 1


def test_auc() -> None:
    positive = np.array([True, False, True, False])
    assert auc(np.array([0.9, 0.1, 0.8, 0.2]), positive) == 1.0
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), positive) == 0.5
    assert auc(np.array([0.9, 0.5, 0.1, 0.2]), positive) == 0.5
    assert auc(np.array([0.9]), np.array([True])) == 0.5


@pytest.mark.parametrize("better", ["network", "linear"])
def test_training_learns_and_stores_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better: str
) -> None:
    def trials(instances: object, seconds: float, arms: Iterable[str]) -> dict[str, NDArray[Any]]:
        return {name: np.array([0.1 if name == better else 0.2]) for name in arms}

    monkeypatch.setattr(train_mip, "gaps_of", trials)
    args = Args(
        name="tiny",
        family="set-cover",
        sizes=("rows=40", "columns=60", "density=0.1"),
        count=10,
        seconds=0.2,
        minutes=0.03,
        held_out=1,
        trial=0.1,
        hidden=8,
        labels=tmp_path / "labels",
        folder=tmp_path,
    )
    run(args)
    policy = store.load("tiny", tmp_path)
    found = policy.card["auc"]
    for what in ("blind", "with_relaxation"):
        assert found[what]["network"] > found[what]["random"] + 0.2
    assert policy.card["kept"] == better
    assert ("enter.weight" in policy.weights) == (better == "network")
    assert policy.card["lessons"] == 10
    assert policy.card["command"].startswith("copt train mip --name tiny --family set-cover --sizes rows=40 columns=60")
    assert set(policy.card["measured"]["mean_gap"]) == {"network", "linear", "relaxation", "random", "none"}
    guide = guide_of(policy)
    assert guide.stranger(set_cover(rows=40, columns=60, density=0.1, seed=20_000)) is None
    assert guide.weights[FINGERPRINT].shape == (2, 19)


def test_files_are_split_into_those_to_learn_from_and_those_to_measure_on(tmp_path: Path) -> None:
    for seed in range(6):
        write(set_cover(rows=5, columns=8, density=0.5, seed=seed), tmp_path / f"c{seed}.mps")
    learned, measured = programs(Args(name="x", instances=tmp_path, held_out=2))
    assert (len(list(learned)), len(measured)) == (4, 2)
    with pytest.raises(CoptError, match="holds 6 files; add some, at least 8 are needed"):
        programs(Args(name="x", instances=tmp_path, held_out=4))


def test_bad_arguments_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CoptError, match="give either --instances FOLDER or --family KIND"):
        programs(Args(name="x"))
    with pytest.raises(UnknownNameError, match="did you mean 'set-cover'"):
        programs(Args(name="x", family="set-cove"))
    with pytest.raises(CoptError, match="is no folder"):
        programs(Args(name="x", instances=tmp_path / "none"))
    with pytest.raises(CoptError, match="'rows=a' needs a value like 500"):
        options(set_cover, ["rows=a"])
    with pytest.raises(CoptError, match="'seed=1' is none of rows, columns, density, as key=value"):
        options(set_cover, ["seed=1"])
    with pytest.raises(CoptError, match="minutes must be positive, got 0"):
        run(Args(name="x", family="set-cover", minutes=0.0))
