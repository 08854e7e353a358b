"""Piecewise-linear networks as plain weights: forward pass, folding, composition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from copt.errors import InvalidNetworkError
from copt.problems.base import FloatArray, IntArray

__all__ = ["IDENTITY", "RELU", "ZERO", "ReluNet"]

RELU, IDENTITY, ZERO = 0, 1, 2  # what a hidden unit makes of its pre-activation


@dataclass(frozen=True, eq=False)
class ReluNet:
    """A feed-forward network in which every layer sees the inputs and all layers before it.

    With z the inputs followed by the values of all hidden units so far, layer k computes the pre-activations
    ``weights[k] @ z + biases[k]``. The last layer is the output, which is affine; in the others each unit is a ReLU,
    the identity or zero. Skip connections are columns; ``mlp`` and ``residual`` write the customary forms this way.

    Args:
        inputs: Number of inputs.
        weights: Of each layer, shape (units, inputs + hidden units before).
        biases: Of each layer, shape (units,).
        kinds: ``RELU``, ``IDENTITY`` or ``ZERO`` for each unit of each hidden layer, shape (units,); all ReLU if empty.

    Raises:
        InvalidNetworkError: If shapes do not fit, a weight is not finite, or a kind is unknown.
    """

    inputs: int
    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    kinds: tuple[IntArray, ...] = ()

    def __post_init__(self) -> None:
        depth = len(self.weights)
        if self.inputs < 1 or depth == 0:
            raise InvalidNetworkError(f"a network needs inputs and layers, got inputs = {self.inputs}, {depth} weights")
        if len(self.biases) != depth:
            raise InvalidNetworkError(f"biases has {len(self.biases)} layers, weights has {depth}")
        object.__setattr__(self, "biases", tuple(_numbers(f"biases[{k}]", b, 1) for k, b in enumerate(self.biases)))
        kinds = self.kinds or tuple(np.full(len(b), RELU) for b in self.biases[:-1])
        if len(kinds) != depth - 1:
            raise InvalidNetworkError(f"kinds has {len(kinds)} layers; the {depth} layers of weights hide {depth - 1}")
        weights, seen = [], self.inputs
        for k, b in enumerate(self.biases):
            weights.append(_numbers(f"weights[{k}]", self.weights[k], 2))
            if weights[k].shape != (len(b), seen):
                raise InvalidNetworkError(f"weights[{k}] has shape {weights[k].shape} instead of {(len(b), seen)}")
            seen += len(b)
        object.__setattr__(self, "weights", tuple(weights))
        object.__setattr__(self, "kinds", tuple(_kinds(k, v, len(self.biases[k])) for k, v in enumerate(kinds)))

    @classmethod
    def mlp(
        cls, weights: Sequence[Any], biases: Sequence[Any], *, kinds: Sequence[Any] = (), skip: Any = None
    ) -> "ReluNet":
        """Return a multi-layer perceptron.

        Args:
            weights: Of each layer, shape (units, units of the layer before), as in torch.
            biases: Of each layer, shape (units,).
            kinds: Of each hidden layer, shape (units,); all ReLU if empty.
            skip: What is added to the outputs, times the inputs, shape (outputs, inputs); nothing if None.

        Raises:
            InvalidNetworkError: As the class, and if ``skip`` does not fit.
        """
        layers = [_numbers(f"weights[{k}]", w, 2) for k, w in enumerate(weights)]
        if not layers:
            raise InvalidNetworkError("weights is empty; a network needs at least the output layer")
        inputs = before = seen = layers[0].shape[1]
        wide = []
        for k, w in enumerate(layers):
            if w.shape[1] != before:
                raise InvalidNetworkError(
                    f"weights[{k}] has {w.shape[1]} columns for {before} units of the layer before"
                )
            wide.append(np.hstack([np.zeros((len(w), seen - before)), w]))
            before = len(w)
            seen += before
        if skip is not None:
            extra = _numbers("skip", skip, 2)
            if extra.shape != (before, inputs):
                raise InvalidNetworkError(f"skip has shape {extra.shape} instead of {(before, inputs)}")
            wide[-1][:, :inputs] += extra
        return cls(inputs, tuple(wide), tuple(biases), tuple(kinds))

    @classmethod
    def residual(
        cls, skip: Any, shift: Any, lift: Any, weights: Any, biases: Any, *, recurrent: Any = None
    ) -> "ReluNet":
        """Return y = skip z + shift + lift r of the ReLUs r = max(0, weights z + recurrent r + biases).

        Units are ordered by depth, so they need not stand in the order of the arguments.

        Args:
            skip: Shape (outputs, inputs).
            shift: Shape (outputs,).
            lift: Shape (outputs, units).
            weights: Shape (units, inputs).
            biases: Shape (units,).
            recurrent: Shape (units, units), zero on and above the diagonal; nothing if None.

        Raises:
            InvalidNetworkError: If shapes do not fit, or a unit sees itself or a later one.
        """
        first, bias, through = _numbers("weights", weights, 2), _numbers("biases", biases, 1), _numbers("lift", lift, 2)
        units, inputs = first.shape
        inner = np.zeros((units, units)) if recurrent is None else _numbers("recurrent", recurrent, 2)
        past = _numbers("skip", skip, 2)
        for name, found, wanted in (
            ("biases", bias.shape, (units,)),
            ("recurrent", inner.shape, (units, units)),
            ("skip", past.shape, (len(through), inputs)),
            ("lift", through.shape, (len(through), units)),
        ):
            if found != wanted:
                raise InvalidNetworkError(f"{name} has shape {found} instead of {wanted}")
        if np.triu(inner).any():
            raise InvalidNetworkError("recurrent must be zero on and above the diagonal: a unit sees earlier ones only")
        depth = np.zeros(units, dtype=np.int64)
        for i in range(units):
            depth[i] = 1 + max((depth[j] for j in np.flatnonzero(inner[i])), default=0)
        layers = [np.flatnonzero(depth == d) for d in range(1, int(depth.max(initial=0)) + 1)]
        order = np.concatenate([np.zeros(0, dtype=np.int64), *layers])
        ends = np.cumsum([0, *(len(own) for own in layers)])
        wide = [
            np.hstack([first[own], inner[np.ix_(own, order[:end])]]) for own, end in zip(layers, ends, strict=False)
        ]
        return cls(
            inputs, (*wide, np.hstack([past, through[:, order]])), (*(bias[own] for own in layers), np.asarray(shift))
        )

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return len(self.biases[-1])

    @property
    def units(self) -> int:
        """Number of hidden units."""
        return sum(len(kinds) for kinds in self.kinds)

    @property
    def kind(self) -> IntArray:
        """Kinds of all hidden units, shape (units,)."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *self.kinds])

    def hidden(self) -> Iterator[tuple[FloatArray, FloatArray, IntArray]]:
        """Yield weights, biases and kinds of each hidden layer."""
        return zip(self.weights[:-1], self.biases[:-1], self.kinds, strict=True)

    def at(self, state: FloatArray) -> "ReluNet":
        """Return the network to plan with from a state: always this one, unlike that of ``planar.Planar``."""
        return self

    def forward(self, x: FloatArray) -> FloatArray:
        """Return the outputs, shape (batch, outputs), of inputs of shape (batch, inputs)."""
        values, _ = self._pass(x)
        return np.asarray(values @ self.weights[-1].T + self.biases[-1])

    def preactivations(self, x: FloatArray) -> FloatArray:
        """Return what enters the hidden units, shape (batch, units)."""
        return self._pass(x)[1]

    def phases(self, x: FloatArray) -> FloatArray:
        """Return 1 for every hidden unit that hands its pre-activation on and 0 for the others, (batch, units)."""
        return np.where(self.kind == RELU, self.preactivations(x) > 0, self.kind == IDENTITY).astype(np.float64)

    def folded(self) -> "ReluNet":
        """Return the same function in ReLUs only: identities and zeros become skip connections."""
        if (self.kind == RELU).all():
            return self
        through, constant = np.eye(self.inputs), np.zeros(self.inputs)  # the old columns, by those that are left
        weights, biases = [], []
        for w, b, kinds in self.hidden():
            rows, bias = w @ through, w @ constant + b
            kept, plain = np.flatnonzero(kinds == RELU), kinds == IDENTITY
            if kept.size:
                weights.append(rows[kept])
                biases.append(bias[kept])
            fresh = np.zeros((len(b), kept.size))
            fresh[kept, np.arange(kept.size)] = 1.0
            old = np.vstack([through, np.where(plain[:, None], rows, 0.0)])
            through = np.hstack([old, np.vstack([np.zeros((len(through), kept.size)), fresh])])
            constant = np.append(constant, np.where(plain, bias, 0.0))
        weights.append(self.weights[-1] @ through)
        biases.append(self.weights[-1] @ constant + self.biases[-1])
        return ReluNet(self.inputs, tuple(weights), tuple(biases))

    def then(self, other: "ReluNet") -> "ReluNet":
        """Return ``other`` of the outputs of this network, which become a layer of identities.

        Raises:
            InvalidNetworkError: If ``other`` does not have as many inputs.
        """
        if other.inputs != self.outputs:
            raise InvalidNetworkError(f"a network of {other.inputs} inputs cannot follow {self.outputs} outputs")
        middle = self.inputs + self.units
        width = middle + self.outputs
        return ReluNet(
            self.inputs,
            (*self.weights, *other._placed(np.arange(middle, width), width)),
            (*self.biases, *other.biases),
            (*self.kinds, np.full(self.outputs, IDENTITY), *other.kinds),
        )

    def unrolled(self, steps: int) -> "ReluNet":
        """Return the states x_1, ..., x_steps that this network x_(t+1) = f(x_t, u_t) runs through.

        The inputs are x_0, u_0, ..., u_(steps - 1). Each state is a layer of identities, so that it has its own
        bounds and, once embedded, its own variables; ``folded`` removes them.

        Raises:
            InvalidNetworkError: If there are more states than inputs, or no step.
        """
        states, actions = self.outputs, self.inputs - self.outputs
        if actions < 0 or steps < 1:
            raise InvalidNetworkError(f"cannot unroll {self.inputs} inputs, {states} states over {steps} steps")
        inputs = width = states + steps * actions
        at, seen = np.arange(states), []
        weights: list[FloatArray] = []
        for t in range(steps):
            own = np.append(at, states + t * actions + np.arange(actions))
            weights += self._placed(own, width)
            width += self.units + states
            at = np.arange(width - states, width)
            seen.append(at)
        biases = self.biases * steps
        kinds = (*self.kinds, np.full(states, IDENTITY)) * steps
        pick = np.zeros((steps * states, width))
        pick[np.arange(steps * states), np.concatenate(seen)] = 1.0
        return ReluNet(inputs, (*weights, pick), (*biases, np.zeros(steps * states)), kinds)

    def _pass(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return inputs and hidden values, shape (batch, inputs + units), and the pre-activations."""
        values = np.asarray(x, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.inputs:
            raise InvalidNetworkError(f"x has shape {values.shape} instead of (batch, {self.inputs})")
        entering = [np.zeros((len(values), 0))]
        for w, b, kinds in self.hidden():
            entering.append(values @ w.T + b)
            values = np.hstack([values, activated(entering[-1], kinds)])
        return values, np.hstack(entering)

    def _placed(self, at: IntArray, width: int) -> list[FloatArray]:
        """Return the weights where column ``at[i]`` of ``width`` earlier ones is input i, and hidden units follow."""
        placed = []
        for w in self.weights:
            wide = np.zeros((len(w), width + w.shape[1] - self.inputs))
            wide[:, at] = w[:, : self.inputs]
            wide[:, width:] = w[:, self.inputs :]
            placed.append(wide)
        return placed


def activated(entering: FloatArray, kinds: IntArray) -> FloatArray:
    """Return what units of some kinds make of their pre-activations, shape (..., units)."""
    return np.where(kinds == ZERO, 0.0, np.where(kinds == RELU, np.maximum(entering, 0.0), entering))


def _numbers(field: str, values: Any, dimensions: int) -> FloatArray:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidNetworkError(f"{field} must hold numbers in rows of one length") from None
    if array.ndim != dimensions:
        raise InvalidNetworkError(f"{field} must have {dimensions} dimensions, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidNetworkError(f"{field} holds {array[~np.isfinite(array)][0]}; weights must be finite")
    return array


def _kinds(layer: int, values: Any, units: int) -> IntArray:
    array = np.array(values, dtype=np.int64)
    if array.shape != (units,):
        raise InvalidNetworkError(f"kinds[{layer}] has shape {array.shape} instead of ({units},)")
    if not np.isin(array, (RELU, IDENTITY, ZERO)).all():
        raise InvalidNetworkError(f"kinds[{layer}] must hold {RELU}, {IDENTITY} or {ZERO}, got {np.unique(array)}")
    return array
