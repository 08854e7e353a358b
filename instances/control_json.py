"""Control problems as JSON: the fields of ``ControlProblem`` by name, its dynamics inline or in a file beside it.

``dynamics`` is the path of a safetensors file, from the folder of the JSON file if it is not absolute; or the name of
trained dynamics that are stored; or an object with ``inputs`` and ``layers``, each of ``weights``, ``biases`` and, but
for the last, perhaps ``kinds``: ``relu``, ``identity`` or ``zero`` for each unit, or one word for all. States without a
limit have null. A field that is left out has the default of its class.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from copt.errors import CoptError, InvalidInstanceError, InvalidNetworkError
from copt.instances.control_weights import layered, stored_dynamics, written
from copt.instances.formats import Format
from copt.instances.json_fields import (
    FieldError,
    Read,
    entries,
    fields,
    laid_out,
    matrix,
    number,
    parsed,
    shown,
    vector,
    whole,
    word,
)
from copt.instances.text import Text
from copt.problems.base import FloatArray
from copt.problems.control import ControlProblem, KeepOut
from copt.problems.control_cost import Cost
from copt.problems.dynamics import Dynamics
from copt.problems.relu import IDENTITY, RELU, ZERO, ReluNet

__all__ = ["INLINE", "WITH_WEIGHTS"]

HEAD: dict[str, Any] = {"format": "control", "version": 1}
KINDS = {"relu": RELU, "identity": IDENTITY, "zero": ZERO}
WORDS = {kind: name for name, kind in KINDS.items()}


def _read(text: Text) -> ControlProblem:
    try:
        document = parsed(text)
        fields(document, "", dict.fromkeys(document, _as_it_is) if isinstance(document, dict) else {}, tuple(HEAD))
        for key, value in HEAD.items():
            if document[key] != value or isinstance(document[key], bool):
                raise FieldError(f"{key} must be {json.dumps(value)}, got {shown(document[key])}")
        given = fields({key: value for key, value in document.items() if key not in HEAD}, "", _FIELDS, _REQUIRED)
        if isinstance(given["dynamics"], str):
            given["dynamics"] = _stored(given["dynamics"], Path(text.path).parent).at(given["start"])
        return ControlProblem(**{"name": text.name, **given})
    except (FieldError, InvalidInstanceError, InvalidNetworkError) as error:
        text.fail(None, str(error))


def _stored(name: str, folder: Path) -> Dynamics:
    try:
        return stored_dynamics(name, folder)
    except CoptError as error:
        raise FieldError(f"dynamics: {error}") from None


def _as_it_is(value: Any, where: str) -> Any:
    return value


def _weighting(value: Any, where: str) -> FloatArray | None:
    """Return a matrix, a vector that stands for a diagonal one, or nothing."""
    if value is None:
        return None
    return (matrix if isinstance(value, list) and value and isinstance(value[0], list) else vector)(value, where)


def _limits(free: float) -> Read:
    def entry(value: Any, where: str) -> float:
        return free if value is None else number(value, where)

    def read(value: Any, where: str) -> FloatArray:
        return np.array(entries(value, where, entry), dtype=np.float64)

    return read


def _cost(value: Any, where: str) -> Cost:
    known = {"goal": vector, "state": _weighting, "action": _weighting, "terminal": _weighting, "norm": word}
    return Cost(**fields(value, where, known, ("goal", "state")))


def _region(value: Any, where: str) -> KeepOut:
    return KeepOut(**fields(value, where, {"rows": matrix, "limits": vector}, ("rows", "limits")))


def _kind(value: Any, where: str) -> int:
    if not isinstance(value, str) or value not in KINDS:
        raise FieldError(f"{where} must be one of {', '.join(KINDS)}, got {shown(value)}")
    return KINDS[value]


def _kinds(value: Any, where: str) -> int | list[int]:
    return _kind(value, where) if isinstance(value, str) else entries(value, where, _kind)


def _layer(value: Any, where: str) -> dict[str, Any]:
    return fields(value, where, {"weights": matrix, "biases": vector, "kinds": _kinds}, ("weights", "biases"))


def _dynamics(value: Any, where: str) -> ReluNet | str:
    if isinstance(value, str):
        return word(value, where)
    known: dict[str, Read] = {"inputs": whole, "layers": lambda layers, at: entries(layers, at, _layer)}
    found = fields(value, where, known, ("inputs", "layers"))
    *hidden, last = found["layers"] or [{}]
    if not last or "kinds" in last:
        raise FieldError(f"{where}.layers must end with the output, a layer of weights and biases without kinds")
    return layered(
        found["inputs"],
        [layer["weights"] for layer in (*hidden, last)],
        [layer["biases"] for layer in (*hidden, last)],
        [np.broadcast_to(layer.get("kinds", RELU), len(layer["biases"])) for layer in hidden],
    )


_FIELDS: dict[str, Read] = {
    "name": word,
    "horizon": whole,
    "dynamics": _dynamics,
    "start": vector,
    "cost": _cost,
    "u_lower": vector,
    "u_upper": vector,
    "x_lower": _limits(-np.inf),
    "x_upper": _limits(np.inf),
    "keep_out": lambda value, where: tuple(entries(value, where, _region)),
}
_REQUIRED = ("horizon", "dynamics", "start", "cost", "u_lower", "u_upper")


def _refuse(instance: object) -> str | None:
    if not isinstance(instance, ControlProblem):
        return "it holds control problems only"
    empty = [name for name in ("state", "action", "terminal") if np.size(getattr(instance.cost, name)) == 0]
    return f"cost.{empty[0]} has no terms; give zeros instead" if empty else None


def _refuse_name(name: str) -> str | None:
    return None if Path(name).name == name else "its weights are stored under its name, which is no file name"


def _document(instance: ControlProblem, dynamics: Any) -> str:
    cost = instance.cost
    document: dict[str, Any] = {
        **HEAD,
        "name": instance.name,
        "horizon": instance.horizon,
        "start": instance.start.tolist(),
        "cost": {"goal": cost.goal.tolist(), "norm": cost.norm},
        "u_lower": instance.u_lower.tolist(),
        "u_upper": instance.u_upper.tolist(),
    }
    for name in ("state", "action", "terminal"):
        if (weighting := getattr(cost, name)) is not None:
            square = np.diag(np.diag(weighting)) if weighting.shape[0] == weighting.shape[1] else None
            diagonal = square is not None and np.array_equal(square, weighting)
            document["cost"][name] = (np.diag(weighting) if diagonal else weighting).tolist()
    for name in ("x_lower", "x_upper"):
        limits = [limit if math.isfinite(limit) else None for limit in getattr(instance, name).tolist()]
        if limits.count(None) < len(limits):
            document[name] = limits
    if instance.keep_out:
        regions = [{"rows": region.rows.tolist(), "limits": region.limits.tolist()} for region in instance.keep_out]
        document["keep_out"] = regions
    return laid_out({**document, "dynamics": dynamics}) + "\n"


def _write(instance: ControlProblem) -> str:
    net = instance.dynamics
    layers: list[dict[str, Any]] = [
        {"weights": w.tolist(), "biases": b.tolist()} for w, b in zip(net.weights, net.biases, strict=True)
    ]
    for layer, kinds in zip(layers, net.kinds, strict=False):
        if (kinds != RELU).any():
            layer["kinds"] = [WORDS[kind] for kind in kinds.tolist()]
    return _document(instance, {"inputs": net.inputs, "layers": layers})


INLINE = Format(
    name="control",
    suffixes=(".json",),
    recognise=lambda text: text.lines[0].text.lstrip().startswith("{"),
    read=_read,
    refusal=_refuse,
    write=_write,
)
WITH_WEIGHTS = Format(
    name="control-safetensors",
    suffixes=(".json",),
    recognise=lambda text: False,  # read as the other one
    read=_read,
    refusal=lambda instance: _refuse(instance) or _refuse_name(instance.name),
    write=lambda instance: _document(instance, f"{instance.name}.safetensors"),
    beside=lambda instance: {f"{instance.name}.safetensors": written(instance.dynamics)},
)
