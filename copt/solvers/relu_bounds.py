"""What can enter each unit of a piecewise-linear network, if its inputs stay in a box."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray, IntArray
from copt.problems.relu import IDENTITY, RELU, ReluNet, activated

__all__ = ["Bounds", "clipped_bounds", "crown_bounds", "interval_bounds"]

LARGEST = 1e150  # so that no sum of products overflows


@dataclass(frozen=True, eq=False)
class Bounds:
    """Between what the pre-activations stay.

    Args:
        lower: Of the units of each layer, shape (units,); the last layer is the output.
        upper: Likewise.
    """

    lower: tuple[FloatArray, ...]
    upper: tuple[FloatArray, ...]

    def unstable(self, net: ReluNet) -> NDArray[np.bool_]:
        """Return which hidden units of ``net`` are ReLUs that may be on either side of zero, shape (units,)."""
        layers = zip(self.lower, self.upper, net.kinds, strict=False)
        found = [(kinds == RELU) & (lower < 0) & (upper > 0) for lower, upper, kinds in layers]
        return np.concatenate([np.zeros(0, dtype=np.bool_), *found])


def interval_bounds(net: ReluNet, lower: FloatArray, upper: FloatArray) -> Bounds:
    """Return bounds by interval arithmetic, layer after layer.

    Args:
        net: The network.
        lower: Least value of each input, shape (inputs,).
        upper: Greatest value of each input, shape (inputs,).

    Raises:
        InvalidNetworkError: If the box is empty or not bounded, or numbers become too large.
    """
    ranges = _Ranges(net, lower, upper)
    for k in range(len(net.weights)):
        ranges.add(k, *ranges.interval(k))
    return ranges.bounds()


def crown_bounds(net: ReluNet, lower: FloatArray, upper: FloatArray) -> Bounds:
    """Return bounds by backward linear relaxation (CROWN, Zhang et al. 2018), none looser than by intervals.

    A ReLU that may be on either side is replaced by two lines: above by the chord, below by the identity or zero,
    whichever leaves less area. Arguments and errors are those of ``interval_bounds``.
    """
    ranges = _Ranges(net, lower, upper)
    for k in range(len(net.weights)):
        ranges.add(k, *ranges.crown(k))
    return ranges.bounds()


def clipped_bounds(
    net: ReluNet, lower: FloatArray, upper: FloatArray, limits: FloatArray, *, slack: float
) -> Bounds | None:
    """Return bounds as ``crown_bounds`` does for those inputs that keep pre-activations within ``limits``.

    Args:
        net: The network.
        lower: Least value of each input, shape (inputs,).
        upper: Greatest value of each input, shape (inputs,).
        limits: What pre-activations and outputs must keep to, infinite where they are free, shape
            (2, units + outputs).
        slack: By how much of their scale limits may be missed.

    Returns:
        The bounds, or None if no input keeps within the limits.

    Raises:
        InvalidNetworkError: If the box is empty or not bounded, or numbers become too large.
    """
    ranges = _Ranges(net, lower, upper)
    layers = np.split(limits, np.cumsum([len(b) for b in net.biases])[:-1], axis=1)
    for k, (floor, ceiling) in enumerate(layers):
        least, most = ranges.crown(k)
        if (least > ceiling + slack * np.fmax(1.0, np.abs(ceiling))).any():
            return None
        if (most < floor - slack * np.fmax(1.0, np.abs(floor))).any():
            return None
        least, most = np.maximum(least, floor), np.minimum(most, ceiling)
        ranges.add(k, np.minimum(least, most), np.maximum(least, most))  # they cross by the slack at most
    return ranges.bounds()


class _Ranges:
    """Ranges of inputs and hidden units, as far as the layers are bounded.

    Every bound is moved outward by more than floating-point arithmetic can have got wrong: a sum of n products is off
    by at most about n roundings of the sum of their magnitudes (Higham 2002, section 3.1).
    """

    def __init__(self, net: ReluNet, lower: FloatArray, upper: FloatArray) -> None:
        self._net = net
        self._low, self._high = _box("lower", lower, net), _box("upper", upper, net)
        if (self._low > self._high).any():
            i = int((self._low > self._high).argmax())
            raise InvalidNetworkError(f"lower[{i}] = {self._low[i]} is above upper[{i}] = {self._high[i]}")
        self._lower: list[FloatArray] = []
        self._upper: list[FloatArray] = []
        self._size: list[FloatArray] = []  # magnitudes that meet in each unit
        self._rate = 8.0 * np.finfo(np.float64).eps * (net.inputs + net.units + len(net.weights) + 4)

    def bounds(self) -> Bounds:
        """Return the bounds of all layers."""
        return Bounds(tuple(self._lower), tuple(self._upper))

    def add(self, k: int, lower: FloatArray, upper: FloatArray) -> None:
        """Accept bounds of layer ``k``."""
        if not (np.abs(lower).max(initial=0.0) < LARGEST and np.abs(upper).max(initial=0.0) < LARGEST):
            raise InvalidNetworkError(f"the bounds of layer {k} are too large for floats; scale weights or inputs down")
        self._size.append(self._magnitude(k))
        self._lower.append(lower)
        self._upper.append(upper)
        if k < len(self._net.kinds):
            kinds = self._net.kinds[k]
            self._low = np.append(self._low, activated(lower, kinds))
            self._high = np.append(self._high, activated(upper, kinds))

    def interval(self, k: int) -> tuple[FloatArray, FloatArray]:
        """Return bounds of layer ``k`` from the ranges of what it sees."""
        w, b = self._net.weights[k], self._net.biases[k]
        with np.errstate(over="ignore", invalid="ignore"):
            plus, minus = np.maximum(w, 0.0), np.minimum(w, 0.0)
            margin = self._rate * self._magnitude(k)
            return (
                plus @ self._low + minus @ self._high + b - margin,
                plus @ self._high + minus @ self._low + b + margin,
            )

    def crown(self, k: int) -> tuple[FloatArray, FloatArray]:
        """Return bounds of layer ``k`` by substituting the lines of all hidden units before it, one layer at a time.

        The ranges of what is left give a bound after each layer: often a tighter one than those of the inputs do.
        """
        w, b = self._net.weights[k], self._net.biases[k]
        least, most = self.interval(k)
        with np.errstate(over="ignore", invalid="ignore"):  # intervals stand where numbers overflow
            return np.fmax(least, -self._greatest(k, -w, -b)), np.fmin(most, self._greatest(k, w, b))

    def _greatest(self, k: int, rows: FloatArray, constant: FloatArray) -> FloatArray:
        """Return an upper bound on ``rows`` times inputs and hidden units before layer ``k``, plus ``constant``."""
        rows, constant = rows.copy(), constant.copy()
        margin = np.abs(constant)
        best = np.full(len(rows), np.inf)
        for j in reversed(range(k)):
            begin = self._net.weights[j].shape[1]
            plus, minus = np.maximum(rows[:, begin:], 0.0), np.minimum(rows[:, begin:], 0.0)
            rise, chord, slope = _lines(self._lower[j], self._upper[j], self._net.kinds[j])
            into = plus * rise + minus * slope
            constant += plus @ chord + into @ self._net.biases[j]
            margin += (plus - minus) @ self._size[j]
            rows = rows[:, :begin] + into @ self._net.weights[j]
            low, high = self._low[:begin], self._high[:begin]
            plus, minus = np.maximum(rows, 0.0), np.minimum(rows, 0.0)
            beyond = (plus - minus) @ np.maximum(np.abs(low), np.abs(high))
            best = np.fmin(best, plus @ high + minus @ low + constant + self._rate * (margin + beyond))
        return best

    def _magnitude(self, k: int) -> FloatArray:
        """Return the sum of the magnitudes of all terms of each unit in layer ``k``; never zero, for underflow."""
        w, b = self._net.weights[k], self._net.biases[k]
        seen = np.maximum(np.abs(self._low), np.abs(self._high))[: w.shape[1]]
        return np.asarray(np.abs(w) @ seen + np.abs(b) + np.finfo(np.float64).tiny / self._rate)


def _lines(lower: FloatArray, upper: FloatArray, kinds: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rise and height at zero of the line above each unit, and the rise of the line below, through zero."""
    either = (kinds == RELU) & (lower < 0) & (upper > 0)
    straight = ((kinds == IDENTITY) | ((kinds == RELU) & (lower >= 0))).astype(np.float64)
    rise = np.where(either, upper / np.where(either, upper - lower, 1.0), straight)
    chord = np.where(either, -rise * lower, 0.0)
    slope = np.where(either, (upper >= -lower).astype(np.float64), straight)
    return rise, chord, slope


def _box(field: str, values: Any, net: ReluNet) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    if array.shape != (net.inputs,):
        raise InvalidNetworkError(f"{field} has shape {array.shape} instead of ({net.inputs},)")
    if not np.isfinite(array).all():
        i = int((~np.isfinite(array)).argmax())
        raise InvalidNetworkError(f"{field}[{i}] = {array[i]}: inputs need finite bounds; give the input a range")
    return array
