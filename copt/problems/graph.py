"""The disjunctive graph of a shop."""

from typing import TYPE_CHECKING

import networkx

if TYPE_CHECKING:
    from copt.problems.jobshop import JobShop

__all__ = ["disjunctive_graph"]


def disjunctive_graph(instance: "JobShop") -> networkx.DiGraph:
    """Return the disjunctive graph of ``instance``; see ``JobShop.to_networkx``."""
    graph = networkx.DiGraph(name=instance.name)
    graph.add_nodes_from(["source", "sink"])
    on_machine: dict[int, list[int]] = {}
    modes, jobs = instance.mode_offsets, instance.job_offsets
    for job in range(instance.num_jobs):
        for operation in range(jobs[job], jobs[job + 1]):
            machines = instance.machines[modes[operation] : modes[operation + 1]].tolist()
            durations = instance.durations[modes[operation] : modes[operation + 1]].tolist()
            graph.add_node(operation, job=job, machines=machines, durations=durations)
            for machine in machines:
                on_machine.setdefault(machine, []).append(operation)
        path = list(range(jobs[job], jobs[job + 1]))
        if instance.ordered:
            edges = list(zip(["source", *path], [*path, "sink"], strict=True)) if path else []
        else:
            edges = [("source", o) for o in path] + [(o, "sink") for o in path]
        graph.add_edges_from(edges, kind="conjunctive")
    for machine, operations in on_machine.items():
        for i, a in enumerate(operations):
            for b in operations[i + 1 :]:
                if instance.ordered and graph.nodes[a]["job"] == graph.nodes[b]["job"]:
                    continue  # their order is given
                for edge in ((a, b), (b, a)):
                    if not graph.has_edge(*edge):
                        graph.add_edge(*edge, kind="disjunctive", machine=machine)
    return graph
