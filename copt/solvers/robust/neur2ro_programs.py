"""The two programs of Neur2RO for two-stage knapsacks: decisions against some scenarios, a scenario against decisions.

Networks are inside (Dumouchelle et al. 2024, sections 4 and 5). For binary decisions the embedding of an item is
affine, so that only the network behind the sum needs binary variables; that of a scenario is not.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pyscipopt import quicksum

from copt.monitor import Monitor
from copt.problems.relu import ReluNet
from copt.problems.uncertainty import FloatArray
from copt.solvers.relu_scip import embed
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.neur2ro_net import Neur2roNet
from copt.solvers.robust.neur2ro_samples import random_scenario
from copt.solvers.scip import dual_bound, linear, new_model, run

__all__ = ["Limits", "best_decisions", "decision_net", "scenario_net", "worst_scenario"]

GAP = 1e-4  # relative, at which a program is solved
SAMPLES = 200  # random scenarios of either kind, of which the best is where the search for a worse one starts


class Limits(NamedTuple):
    """When a program must end.

    Args:
        monitor: Whether the whole solve must.
        seconds: Most wall time.
        stall: Most seconds without a better solution.
    """

    monitor: Monitor
    seconds: float
    stall: float


def decision_net(net: Neur2roNet, scenarios: Sequence[FloatArray]) -> ReluNet:
    """Return the network from binary decisions to the prediction for each of ``scenarios``."""
    zero, one = (net.hidden("x", np.full(net.size, value)) for value in (0.0, 1.0))
    w = net.weights
    into = w["x.wide.weight"] @ w["x.pool.weight"]
    side = w["x.out.weight"].shape[0]
    value = w["hidden.weight"][:, :side] @ w["x.out.weight"]
    shifts = [w["hidden.weight"][:, side:] @ net.embedded("u", u) + w["hidden.bias"] for u in scenarios]
    count = len(scenarios)
    return ReluNet.mlp(
        (into @ (one - zero).T, np.tile(value, (count, 1)), np.kron(np.eye(count), w["value.weight"])),
        (into @ zero.sum(axis=0), np.concatenate(shifts), np.tile(w["value.bias"], count)),
    )


def scenario_net(net: Neur2roNet, decisions: FloatArray) -> ReluNet:
    """Return the network from a scenario between 0 and 1 to the prediction for embedded ``decisions``.

    Units of the first layer that cannot change sides between 0 and 1 are affine, and part of the second.
    """
    slope, offset = net.first("u")
    w, side = net.weights, len(decisions)
    into = w["u.wide.weight"] @ w["u.pool.weight"]
    value = w["hidden.weight"][:, side:] @ w["u.out.weight"]
    always = (offset >= 0) & (offset + slope >= 0)
    item, unit = np.nonzero((np.minimum(offset, offset + slope) < 0) & (np.maximum(offset, offset + slope) > 0))
    first = np.zeros((len(item), net.size))
    first[np.arange(len(item)), item] = slope[unit]
    before = net.size + len(item)
    return ReluNet(
        net.size,
        (
            first,
            np.hstack([into @ (always * slope).T, into[:, unit]]),
            np.hstack([np.zeros((len(value), before)), value]),
            np.hstack([np.zeros((1, before + len(into))), w["value.weight"]]),
        ),
        (
            offset[item, unit],
            into @ (always * offset).sum(axis=0),
            w["hidden.weight"][:, :side] @ decisions + w["hidden.bias"],
            w["value.bias"],
        ),
    )


def _solved(model: Any, limits: Limits) -> Any:
    """Solve ``model`` and return its best solution, None if there is none."""
    model.setParam("limits/gap", GAP)
    run(model, limits.monitor, seconds=limits.seconds, stall=limits.stall)
    return model.getBestSol() if model.getNSols() > 0 else None


def best_decisions(net: Neur2roNet, scenarios: Sequence[FloatArray], limits: Limits) -> tuple[Bytes, float] | None:
    """Return the decisions of least cost in that of ``scenarios`` for which the network predicts the greatest.

    Without scenarios nothing degrades.

    Returns:
        Decisions, shape (items,), and a lower bound on the cost in the scenario that is selected; None if time is up
        before there are any.
    """
    instance, model = net.instance, new_model()
    n = instance.num_items
    x, y, r = ([model.addVar(vtype="B") for _ in range(n)] for _ in range(3))
    weights, repair = (column.astype(np.float64) for column in (instance.weights, instance.repair_weights))
    model.addCons(linear(weights, y) + linear(repair, r) <= instance.capacity)
    for i in range(n):
        model.addCons(y[i] <= x[i])
        model.addCons(r[i] <= y[i])
    lost = _losses(model, [y[i] - r[i] for i in range(n)], scenarios, _selection(model, net, scenarios, x))
    model.setObjective(
        linear(instance.outsourcing - instance.profits, x)
        - linear(instance.outsourcing, y)
        + linear(instance.degradations, lost)
    )
    solution = _solved(model, limits)
    if solution is None:
        return None
    chosen = np.array([round(model.getSolVal(solution, v)) for v in x], dtype=np.uint8)
    return chosen, dual_bound(model)


def _selection(model: Any, net: Neur2roNet, scenarios: Sequence[FloatArray], x: list[Any]) -> list[Any]:
    """Return a binary for each scenario, of which one is 1: that of the greatest prediction."""
    if len(scenarios) < 2:
        return [1.0] * len(scenarios)
    predictions = embed(model, decision_net(net, scenarios), x).outputs
    selected = [model.addVar(vtype="B") for _ in scenarios]
    model.addCons(quicksum(selected) == 1)
    top = max(float(p.getUbOriginal()) for p in predictions)
    greatest = model.addVar(lb=None, ub=top)
    for p, w in zip(predictions, selected, strict=True):
        model.addCons(greatest >= p)
        model.addCons(greatest <= p + (top - float(p.getLbOriginal())) * (1 - w))
    return selected


def _losses(model: Any, bare: list[Any], scenarios: Sequence[FloatArray], selected: list[Any]) -> list[Any]:
    """Return for each item the product of ``bare``, a binary expression, and its entry of the scenario selected."""
    if not scenarios:
        return [0.0] * len(bare)
    table = np.array(scenarios)
    low, high = table.min(axis=0), table.max(axis=0)
    lost = []
    for i, own in enumerate(bare):
        if low[i] == high[i]:
            lost.append(float(low[i]) * own)
            continue
        lost.append(model.addVar(lb=0.0))
        entry = quicksum(float(u[i]) * w for u, w in zip(scenarios, selected, strict=True))
        # It is minimised, so the two lower sides of the product's envelope suffice: exact for a binary.
        model.addCons(lost[-1] >= float(low[i]) * own)
        model.addCons(lost[-1] >= entry - float(high[i]) * (1 - own))
    return lost


def worst_scenario(
    net: Neur2roNet, x: Bytes, known: Sequence[FloatArray], limits: Limits, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Return the scenario for which the network predicts the greatest cost of decisions ``x``, and the prediction.

    SCIP begins with the best of random and ``known`` scenarios after local search: by itself it is slow to find one.
    The random ones are extreme points, and spread over all items as those that the network was trained on.
    """
    decisions = net.embedded("x", x.astype(np.float64))
    relu = scenario_net(net, decisions)
    instance, model = net.instance, new_model()
    u = [model.addVar(ub=1.0) for _ in range(net.size)]
    model.addCons(quicksum(u) <= float(instance.budget))
    embedding = embed(model, relu, u)
    model.setObjective(embedding.outputs[0], "maximize")
    spread = [np.minimum(1.0, random_scenario(rng, instance)) for _ in range(SAMPLES)]
    begins = np.vstack([instance.two_stage().uncertainty.sample(rng, SAMPLES), *spread, *known])
    begin = begins[int(relu.forward(begins)[:, 0].argmax())]
    best = net.climbed(decisions, begin, lambda: limits.monitor.reason() is not None)
    start = model.createSol()
    for variable, value in embedding.start(best):
        model.setSolVal(start, variable, value)
    model.addSol(start)
    solution = _solved(model, limits)
    if solution is not None:
        best = np.array([model.getSolVal(solution, v) for v in u])
        best = np.where(best < 1e-6, 0.0, np.where(best > 1.0 - 1e-6, 1.0, best))
        best *= min(1.0, instance.budget / max(best.sum(), 1e-9))
    return best, net.value(decisions, net.embedded("u", best))
