import networkx
from hypothesis import given
from hypothesis import strategies as st
from scheduling_cases import STEADY, shops

from copt.problems.jobshop import JobShop, toy


def edges(graph: networkx.DiGraph, kind: str) -> set[tuple[object, object]]:
    return {(a, b) for a, b, data in graph.edges(data=True) if data["kind"] == kind}


def test_the_disjunctive_graph_of_the_toy() -> None:
    graph = toy().to_networkx()
    assert graph.name == "toy"
    assert set(graph.nodes) == {"source", "sink", *range(8)}
    assert graph.nodes[4] == {"job": 1, "machines": [2], "durations": [1]}
    assert edges(graph, "conjunctive") == {
        ("source", 0), (0, 1), (1, 2), (2, "sink"),
        ("source", 3), (3, 4), (4, 5), (5, "sink"),
        ("source", 6), (6, 7), (7, "sink"),
    }  # fmt: skip
    pairs = {0: [(0, 3)], 1: [(1, 5), (1, 6), (5, 6)], 2: [(2, 4), (2, 7), (4, 7)]}
    assert edges(graph, "disjunctive") == {e for found in pairs.values() for a, b in found for e in ((a, b), (b, a))}
    for machine, found in pairs.items():
        assert all(graph.edges[edge]["machine"] == machine for a, b in found for edge in ((a, b), (b, a)))


def test_operations_of_one_job_have_their_order_already() -> None:
    graph = JobShop.from_jobs([[(0, 1), (0, 2), (1, 1), (0, 3)]]).to_networkx()
    assert edges(graph, "disjunctive") == set()
    assert networkx.is_directed_acyclic_graph(graph)


def test_an_open_shop_orders_nothing() -> None:
    graph = JobShop.from_jobs([[(0, 1), (1, 2)], [(0, 4)]], ordered=False).to_networkx()
    assert edges(graph, "conjunctive") == {("source", o) for o in range(3)} | {(o, "sink") for o in range(3)}
    assert edges(graph, "disjunctive") == {(0, 2), (2, 0)}


def test_alternatives_and_idle_jobs() -> None:
    graph = JobShop.from_jobs([[], [[(0, 1), (2, 5)]], [(2, 4)], [(1, 1)]]).to_networkx()
    assert graph.nodes[0] == {"job": 1, "machines": [0, 2], "durations": [1, 5]}
    assert edges(graph, "disjunctive") == {(0, 1), (1, 0)}
    assert edges(graph, "conjunctive") == {("source", o) for o in range(3)} | {(o, "sink") for o in range(3)}


@STEADY
@given(st.one_of(shops(flexible=True), shops(flexible=True, ordered=False)))
def test_two_operations_are_joined_iff_a_machine_could_run_both(shop: JobShop) -> None:
    graph = shop.to_networkx()
    machines = [set(graph.nodes[o]["machines"]) for o in range(shop.num_operations)]
    expected = {
        (a, b)
        for a in range(shop.num_operations)
        for b in range(shop.num_operations)
        if a != b and machines[a] & machines[b] and not (shop.ordered and shop.job_of[a] == shop.job_of[b])
    }
    assert edges(graph, "disjunctive") == expected
    conjunctive = graph.edge_subgraph(edges(graph, "conjunctive"))
    assert networkx.is_directed_acyclic_graph(conjunctive)
