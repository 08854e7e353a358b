"""Files and generators of routing problems."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_cases import make

import copt
from copt.errors import CoptError, FormatError
from copt.instances.routing import GENERATORS, named, names
from copt.problems.base import same
from copt.problems.routing import Routes, Routing, check, costs, objective

SMALL = """NAME : small
COMMENT : by hand
TYPE : CVRP
DIMENSION : 3
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 3.5 4
3 6 8
DEMAND_SECTION
1 0
2 5
3 6
DEPOT_SECTION
 1
 -1
EOF
"""


def written(tmp_path: Path, text: str, name: str = "a.vrp") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_file_by_hand(tmp_path: Path) -> None:
    expected = make(
        coordinates=[[0, 0], [3.5, 4], [6, 8]],
        metric="euc_2d",
        depot=0,
        demand=[0, 5, 6],
        capacity=10,
        name="small",
    )
    assert same(copt.read(written(tmp_path, SMALL)), expected)
    crowded = SMALL.replace(" : ", ":").replace("\n", "\n\n").replace("EOF", "")
    assert same(copt.read(written(tmp_path, crowded)), expected)


@pytest.mark.parametrize(
    ("layout", "numbers"),
    [
        ("FULL_MATRIX", "0 1 2\n1 0\n3 2 3 0"),
        ("UPPER_ROW", "1 2 3"),
        ("LOWER_ROW", "1\n2 3"),
        ("UPPER_DIAG_ROW", "0 1 2 0 3 0"),
        ("LOWER_DIAG_ROW", "0 1 0 2 3 0"),
        ("UPPER_COL", "1 2 3"),
        ("LOWER_COL", "1 2 3"),
        ("UPPER_DIAG_COL", "0 1 0 2 3 0"),
        ("LOWER_DIAG_COL", "0 1 2 0 3 0"),
    ],
)
def test_every_layout_of_explicit_costs(tmp_path: Path, layout: str, numbers: str) -> None:
    head = f"NAME: m\nTYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: {layout}\n"
    instance = copt.read(written(tmp_path, f"{head}EDGE_WEIGHT_SECTION\n{numbers}\nEOF\n", "m.tsp"))
    assert costs(instance, [0, 0, 1, 2], [1, 2, 2, 0]).tolist() == [1, 2, 3, 2]
    assert instance.depot is None


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("2 3.5 4", "2 3.5", 9, "expected 3 numbers in NODE_COORD_SECTION, found '2 3.5'"),
        ("2 3.5 4", "2 3.5 x", 9, "expected 3 numbers in NODE_COORD_SECTION, found '2 3.5 x'"),
        ("2 3.5 4", "2 nan 4", 9, "expected 3 numbers"),
        ("2 3.5 4", "7 3.5 4", 9, "expected node 2 in NODE_COORD_SECTION, found '7'"),
        ("2 3.5 4\n3 6 8\n", "", 8, "expected 3 rows in NODE_COORD_SECTION, found 1"),
        ("DIMENSION : 3", "DIMENSION : 4", 10, "expected 4 rows in NODE_COORD_SECTION, found 3"),
        ("DIMENSION : 3", "DIMENSION : many", 4, "expected a whole number from 1 to 1000000 as DIMENSION"),
        ("DIMENSION : 3\n", "", 17, "expected a line 'DIMENSION : ...', found none"),
        ("TYPE : CVRP", "TYPE : VRPTW", 3, "expected TYPE to be one of TSP, ATSP, CVRP, OVRP, found 'VRPTW'"),
        ("EUC_2D", "SPECIAL", 5, "expected EDGE_WEIGHT_TYPE to be one of EUC_2D, CEIL_2D"),
        ("EUC_2D", "EXPLICIT", 5, "EXPLICIT costs need an EDGE_WEIGHT_SECTION"),
        ("CAPACITY : 10", "CAPACITY : -1", 6, "expected a whole number from 1 to 9007199254740992 as CAPACITY"),
        ("CAPACITY : 10", "CAPACITY : 5", None, r"demand\[2\] = 6 exceeds capacity = 5"),
        ("CAPACITY : 10", "DISTANCE : 10", 6, "copt has no limit on the length of routes"),
        ("2 5\n", "2 5 5\n", 13, "expected 2 numbers in DEMAND_SECTION, found '2 5 5'"),
        ("2 5\n", "2 5.5\n", None, "demand must hold whole numbers"),
        ("DEMAND_SECTION\n1 0\n2 5\n3 6\n", "", 3, "CVRP needs a DEMAND_SECTION"),
        (" 1\n -1", " 1\n 2\n -1", 17, "expected one depot from 1 to 3, found 2 entries"),
        (" 1\n -1", " 9\n -1", 16, "expected one depot from 1 to 3"),
        ("DEPOT_SECTION", "TIME_WINDOW_SECTION", 15, "section 'TIME_WINDOW_SECTION' is none that copt reads"),
        ("COMMENT : by hand", "by hand", 2, "expected 'KEY : VALUE' or a section, found 'by hand'"),
    ],
)
def test_a_broken_file_costs_one_line(tmp_path: Path, old: str, new: str, line: int | None, text: str) -> None:
    assert old in SMALL
    path = written(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(FormatError, match=text) as caught:
        copt.read(path)
    assert caught.value.line == line
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@given(st.integers(0, len(SMALL)), st.integers(1, 30), st.text("0 -x\n:", max_size=5))
@settings(max_examples=300, deadline=None)
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, cut: int, put: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.vrp"
    path.write_text(SMALL[:at] + put + SMALL[at + cut :])
    try:
        instance = copt.read(path)
    except CoptError as error:
        assert "\n" not in str(error)
    else:
        assert instance.num_nodes >= 1


INSTANCES: list[Any] = [
    named("toy-routing"),
    GENERATORS["tour"](nodes=12, seed=1),
    GENERATORS["clustered-tour"](nodes=30, seed=1, size=10),
    GENERATORS["x"](customers=20, seed=3),
    GENERATORS["neural-tsp"](nodes=7),
    GENERATORS["neural-cvrp"](customers=9),
    make(matrix=[[0, 1, 5], [7, 0, 2.5], [3, 9, 0]], name="one way"),
    make(matrix=[[0, 1], [7, 0]], depot=1, demand=[2, 0], capacity=4, max_routes=3, open_routes=True),
]


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: instance.name)
def test_what_is_written_comes_back(tmp_path: Path, instance: Routing) -> None:
    copt.write(instance, tmp_path / "a.vrp")
    again = copt.read(tmp_path / "a.vrp")
    fields = dict(vars(instance))
    if instance.depot is not None and instance.demand is None:
        fields["demand"] = instance.demands
    assert same(again, Routing(**fields))


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda instance: instance.name)
def test_solutions_come_back(tmp_path: Path, instance: Routing) -> None:
    order = np.random.default_rng(1).permutation(instance.customers).tolist()
    lists = [order] if instance.depot is None else [[node] for node in order]
    solution = Routes.from_lists(lists)
    assert check(instance, solution) == []
    copt.write_solution(instance, solution, tmp_path / "a.sol")
    assert copt.read_solution(instance, tmp_path / "a.sol").to_lists() == lists
    assert f"{objective(instance, solution):.15g}" in (tmp_path / "a.sol").read_text()


def test_a_tour_may_be_one_route_without_its_first_node(tmp_path: Path) -> None:
    tour = GENERATORS["tour"](nodes=4)
    assert copt.read_solution(tour, written(tmp_path, "Route #1: 2 1 3\nCost: 9\n")).to_lists() == [[0, 2, 1, 3]]
    assert copt.read_solution(tour, written(tmp_path, "Route #1: 2 0 1 3\n")).to_lists() == [[2, 0, 1, 3]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Route #1: 1 x\n", "1: expected the numbers of nodes, found 'x'"),
        ("Cost 7\n", "1: expected a line 'Route #1: ...' or a TOUR_SECTION, found none"),
        ("Cost 7\nhello\n", "2: expected 'Route #1: ...' or 'Cost ...', found 'hello'"),
        ("TOUR_SECTION\n1\n2.5\n", "3: expected the numbers of nodes, found '2.5'"),
    ],
)
def test_a_broken_solution_costs_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message.replace("(", r"\(")):
        copt.read_solution(named("toy-routing"), written(tmp_path, text, "a.sol"))


def test_the_recipe_of_the_x_set() -> None:
    instance = GENERATORS["x"](customers=200, seed=5, depot="corner", places="random", demands="5-10", route_size=8)
    assert instance.coordinates is not None
    assert instance.coordinates[0].tolist() == [0, 0]
    assert (instance.coordinates.min(), instance.coordinates.max()) == (0, 1000)
    assert (instance.demands[1:].min(), instance.demands[1:].max()) == (5, 10)
    assert instance.capacity == int(np.ceil(8 * instance.demands.sum() / 200))
    clustered = GENERATORS["x"](customers=200, seed=5, places="clustered", demands="unit")
    assert clustered.coordinates is not None
    near = np.sort(np.linalg.norm(clustered.coordinates[1:, None] - clustered.coordinates[None, 1:], axis=2))[:, 1]
    assert near.mean() < 20  # uniform points would be 0.5 * sqrt(1000 * 1000 / 200) = 35 apart
    assert set(clustered.demands[1:].tolist()) == {1}


def test_quadrants_and_few_large_ones() -> None:
    quadrant = GENERATORS["x"](customers=300, seed=2, places="random", demands="quadrant")
    assert quadrant.coordinates is not None
    x, y = quadrant.coordinates[1:].T
    even = (x < 500) == (y < 500)
    assert quadrant.demands[1:][even].min() > 50 >= quadrant.demands[1:][~even].max()
    many = GENERATORS["x"](customers=1000, seed=2, demands="many-small").demands[1:]
    assert 0.05 <= (many >= 50).mean() <= 0.30
    assert not ((many > 10) & (many < 50)).any()


@pytest.mark.parametrize("name", GENERATORS)
def test_one_seed_one_instance(name: str) -> None:
    size = {"customers": 30} if name in ("x", "neural-cvrp") else {"nodes": 30}
    one, again, other = (GENERATORS[name](**size, seed=seed) for seed in (4, 4, 5))
    assert same(one, again)
    assert costs(one, [0], [1]).tolist() != costs(other, [0], [1]).tolist()
    with pytest.raises(CoptError, match="must be from 1 to 1000000, got 0"):
        GENERATORS[name](**dict.fromkeys(size, 0))


def test_the_capacities_of_neural_sets() -> None:
    made = {n: GENERATORS["neural-cvrp"](customers=n).capacity for n in (100, 500, 1000, 2000)}
    assert made == {100: 50, 500: 100, 1000: 200, 2000: 300}


def test_names() -> None:
    assert names() == ["toy-routing"]


BENCHMARKS = Path(__file__).parents[2] / "shared" / "instances" / "routing"


@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="the benchmark files are not there")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cvrp_X/X-n1001-k43.vrp", 72355),
        ("cvrp_AGS/Leuven2.vrp", 111395),
        ("tsplib/pr1002.tsp", 259045),
        ("tsplib/pla7397.tsp", 23260728),
    ],
)
def test_published_solutions_have_their_published_values(name: str, value: int) -> None:
    instance = copt.read(BENCHMARKS / name)
    solution = copt.read_solution(instance, (BENCHMARKS / name).with_suffix(".sol"))
    assert check(instance, solution) == []
    assert objective(instance, solution) == value
