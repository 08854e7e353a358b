import math

import bench_cases
import numpy as np
import pytest

from copt.bench.answer import Answer
from copt.bench.isolate import Outcome
from copt.bench.judge import Verdict, judge
from copt.problems.jobshop import JobShop, Schedule, toy
from copt.problems.robust import RobustSolution
from copt.problems.robust_knapsack import toy_knapsack

TOY = toy()
BEST = bench_cases.best_schedule(TOY)


def verdict_on(answer: Answer, **known: float) -> Verdict:
    return judge(TOY, Outcome(answer, 2.0, 3.0), **known)


def test_honest_answer_is_proved_and_keeps_its_record() -> None:
    verdict = verdict_on(Answer(BEST, 11.0, 11.0, ((0.5, 14.0), (1.5, 11.0))), lower=11, upper=11)
    assert verdict == Verdict(11.0, 11.0, True, ((0.5, 14.0), (1.5, 11.0)), "")
    assert verdict.time_to_best == 1.5


def test_answer_without_record_counts_from_its_return() -> None:
    verdict = verdict_on(Answer(BEST, 11.0, 9.0))
    assert verdict == Verdict(11.0, 9.0, False, ((2.0, 11.0),), "")


@pytest.mark.parametrize("claim", [10.0, 12.0, None])
def test_wrong_objective_is_an_error_and_the_true_value_stands(claim: float | None) -> None:
    verdict = verdict_on(Answer(BEST, claim, claim))
    assert verdict.objective == 11.0
    assert not verdict.proved
    assert verdict.error.startswith(f"claims {claim}, its solution is worth 11")


def test_a_value_without_guarantee_is_not_proved() -> None:
    knapsack, none = toy_knapsack(), np.zeros(4)
    solution = RobustSolution(x=none, plans=np.zeros((1, 8)), worst=none, proof="sample", value=0.0)
    verdict = judge(knapsack, Outcome(Answer(solution, 0.0, 0.0), 2.0, 3.0))
    assert (verdict.objective, verdict.bound, verdict.proved, verdict.error) == (0.0, 0.0, False, "")


def test_infeasible_solution_leaves_no_objective() -> None:
    answer = bench_cases.answer_infeasible(TOY, seconds=1, workers=1, seed=1)
    verdict = verdict_on(answer, upper=11)
    assert verdict.objective is None
    assert verdict.incumbents == ()
    assert verdict.time_to_best is None
    assert verdict.error.startswith("infeasible: precedence: operation 0 ends at 3")


def test_solution_of_the_wrong_shape_or_type_is_an_error() -> None:
    other = bench_cases.best_schedule(JobShop.from_jobs([[(0, 1)]] * 8))
    short = Schedule(BEST.start[:3], BEST.machine[:3])
    assert verdict_on(Answer(short, 11.0)).error.startswith("infeasible: shape")
    assert verdict_on(Answer(other, 11.0)).objective is None
    assert verdict_on(Answer("a schedule", 11.0)).error.startswith("not a solution of this family")


@pytest.mark.parametrize(
    ("bound", "text"),
    [
        (12.0, "claims bound 12, beyond the best known solution 11"),
        (math.inf, "claims bound inf"),
        (math.nan, "claims bound nan"),
    ],
)
def test_impossible_bound_is_an_error_and_no_proof(bound: float, text: str) -> None:
    rule = bench_cases.answer_by_rule(TOY, seconds=1, workers=1, seed=1)
    verdict = verdict_on(Answer(rule.solution, 12.0, bound), upper=11)
    assert verdict.objective == 12.0
    assert verdict.error == text
    assert not verdict.proved


def test_bound_beyond_own_solution_is_an_error_even_if_nothing_is_published() -> None:
    assert verdict_on(Answer(BEST, 11.0, 11.5)).error == "claims bound 11.5, beyond its own solution 11"


def test_solution_better_than_the_published_bound_points_at_the_table() -> None:
    verdict = verdict_on(Answer(BEST, 11.0, 11.0), lower=12, upper=12)
    assert verdict.error == "solution 11 is beyond the published bound 12: wrong instance or wrong table"


@pytest.mark.parametrize(
    "incumbents",
    [
        ((0.5, 14.0), (1.5, 12.0)),  # ends elsewhere
        ((0.5, 11.0), (1.5, 11.0)),  # does not improve
        ((1.5, 14.0), (0.5, 11.0)),  # runs backwards
        ((0.5, 14.0), (9.0, 11.0)),  # after the return
        ((-1.0, 11.0),),  # before the call
    ],
)
def test_record_that_does_not_fit_is_an_error(incumbents: tuple[tuple[float, float], ...]) -> None:
    verdict = verdict_on(Answer(BEST, 11.0, 11.0, incumbents))
    assert verdict.error == "its record of incumbents does not lead to its solution"
    assert verdict.incumbents == ((2.0, 11.0),)
    assert not verdict.proved


def test_no_solution_keeps_the_bound_and_says_so() -> None:
    assert verdict_on(Answer(bound=9.0), upper=11) == Verdict(None, 9.0, False, (), "no solution")


def test_published_values_may_be_rounded() -> None:
    answer = Answer(BEST, 11.0, 11.0)
    assert verdict_on(answer, upper=10.99999).error
    assert verdict_on(answer, upper=10.99999, slack=5e-6).proved
    assert "beyond the best known" in verdict_on(answer, upper=10.999, slack=5e-6).error


def test_crash_is_passed_on() -> None:
    verdict = judge(TOY, Outcome(None, 1.0, 1.0, "crashed with SIGSEGV"))
    assert verdict == Verdict(None, None, False, (), "crashed with SIGSEGV")


def test_primal_integral_is_the_mean_gap_over_the_limit() -> None:
    verdict = verdict_on(Answer(BEST, 11.0, 11.0, ((1.0, 22.0), (2.0, 11.0))))
    # One second at gap 1, one at (22 - 11) / 22, two at 0, of four.
    assert verdict.primal_integral(11, 4.0) == pytest.approx((1 + 0.5) / 4)
    assert verdict.primal_integral(None, 4.0) is None
