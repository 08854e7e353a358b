"""Combinatorial auctions: the scheme "arbitrary" of Leyton-Brown, Pearson and Shoham (2000), one seed, one auction."""

import numpy as np

from copt.instances.mip_rows import Block, program, randomness
from copt.problems.base import FloatArray
from copt.problems.mip import MIP

__all__ = ["auction"]

LARGEST = 20_000
VALUES = (1.0, 100.0)  # of items to everybody
DEVIATION = 0.5  # of private values, as a share of the largest value
MORE = 0.7  # probability that a bundle gets one more item
ADDITIVITY = 0.2  # bundles are worth more than their items
BUDGET, RESALE = 1.5, 0.5  # what a substitute may cost and must be worth, as shares of the first bundle's
SUBSTITUTES = 5  # at most, of one bidder

Bundle = tuple[int, ...]


def auction(*, items: int = 100, bids: int = 500, seed: int = 0) -> MIP:
    """Return a combinatorial auction, which takes bids so that no item is sold twice; all prices are whole.

    A bidder draws a bundle of items that go together, and substitutes for it; one with more than two bids gets only
    one of them. Ready sizes are 100/500, 200/1000 and 300/1500 items and bids (Gasse et al. 2019); 2000/4000 is large.

    Args:
        items: Number of items.
        bids: Number of bids.
        seed: Seed of every random choice.

    Raises:
        CoptError: If an argument is out of range.
    """
    rng = randomness(seed, most=LARGEST, items=items, bids=bids)
    values = rng.uniform(*VALUES, items)
    together = np.triu(rng.random((items, items)), 1)
    together += together.T
    together /= np.maximum(together.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    bundles: list[Bundle] = []
    prices: list[float] = []
    rivals = items  # the next item that stands for a bidder who gets one bundle at most
    while len(bundles) < bids:
        found = _bidder(rng, values, together)
        extra: Bundle = (rivals,) if len(found) > 2 else ()
        rivals += len(extra)
        for bundle, price in list(found.items())[: bids - len(bundles)]:
            bundles.append(bundle + extra)
            prices.append(price)
    sold = np.concatenate([np.array(bundle) for bundle in bundles])
    buyers = np.repeat(np.arange(bids), [len(bundle) for bundle in bundles])
    wanted, rows = np.unique(sold, return_inverse=True)  # an item in no bid needs no row
    return program(
        [Block.of(rows, buyers, count=wanted.size, upper=1.0)],
        costs=prices,
        lower=np.zeros(bids),
        upper=np.ones(bids),
        integer=np.ones(bids, dtype=bool),
        maximise=True,
        name=f"auction-{items}-{bids}-{seed}",
    )


def _bidder(rng: np.random.Generator, values: FloatArray, together: FloatArray) -> dict[Bundle, float]:
    """Return the bids of one bidder, bundle -> price; none if the first bundle is worth nothing to it."""
    interests = rng.random(values.size)
    private = values + VALUES[1] * DEVIATION * (2 * interests - 1)
    size = min(int(rng.geometric(1 - MORE)), values.size)
    first = _bundle(rng, _draw(rng, interests), size, interests, together)
    price = _price(private, first)
    if price < 0:
        return {}
    others = [_bundle(rng, item, size, interests, together) for item in first]
    bids = {first: price}
    least = RESALE * values[list(first)].sum()
    for bundle in sorted(others, key=lambda bundle: _price(private, bundle), reverse=True):
        asked = _price(private, bundle)
        if len(bids) <= SUBSTITUTES and 0 <= asked <= BUDGET * price and values[list(bundle)].sum() >= least:
            bids.setdefault(bundle, asked)
    return bids


def _bundle(rng: np.random.Generator, item: int, size: int, interests: FloatArray, together: FloatArray) -> Bundle:
    """Return ``size`` items with ``item`` among them, sorted."""
    chosen = [item]
    affinity = together[item].copy()
    for _ in range(size - 1):
        weights = interests * affinity
        weights[chosen] = 0.0
        chosen.append(_draw(rng, weights))
        affinity += together[chosen[-1]]
    return tuple(sorted(chosen))


def _draw(rng: np.random.Generator, weights: FloatArray) -> int:
    sums = np.cumsum(weights)
    return int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))


def _price(private: FloatArray, bundle: Bundle) -> float:
    return float(np.floor(private[list(bundle)].sum() + len(bundle) ** (1 + ADDITIVITY)))
