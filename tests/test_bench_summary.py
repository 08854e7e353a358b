import sys

import numpy as np
import pytest
from bench_cases import make_row
from hypothesis import given
from hypothesis import strategies as st

from copt.bench.records import Row
from copt.bench.summary import (
    convergence,
    mean_gaps,
    paired_differences,
    percent_gap,
    references,
    shifted_mean,
    signed_rank_p,
    standing,
)


def rows_of(solver: str, *objectives: float | None, **fields: object) -> list[Row]:
    """One row an objective, on ta01, ta02 and so on; best known value 100 each."""
    return [
        make_row(solver=solver, instance=f"ta{number:02d}", objective=value, **fields)
        for number, value in enumerate(objectives, 1)
    ]


def test_percent_gap_follows_the_sense() -> None:
    assert percent_gap(105, 100, "min") == 5
    assert percent_gap(95, 100, "min") == -5
    assert percent_gap(95, 100, "max") == 5
    assert percent_gap(-90, -100, "min") == 10
    assert percent_gap(0, 0, "min") == 0
    assert percent_gap(1, 0, "min") == 100


def test_reference_is_the_best_known_value_else_the_best_found() -> None:
    rows = [
        make_row(objective=90.0),
        make_row(instance="new", best_known=None, objective=40.0),
        make_row(instance="new", best_known=None, objective=50.0, solver="cpsat"),
        make_row(instance="up", best_known=None, objective=40.0, sense="max"),
        make_row(instance="up", best_known=None, objective=50.0, sense="max"),
        make_row(instance="none", best_known=None, objective=None),
    ]
    assert references(rows) == {"ta01": 100, "new": 40, "up": 50}


def test_mean_gap_is_over_seeds_and_missing_if_one_seed_failed() -> None:
    rows = [
        make_row(objective=102.0),
        make_row(objective=106.0, seed=2),
        make_row(instance="ta02", objective=102.0),
        make_row(instance="ta02", objective=None, seed=2),
    ]
    assert mean_gaps(rows, references(rows)) == {"copt": {"ta01": 4.0, "ta02": None}}


def test_standing_of_a_peer() -> None:
    ours = rows_of("copt", 100, 102, 104, 103, None)
    theirs = rows_of("cpsat", 100, 108, 103, None, None)
    theirs[0] = make_row(solver="cpsat", objective=100, proved=True, seconds=4.0)
    result = standing(ours + theirs, "cpsat", "copt", references(ours))
    assert (result.runs, result.solved, result.proofs, result.time_to_proof) == (5, 3, 1, 4.0)
    assert result.mean_gap == pytest.approx((0 + 8 + 3) / 3)
    assert result.time_to_best == 60.0  # median of 4, 60, 60
    assert (result.wins, result.ties, result.losses) == (2, 2, 1)


def test_standing_of_the_baseline_has_no_contest() -> None:
    rows = rows_of("copt", 100, 102)
    result = standing(rows, "copt", "copt", references(rows))
    assert (result.wins, result.ties, result.losses, result.p_value) == (0, 2, 0, None)
    assert result.mean_gap == 1.0


def test_proven_gaps_are_over_all_runs() -> None:
    rows = [
        make_row(objective=100.0, bound=100.0),
        make_row(instance="ta02", objective=100.0, bound=99.0),
        make_row(instance="ta03", objective=100.0, bound=60.0),
        make_row(instance="ta04", objective=100.0, bound=None),
        make_row(instance="ta05", objective=100.0, bound=100.0, error="claims what is wrong"),
    ]
    result = standing(rows, "copt", "copt", references(rows))
    assert (result.proven_gap, result.certified) == (40.0, 2)
    assert standing(rows[2:], "copt", "copt", references(rows)).proven_gap is None


def test_shifted_mean_by_hand() -> None:
    assert shifted_mean([]) is None
    assert shifted_mean([0.0]) == 0.0
    assert shifted_mean([0.0, 3.0, 7.0, 1.0]) == pytest.approx((1 * 4 * 8 * 2) ** 0.25 - 1)


def test_primal_integral_time_to_1_percent_and_late_starts() -> None:
    rows = [
        make_row(incumbents=((6.0, 110.0), (12.0, 101.0)), objective=101.0),
        make_row(instance="ta02", incumbents=((0.0, 100.0),), objective=100.0),
        make_row(instance="ta03", incumbents=((3.0, 200.0), (30.0, 150.0)), objective=150.0),
        make_row(instance="ta04", objective=None),
    ]
    result = standing(rows, "copt", "copt", references(rows) | {"ta04": 100.0})
    first = 100 * (6 + 6 * 10 / 110 + 48 / 101) / 60
    third = 100 * (3 + 27 / 2 + 30 / 3) / 60
    assert result.primal_integral == pytest.approx(((1 + first) * 1 * (1 + third) * 101) ** 0.25 - 1)
    assert result.time_to_near == 12.0  # two of four, the other at once
    assert result.late == 2  # after 6 s and never
    assert standing(rows[2:], "copt", "copt", references(rows)).time_to_near is None


def test_a_larger_value_is_near_where_one_maximises() -> None:
    rows = [make_row(sense="max", incumbents=((1.0, 98.0), (2.0, 99.0)), objective=99.0)]
    assert standing(rows, "copt", "copt", references(rows)).time_to_near == 2.0


def test_standing_counts_faults_but_keeps_the_true_value() -> None:
    rows = rows_of("copt", 104, error="claims 90.0, its solution is worth 104")
    result = standing(rows, "copt", "copt", references(rows))
    assert (result.faults, result.solved, result.mean_gap) == (1, 1, 4.0)


def test_pairs_are_the_seeds_that_both_ran() -> None:
    rows = [
        make_row(objective=102.0),
        make_row(objective=150.0, seed=2),  # the peer has not run this seed yet
        make_row(instance="ta02", objective=102.0),
        make_row(solver="cpsat", objective=105.0),
    ]
    assert paired_differences(rows, "cpsat", "copt", references(rows)) == [3.0]


def test_no_solution_is_worse_than_any() -> None:
    ours, theirs = rows_of("copt", 101, 101, None, None), rows_of("cpsat", 151, None, 101, None)
    differences = paired_differences(ours + theirs, "cpsat", "copt", references(ours))
    assert sorted(differences) == [-51, 0, 50, 51]


def test_signed_rank_by_hand() -> None:
    # Six differences of one sign: of the 64 sign patterns only 2 are as extreme.
    assert signed_rank_p([1, 2, 3, 4, 5, 6]) == pytest.approx(2 / 64)
    # The negative ranks are 1 and 2; the sums 0, 1, 2, 3 come up in 1, 1, 1 and 2 patterns.
    assert signed_rank_p([-1, -2, 3, 4, 5, 6]) == pytest.approx(2 * 5 / 64)
    # Darwin's maize (Wilcoxon 1945 tests such pairs): the negative ranks are 10 and 14.
    darwin = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]
    assert signed_rank_p(darwin) == pytest.approx(1352 / 2**15)


def test_signed_rank_without_a_difference_or_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert signed_rank_p([]) is None
    assert signed_rank_p([0.0, 0.0]) is None
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    assert signed_rank_p([1.0, 2.0, 3.0]) is None


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12, unique=True), st.data())
def test_signed_rank_is_exact_for_distinct_differences(sizes: list[int], data: st.DataObject) -> None:
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=len(sizes), max_size=len(sizes)))
    differences = [sign * size for sign, size in zip(signs, sizes, strict=True)]
    ranks = np.argsort(np.argsort(sizes)) + 1
    lower = min(ranks[np.array(signs) > 0].sum(), ranks[np.array(signs) < 0].sum())
    # Count the sign patterns by the sum of their negative ranks.
    patterns = np.zeros(ranks.sum() + 1)
    patterns[0] = 1
    for rank in ranks:
        patterns[rank:] = patterns[rank:] + patterns[: patterns.size - rank]
    exact = min(1.0, 2 * patterns[: lower + 1].sum() / 2 ** len(sizes))
    assert signed_rank_p(differences) == pytest.approx(exact)


def test_convergence_is_the_mean_staircase() -> None:
    rows = [
        make_row(incumbents=((1.0, 150.0), (10.0, 110.0)), objective=110.0),
        make_row(instance="ta02", incumbents=((2.0, 900.0), (61.0, 120.0)), objective=120.0),
        make_row(instance="ta03", objective=None),
    ]
    times = np.array([0.5, 1.0, 5.0, 10.0, 60.0])
    # 900 is cut to a gap of 100; an answer at 61 s counts at the end; no solution is 100 throughout.
    expected = np.mean([[100, 50, 50, 10, 10], [100, 100, 100, 100, 20], [100, 100, 100, 100, 100]], axis=0)
    assert convergence(rows, references(rows), times) == pytest.approx(expected)
    assert convergence([], {}, times) == pytest.approx([100.0] * 5)
