"""Arguments of compiled functions: what kinds they are, and a number for each number and each array among them.

An array is handed over as the address of its object. Machine code reads for itself where the entries are and how many,
in the fields that numpy's C headers publish (``PyArrayObject_fields``): to ask for them in Python costs more than a
small kernel takes.
"""

import ctypes
import functools
import operator
import struct
import sys
import weakref
from typing import Any, NamedTuple

import numpy as np

__all__ = ["FIELDS", "Array", "Group", "described", "flat", "kinds_of", "layout", "readable", "told"]

KNOWN = 512  # tuples that are remembered
C, FORTRAN, ALIGNED, WRITEABLE = 0x1, 0x2, 0x100, 0x400  # flags of arrays
TOLD = C | FORTRAN | ALIGNED | WRITEABLE
FIELDS = {"entries": 16, "extents": 32, "strides": 40}  # bytes from the beginning of an array to these addresses
SCALARS = {
    int: "int64",
    float: "float64",
    bool: "bool",
    np.int64: "int64",
    np.int32: "int32",
    np.uint64: "uint64",
    np.uint8: "uint8",
    np.float64: "float64",
    np.float32: "float32",
}
LETTERS = {"int64": "q", "int32": "q", "uint64": "Q", "uint8": "Q", "float64": "d", "float32": "f4x", "bool": "q"}


class Array(NamedTuple):
    """Kind of an array.

    Args:
        dtype: Of its entries.
        dimensions: How many.
        order: Of the entries, first C's, which also stands for whatever is in both; unaligned, readonly.
    """

    dtype: Any
    dimensions: int
    order: str


class Group(NamedTuple):
    """Kind of a tuple: its class, and the kinds of its members."""

    owner: type
    members: tuple[Any, ...]


_kinds: list[Any] = []  # by number; what is compared at each call are numbers
_numbers: dict[Any, int] = {}
_of_arrays: dict[Any, int] = {}
_known: dict[int, tuple[list[Any], tuple[int, list[Any]]]] = {}


def told(arguments: tuple[Any, ...]) -> tuple[tuple[int, ...], list[Any]]:
    """Return the kinds of arguments, by number, and what is handed over; the arguments must outlive that."""
    kinds, values = [], []
    for argument in arguments:
        owner = type(argument)
        if owner is np.ndarray:
            kinds.append(_of_array(argument))
            values.append(id(argument))
        elif owner in _SCALARS:
            kinds.append(_SCALARS[owner])
            values.append(argument)
        elif isinstance(argument, tuple):
            kind, inner = _of_tuple(argument)
            kinds.append(kind)
            values += inner
        else:
            kinds.append(_number(owner))
    return tuple(kinds), values


def _number(kind: Any) -> int:
    """Return the number of a kind."""
    if kind not in _numbers:
        _kinds.append(kind)
        _numbers[kind] = len(_kinds) - 1
    return _numbers[kind]


_SCALARS = {owner: _number(name) for owner, name in SCALARS.items()}


def _of_array(array: Any) -> int:
    look = array.dtype, array.ndim, array.flags.num & TOLD
    kind = _of_arrays.get(look)
    if kind is None:
        flags = look[2]
        order = "C" if flags & C else "F" if flags & FORTRAN else "A"
        order += ("" if flags & ALIGNED else " unaligned") + ("" if flags & WRITEABLE else " readonly")
        kind = _of_arrays[look] = _number(Array(array.dtype, array.ndim, order))
    return kind


def _of_tuple(value: tuple[Any, ...]) -> tuple[int, list[Any]]:
    """Return the number of a tuple's kind and what is handed over, remembered as long as its arrays live."""
    known = _known.get(id(value))
    if known is not None and _same(value, known[0]):
        return known[1]
    kinds, values = told(value)
    result = _number(Group(type(value), tuple(_kinds[kind] for kind in kinds))), values
    if len(_known) >= KNOWN:
        _known.clear()
    _known[id(value)] = [_mark(member) for member in value], result
    return result


def _mark(member: Any) -> Any:
    """Return what a member of a tuple is recognised by: not the arrays themselves, which would never be freed."""
    if type(member) is np.ndarray:
        return weakref.ref(member)
    return _of_tuple(member) if isinstance(member, tuple) else member


def _same(value: tuple[Any, ...], marks: list[Any]) -> bool:
    """Return whether a tuple has the very members that left these marks; another may lie where one lay."""
    if len(value) != len(marks):
        return False
    now = [mark() if type(mark) is weakref.ref else mark for mark in marks]
    if all(map(operator.is_, value, now)):
        return True
    return all(
        mark is (_of_tuple(member) if isinstance(member, tuple) else member)
        for member, mark in zip(value, now, strict=True)
    )


def kinds_of(numbers: tuple[int, ...]) -> tuple[Any, ...]:
    """Return the kinds that are told by numbers."""
    return tuple(_kinds[number] for number in numbers)


def flat(kinds: tuple[Any, ...]) -> list[Any] | None:
    """Return the kinds of all numbers and arrays in their order, None if there is something else."""
    found: list[Any] = []
    for kind in kinds:
        inner = flat(kind.members) if isinstance(kind, Group) else None if isinstance(kind, type) else [kind]
        if inner is None:
            return None
        found += inner
    return found


def layout(kinds: tuple[Any, ...]) -> struct.Struct:
    """Return how what is handed over lies in memory, eight bytes each."""
    return struct.Struct("<" + "".join("q" if isinstance(kind, Array) else LETTERS[kind] for kind in flat(kinds) or ()))


def described(kind: Any) -> str:
    """Return a kind as text that is the same in every process."""
    if isinstance(kind, str):
        return kind
    if isinstance(kind, Array):
        return f"{kind.dtype.str}-{kind.dimensions}-{kind.order}"
    if isinstance(kind, Group):
        return f"{described(kind.owner)}({' '.join(map(described, kind.members))})"
    return f"{kind.__module__}.{kind.__qualname__}"


@functools.cache
def readable() -> bool:
    """Return whether arrays and numbers lie in this interpreter's memory as machine code expects them to."""
    system = sys.platform, sys.byteorder, sys.implementation.name, struct.calcsize("P")
    if system != ("linux", "little", "cpython", 8):  # nobody has tried others
        return False
    array = np.zeros((3, 5), dtype=np.float64)[:, ::2]
    entries, extents, strides = (ctypes.c_size_t.from_address(id(array) + place).value for place in FIELDS.values())
    if entries != array.__array_interface__["data"][0]:
        return False
    return all(
        tuple((ctypes.c_ssize_t * 2).from_address(address)) == values
        for address, values in ((extents, array.shape), (strides, array.strides))
    )
