"""Files, generators and solutions of two-stage robust problems."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robust_cases import make_budgeting, make_knapsack, random_knapsack, random_loans

import copt
from copt.errors import CoptError, FormatError
from copt.instances.robust import FORMATS, GENERATORS, named, names
from copt.instances.robust_generators import (
    CORRELATIONS,
    capital_budgeting,
    capital_budgeting_loans,
    robust_knapsack,
)
from copt.problems.base import same
from copt.problems.capital_budgeting import Loans
from copt.problems.robust import Cells, RobustSolution
from copt.problems.robust_knapsack import toy_knapsack

SHARED = Path(__file__).parents[2] / "shared" / "instances" / "robust"
KNAPSACK = "2 10 0.5\n5 2 1 4 6\n7 3 2 5.0 8\n"
LOANS = "2 10 3 4 0.5 0.6 0.8 5 1\n 1.5 8 -0.5\n 2 9 1\n"
BUDGETING = "7 2 2 5.5 11\n4 7\n1 2\n.5 .5\n.25 .75\n1 0\n0 1\n"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the published instances are not at hand")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "a"
    path.write_text(text)
    return path


def test_files_by_hand(tmp_path: Path) -> None:
    knapsack = make_knapsack(
        profits=[5, 7],
        degradations=[2, 3],
        repair_weights=[1, 2],
        weights=[4, 5],
        outsourcing=[6, 8],
        capacity=10,
        budget=0.5,
        name="a",
    )
    assert same(copt.read(written(tmp_path, KNAPSACK)), knapsack)
    loans = make_budgeting(
        costs=[8, 9],
        profits=[1.5, 2],
        cost_factors=[[0], [0]],
        profit_factors=[[-0.5], [1]],
        budget=10.0,
        loans=Loans(3.0, 4.0, 0.5, 0.6),
        name="a",
    )
    assert same(copt.read(written(tmp_path, LOANS)), loans)
    budgeting = make_budgeting(
        costs=[4, 7],
        profits=[1, 2],
        cost_factors=[[0.5, 0.5], [0.25, 0.75]],
        profit_factors=[[1, 0], [0, 1]],
        budget=5.5,
        name="a",
    )
    assert same(copt.read(written(tmp_path, BUDGETING)), budgeting)


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "message"),
    [
        (KNAPSACK, "2 10", "3 10", 3, "expected 3 lines of profit, degradation"),
        (KNAPSACK, "2 10", "1 10", 3, "expected 1 lines of profit"),
        (KNAPSACK, "2 10", "2.5 10", 1, "expected a whole number from 1 to 100000 as number of items, found 2.5"),
        (KNAPSACK, "5.0 8", "5.5 8", 3, "expected a whole number from 0 to 1000000000 as weight, found 5.5"),
        (KNAPSACK, "7 3", "x 3", 3, "found 'x' as entry 1, not a number"),
        (KNAPSACK, "7 3", "nan 3", 3, "found 'nan' as entry 1, not a number"),
        (KNAPSACK, "7 3 2 5.0 8", "7 3 2 5.0", 3, "5 numbers, found 4"),
        (KNAPSACK, "5 2 1", "-5 2 1", None, "profits[0] = -5.0 is negative"),
        (LOANS, "10 3", "10 -3", None, "loans: early_amount must be a number from 0 on, got -3"),
        (LOANS, " 2 9 1", " 2 9", 3, "3 numbers, found 2"),
        (BUDGETING, "1 2\n.5", "1\n.5", 3, "2 numbers, found 1"),
        (BUDGETING, "0 1\n", "", 6, "expected 4 lines of 2 factors, the file ends after 3"),
    ],
)
def test_a_broken_file_costs_one_line(
    tmp_path: Path, text: str, old: str, new: str, line: int | None, message: str
) -> None:
    path = written(tmp_path, text.replace(old, new, 1))
    with pytest.raises(FormatError) as caught:
        copt.read(path)
    place = f"{path}:" if line is None else f"{path}:{line}:"
    assert str(caught.value).startswith(place)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(st.sampled_from([KNAPSACK, LOANS, BUDGETING]), st.integers(0, 40), st.binary(max_size=3))
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, place: int, noise: bytes
) -> None:
    raw = text.encode()
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(raw[:place] + noise + raw[place + 1 :])
    try:
        copt.read(path)
    except CoptError as error:
        assert "\n" not in str(error)


INSTANCES = [
    random_knapsack(5, 0),
    random_loans(4, 1),
    GENERATORS["capital-budgeting"](projects=5, seed=2),
    GENERATORS["robust-knapsack"](items=7, correlation="SC"),
]


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: instance.name)
def test_what_is_written_comes_back(tmp_path: Path, instance: Any) -> None:
    copt.write(instance, tmp_path / instance.name)
    assert same(copt.read(tmp_path / instance.name), instance)
    assert sum(known.refusal(instance) is None for known in FORMATS) == 1


def test_what_no_format_holds_is_refused(tmp_path: Path) -> None:
    both = make_budgeting(
        costs=[1], profits=[1], cost_factors=[[1]], profit_factors=[[1]], budget=1, loans=Loans(1, 1, 1, 1)
    )
    with pytest.raises(CoptError, match="cannot hold unnamed"):
        copt.write(both, tmp_path / "x")


def test_solutions_come_back(tmp_path: Path) -> None:
    toy = toy_knapsack()
    solution = RobustSolution(
        x=np.array([0.0, 1, 1, 0]),
        plans=np.array([[0, 1, 1, 0, 0, 0, 0, 0.0], [0, 1, 0, 0, 0, 0, 0, 0]]),
        worst=np.array([0, 1 / 3, 0, 0]),
        proof="mixture",
        weights=np.array([0.1, 0.9]),
        cells=Cells(np.array([-1]), np.array([0.0]), np.array([[0, -1]])),
        value=-14.25,
    )
    copt.write_solution(toy, solution, tmp_path / "x.sol")
    assert same(copt.read_solution(toy, tmp_path / "x.sol"), solution)
    (tmp_path / "x.sol").write_text('{"x": [1], "plans": [[1, 2]]}')
    with pytest.raises(FormatError, match="expected a JSON object with x, plans, worst and proof"):
        copt.read_solution(toy, tmp_path / "x.sol")


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_knapsacks_follow_their_recipe(correlation: Any) -> None:
    made = robust_knapsack(items=400, correlation=correlation, seed=3, h=80, deviation=0.5, share=0.1)
    assert made.capacity == int(80 * made.weights.sum() / 101)
    assert made.budget == 40
    extra = made.profits - made.weights
    bounds = {"UN": (-1000, 1000), "WC": (-51, 51), "ASC": (98, 102), "SC": (100, 100)}[correlation]
    assert bounds[0] <= extra.min() <= extra.max() <= bounds[1]
    share = made.degradations / made.profits
    assert (np.abs(share - 0.5) <= 0.25 + 0.5 / made.profits).all()
    ratio = made.outsourcing / made.profits
    assert ((ratio >= 1.1 - 0.5 / made.profits) & (ratio <= 1.5 + 0.5 / made.profits)).all()
    assert same(made, robust_knapsack(items=400, correlation=correlation, seed=3, h=80, deviation=0.5, share=0.1))
    assert not same(made, robust_knapsack(items=400, correlation=correlation, seed=4, h=80, deviation=0.5, share=0.1))


def test_factors_are_spacings() -> None:
    made = capital_budgeting(projects=50, seed=1)
    assert made.cost_factors.sum(axis=1) == pytest.approx(np.ones(50))
    assert (made.profit_factors > 0).all()
    assert made.budget == pytest.approx(made.costs.sum() / 2)
    loans = capital_budgeting_loans(projects=50, seed=1)
    assert np.abs(loans.profit_factors).sum(axis=1) == pytest.approx(np.ones(50))
    assert loans.two_stage().certain_rows


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("robust-knapsack", {"items": 0}, "must be from 1 to"),
        ("robust-knapsack", {"items": 5, "correlation": "XX"}, "correlation must be one of UN, WC, ASC, SC"),
        ("robust-knapsack", {"items": 5, "deviation": 2}, "deviation must be from 0 to 1"),
        ("capital-budgeting", {"projects": 5, "factors": 0}, "factors must be positive"),
        ("capital-budgeting-loans", {"projects": 5, "seed": -1}, "seed must be at least 0"),
    ],
)
def test_arguments_out_of_range_are_named(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(CoptError, match=message):
        GENERATORS[name](**arguments)


def test_names() -> None:
    assert [named(name).name for name in names()] == names() == ["toy-robust"]
    with pytest.raises(CoptError):
        named("toy")


@needs_shared
@pytest.mark.parametrize("folder", ["kp", "cb", "cbl"])
def test_published_files_are_read(folder: str) -> None:
    paths = sorted((SHARED / folder / "instances").iterdir())
    for path in paths[:: len(paths) // 10]:
        instance = copt.read(path)
        assert instance.name == path.name
        assert f"_n{instance.dimensions.split('x')[0]}_" in path.name.replace("RC_N", "RC_n")


@needs_shared
def test_published_decisions_keep_the_budget() -> None:
    with (SHARED / "cb" / "published_results.csv").open() as file:
        row = next(csv.DictReader(file))
    instance = copt.read(SHARED / "cb" / "instances" / row["instance"])
    x = np.array([float(digit) for digit in row["neur2ro_x"]])
    assert 1.5 * float(instance.costs @ x) <= instance.budget  # factors have sum 1 and all reach 1 in the worst case
