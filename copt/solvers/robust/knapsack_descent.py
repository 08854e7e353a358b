"""Starts and local search for the first stage of the two-stage robust knapsack."""

import itertools
from collections.abc import Generator, Iterator

import numpy as np

from copt.solvers.robust.knapsack_game import KnapsackGame, Relaxation
from copt.solvers.robust.knapsack_kernels import Bytes
from copt.solvers.robust.knapsack_moves import Guide, State, least_costs, moves_from, prices_of
from copt.solvers.robust.knapsack_primal import Primal

__all__ = ["climb", "roam", "start_static"]

WIDTH = 2  # moves tried of each neighbourhood with a guide, in numbers of items


def start_static(game: KnapsackGame, primal: Primal) -> None:
    """Offer the best plan that is chosen before the scenario, and what its decisions are worth with recourse.

    The losses themselves are prices enough of losing at one more item (Bertsimas and Sim 2003).
    """
    instance = primal.instance
    found: list[tuple[float, Bytes]] = []
    best = 0.0
    for price in np.unique(np.append(instance.degradations, 0.0))[::-1]:
        if primal.stopped():
            break
        charge = float(price * instance.budget)
        plan = game.static_plan(float(price), 0.97 * best + charge)
        if plan is not None:
            found.append((plan[0] - charge, plan[1]))
            best = max(best, found[-1][0])
    found.sort(key=lambda pair: -pair[0])
    plans = [pair[1] for pair in found]
    if plans:
        primal.offer_plan(plans[0], "static plan")
    if primal.monitor.solution is not None:  # of this start or of the user's
        x = np.rint(primal.monitor.solution.x).astype(np.uint8)
        primal.evaluate(game, x, "recourse", cutoff=np.inf)
    for chosen in plans[:10]:
        if not primal.stopped():
            primal.evaluate(game, np.minimum(chosen, 1), "static decisions")


def climb(
    game: KnapsackGame,
    primal: Primal,
    x: Bytes,
    found: Relaxation,
    rng: np.random.Generator,
    guide: Guide | None = None,
) -> Generator[bool, None, tuple[Bytes, Relaxation]]:
    """Flip and swap decisions while that pays; pauses after each with False; returns the local optimum.

    Args:
        game: The plans at hand.
        primal: Values decisions.
        x: Whether each item is chosen.
        found: The worst case of ``x``.
        rng: Orders the moves if there is no guide.
        guide: Scores the moves; only the best of those that known scenarios do not rule out are tried then.
    """
    if found.owner is not game:
        found = game.solve(game.decided(x), start=found, stopped=primal.stopped)._replace(value=found.value)
    better = True
    while better and not primal.stopped():
        better = False
        others = _shuffled(x, rng) if guide is None else _guided(primal, x, found, guide)
        for other in itertools.takewhile(lambda _: not primal.stopped(), others):
            result = primal.evaluate(game, other, "local search", start=found, cutoff=primal.below(found.value))
            if result is not None and result.value < found.value:
                x, found, better = other, result, True
                break
            yield False
    return x, found


def _shuffled(x: Bytes, rng: np.random.Generator) -> Iterator[Bytes]:
    moves = moves_from(x)
    return (moves.apply(int(k), x) for k in rng.permutation(moves.first.size))


def _guided(primal: Primal, x: Bytes, found: Relaxation, guide: Guide) -> Iterator[Bytes]:
    state = State(primal.instance, x, found, primal.scenarios(found))
    moves, prices = moves_from(x), prices_of(state)
    scores = np.where(
        least_costs(state, moves, prices) < primal.below(found.value), guide(state, moves, prices), -np.inf
    )
    order = np.argsort(-scores, kind="stable")[: WIDTH * x.size]
    return (moves.apply(int(k), x) for k in order[scores[order] > -np.inf])


def roam(game: KnapsackGame, primal: Primal, seed: int, guide: Guide | None = None) -> Iterator[bool]:
    """Search from the incumbent, kicked each time; pauses often, with True after each local optimum."""
    rng = np.random.default_rng(seed)
    while primal.best is not None and not primal.stopped():
        yield from climb(game, primal, *primal.best, rng, guide)
        yield True
        best, found = primal.best
        x = best.copy()
        kicked = rng.choice(x.size, size=min(x.size, int(rng.integers(2, 6))), replace=False)
        x[kicked] = 1 - x[kicked]
        start = primal.evaluate(game, x, "kick", start=found, cutoff=found.value + 0.02 * abs(found.value))
        if start is not None:
            yield from climb(game, primal, x, start, rng, guide)
        yield True
