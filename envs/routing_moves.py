"""Moves between the paths of a cut, all of one kind evaluated at once, and the descent that takes the best ones."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from copt.envs.routing_paths import Cut, Path
from copt.problems.base import IntArray
from copt.problems.routing import FloatArray

__all__ = ["descend", "insert_cheapest", "length_of"]

LONGEST = 3  # customers of a segment that moves at once (Or 1976)
TINY = 1e-9  # of the cost of all paths: less is no improvement but rounding


class Flat(NamedTuple):
    """The stops of all paths in a row. A leg is named by the place of its origin."""

    stop: IntArray  # (places,)
    path: IntArray  # (places,)
    first: IntArray  # (paths,), place at which each path begins
    leg: IntArray  # (legs,), places that are no end of a path
    origin: IntArray  # (legs,)
    target: IntArray  # (legs,)
    price: FloatArray  # (legs,)
    load: IntArray  # (routes,)


class Move(NamedTuple):
    """A change of the paths: by how much it raises the cost, and what carries it out."""

    rise: float
    apply: Callable[[list[Path]], None]


NO_MOVE = Move(np.inf, lambda paths: None)


def flatten(cut: Cut, paths: list[Path]) -> Flat:
    """Return ``paths`` in a row."""
    sizes = [len(path) for path in paths]
    stop = np.array([s for path in paths for s in path])
    path = np.repeat(np.arange(len(paths)), sizes)
    leg = np.flatnonzero(path[:-1] == path[1:])
    origin, target = stop[leg], stop[leg + 1]
    load = np.bincount(cut.route[path], cut.demand[stop], cut.room.size).astype(np.int64)
    return Flat(stop, path, np.cumsum([0, *sizes[:-1]]), leg, origin, target, cut.cost[origin, target], load)


def length_of(cut: Cut, paths: list[Path]) -> float:
    """Return the cost of all paths."""
    return float(flatten(cut, paths).price.sum())


def descend(cut: Cut, paths: list[Path]) -> None:
    """Change ``paths`` by the best move of some kind until no kind has one that lowers the cost.

    The kinds: a customer goes elsewhere, a stretch is reversed, two routes exchange their tails, a segment of two or
    three goes elsewhere, either way round.
    """
    tiny = TINY * length_of(cut, paths)
    improved = True
    while improved:
        improved = False
        flat = flatten(cut, paths)
        for kind in KINDS:
            move = kind(cut, flat)
            if move.rise < -tiny:
                move.apply(paths)
                improved = True
                break


def insert_cheapest(cut: Cut, paths: list[Path], stop: int) -> bool:
    """Insert ``stop`` where it costs least, and return whether it fits anywhere."""
    flat = flatten(cut, paths)
    rise = cut.cost[flat.origin, stop] + cut.cost[stop, flat.target] - flat.price
    route = cut.route[flat.path[flat.leg]]
    rise[flat.load[route] + cut.demand[stop] > cut.room[route]] = np.inf
    best = int(rise.argmin())
    if rise[best] == np.inf:
        return False
    place = int(flat.leg[best])
    path = int(flat.path[place])
    paths[path].insert(place - int(flat.first[path]) + 1, stop)
    return True


def relocate(length: int) -> Callable[[Cut, Flat], Move]:
    """Return the kind of move that takes ``length`` customers in a row to another leg, either way round."""

    def best(cut: Cut, flat: Flat) -> Move:
        cost, stop = cut.cost, flat.stop
        begin = np.flatnonzero(flat.path[: -length - 1] == flat.path[length + 1 :]) + 1
        if not begin.size:
            return NO_MOVE
        head, tail = stop[begin], stop[begin + length - 1]
        before, after = stop[begin - 1], stop[begin + length]
        saved = cost[before, head] + cost[tail, after] - cost[before, after]
        forth = cost[flat.origin, head[:, None]] + cost[tail[:, None], flat.target]
        inner = [(stop[begin + k], stop[begin + k + 1]) for k in range(length - 1)]
        turn = sum((cost[b, a] - cost[a, b] for a, b in inner), np.zeros(begin.size))
        back = cost[flat.origin, tail[:, None]] + cost[head[:, None], flat.target] + turn[:, None]
        rise = np.minimum(forth, back) - flat.price - saved[:, None]
        lag = flat.leg - begin[:, None]
        rise[(lag >= -1) & (lag < length)] = np.inf  # legs at the segment or in it
        weight = cut.demand[stop[begin[:, None] + np.arange(length)]].sum(axis=1)
        source, route = cut.route[flat.path[begin]], cut.route[flat.path[flat.leg]]
        full = flat.load[route] + weight[:, None] > cut.room[route]
        rise[full & (source[:, None] != route)] = np.inf
        i, j = divmod(int(rise.argmin()), flat.leg.size)
        reverse = bool(back[i, j] < forth[i, j])
        return Move(float(rise[i, j]), _relocation(flat, int(begin[i]), length, int(flat.leg[j]), reverse))

    return best


def _relocation(flat: Flat, begin: int, length: int, leg: int, reverse: bool) -> Callable[[list[Path]], None]:
    source, target = int(flat.path[begin]), int(flat.path[leg])
    here, there = begin - int(flat.first[source]), leg - int(flat.first[target]) + 1

    def apply(paths: list[Path]) -> None:
        segment = paths[source][here : here + length]
        del paths[source][here : here + length]
        at = there - length if source == target and there > here else there
        paths[target][at:at] = segment[::-1] if reverse else segment

    return apply


def reverse(cut: Cut, flat: Flat) -> Move:
    """Return the best reversal of a stretch of a path (2-opt; Croes 1958)."""
    cost, origin, target = cut.cost, flat.origin, flat.target
    # What it costs to go along the row the other way: the differences within a path are those of its stretches.
    turned = np.zeros(flat.stop.size)
    turned[flat.leg + 1] = cost[target, origin] - flat.price
    turned = np.cumsum(turned)
    rise = cost[origin[:, None], origin] + cost[target[:, None], target] - flat.price[:, None] - flat.price
    rise += turned[flat.leg] - turned[flat.leg + 1][:, None]
    owner = flat.path[flat.leg]
    rise[(owner[:, None] != owner) | (flat.leg[:, None] >= flat.leg)] = np.inf
    i, j = divmod(int(rise.argmin()), owner.size)
    path = int(owner[i])
    begin, end = (int(flat.leg[k] - flat.first[path]) + 1 for k in (i, j))

    def apply(paths: list[Path]) -> None:
        paths[path][begin:end] = paths[path][begin:end][::-1]

    return Move(float(rise[i, j]), apply)


def exchange_tails(cut: Cut, flat: Flat) -> Move:
    """Return the best exchange of what follows a leg on two whole routes (2-opt*; Potvin and Rousseau 1995)."""
    cost, owner = cut.cost, flat.path[flat.leg]
    route = cut.route[owner]
    rise = cost[flat.origin[:, None], flat.target]
    rise = rise + rise.T - flat.price[:, None] - flat.price
    carried = np.cumsum(cut.demand[flat.stop])
    # Demand up to each leg, and after it.
    head = carried[flat.leg] - (carried - cut.demand[flat.stop])[flat.first[owner]]
    tail = flat.load[route] - head
    heavy = head[:, None] + tail > cut.room[route][:, None]
    apart = (owner[:, None] < owner) & cut.whole[owner] & cut.whole[owner][:, None]
    rise[~apart | heavy | heavy.T] = np.inf
    i, j = divmod(int(rise.argmin()), owner.size)
    one, other = int(owner[i]), int(owner[j])
    cut_one, cut_other = (int(flat.leg[k] - flat.first[owner[k]]) + 1 for k in (i, j))

    def apply(paths: list[Path]) -> None:
        first, second = paths[one], paths[other]
        paths[one], paths[other] = first[:cut_one] + second[cut_other:], second[:cut_other] + first[cut_one:]

    return Move(float(rise[i, j]), apply)


KINDS = (relocate(1), reverse, exchange_tails, *(relocate(length) for length in range(2, LONGEST + 1)))
